-- The end of a job: the keep policy, the metrics, deduplication (spec 3.14, 3.17, 6.5, 12.4).

local function delete_job(base, id)
  local key = base .. id
  call('DEL', key, key .. ':logs', key .. ':dependencies', key .. ':processed', key .. ':failed', key .. ':unsuccessful')
end

-- Removes a finished job that the keep policy no longer wants.
local function evict_job(base, id)
  local parent_key = call('HGET', base .. id, 'parentKey')
  if parent_key then
    child_removed(parent_key, base .. id)
  end
  delete_job(base, id)
end

-- Applies the keep policy to `completed` or `failed`: age in ms ('' for none), count ('' for all).
-- At most `limit` by age and 1000 by count a call, so that a policy set late blocks nobody.
local function evict(base, state, age, count, limit, now)
  local set = base .. state
  if age ~= '' then
    local cutoff = now - tonumber(age)
    local old = call('ZREVRANGEBYSCORE', set, cutoff, '-inf', 'LIMIT', 0, limit)
    for _, id in ipairs(old) do
      evict_job(base, id)
      call('ZREM', set, id)
    end
  end
  if count ~= '' then
    local excess = math.min(call('ZCARD', set) - tonumber(count), 1000)
    if excess > 0 then
      for _, id in ipairs(call('ZRANGE', set, 0, excess - 1)) do
        evict_job(base, id)
      end
      call('ZREMRANGEBYRANK', set, 0, excess - 1)
    end
  end
end

-- Counts a finished job; one point a minute, newest first, `max` points kept.
local function count_metric(base, state, max, now)
  local key = base .. 'metrics:' .. state
  local count = call('HINCRBY', key, 'count', 1)
  local last = call('HMGET', key, 'prevTS', 'prevCount')
  if not last[1] then
    call('HSET', key, 'prevTS', now, 'prevCount', 0)
    return
  end
  local gap = math.min(math.floor(now / 60000) - math.floor(tonumber(last[1]) / 60000), max)
  if gap <= 0 then
    return
  end
  local points = key .. ':data'
  call('LPUSH', points, count - 1 - tonumber(last[2]))
  for _ = 2, gap do
    call('LPUSH', points, 0)
  end
  call('LTRIM', points, 0, max - 1)
  call('HSET', key, 'prevCount', count - 1, 'prevTS', now)
end

-- A finished job frees its deduplication id, unless a running time-to-live keeps it (spec 3.17).
local function free_dedup(base, id, dedup)
  local key = base .. 'de:' .. dedup
  local ttl = call('PTTL', key)
  if ttl == 0 or (ttl == -1 and call('GET', key) == id) then
    call('DEL', key)
  end
end
