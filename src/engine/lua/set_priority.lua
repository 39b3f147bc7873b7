-- Gives a job another priority (spec 7.8).
--
-- KEYS  the queue's keys (lib/operation.lua), the job's hash, its lock
-- ARGV  era, base, id, priority, `1` to put it in front of its class
-- Returns a code (lib/codes.lua).
--
-- A job that waits changes its place; in any other state the priority counts when it waits again.

local q = declared()
local job, id, priority, front = KEYS[17], ARGV[3], tonumber(ARGV[4]), ARGV[5] == '1'

local refused = refusal(q) or unfit(job)
if refused then return refused end

local waited = redis.call('ZREM', q.prioritized, id) == 1
  or redis.call('LREM', q.wait, -1, id) == 1
  or redis.call('LREM', q.paused, -1, id) == 1
if waited and priority > 0 and front then
  push_to_front_of_class(q, id, priority)
elseif waited then
  enqueue(q, id, priority, front)
end
redis.call('HSET', job, 'priority', priority)
return DONE
