-- Takes a job that no worker can read out of the line: it becomes a failed one, with all that it holds.
--
-- KEYS  the queue's keys (lib/operation.lua), the job's hash, its lock
-- ARGV  era, base, id, the state it is in, the field that is no JSON, what that holds, the reason, now ms or ''
-- Returns a code (lib/codes.lua): SOUND where the field holds something else by now.

local q = declared()
local job, lock, id, from, field = KEYS[17], KEYS[18], ARGV[3], ARGV[4], ARGV[5]

local refused = refusal(q) or unfit(job)
if refused then return refused end
if redis.call('EXISTS', lock) == 1 then return LOCKED end
if redis.call('HGET', job, field) ~= ARGV[6] then return SOUND end
local times = times_at(q, from, id)
if not times then return TOO_MANY end
if times == 0 then return SOUND end

local now = server_time(ARGV[8])
take_out(q, from, id)
if ERA == 0 then redis.call('ZREM', q.priority, id) end
redis.call('HSET', job, 'failedReason', ARGV[7], 'finishedOn', now)
redis.call('ZADD', q.failed, now, id)
if ERA > 0 then emit_capped(q, 'failed', 'jobId', id, 'failedReason', ARGV[7], 'prev', from) end
return DONE
