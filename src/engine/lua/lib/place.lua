-- Putting ids where workers find them, and waking a worker (spec 3.2 to 3.6).

-- paused: whether the queue is paused. held: paused, or at its global concurrency.
local function gate(base)
  local meta = call('HMGET', base .. 'meta', 'paused', 'concurrency')
  if meta[1] then
    return true, true
  end
  return false, meta[2] and call('LLEN', base .. 'active') >= tonumber(meta[2]) or false
end

-- One stored wake-up, however many jobs came.
local function wake(base)
  call('ZADD', base .. 'marker', 0, '0')
end

-- The wake-up for the first delayed job, also while paused.
local function wake_when_due(base)
  local head = call('ZRANGE', base .. 'delayed', 0, 0, 'WITHSCORES')
  if head[1] then
    call('ZADD', base .. 'marker', tonumber(head[2]) / 4096, '1')
  end
end

-- The list that takes ready ids. While a queue is paused, all its ids stay in one list: then
-- nothing is lost whichever release of BullMQ resumes it. Where a foreign writer has filled both,
-- `paused` is the one that every release's resume keeps.
local function ready_list(base, paused)
  if not paused then
    return base .. 'wait'
  end
  if call('EXISTS', base .. 'paused') == 1 then
    return base .. 'paused'
  end
  if call('EXISTS', base .. 'wait') == 1 then
    return base .. 'wait'
  end
  local version = call('HGET', base .. 'meta', 'version')
  local major = version and tonumber(string.match(version, '^bullmq:(%d+)'))
  if major and major >= 6 then
    return base .. 'wait'
  end
  return base .. 'paused'
end

-- A new place at the end of its priority's class.
local function prioritize(base, id, priority)
  local turn = call('INCR', base .. 'pc') % 4294967296
  call('ZADD', base .. 'prioritized', priority * 4294967296 + turn, id)
end

-- Makes a job ready. `front` puts an unprioritized one on the side that runs next.
local function enqueue(base, id, priority, front)
  local paused, held = gate(base)
  if priority > 0 then
    prioritize(base, id, priority)
  else
    call(front and 'RPUSH' or 'LPUSH', ready_list(base, paused), id)
  end
  if not held then
    wake(base)
  end
end

-- Files a job as delayed until `due` (ms): in order of arrival within a millisecond, up to 4096.
local function delay_until(base, id, due)
  local floor = due * 4096
  local ceiling = (due + 1) * 4096 - 1
  local last = call('ZREVRANGEBYSCORE', base .. 'delayed', ceiling, floor, 'WITHSCORES', 'LIMIT', 0, 1)
  local score = floor
  if last[1] then
    score = math.min(tonumber(last[2]) + 1, ceiling)
  end
  call('ZADD', base .. 'delayed', score, id)
end
