-- The ground of operations, which act on a queue of a known era.
--
-- Every operation gets the same first KEYS, in the order of NAMES, ARGV[1] = the era (0 is Bull 4,
-- else the major version of BullMQ) and ARGV[2] = `<prefix>:<queue>:`.

local ERA = tonumber(ARGV[1])

local NAMES = {
  'wait', 'paused', 'active', 'delayed', 'prioritized', 'priority', 'completed', 'failed',
  'waiting-children', 'marker', 'meta', 'meta-paused', 'events', 'pc', 'repeat', 'limiter:index',
}

-- The queue that was asked for, from the declared keys.
local function declared()
  local q = { base = ARGV[2] }
  for i, name in ipairs(NAMES) do q[name] = KEYS[i] end
  return q
end

-- ms since the epoch: as given, else the server's clock.
local function server_time(given)
  if given and given ~= '' then return tonumber(given) end
  local time = redis.call('TIME')
  return tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end
