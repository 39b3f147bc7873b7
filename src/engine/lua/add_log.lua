-- Appends a line to a job's log (spec 7.2), of which as many stay as the job's option says.
--
-- KEYS  the queue's keys (lib/operation.lua), the job's hash, its lock
-- ARGV  era, base, id, line
-- Returns a code (lib/codes.lua).

local q = declared()
local job = KEYS[17]
local logs = job .. ':logs'

local refused = refusal(q) or unfit(job)
if refused then return refused end
local found = kind(logs)
if found ~= 'none' and found ~= 'list' then return DAMAGED end

redis.call('RPUSH', logs, ARGV[4])
local opts = options_of(job)
local keep = ERA > 0 and tonumber(opts.kl or opts.keepLogs)
if keep and keep > 0 then redis.call('LTRIM', logs, -keep, -1) end
return DONE
