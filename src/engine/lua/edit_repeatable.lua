-- Gives a repeatable another rule, or other jobs: it goes, and is there anew, as the libraries know it (spec 4.14).
--
-- KEYS  the queue's keys (lib/operation.lua)
-- ARGV  1 era, 2 base, 3 member of `repeat`, 4 its score as it was read, 5 id of its next run, 6 the options of that
--       as they were read, 7 the new member, 8 the new next time ms, 9 id of the new run, 10 name, 11 data JSON,
--       12 options JSON, 13 now ms, 14 priority, 15 on: fields of the new definition, none before BullMQ 5.10
-- Returns a code (lib/codes.lua): CHANGED where it ran or was changed since it was read, OCCUPIED where there is a
-- repeatable or a job of the new rule already.
--
-- Undeclared keys: both definitions, both jobs.

local q = declared()
local old, old_run, new, due, new_run = ARGV[3], ARGV[5], ARGV[7], tonumber(ARGV[8]), ARGV[9]
local refused = refusal(q)
if refused then return refused end
local score = redis.call('ZSCORE', q['repeat'], old)
if not score then return NO_SCHEDULER end
if tonumber(score) ~= tonumber(ARGV[4]) then return CHANGED end
local was, job = q.base .. old_run, q.base .. new_run
if kind(was) ~= 'hash' or redis.call('HGET', was, 'opts') ~= ARGV[6] then return CHANGED end
for _, member in ipairs({ old, new }) do
  local found = kind(q.base .. 'repeat:' .. member)
  if found ~= 'none' and found ~= 'hash' then return DAMAGED end
end
if new ~= old and redis.call('ZSCORE', q['repeat'], new) then return OCCUPIED end
local pending = redis.call('ZSCORE', q.delayed, old_run)
if redis.call('EXISTS', job) == 1 and not (new_run == old_run and pending) then return OCCUPIED end

-- A run that is in line already runs once more, and adds no other.
if pending then
  redis.call('ZREM', q.delayed, old_run)
  delete_job(was)
  if ERA > 0 then emit(q, 'removed', 'jobId', old_run, 'prev', 'delayed') end
end
redis.call('ZREM', q['repeat'], old)
redis.call('DEL', q.base .. 'repeat:' .. old)

redis.call('ZADD', q['repeat'], due, new)
if #ARGV > 14 then redis.call('HSET', q.base .. 'repeat:' .. new, unpack(ARGV, 15)) end
local count = redis.call('INCR', q.base .. 'id')
redis.call('HSET', job, 'name', ARGV[10], 'data', ARGV[11], 'opts', ARGV[12], 'timestamp', ARGV[13],
  'delay', string.format('%.0f', math.max(0, due - tonumber(ARGV[13]))), 'priority', ARGV[14])
if ERA > 0 then
  redis.call('HSET', job, 'rjk', new)
  emit(q, 'added', 'jobId', new_run, 'name', ARGV[10])
end
if ERA >= 5 then
  delay_until(q, new_run, due)
else
  redis.call('ZADD', q.delayed, due * 4096 + count % 4096, new_run)
end
local at = string.format('%.0f', due)
if ERA == 0 then
  redis.call('PUBLISH', q.base .. 'delayed', at)
  return DONE
end
emit_capped(q, 'delayed', 'jobId', new_run, 'delay', at)
if ERA >= 5 then mark_delay(q) else mark_delay_in_list(q) end
return DONE
