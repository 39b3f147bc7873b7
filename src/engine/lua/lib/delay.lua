-- Delayed jobs.

-- Files a job as delayed until `due` (ms): in order of arrival within a millisecond, up to 4096.
local function delay_until(q, id, due)
  local floor = due * 4096
  local ceiling = (due + 1) * 4096 - 1
  local last = redis.call('ZREVRANGEBYSCORE', q.delayed, ceiling, floor, 'WITHSCORES', 'LIMIT', 0, 1)
  local score = last[1] and math.min(tonumber(last[2]) + 1, ceiling) or floor
  redis.call('ZADD', q.delayed, score, id)
end
