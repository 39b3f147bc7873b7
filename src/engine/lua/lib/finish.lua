-- The end of a job: the keep policy, the metrics, deduplication (spec 3.14, 3.17, 6.5, 12.4).

-- Removes a finished job that the keep policy no longer wants.
local function evict_job(job)
  unlink(job)
  delete_job(job)
end

-- Jobs that a script may still remove by policies, so that one set late blocks nobody.
local evictions = 1000

-- Applies the keep policy to `completed` or `failed`: age in ms ('' for none), count ('' for all).
-- At most `limit` by age a call.
local function evict(q, state, age, count, limit, now)
  local set = q[state]
  if age ~= '' then
    local cutoff = now - tonumber(age)
    local old = redis.call('ZREVRANGEBYSCORE', set, cutoff, '-inf', 'LIMIT', 0,
      math.min(limit, evictions))
    evictions = evictions - #old
    for _, id in ipairs(old) do
      evict_job(q.base .. id)
      redis.call('ZREM', set, id)
    end
  end
  if count ~= '' then
    local excess = math.min(redis.call('ZCARD', set) - tonumber(count), evictions)
    if excess > 0 then
      evictions = evictions - excess
      for _, id in ipairs(redis.call('ZRANGE', set, 0, excess - 1)) do
        evict_job(q.base .. id)
      end
      redis.call('ZREMRANGEBYRANK', set, 0, excess - 1)
    end
  end
end

-- Counts finished jobs; one point a minute, newest first, `max` points kept.
local function count_metric(q, state, jobs, max, now)
  local key = q.base .. 'metrics:' .. state
  local before = redis.call('HINCRBY', key, 'count', jobs) - jobs
  local last = redis.call('HMGET', key, 'prevTS', 'prevCount')
  if not last[1] then
    redis.call('HSET', key, 'prevTS', now, 'prevCount', 0)
    return
  end
  local gap = math.min(math.floor(now / 60000) - math.floor(tonumber(last[1]) / 60000), max)
  if gap <= 0 then return end
  local points = key .. ':data'
  redis.call('LPUSH', points, before - tonumber(last[2]))
  for _ = 2, gap do
    redis.call('LPUSH', points, 0)
  end
  redis.call('LTRIM', points, 0, max - 1)
  redis.call('HSET', key, 'prevCount', before, 'prevTS', now)
end

-- A finished job frees its deduplication id, unless a running time-to-live keeps it (spec 3.17).
local function free_dedup(q, id, dedup)
  local key = q.base .. 'de:' .. dedup
  local ttl = redis.call('PTTL', key)
  if ttl == 0 or (ttl == -1 and redis.call('GET', key) == id) then
    redis.call('DEL', key)
  end
end
