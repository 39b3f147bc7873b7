-- Whether a queue is one of era 5 or 6, or nobody's yet: producers and workers are told no era.

-- Whether the newest jobs were run by BullMQ 5 on (true) or before (false); nil where none tells.
local function counts_as_5(q)
  local newest = {
    redis.call('LINDEX', q.active, 0),
    redis.call('ZREVRANGE', q.completed, 0, 0)[1],
    redis.call('ZREVRANGE', q.failed, 0, 0)[1],
  }
  local told
  for place = 1, 3 do
    if newest[place] then
      local counts = redis.call('HMGET', q.base .. newest[place], 'atm', 'ats', 'attemptsMade')
      if counts[1] or counts[2] then return true end
      if counts[3] then told = false end
    end
  end
  return told
end

local function has_list_marker(q)
  for _, list in ipairs({ q.wait, q.paused }) do
    for _, place in ipairs({ 0, -1 }) do
      local id = redis.call('LINDEX', list, place)
      if id and is_marker(id) then return true end
    end
  end
  return false
end

-- The code that forbids adding to the queue and taking from it, or nil. What only certain writers
-- leave counts more than `version`, which names the last client that opened the queue (trap T22).
local function refusal(q)
  local meta = meta_of(q)
  if redis.call('EXISTS', q['meta-paused'], q.groups) > 0 then return WRONG_ERA end
  if meta.version and string.match(meta.version, '^[^:]*pro') then return WRONG_ERA end
  -- Whoever wrote that made the stream as well.
  if meta.library then return nil end
  if redis.call('EXISTS', q.events) == 0 and redis.call('EXISTS', q.id) == 1
    and redis.call('EXISTS', q.marker, q.prioritized) == 0 then
    return WRONG_ERA
  end
  local version = major_of(meta.version)
  if (version and version >= 5) or redis.call('EXISTS', q.marker) == 1 then return nil end
  local new = counts_as_5(q)
  if new then return nil end
  if new == false or version or has_list_marker(q) then return WRONG_ERA end
  return nil
end
