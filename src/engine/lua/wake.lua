-- Wakes a worker if there is something to do: for one that takes no more jobs and may have taken the
-- marker that was meant for another.
--
-- KEYS[1]  `meta` of the queue

local q = queue_of(base_of(KEYS[1]))
if refusal(q) then return 0 end
mark_delay(q)
if redis.call('EXISTS', q.wait, q.prioritized) > 0 then ready(q, is_paused(q)) end
return 0
