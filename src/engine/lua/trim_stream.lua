-- Cuts the event stream, a bounded number of entries a script.
--
-- KEYS  the queue's keys (lib/operation.lua)
-- ARGV  era, base, entries that stay, length from which on it is too long
-- Returns { code, entries that went, 1 where there is more }: SOUND where it is not too long (any more).

-- Entries of one script: 1 ms of Redis.
local STEP = 10000

local q = declared()
local refused = refusal(q)
if refused then return { refused, 0, 0 } end
local keep, most = tonumber(ARGV[3]), tonumber(ARGV[4])
local length = redis.call('XLEN', q.events)
if length <= most then return { SOUND, 0, 0 } end
local gone = redis.call('XTRIM', q.events, 'MAXLEN', '~', string.format('%.0f', math.max(keep, length - STEP)))
return { DONE, gone, gone > 0 and length - gone > keep and 1 or 0 }
