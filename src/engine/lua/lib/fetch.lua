-- Taking the next job (spec 3.8 to 3.11).

-- What a fetch returns of a job's hash, after code, id, ttl, due and now. `job.rs` reads them by place.
local FIELDS = {
  'name', 'data', 'opts', 'timestamp', 'delay', 'priority', 'atm', 'attemptsMade', 'stacktrace', 'defa', 'parentKey',
}

-- Makes up to 1000 due jobs ready.
local function promote_due(q, now, paused, held)
  local due = redis.call('ZRANGEBYSCORE', q.delayed, 0, (now + 1) * 4096 - 1, 'LIMIT', 0, 1000)
  if #due == 0 then
    return
  end
  redis.call('ZREM', q.delayed, unpack(due))
  local list = list_for(q, paused)
  for _, id in ipairs(due) do
    local job = q.base .. id
    local priority = priority_of(job)
    if priority == 0 then
      redis.call('LPUSH', list, id)
    else
      prioritize(q, id, priority)
    end
    emit(q, 'waiting', 'jobId', id, 'prev', 'delayed')
    redis.call('HSET', job, 'delay', 0)
  end
  if not held then wake(q) end
end

-- How long the global rate limit of `meta` still holds, ms; 0 when it does not.
local function limited_for(q, max)
  if not max or tonumber(max) > tonumber(redis.call('GET', q.limiter) or 0) then
    return 0
  end
  local ttl = redis.call('PTTL', q.limiter)
  if ttl == 0 then
    redis.call('DEL', q.limiter)
  end
  return math.max(ttl, 0)
end

-- Moves the next id to `active` and returns it, or nil.
local function pop(q)
  local id = redis.call('RPOPLPUSH', q.wait, q.active)
  if id then
    return id
  end
  id = redis.call('ZPOPMIN', q.prioritized)[1]
  if id then
    redis.call('LPUSH', q.active, id)
  else
    redis.call('DEL', q.pc)
  end
  return id
end

-- Starts a popped job and returns the reply for it, or nil if the id leads to no job: a wake-up
-- marker of old releases, or an id whose hash is gone (Node would run that as a nameless job).
local function start(q, id, options, max, duration)
  local key = q.base .. id
  local job = redis.call('HMGET', key, unpack(FIELDS))
  if is_marker(id) or not (job[1] or job[2] or job[4]) then
    redis.call('LREM', q.active, 1, id)
    return nil
  end
  if max and not job[10] and redis.call('INCR', q.limiter) == 1 and duration then
    redis.call('PEXPIRE', q.limiter, math.floor(math.abs(tonumber(duration))))
  end
  redis.call('SET', key .. ':lock', options.token, 'PX', options.lock_ms)
  emit(q, 'active', 'jobId', id, 'prev', 'waiting')
  if options.worker ~= '' then
    redis.call('HSET', key, 'processedOn', options.now, 'pb', options.worker)
  else
    redis.call('HSET', key, 'processedOn', options.now)
  end
  redis.call('HINCRBY', key, 'ats', 1)
  wake(q)
  return { 0, id, 0, 0, options.now, unpack(job, 1, #FIELDS) }
end

-- The next job, or why there is none. options: now, token, lock_ms, worker.
-- Reply: { 0, id, 0, 0, now, FIELDS.. } or { 0, '', rate limit ms, next due ms, now }; the second
-- result says whether the reply means anything (a job, a limit, a pause, a due time).
local function fetch(q, options)
  local now = options.now
  local meta = redis.call('HMGET', q.meta, 'paused', 'concurrency', 'max', 'duration')
  local paused = meta[1] and true or false
  local held = paused or is_full(q, meta[2])
  promote_due(q, now, paused, held)
  local ttl = limited_for(q, meta[3])
  if ttl > 0 or held then
    return { 0, '', ttl, 0, now }, true
  end
  for _ = 1, 100 do
    local id = pop(q)
    if not id then
      break
    end
    local started = start(q, id, options, meta[3], meta[4])
    if started then
      return started, true
    end
  end
  local head = redis.call('ZRANGE', q.delayed, 0, 0, 'WITHSCORES')
  if head[1] then
    return { 0, '', 0, math.ceil(tonumber(head[2]) / 4096), now }, true
  end
  return { 0, '', 0, 0, now }, false
end
