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

-- The major version of the last `Queue` object of BullMQ, or nil.
local function major(q)
  return major_of(redis.call('HGET', q.meta, 'version'))
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
