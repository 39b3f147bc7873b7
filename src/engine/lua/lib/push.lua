-- Where an id goes, and who is woken.

-- Whether a list holds a job; a lone wake-up marker is none.
local function holds(list)
  local length = redis.call('LLEN', list)
  if length > 1 then return true end
  return length == 1 and not is_marker(redis.call('LINDEX', list, 0))
end

-- The list that takes ids of a queue that is `paused`, or is not.
--
-- A paused queue loses nothing, whoever resumes it, as long as all its ids are in one list:
-- so an id goes where the ids are. Where both lists hold some, `paused` is the one that the
-- resume of an older library keeps.
local function list_for(q, paused)
  if not paused then return q.wait end
  if holds(q.paused) then return q.paused end
  if holds(q.wait) then return q.wait end
  if ERA >= 5 and (major(q) or ERA) >= 6 then return q.wait end
  return q.paused
end

-- The list that takes an id now, and whether the queue is paused.
local function place(q)
  local paused = is_paused(q)
  return list_for(q, paused), paused
end

-- Whether as many jobs run as the queue allows; `most` is the field `concurrency` of its `meta`.
local function is_full(q, most)
  local limit = tonumber(most or '')
  return limit ~= nil and redis.call('LLEN', q.active) >= limit
end

-- One stored wake-up, however many jobs came.
local function wake(q)
  redis.call('ZADD', q.marker, 0, '0')
end

-- Eras 5 and 6: tells one idle worker, unless no worker may start anything.
local function ready(q, paused)
  if ERA < 5 or paused then return end
  if not is_full(q, redis.call('HGET', q.meta, 'concurrency')) then wake(q) end
end

-- Eras 5 and 6: tells the workers when the first delayed job is due, also while paused.
local function mark_delay(q)
  local first = redis.call('ZRANGE', q.delayed, 0, 0, 'WITHSCORES')
  if first[2] then redis.call('ZADD', q.marker, tonumber(first[2]) / 4096, '1') end
end

-- From era 4 on: a new place at the end of its priority's class.
local function prioritize(q, id, priority)
  local turn = redis.call('INCR', q.pc) % 4294967296
  redis.call('ZADD', q.prioritized, priority * 4294967296 + turn, id)
end

-- Era 4: a lone prioritized job is told to workers, who block on the list, by a marker in it.
local function mark_prioritized(q, paused)
  if not paused and redis.call('LLEN', q.wait) == 0 then redis.call('LPUSH', q.wait, '0:0') end
end

-- Puts an id in a list, `LPUSH` behind the others or `RPUSH` as the next one.
local function push(q, command, id)
  local list, paused = place(q)
  redis.call(command, list, id)
  ready(q, paused)
end

-- Puts an id at the end of its priority.
local function push_by_priority(q, id, priority)
  if ERA == 0 then
    -- An index over ids that are in the list as well; a lower number is nearer to the tail.
    local list = place(q)
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
  local paused = is_paused(q)
  prioritize(q, id, priority)
  if ERA == 4 then
    mark_prioritized(q, paused)
  else
    ready(q, paused)
  end
end

-- From era 4 on: the first of its priority.
local function push_to_front_of_class(q, id, priority)
  local paused = is_paused(q)
  redis.call('ZADD', q.prioritized, priority * 4294967296, id)
  if ERA == 4 then
    mark_prioritized(q, paused)
  else
    ready(q, paused)
  end
end

-- Makes a job ready. `front` puts an unprioritized one on the side that runs next.
local function enqueue(q, id, priority, front)
  if priority > 0 then
    push_by_priority(q, id, priority)
  else
    push(q, front and 'RPUSH' or 'LPUSH', id)
  end
end
