-- Keeps the newest lines of a job's log (spec 7.2).
--
-- KEYS[1]  `meta` of the queue
-- ARGV     id, how many lines stay
-- Returns  0

local logs = base_of(KEYS[1]) .. ARGV[1] .. ':logs'
local keep = tonumber(ARGV[2])
if keep > 0 then
  redis.call('LTRIM', logs, -keep, -1)
else
  redis.call('DEL', logs)
end
return 0
