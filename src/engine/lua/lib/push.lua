-- Where an id goes, and who is woken.

-- Whether a list holds a job; a lone wake-up marker is none.
local function holds(list)
  local length = redis.call('LLEN', list)
  if length > 1 then return true end
  return length == 1 and not is_marker(redis.call('LINDEX', list, 0))
end

-- The list that takes an id now, and whether the queue is paused.
--
-- A paused queue loses nothing, whoever resumes it, as long as all its ids are in one list:
-- so an id goes where the ids are. Where both lists hold some, `paused` is the one that the
-- resume of an older library keeps.
local function place(q)
  if not is_paused(q) then return q.wait, false end
  if holds(q.paused) then return q.paused, true end
  if holds(q.wait) then return q.wait, true end
  if ERA >= 5 and (major(q) or ERA) >= 6 then return q.wait, true end
  return q.paused, true
end

-- Eras 5 and 6: tells one idle worker, unless no worker may start anything.
local function ready(q, paused)
  if ERA < 5 or paused then return end
  local most = tonumber(redis.call('HGET', q.meta, 'concurrency') or '')
  if most and redis.call('LLEN', q.active) >= most then return end
  redis.call('ZADD', q.marker, 0, '0')
end

-- Eras 5 and 6: tells the workers when the first delayed job is due.
local function mark_delay(q)
  local first = redis.call('ZRANGE', q.delayed, 0, 0, 'WITHSCORES')
  if first[2] then
    redis.call('ZADD', q.marker, string.format('%.17g', tonumber(first[2]) / 4096), '1')
  end
end

-- Puts an id in a list, `LPUSH` behind the others or `RPUSH` as the next one.
local function push(q, command, id)
  local list, paused = place(q)
  redis.call(command, list, id)
  ready(q, paused)
end

-- Puts an id at the end of its priority.
local function push_by_priority(q, id, priority)
  local list, paused = place(q)
  if ERA == 0 then
    -- An index over ids that are in the list as well; a lower number is nearer to the tail.
    redis.call('ZADD', q.priority, priority, id)
    local before = redis.call('ZCOUNT', q.priority, 0, priority) - 1
    local pivot = before > 0 and redis.call('LINDEX', list, -before)
    if pivot then
      redis.call('LINSERT', list, 'BEFORE', pivot, id)
    else
      redis.call('RPUSH', list, id)
    end
    return
  end
  local counter = redis.call('INCR', q.pc)
  redis.call('ZADD', q.prioritized, string.format('%.0f', priority * 4294967296 + counter % 4294967296), id)
  if ERA == 4 then
    if not paused and redis.call('LLEN', q.wait) == 0 then redis.call('LPUSH', q.wait, '0:0') end
  else
    ready(q, paused)
  end
end
