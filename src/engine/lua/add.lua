-- Adds jobs, in order, as one atomic step (spec, section 4).
--
-- KEYS[i]  `meta` of the queue of job i
-- ARGV[1]  the library's name for `meta.library`
-- ARGV[2]  the time to use, ms, or '' for the server's
-- ARGV[3..] 11 values a job:
--   id ('' = automatic), name, data JSON, opts JSON, timestamp ('' = now), delay ms, priority,
--   '1' = to the front (lifo), '1' = it is a parent and waits for children,
--   parent's key or '', parent JSON
-- Returns one value a job: its id, or -5 (its parent is gone) or -7 (the existing job of this id
-- has another living parent).

local WIDTH = 11
local library = ARGV[1]
local time = clock(ARGV[2])

-- Names us where another library names itself in `version`, which decides its era.
local function introduce(base)
  local meta = base .. 'meta'
  if call('HGET', meta, 'library') ~= library then
    call('HSET', meta, 'library', library)
  end
  return event_limit(base)
end

-- A custom id that exists: nothing is stored; it may become the child of another parent.
local function adopt(base, id, limit, parent_key, parent)
  local key = base .. id
  local current = call('HGET', key, 'parentKey')
  if current and current ~= parent_key and call('EXISTS', current) == 1 then
    if parent_key ~= '' then
      return -7
    end
  elseif parent_key ~= '' then
    if call('ZSCORE', base .. 'completed', id) then
      call('HSET', parent_key .. ':processed', key, call('HGET', key, 'returnvalue') or 'null')
    else
      call('SADD', parent_key .. ':dependencies', key)
    end
    call('HSET', key, 'parentKey', parent_key, 'parent', parent)
  end
  emit(base, limit, 'duplicated', 'jobId', id)
  return id
end

local function add(base, at)
  local id, name, data, opts = ARGV[at], ARGV[at + 1], ARGV[at + 2], ARGV[at + 3]
  local timestamp = ARGV[at + 4] ~= '' and tonumber(ARGV[at + 4]) or time
  local delay, priority = tonumber(ARGV[at + 5]), tonumber(ARGV[at + 6])
  local front, waits_for_children = ARGV[at + 7] == '1', ARGV[at + 8] == '1'
  local parent_key, parent = ARGV[at + 9], ARGV[at + 10]

  if parent_key ~= '' and call('EXISTS', parent_key) == 0 then
    return -5
  end
  local counter = call('INCR', base .. 'id')
  local limit = introduce(base)
  if id == '' then
    id = tostring(counter)
  elseif call('EXISTS', base .. id) == 1 then
    return adopt(base, id, limit, parent_key, parent)
  end

  local key = base .. id
  call('HSET', key, 'name', name, 'data', data, 'opts', opts, 'timestamp', timestamp, 'delay', delay,
    'priority', priority)
  if parent_key ~= '' then
    call('HSET', key, 'parentKey', parent_key, 'parent', parent)
  end
  emit(base, nil, 'added', 'jobId', id, 'name', name)

  if waits_for_children then
    call('ZADD', base .. 'waiting-children', timestamp, id)
    emit(base, limit, 'waiting-children', 'jobId', id)
  elseif delay > 0 then
    delay_until(base, id, timestamp + delay)
    emit(base, limit, 'delayed', 'jobId', id, 'delay', timestamp + delay)
    wake_when_due(base)
  else
    enqueue(base, id, priority, front)
    emit(base, limit, 'waiting', 'jobId', id)
  end
  if parent_key ~= '' then
    call('SADD', parent_key .. ':dependencies', key)
  end
  return id
end

local replies, parents = {}, {}
for i = 1, #KEYS do
  local base = base_of(KEYS[i])
  local at = 3 + (i - 1) * WIDTH
  replies[i] = add(base, at)
  if ARGV[at + 8] == '1' and type(replies[i]) == 'string' then
    parents[#parents + 1] = { base, replies[i] }
  end
end
-- A parent all of whose children existed and were done has nobody to release it.
for _, parent in ipairs(parents) do
  release_if_done(parent[1], parent[2], time)
end
return replies
