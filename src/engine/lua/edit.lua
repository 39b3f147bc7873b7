-- Replaces a job's `data` or `progress` (spec 7.1, 7.3), byte for byte as given.
--
-- KEYS  the queue's keys (lib/operation.lua), the job's hash, its lock
-- ARGV  era, base, id, `data` or `progress`, JSON, `1` if only where it is still the next, JSON,
--       what Bull publishes of a progress
-- Returns a code (lib/codes.lua).

local q = declared()
local job, id, field, value = KEYS[17], ARGV[3], ARGV[4], ARGV[5]

local refused = refusal(q) or unfit(job)
if refused then return refused end
if ARGV[6] == '1' and (redis.call('HGET', job, field) or '') ~= ARGV[7] then return CHANGED end

redis.call('HSET', job, field, value)
if field == 'progress' then
  if ERA == 0 then
    redis.call('PUBLISH', q.base .. 'progress', ARGV[8])
  else
    emit_capped(q, 'progress', 'jobId', id, 'data', value)
  end
end
return DONE
