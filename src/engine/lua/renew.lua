-- Renews the locks of running jobs (spec 5.8).
--
-- KEYS[1]  `meta` of the queue
-- ARGV     lock ms, then id and token of each job
-- Returns  the ids whose lock is gone or another's

local q = queue_of(base_of(KEYS[1]))
local lost = {}
for i = 2, #ARGV, 2 do
  local id, token = ARGV[i], ARGV[i + 1]
  local lock = q.base .. id .. ':lock'
  if redis.call('GET', lock) == token then
    redis.call('SET', lock, token, 'PX', ARGV[1])
    redis.call('SREM', q.stalled, id)
  else
    lost[#lost + 1] = id
  end
end
return lost
