-- Where an id stands, for repairs: they look again before they write.

-- Lists longer than this are not searched: 4 ms of Redis.
local SEARCH = 200000

local IN_SETS = { 'completed', 'failed', 'delayed', 'prioritized', 'waiting-children' }
local IN_LISTS = { 'wait', 'paused', 'active' }

-- How often an id stands in a list: 0, 1, 2 (or more), or nil where the list is too long.
local function times_in(list, id)
  local length = redis.call('LLEN', list)
  if length > SEARCH then return nil end
  local found = redis.pcall('LPOS', list, id, 'COUNT', 2)
  if not found.err then return #found end
  -- Redis before 6.0.6.
  local times = 0
  for from = 0, length - 1, 1000 do
    for _, element in ipairs(redis.call('LRANGE', list, from, from + 999)) do
      if element == id then times = times + 1 end
    end
  end
  return math.min(times, 2)
end

-- How often an id stands in a state, or nil.
local function times_at(q, state, id)
  if state == 'wait' or state == 'paused' or state == 'active' then return times_in(q[state], id) end
  return redis.call('ZSCORE', q[state], id) and 1 or 0
end

-- The code that says that an id is in some state, or may be: SOUND, TOO_MANY; nil where it is in none.
local function stands_somewhere(q, id)
  for _, state in ipairs(IN_SETS) do
    if redis.call('ZSCORE', q[state], id) then return SOUND end
  end
  for _, state in ipairs(IN_LISTS) do
    local times = times_in(q[state], id)
    if not times then return TOO_MANY end
    if times > 0 then return SOUND end
  end
  return nil
end

-- Takes an id out of a state, all of it; how often it was there.
local function take_out(q, state, id)
  if state == 'wait' or state == 'paused' or state == 'active' then
    return redis.call('LREM', q[state], 0, id)
  end
  return redis.call('ZREM', q[state], id)
end
