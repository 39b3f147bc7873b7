-- Takes the next job for a worker, making due jobs ready first (spec 3.11).
--
-- KEYS[1]  `meta` of the queue
-- ARGV     now ms or '', lock token, lock ms, worker's name or ''
-- Returns  { code } of a refusal; else see `fetch` in lib/fetch.lua

local q = queue_of(base_of(KEYS[1]))
local refused = refusal(q)
if refused then return { refused } end
local reply = fetch(q, { now = clock(ARGV[1]), token = ARGV[2], lock_ms = ARGV[3], worker = ARGV[4] })
return reply
