-- Stores a job's progress and tells it (spec 7.1).
--
-- KEYS[1]  `meta` of the queue
-- ARGV     id, progress JSON
-- Returns  0, or -1 if there is no such job

local base = base_of(KEYS[1])
local key = base .. ARGV[1]
if call('EXISTS', key) == 0 then
  return -1
end
call('HSET', key, 'progress', ARGV[2])
emit(base, event_limit(base), 'progress', 'jobId', ARGV[1], 'data', ARGV[2])
return 0
