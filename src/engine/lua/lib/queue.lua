-- The keys of a queue, and whether they are what the caller believes.
--
-- Every script gets the same first KEYS, in the order of NAMES, ARGV[1] = the era (0 is Bull 4,
-- else the major version of BullMQ) and ARGV[2] = `<prefix>:<queue>:`.

local NAMES = {
  'wait', 'paused', 'active', 'delayed', 'prioritized', 'priority', 'completed', 'failed',
  'waiting-children', 'marker', 'meta', 'meta-paused', 'events', 'pc', 'repeat', 'limiter:index',
}
local TYPES = {
  wait = 'list', paused = 'list', active = 'list', delayed = 'zset', prioritized = 'zset',
  priority = 'zset', completed = 'zset', failed = 'zset', ['waiting-children'] = 'zset',
  marker = 'zset', meta = 'hash', ['meta-paused'] = 'string', events = 'stream', pc = 'string',
  ['repeat'] = 'zset', ['limiter:index'] = 'hash',
}

local ERA = tonumber(ARGV[1])

-- The queue that was asked for, from the declared keys.
local function declared()
  local q = { base = ARGV[2] }
  for i, name in ipairs(NAMES) do q[name] = KEYS[i] end
  return q
end

-- Another queue of the same flow. Its keys stand in no KEYS: they are read out of job hashes,
-- as the libraries do; on a cluster all queues of a flow must share a slot.
local function undeclared(base)
  local q = { base = base }
  for _, name in ipairs(NAMES) do q[name] = base .. name end
  return q
end

local function kind(key)
  return redis.call('TYPE', key).ok
end

-- Whether every key has its type. Redis takes nothing back: a WRONGTYPE after the first write
-- would leave a job half moved, so types are looked at before.
local function sound(q)
  for _, name in ipairs(NAMES) do
    local found = kind(q[name])
    if found ~= 'none' and found ~= TYPES[name] then return false end
  end
  return true
end

-- The major version of the last `Queue` object of BullMQ, or nil.
local function major(q)
  local version = redis.call('HGET', q.meta, 'version')
  return version and tonumber(string.match(version, ':(%d+)%.'))
end

-- Whether the evidence (spec 5.1) still allows the era that the caller decided on. Only what
-- contradicts it counts; to decide is not the script's business.
local function fits(q)
  local bull_pause = redis.call('EXISTS', q['meta-paused']) == 1
  if ERA == 0 then
    return bull_pause or redis.call('EXISTS', q.events, q.marker, q.prioritized, q.pc) == 0
  end
  if bull_pause then return false end
  if redis.call('EXISTS', q.events) == 0
    and redis.call('HEXISTS', q.meta, 'version') == 0
    and redis.call('HEXISTS', q.meta, 'opts.maxLenEvents') == 0 then
    return false
  end
  if ERA == 4 then
    return redis.call('EXISTS', q.marker) == 0 and (major(q) or 4) < 5
  end
  return true
end

-- The code that forbids writing to the queue, or nil.
local function refusal(q)
  if not sound(q) then return DAMAGED end
  if not fits(q) then return WRONG_ERA end
  return nil
end

-- A wake-up marker in a list (eras 2 to 4), not a job.
local function is_marker(id)
  return id == '0' or string.sub(id, 1, 2) == '0:'
end

-- Bull looks at its own key; the flag in `meta` is there for BullMQ to read.
local function is_paused(q)
  if ERA == 0 then return redis.call('EXISTS', q['meta-paused']) == 1 end
  return redis.call('HEXISTS', q.meta, 'paused') == 1
end
