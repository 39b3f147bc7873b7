-- Removes a job's log lines but the newest (spec 7.2).
--
-- KEYS  the queue's keys (lib/operation.lua), the job's hash, its lock
-- ARGV  era, base, id, how many lines stay
-- Returns a code (lib/codes.lua).

local q = declared()
local job, keep = KEYS[17], tonumber(ARGV[4])
local logs = job .. ':logs'

local refused = refusal(q) or unfit(job)
if refused then return refused end
local found = kind(logs)
if found ~= 'none' and found ~= 'list' then return DAMAGED end

if keep > 0 then
  redis.call('LTRIM', logs, -keep, -1)
else
  redis.call('UNLINK', logs)
end
return DONE
