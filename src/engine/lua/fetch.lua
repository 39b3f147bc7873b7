-- Takes the next job for a worker, making due jobs ready first (spec 3.11).
--
-- KEYS[1]  `meta` of the queue
-- ARGV     now ms or '', lock token, lock ms, worker's name or ''
-- Returns  see `fetch` in lib/fetch.lua

local reply = fetch(base_of(KEYS[1]), {
  now = clock(ARGV[1]), token = ARGV[2], lock_ms = ARGV[3], worker = ARGV[4],
})
return reply
