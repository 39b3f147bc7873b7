-- Whether a queue is still what the caller decided on.

local TYPES = {
  wait = 'list', paused = 'list', active = 'list', delayed = 'zset', prioritized = 'zset',
  priority = 'zset', completed = 'zset', failed = 'zset', ['waiting-children'] = 'zset',
  marker = 'zset', meta = 'hash', ['meta-paused'] = 'string', events = 'stream', pc = 'string',
  ['repeat'] = 'zset', ['limiter:index'] = 'hash',
}

-- Whether every key has its type. Redis takes nothing back: a WRONGTYPE after the first write
-- would leave a job half moved, so types are looked at before.
local function sound(q)
  for name, wanted in pairs(TYPES) do
    local found = kind(q[name])
    if found ~= 'none' and found ~= wanted then return false end
  end
  return true
end

-- Whether the evidence (spec 5.1) still allows the era. Only what contradicts it counts; to decide
-- is not the script's business.
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
