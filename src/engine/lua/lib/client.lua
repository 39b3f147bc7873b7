-- The ground of producers and workers, which serve eras 5 and 6 alike.
--
-- KEYS are `meta` keys of queues, so that a cluster routes the call; the other keys of a queue
-- hang off its base.

-- Where a rule of 6 differs, `version` in `meta` tells.
local ERA = 5

-- The base of the queue whose `meta` key this is.
local function base_of(meta)
  return string.sub(meta, 1, -5)
end

-- ms since the epoch: as given, else the server's clock, so that no client's skew counts.
local function clock(given)
  if given ~= '' then return tonumber(given) end
  local time = redis.call('TIME')
  return tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end
