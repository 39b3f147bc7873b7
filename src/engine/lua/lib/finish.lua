-- The end of a job: the keep policy, the metrics, deduplication (spec 3.14, 3.17, 6.5, 12.4).

-- The finished jobs that are still to be filed under `completed` or `failed`, and how many there were.
local filed = { completed = {}, failed = {} }
local finished = { completed = 0, failed = 0 }

-- Files the finished jobs of a state, all in one command.
local function file(q, state, now)
  local ids = filed[state]
  if not ids[1] then return end
  filed[state] = {}
  local members = {}
  for _, id in ipairs(ids) do
    members[#members + 1] = now
    members[#members + 1] = id
  end
  redis.call('ZADD', q[state], unpack(members))
end

-- Removes a finished job that the keep policy no longer wants.
local function evict_job(job)
  unlink(job)
  delete_job(job)
end

-- Applies the keep policy to `completed` or `failed`: age in ms ('' for none), count ('' for all).
-- At most `limit` by age and 1000 by count a call, so that a policy set late blocks nobody.
local function evict(q, state, age, count, limit, now)
  local set = q[state]
  if age ~= '' then
    local cutoff = now - tonumber(age)
    local old = redis.call('ZREVRANGEBYSCORE', set, cutoff, '-inf', 'LIMIT', 0, limit)
    for _, id in ipairs(old) do
      evict_job(q.base .. id)
      redis.call('ZREM', set, id)
    end
  end
  if count ~= '' then
    local excess = math.min(redis.call('ZCARD', set) - tonumber(count), 1000)
    if excess > 0 then
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

-- Ends a job as completed or failed (spec 6.2); returns a code. `childless`: no job of the script has
-- children that are pending or failed. job.rule is the keep policy: '' all, '0' nothing, or age in ms,
-- count and age limit a call with commas between, each may be empty.
local function finish_job(q, job, now, childless)
  local id, key = job.id, q.base .. job.id
  local state = job.completed and 'completed' or 'failed'
  local fields = redis.call('HMGET', key, 'timestamp', 'atm', 'deid', 'parentKey', 'defa')
  if not fields[1] and redis.call('EXISTS', key) == 0 then return GONE end
  if job.completed and not childless then
    if redis.call('SCARD', key .. ':dependencies') > 0 then return CHILDREN_PENDING end
    if redis.call('ZCARD', key .. ':unsuccessful') > 0 then return CHILD_FAILED end
  end
  local attempts = tonumber(fields[2]) or 0
  local refused = unlock(q, job, attempts)
  if refused then return refused end
  attempts = attempts + 1
  if redis.call('LREM', q.active, -1, id) == 0 then
    if not job.completed then redis.call('HSET', key, 'failedReason', job.text, 'stacktrace', job.stack) end
    return NOT_IN_STATE
  end
  job.left = true

  if fields[3] then free_dedup(q, id, fields[3]) end
  if fields[4] then
    local parent, parent_queue, parent_id, link = parent_of(key)
    if parent and job.completed then
      child_completed(parent_queue, parent_id, key, job.text, now)
    elseif parent then
      child_failed(parent_queue, parent_id, link, key, job.text, now)
    end
  end

  if job.rule == '0' then
    if fields[4] then unlink(key) end
    delete_job(key)
  else
    if job.completed then
      redis.call('HSET', key, 'atm', attempts, 'returnvalue', job.text, 'finishedOn', now)
    else
      redis.call('HSET', key, 'atm', attempts, 'failedReason', job.text, 'stacktrace', job.stack, 'finishedOn', now)
      if fields[5] then redis.call('HDEL', key, 'defa') end
    end
    local others = filed[state]
    others[#others + 1] = id
    if job.rule ~= '' then
      file(q, state, now)
      local age, count, limit = string.match(job.rule, '^(%d*),(%d*),(%d*)$')
      evict(q, state, age, count, tonumber(limit), now)
    end
  end
  finished[state] = finished[state] + 1
  emit(q, state, 'jobId', id, job.completed and 'returnvalue' or 'failedReason', job.text, 'prev', 'active')
  if not job.completed and attempts >= job.number then
    emit(q, 'retries-exhausted', 'jobId', id, 'attemptsMade', attempts)
  end
  return 0
end
