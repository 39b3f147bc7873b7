-- Lets a delayed job run now.
--
-- KEYS  the queue's keys (lib/operation.lua), the job's hash, its lock
-- ARGV  era, base, id
-- Returns a code (lib/codes.lua).

local q = declared()
local job, id = KEYS[17], ARGV[3]

local refused = refusal(q) or unfit(job)
if refused then return refused end
if redis.call('ZREM', q.delayed, id) == 0 then return NOT_IN_STATE end

if ERA == 4 then
  -- The list is not empty any more: the marker for the next delayed job goes.
  local list = place(q)
  local head = redis.call('LINDEX', list, 0)
  if head and is_marker(head) then redis.call('LPOP', list) end
end
enqueue(q, id, priority_of(job), false)
redis.call('HSET', job, 'delay', 0)

if ERA == 0 then
  publish_waiting(q, id)
else
  emit(q, 'waiting', 'jobId', id, 'prev', 'delayed')
end
return DONE
