-- Appends an event that no library knows.
--
-- KEYS[1]  `meta` of the queue
-- ARGV     entries to keep, about, or '' for the queue's own limit, the event's name, its fields
-- Returns  the id of the entry, or the code of a refusal

local q = queue_of(base_of(KEYS[1]))
local refused = refusal(q)
if refused then return refused end
local cap = ARGV[1] ~= '' and ARGV[1] or event_cap(q)
return redis.call('XADD', q.events, 'MAXLEN', '~', cap, '*', 'event', unpack(ARGV, 2))
