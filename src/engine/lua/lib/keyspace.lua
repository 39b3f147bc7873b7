-- The ground every script of the engine stands on. KEYS are always `meta` keys of queues, so
-- that a cluster routes the call; the other keys of a queue hang off its base
-- `<prefix>:<queue>:`. Numbers that leave for Redis keep 17 digits, concatenated ones 14.

local call = redis.call

-- The base of the queue whose `meta` key this is.
local function base_of(meta)
  return string.sub(meta, 1, -5)
end

-- ms since the epoch: as given, else the server's clock, so that no client's skew counts.
local function clock(given)
  if given ~= '' then
    return tonumber(given)
  end
  local time = call('TIME')
  return tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end

-- The event limit of the queue; the default is written down where none is (spec 3.1).
local function event_limit(base)
  local limit = call('HGET', base .. 'meta', 'opts.maxLenEvents')
  if not limit then
    limit = '10000'
    call('HSET', base .. 'meta', 'opts.maxLenEvents', limit)
  end
  return limit
end

-- Appends an event. `limit` is the trim of producer-side events; nil appends untrimmed (spec 3.18).
local function emit(base, limit, ...)
  if limit then
    call('XADD', base .. 'events', 'MAXLEN', '~', limit, '*', 'event', ...)
  else
    call('XADD', base .. 'events', '*', 'event', ...)
  end
end

-- Trims once what a worker-side script is about to append to.
local function trim_events(base)
  call('XTRIM', base .. 'events', 'MAXLEN', '~', event_limit(base))
end
