-- Resumes a queue, whoever paused it: the ids of both lists come together in `wait`, then the
-- flags go, then the workers are woken.
--
-- KEYS  the queue's keys, see lib/operation.lua
-- ARGV  era, base
-- Returns {code, moved, more}: ids that changed their list; 1 where the script must be called again.
--
-- Until the lists are one the queue stays paused.

local q = declared()
local refused = refusal(q)
if refused then return { refused, 0, 0 } end

local moved, more = gather(q, q.wait)
if more then return { DONE, moved, 1 } end

if ERA == 0 then redis.call('DEL', q['meta-paused']) end
redis.call('HDEL', q.meta, 'paused')

if ERA == 0 then
  redis.call('PUBLISH', q.base .. 'resumed', 'resumed')
  return { DONE, moved, 0 }
end

local by_priority = redis.call('EXISTS', q.prioritized) == 1
local by_order = redis.call('EXISTS', q.wait) == 1
if ERA == 4 then
  if by_priority and not by_order then redis.call('LPUSH', q.wait, '0:0') end
else
  if by_priority or by_order then redis.call('ZADD', q.marker, 0, '0') end
  -- BullMQ 5 looks at what was moved, BullMQ 6 at what waits.
  local busy = by_priority or (ERA == 5 and moved > 0) or (ERA == 6 and by_order)
  if not busy then mark_delay(q) end
end
emit(q, 'resumed')
return { DONE, moved, 0 }
