-- Gives a prioritized job, whose priority is out of range, one that is in it.
--
-- KEYS  the queue's keys (lib/operation.lua), the job's hash, its lock
-- ARGV  era, base, id, the score that it has, the one that it gets, the priority
-- Returns a code (lib/codes.lua): SOUND where it has another score by now.

local q = declared()
local job, id = KEYS[17], ARGV[3]

local refused = refusal(q) or unfit(job)
if refused then return refused end
local score = redis.call('ZSCORE', q.prioritized, id)
if not score or tonumber(score) ~= tonumber(ARGV[4]) then return SOUND end
redis.call('ZADD', q.prioritized, ARGV[5], id)
redis.call('HSET', job, 'priority', ARGV[6])
return DONE
