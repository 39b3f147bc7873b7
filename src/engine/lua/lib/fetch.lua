-- Taking the next jobs (spec 3.9 to 3.11).

-- What a fetch returns of a job's hash. `job.rs` reads them by place.
local FIELDS = {
  'name', 'data', 'opts', 'timestamp', 'priority', 'atm', 'attemptsMade', 'ats', 'stacktrace', 'defa', 'rjk',
  'parentKey',
}

-- Bytes of jobs that one reply carries: a client reads no reply without end.
local CARRIED = 4194304

-- Leaves the data of a job out where the jobs before have filled the reply: its length stands there, and
-- the client asks for it. Returns how many bytes the reply has then.
local function carry(job, carried)
  carried = carried + #(job[3] or '') + #(job[9] or '')
  local size = #(job[2] or '')
  if carried + size <= CARRIED then return carried + size end
  if size > 0 then job[2] = size end
  return carried
end

-- Whether there is nothing to take, and when the first delayed job is due then (ms, 0 for none).
local function has_nothing(q, now)
  if redis.call('EXISTS', q.wait, q.prioritized) > 0 then return false, 0 end
  local head = redis.call('ZRANGE', q.delayed, 0, 0, 'WITHSCORES')
  if not head[1] then return true, 0 end
  local due = math.ceil(tonumber(head[2]) / 4096)
  return due > now + 1, due
end

-- How many jobs may still start under a limit of `max` a window, and for how many ms the window
-- lasts if there are none.
local function left_of(q, max)
  local left = max - tonumber(redis.call('GET', q.limiter) or 0)
  if left > 0 then return left, 0 end
  local ttl = redis.call('PTTL', q.limiter)
  if ttl > 0 then return 0, ttl end
  if ttl == 0 then
    redis.call('DEL', q.limiter)
    return max, 0
  end
  -- A count without an end holds nobody up, as in BullMQ.
  return math.huge, 0
end

-- Moves up to `wanted` ids to `active` and returns them, the next one first. They are pushed before
-- they are cut off, so that an `active` of a wrong type loses none.
local function pop(q, wanted)
  if wanted == 1 then
    local id = redis.call('RPOPLPUSH', q.wait, q.active)
    if id then return { id } end
  else
    local tail = redis.call('LRANGE', q.wait, -wanted, -1)
    if tail[1] then
      local ids, count = {}, #tail
      for i = count, 1, -1 do ids[#ids + 1] = tail[i] end
      redis.call('LPUSH', q.active, unpack(ids))
      redis.call('LTRIM', q.wait, 0, -count - 1)
      return ids
    end
  end
  local ids = redis.call('ZRANGE', q.prioritized, 0, wanted - 1)
  if ids[1] then
    redis.call('LPUSH', q.active, unpack(ids))
    redis.call('ZREMRANGEBYRANK', q.prioritized, 0, #ids - 1)
  else
    redis.call('DEL', q.pc)
  end
  return ids
end

-- Starts a popped job under `token`. Returns its fields, or nil if the id leads to no job: a wake-up
-- marker of old releases, an id whose hash is gone (Node would run that as a nameless job), or one whose
-- key is no hash.
-- options: now (text), lock_ms, worker.
local function start(q, id, token, options)
  local key = q.base .. id
  local job = redis.pcall('HMGET', key, unpack(FIELDS))
  if is_marker(id) or not (job[1] or job[2] or job[4]) then
    redis.call('LREM', q.active, 1, id)
    return nil
  end
  redis.call('SET', key .. ':lock', token, 'PX', options.lock_ms)
  emit(q, 'active', 'jobId', id, 'prev', 'waiting')
  -- Redis formats numbers at length; most jobs start for the first time.
  local starts = job[8] and (tonumber(job[8]) or 0) + 1 or '1'
  if options.worker ~= '' then
    redis.call('HSET', key, 'processedOn', options.now, 'ats', starts, 'pb', options.worker)
  else
    redis.call('HSET', key, 'processedOn', options.now, 'ats', starts)
  end
  return job
end

-- Takes up to `wanted` jobs and appends id and fields of each to `reply`. `held`: the queue is paused
-- or as many jobs run as it allows; `room`: how many more may run.
-- options: now (text), lock_ms, worker, prefix and first number of the tokens, max and duration of the limit.
-- Returns for how many ms the rate limit holds, when the first delayed job is due (both 0 if they do
-- not matter), and whether that or a job says why the queue is not empty.
local function fetch(q, wanted, held, room, options, reply)
  local limited, taken, carried = 0, 0, 0
  local left = math.huge
  if options.max then left, limited = left_of(q, options.max) end
  if limited > 0 or held then return limited, 0, true end
  wanted = math.min(wanted, room)
  -- Ids without a job are dropped and others taken instead, some times.
  for _ = 1, 100 do
    local most = math.min(wanted - taken, left)
    if most <= 0 then break end
    local ids = pop(q, most)
    if not ids[1] then break end
    for _, id in ipairs(ids) do
      local job = start(q, id, options.prefix .. (options.first + taken), options)
      if job then
        taken = taken + 1
        carried = carry(job, carried)
        reply[#reply + 1] = id
        reply[#reply + 1] = job
        -- A job that fails without being run costs nothing of the limit.
        if options.max and not job[10] then
          left = left - 1
          if redis.call('INCR', q.limiter) == 1 and options.duration then
            -- What is no time is none: the jobs that were popped must be started all the same.
            redis.pcall('PEXPIRE', q.limiter, math.floor(math.abs(options.duration)))
          end
        end
      end
    end
  end
  -- One that is woken wakes the next one.
  if taken > 0 then redis.call('ZADD', q.marker, 0, '0') end
  if taken < wanted then
    if left <= 0 then return math.max(redis.call('PTTL', q.limiter), 0), 0, true end
    local head = redis.call('ZRANGE', q.delayed, 0, 0, 'WITHSCORES')
    if head[1] then return 0, math.ceil(tonumber(head[2]) / 4096), true end
  end
  return 0, 0, taken > 0
end
