-- Jobs that leave `active` without being finished: tried again, delayed, put back, waiting for their
-- children (spec 6.3, 6.6, 7.5, 7.6). Each returns a code.

-- Tries a failed attempt again: at once (at the back of the queue, or the front if lifo), or after
-- `job.number` ms.
local function retry_job(q, job, now)
  local key = q.base .. job.id
  local fields = redis.call('HMGET', key, 'timestamp', 'atm', 'priority')
  if not fields[1] and redis.call('EXISTS', key) == 0 then return GONE end
  local attempts = tonumber(fields[2]) or 0
  local refused = unlock(q, job, attempts)
  if refused then return refused end
  if redis.call('LREM', q.active, -1, job.id) == 0 then
    redis.call('HSET', key, 'failedReason', job.text, 'stacktrace', job.stack)
    return NOT_IN_STATE
  end
  job.left = true
  if job.number > 0 then
    redis.call('HSET', key, 'failedReason', job.text, 'stacktrace', job.stack, 'atm', attempts + 1,
      'delay', job.number)
    delay_until(q, job.id, now + job.number)
    emit(q, 'delayed', 'jobId', job.id, 'delay', now + job.number)
  else
    redis.call('HSET', key, 'failedReason', job.text, 'stacktrace', job.stack, 'atm', attempts + 1)
    enqueue(q, job.id, tonumber(fields[3]) or 0, job.rule == '1')
    emit(q, 'waiting', 'jobId', job.id, 'prev', 'active')
  end
  return 0
end

-- What the others have in common: the job is there, and ours to move. A repeated call that finds
-- the lock gone takes it that the first one arrived.
local function take_leave(q, job, count)
  if redis.call('EXISTS', q.base .. job.id) == 0 then return GONE end
  local refused = unlock(q, job, math.huge)
  if refused then return refused end
  if redis.call('LREM', q.active, count, job.id) == 0 then return NOT_IN_STATE end
  job.left = true
  return nil
end

-- Delays a job that asked for it until `job.text` (ms); no attempt is counted.
local function postpone_job(q, job, now)
  local refused = take_leave(q, job, -1)
  if refused then return refused end
  local delay = math.max(0, tonumber(job.text) - now)
  redis.call('HSET', q.base .. job.id, 'delay', delay)
  delay_until(q, job.id, now + delay)
  emit(q, 'delayed', 'jobId', job.id, 'delay', now + delay)
  return 0
end

-- Puts a job back as the next one (of its priority); no attempt is counted.
local function put_back(q, job)
  local refused = take_leave(q, job, 1)
  -- BullMQ says nothing of a job that is not active.
  if refused then return refused == NOT_IN_STATE and 0 or refused end
  local priority = priority_of(q.base .. job.id)
  if priority > 0 then
    redis.call('ZADD', q.prioritized, priority * 4294967296, job.id)
    ready(q, is_paused(q))
  else
    push(q, 'RPUSH', job.id)
  end
  emit(q, 'waiting', 'jobId', job.id, 'prev', 'active')
  return 0
end

-- Lets a parent wait for its children. Where none is pending it stays as it is (`job.rule` is '1'),
-- or is next in line, so that it goes on at once.
local function await_children(q, job, now)
  local key = q.base .. job.id
  if redis.call('EXISTS', key) == 0 then return GONE end
  if redis.call('ZCARD', key .. ':unsuccessful') > 0 then return CHILD_FAILED end
  local pending
  if job.text ~= '' then
    pending = redis.call('SISMEMBER', key .. ':dependencies', job.text) == 1
  else
    pending = redis.call('SCARD', key .. ':dependencies') > 0
  end
  if not pending and job.rule == '1' then return NOT_PENDING end
  local refused = take_leave(q, job, -1)
  if refused then return refused end
  if pending then
    redis.call('ZADD', q['waiting-children'], now, job.id)
    emit(q, 'waiting-children', 'jobId', job.id, 'prev', 'active')
  else
    enqueue(q, job.id, 0, true)
    emit(q, 'waiting', 'jobId', job.id, 'prev', 'active')
  end
  return 0
end
