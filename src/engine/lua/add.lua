-- Adds jobs, in order, as one atomic step (spec, section 4).
--
-- KEYS[i]  `meta` of the queue of job i
-- ARGV[1]  the library's name for `meta.library`
-- ARGV[2]  the time to use, ms, or '' for the server's
-- ARGV[3..] 11 values a job:
--   id ('' = automatic), name, data JSON, opts JSON, timestamp ('' = now), delay ms, priority,
--   '1' = to the front (lifo), '1' = it is a parent and waits for children,
--   parent's key or '', parent JSON
-- Returns one value a job: its id, or PARENT_GONE, or PARENT_TAKEN (the existing job of this id has
-- another living parent), or for all of them the code of a refusal.

local WIDTH = 11
local library = ARGV[1]
local time = clock(ARGV[2])

-- Names us where another library names itself in `version`, which decides its era.
local function introduce(q)
  if redis.call('HGET', q.meta, 'library') ~= library then
    redis.call('HSET', q.meta, 'library', library)
  end
  event_cap(q)
end

-- A custom id that exists: nothing is stored; it may become the child of another parent.
local function adopt(q, id, parent_key, parent)
  local key = q.base .. id
  local current = redis.call('HGET', key, 'parentKey')
  if current and current ~= parent_key and redis.call('EXISTS', current) == 1 then
    if parent_key ~= '' then
      return PARENT_TAKEN
    end
  elseif parent_key ~= '' then
    if redis.call('ZSCORE', q.completed, id) then
      redis.call('HSET', parent_key .. ':processed', key, redis.call('HGET', key, 'returnvalue') or 'null')
    else
      redis.call('SADD', parent_key .. ':dependencies', key)
    end
    redis.call('HSET', key, 'parentKey', parent_key, 'parent', parent)
  end
  emit_capped(q, 'duplicated', 'jobId', id)
  return id
end

local function add(q, at)
  local id, name, data, opts = ARGV[at], ARGV[at + 1], ARGV[at + 2], ARGV[at + 3]
  local timestamp = ARGV[at + 4] ~= '' and tonumber(ARGV[at + 4]) or time
  local delay, priority = tonumber(ARGV[at + 5]), tonumber(ARGV[at + 6])
  local front, waits_for_children = ARGV[at + 7] == '1', ARGV[at + 8] == '1'
  local parent_key, parent = ARGV[at + 9], ARGV[at + 10]

  if parent_key ~= '' and redis.call('EXISTS', parent_key) == 0 then
    return PARENT_GONE
  end
  local counter = redis.call('INCR', q.id)
  introduce(q)
  if id == '' then
    id = tostring(counter)
  elseif redis.call('EXISTS', q.base .. id) == 1 then
    return adopt(q, id, parent_key, parent)
  end

  local key = q.base .. id
  redis.call('HSET', key, 'name', name, 'data', data, 'opts', opts, 'timestamp', timestamp, 'delay', delay,
    'priority', priority)
  if parent_key ~= '' then
    redis.call('HSET', key, 'parentKey', parent_key, 'parent', parent)
  end
  emit(q, 'added', 'jobId', id, 'name', name)

  if waits_for_children then
    redis.call('ZADD', q['waiting-children'], timestamp, id)
    emit_capped(q, 'waiting-children', 'jobId', id)
  elseif delay > 0 then
    delay_until(q, id, timestamp + delay)
    emit_capped(q, 'delayed', 'jobId', id, 'delay', timestamp + delay)
    mark_delay(q)
  else
    enqueue(q, id, priority, front)
    emit_capped(q, 'waiting', 'jobId', id)
  end
  if parent_key ~= '' then
    redis.call('SADD', parent_key .. ':dependencies', key)
  end
  return id
end

-- One queue that is not ours to write to refuses all, so that no flow is left half added.
local wanted, checked, refused = {}, {}, nil
for i = 1, #KEYS do
  local q = queue_of(base_of(KEYS[i]))
  if not checked[q] then
    refused = refused or refusal(q)
    checked[q] = true
  end
  wanted[i] = q
end

local replies, parents = {}, {}
for i, q in ipairs(wanted) do
  local at = 3 + (i - 1) * WIDTH
  replies[i] = refused or add(q, at)
  if ARGV[at + 8] == '1' and type(replies[i]) == 'string' then
    parents[#parents + 1] = { q, replies[i] }
  end
end
-- A parent all of whose children existed and were done has nobody to release it.
for _, parent in ipairs(parents) do
  release_if_done(parent[1], parent[2], time)
end
return replies
