-- Appends a line to a job's log (spec 7.2).
--
-- KEYS[1]  `meta` of the queue
-- ARGV     id, line, how many lines to keep ('' = all)
-- Returns  how many lines there are, or GONE

local key = base_of(KEYS[1]) .. ARGV[1]
if redis.call('EXISTS', key) == 0 then
  return GONE
end
local count = redis.call('RPUSH', key .. ':logs', ARGV[2])
if ARGV[3] ~= '' then
  redis.call('LTRIM', key .. ':logs', -tonumber(ARGV[3]), -1)
  return math.min(count, tonumber(ARGV[3]))
end
return count
