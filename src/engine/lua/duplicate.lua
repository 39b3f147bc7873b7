-- Adds a job that is a copy of another one, to run as soon as a worker is free.
--
-- KEYS  the queue's keys (lib/operation.lua), the hash of the job that is copied, its lock
-- ARGV  era, base, id of that job, now ms or ''
-- Returns { code, id of the copy }.
--
-- Undeclared keys: the counter `id`, the new job.

local q = declared()
local now = server_time(ARGV[4])
local refused = refusal(q) or unfit(KEYS[17])
if refused then return { refused, '' } end

local found = redis.call('HMGET', KEYS[17], 'name', 'data', 'opts')
return add_copy(q, found[1], found[2], found[3] or '{}', now)
