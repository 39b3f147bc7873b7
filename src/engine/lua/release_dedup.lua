-- Frees a deduplication id that a job owns (spec 4.7), so that the next add with it is a new job.
--
-- KEYS  the queue's keys (lib/operation.lua), the job's hash, its lock
-- ARGV  era, base, id, deduplication id or '' for the one in the job's hash
-- Returns a code (lib/codes.lua).
--
-- Undeclared keys: the one of the deduplication id.

local q = declared()
local job, id, dedup = KEYS[17], ARGV[3], ARGV[4]

local refused = refusal(q)
if refused then return refused end
if dedup == '' then
  refused = unfit(job)
  if refused then return refused end
  dedup = redis.call('HGET', job, 'deid')
  if not dedup then return NOT_OWNER end
end
local key = q.base .. 'de:' .. dedup
if kind(key) ~= 'string' or redis.call('GET', key) ~= id then return NOT_OWNER end
redis.call('DEL', key)
return DONE
