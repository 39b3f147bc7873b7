-- Removes a scheduler, and its pending job if that is delayed (spec 8.5).
--
-- KEYS[1]  `meta` of the queue
-- ARGV     scheduler id
-- Returns  0, GONE, or the code of a refusal
--
-- A job that is ready already runs once more, as in BullMQ.

local q = queue_of(base_of(KEYS[1]))
local id = ARGV[1]
local definition = q.base .. 'repeat:' .. id
local refused = refusal(q) or unsound(q, definition)
if refused then return refused end
local prev = redis.call('ZSCORE', q['repeat'], id)
if prev then
  local member = 'repeat:' .. id .. ':' .. digits(tonumber(prev))
  if redis.call('ZREM', q.delayed, member) == 1 then
    delete_job(q.base .. member)
    emit(q, 'removed', 'jobId', member, 'prev', 'delayed')
  end
end
local removed = redis.call('ZREM', q['repeat'], id)
redis.call('DEL', definition)
return removed == 1 and 0 or GONE
