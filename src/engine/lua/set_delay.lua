-- Puts a delayed job off until another time (spec 7.4).
--
-- KEYS  the queue's keys (lib/operation.lua), the job's hash, its lock
-- ARGV  era, base, id, ms from now, now ms or '' for the server's clock
-- Returns a code (lib/codes.lua).

local q = declared()
local job, id, delay = KEYS[17], ARGV[3], tonumber(ARGV[4])

local refused = refusal(q) or unfit(job)
if refused then return refused end
if is_next_iteration(q, job, id) then return SCHEDULER end
if not redis.call('ZSCORE', q.delayed, id) then return NOT_IN_STATE end

local due = server_time(ARGV[5]) + delay
redis.call('HSET', job, 'delay', delay)
if ERA >= 5 then
  delay_until(q, id, due)
  emit_capped(q, 'delayed', 'jobId', id, 'delay', due)
  mark_delay(q)
  return DONE
end
local score = due * 4096 + (tonumber(id) or 0) % 4096
redis.call('ZADD', q.delayed, score, id)
-- BullMQ 4 tells the score, a fraction of a ms too late.
emit_capped(q, 'delayed', 'jobId', id, 'delay', score / 4096)
mark_delay_in_list(q)
return DONE
