-- Jobs that come into a queue: stored, put in line and told (spec 3.7, 4.3 to 4.5).
--
-- A job is a table. id, name, data, opts (JSON) and timestamp (ms) are always there; delay (ms), priority,
-- lifo, waits (for its children), parent_key with parent (JSON), scheduler and dedup where it has them.
--
-- What is pushed, marked and trimmed once however many jobs come is left to `settle`: call it before
-- anything reads the queue's lists or its marker, and at the end of the script.

-- What each letter of a row stands for; `add/row.rs` writes them.
local LETTERS = {
  i = 'id', t = 'timestamp', d = 'delay', p = 'priority', l = 'lifo', w = 'waits', k = 'parent_key', j = 'parent',
  s = 'scheduler', u = 'dedup', x = 'dedup_ttl', m = 'dedup_modes',
}

-- Reads a job from ARGV: letters, name, data, opts, then a value for each letter. `now` is its
-- timestamp if it brings none. Returns the job (its id is '' if it brings none) and where the next begins.
local function read_job(at, now)
  local job = { id = '', name = ARGV[at + 1], data = ARGV[at + 2], opts = ARGV[at + 3], timestamp = now }
  local letters = ARGV[at]
  at = at + 4
  if letters ~= '' then
    for place = 1, #letters do
      job[LETTERS[string.sub(letters, place, place)]] = ARGV[at]
      at = at + 1
    end
    job.delay, job.priority = tonumber(job.delay), tonumber(job.priority)
  end
  return job, at
end

local introduced = {}

-- Names us where another library names itself in `version`, which decides its era.
local function introduce(q, library)
  if introduced[q] then return end
  introduced[q] = true
  if meta_of(q).library ~= library then redis.call('HSET', q.meta, 'library', library) end
  event_cap(q)
end

-- What is still to be done in a queue for the jobs that came.
local batches = {}

local function batch_of(q)
  local batch = batches[q]
  if not batch then
    batch = { left = {}, right = {}, told = 0 }
    batches[q] = batch
  end
  return batch
end

local sound = {}

-- Whether a key of the queue has its type or is not there; looked at once a script.
local function has_type(q, name, wanted)
  local key = q[name]
  if sound[key] == nil then
    local found = kind(key)
    sound[key] = found == 'none' or found == wanted
  end
  return sound[key]
end

-- Whether what a job will be put into has its type: Redis takes nothing back, and a job stored but in
-- no list would be lost. Ask before the first write for a job. The stream is written first of all.
local function can_take(q, job)
  if job.waits then return has_type(q, 'waiting-children', 'zset') end
  if job.delay and job.delay > 0 then return has_type(q, 'delayed', 'zset') end
  if job.priority and job.priority ~= 0 then
    return has_type(q, 'prioritized', 'zset') and has_type(q, 'pc', 'string')
  end
  return has_type(q, 'wait', 'list') and (not meta_of(q).paused or has_type(q, 'paused', 'list'))
end

-- The first event of a script trims the stream; if more follow, `settle` trims once again.
local function tell(q, ...)
  local batch = batch_of(q)
  batch.told = batch.told + 1
  if batch.told == 1 then
    emit_capped(q, ...)
  else
    emit(q, ...)
  end
end

-- Stores a job and tells that it was added.
local function store(q, job)
  local key = q.base .. job.id
  redis.call('XADD', q.events, '*', 'event', 'added', 'jobId', job.id, 'name', job.name)
  if job.parent_key or job.scheduler or job.dedup then
    local more = {}
    if job.parent_key then more = { 'parentKey', job.parent_key, 'parent', job.parent } end
    if job.scheduler then
      more[#more + 1] = 'rjk'
      more[#more + 1] = job.scheduler
    end
    if job.dedup then
      more[#more + 1] = 'deid'
      more[#more + 1] = job.dedup
    end
    redis.call('HSET', key, 'name', job.name, 'data', job.data, 'opts', job.opts, 'timestamp', job.timestamp,
      'delay', job.delay or '0', 'priority', job.priority or '0', unpack(more))
  else
    redis.call('HSET', key, 'name', job.name, 'data', job.data, 'opts', job.opts, 'timestamp', job.timestamp,
      'delay', job.delay or '0', 'priority', job.priority or '0')
  end
end

-- Puts a stored job where it belongs and tells so: with its children's parents, else by its delay,
-- else by its priority, else in the list.
local function line_up(q, job)
  local id, batch = job.id, batch_of(q)
  if job.waits then
    redis.call('ZADD', q['waiting-children'], job.timestamp, id)
    tell(q, 'waiting-children', 'jobId', id)
  elseif job.delay and job.delay > 0 then
    local due = job.timestamp + job.delay
    delay_until(q, id, due)
    batch.delayed = true
    tell(q, 'delayed', 'jobId', id, 'delay', due)
  else
    if job.priority and job.priority ~= 0 then
      prioritize(q, id, job.priority)
      batch.ready = true
    else
      local side = job.lifo and batch.right or batch.left
      side[#side + 1] = id
    end
    tell(q, 'waiting', 'jobId', id)
  end
  if job.parent_key then redis.call('SADD', job.parent_key .. ':dependencies', q.base .. id) end
end

-- Does what is left to be done in a queue after jobs came.
local function settle(q)
  local batch = batches[q]
  if not batch then return end
  batches[q] = nil
  local left, right, meta = #batch.left, #batch.right, meta_of(q)
  if left + right > 0 then
    local list = list_for(q, meta.paused)
    if left > 0 then redis.call('LPUSH', list, unpack(batch.left)) end
    if right > 0 then redis.call('RPUSH', list, unpack(batch.right)) end
    batch.ready = true
  end
  if batch.ready and not meta.paused and not is_full(q, meta.concurrency) then wake(q) end
  if batch.delayed then mark_delay(q) end
  if batch.told > 1 then trim_events(q) end
end
