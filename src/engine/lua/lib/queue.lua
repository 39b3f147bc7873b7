-- A queue: its keys, and what they say. ERA comes from the ground.
--
-- Numbers that leave for Redis keep 17 digits, concatenated ones 14.

local Keys = {
  __index = function(q, name)
    local key = q.base .. name
    q[name] = key
    return key
  end,
}

-- The queues met so far, by base.
local queues = {}

-- A queue by its base `<prefix>:<queue>:`. Its keys stand in no KEYS; on a cluster all queues of a
-- flow must share a slot.
local function queue_of(base)
  if not queues[base] then queues[base] = setmetatable({ base = base }, Keys) end
  return queues[base]
end

local function kind(key)
  return redis.call('TYPE', key).ok
end

local function major_of(version)
  return version and tonumber(string.match(version, ':(%d+)%.'))
end

local metas = {}

-- What `meta` says, read once a script and queue: texts where they are there, `paused` as a truth.
-- It is what was said when the script began; a script that changes `meta` looks for itself.
local function meta_of(q)
  local meta = metas[q]
  if not meta then
    local said = redis.call('HMGET', q.meta, 'paused', 'concurrency', 'max', 'duration', 'version', 'library',
      'opts.maxLenEvents')
    meta = {
      paused = said[1] and true or false, concurrency = said[2], max = said[3], duration = said[4],
      version = said[5], library = said[6], cap = said[7],
    }
    metas[q] = meta
  end
  return meta
end

-- The major version of the last `Queue` object of BullMQ, or nil.
local function major(q)
  return major_of(meta_of(q).version)
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
