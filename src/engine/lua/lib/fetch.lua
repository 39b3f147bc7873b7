-- Taking the next job (spec 3.8 to 3.11).

-- What a fetch returns of a job's hash, after code, id, ttl, due and now. `job.rs` reads them by place.
local FIELDS = {
  'name', 'data', 'opts', 'timestamp', 'delay', 'priority', 'atm', 'attemptsMade', 'stacktrace', 'defa', 'parentKey',
}

-- Makes up to 1000 due jobs ready.
local function promote_due(base, now, paused, held)
  local delayed = base .. 'delayed'
  local due = call('ZRANGEBYSCORE', delayed, 0, (now + 1) * 4096 - 1, 'LIMIT', 0, 1000)
  if #due == 0 then
    return
  end
  call('ZREM', delayed, unpack(due))
  local list = ready_list(base, paused)
  for _, id in ipairs(due) do
    local priority = tonumber(call('HGET', base .. id, 'priority') or 0) or 0
    if priority == 0 then
      call('LPUSH', list, id)
    else
      prioritize(base, id, priority)
    end
    emit(base, nil, 'waiting', 'jobId', id, 'prev', 'delayed')
    call('HSET', base .. id, 'delay', 0)
  end
  if not held then
    wake(base)
  end
end

-- How long the global rate limit of `meta` still holds, ms; 0 when it does not.
local function limited_for(base, max)
  if not max or tonumber(max) > tonumber(call('GET', base .. 'limiter') or 0) then
    return 0
  end
  local ttl = call('PTTL', base .. 'limiter')
  if ttl == 0 then
    call('DEL', base .. 'limiter')
  end
  return math.max(ttl, 0)
end

-- Moves the next id to `active` and returns it, or nil.
local function pop(base)
  local id = call('RPOPLPUSH', base .. 'wait', base .. 'active')
  if id then
    return id
  end
  id = call('ZPOPMIN', base .. 'prioritized')[1]
  if id then
    call('LPUSH', base .. 'active', id)
  else
    call('DEL', base .. 'pc')
  end
  return id
end

-- Starts a popped job and returns the reply for it, or nil if the id leads to no job: a wake-up
-- marker of old releases, or an id whose hash is gone (Node would run that as a nameless job).
local function start(base, id, options, max, duration)
  local key = base .. id
  local job = call('HMGET', key, unpack(FIELDS))
  if string.sub(id, 1, 2) == '0:' or not (job[1] or job[2] or job[4]) then
    call('LREM', base .. 'active', 1, id)
    return nil
  end
  if max and not job[10] and call('INCR', base .. 'limiter') == 1 and duration then
    call('PEXPIRE', base .. 'limiter', math.floor(math.abs(tonumber(duration))))
  end
  call('SET', key .. ':lock', options.token, 'PX', options.lock_ms)
  emit(base, nil, 'active', 'jobId', id, 'prev', 'waiting')
  if options.worker ~= '' then
    call('HSET', key, 'processedOn', options.now, 'pb', options.worker)
  else
    call('HSET', key, 'processedOn', options.now)
  end
  call('HINCRBY', key, 'ats', 1)
  wake(base)
  return { 0, id, 0, 0, options.now, unpack(job, 1, #FIELDS) }
end

-- The next job, or why there is none. options: now, token, lock_ms, worker.
-- Reply: { 0, id, 0, 0, now, FIELDS.. } or { 0, '', rate limit ms, next due ms, now }; the second
-- result says whether the reply means anything (a job, a limit, a pause, a due time).
local function fetch(base, options)
  local now = options.now
  local meta = call('HMGET', base .. 'meta', 'paused', 'concurrency', 'max', 'duration')
  local paused = meta[1] and true or false
  local held = paused or (meta[2] and call('LLEN', base .. 'active') >= tonumber(meta[2])) or false
  promote_due(base, now, paused, held)
  local ttl = limited_for(base, meta[3])
  if ttl > 0 or held then
    return { 0, '', ttl, 0, now }, true
  end
  for _ = 1, 100 do
    local id = pop(base)
    if not id then
      break
    end
    local started = start(base, id, options, meta[3], meta[4])
    if started then
      return started, true
    end
  end
  local head = call('ZRANGE', base .. 'delayed', 0, 0, 'WITHSCORES')
  if head[1] then
    return { 0, '', 0, math.ceil(tonumber(head[2]) / 4096), now }, true
  end
  return { 0, '', 0, 0, now }, false
end
