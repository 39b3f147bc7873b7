-- Stores a job's progress and tells it (spec 7.1).
--
-- KEYS[1]  `meta` of the queue
-- ARGV     id, progress JSON
-- Returns  0, or GONE

local q = queue_of(base_of(KEYS[1]))
local key = q.base .. ARGV[1]
if redis.call('EXISTS', key) == 0 then
  return GONE
end
redis.call('HSET', key, 'progress', ARGV[2])
emit_capped(q, 'progress', 'jobId', ARGV[1], 'data', ARGV[2])
return 0
