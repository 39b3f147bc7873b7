-- Brings the ids of `wait` and `paused` together, a bounded number a script.

-- Moves of one script: 5,000 ids are 2 to 4 ms of Redis (7.0, short ids).
local MOVES = 5000

local function without_markers(ids)
  local jobs = {}
  for _, id in ipairs(ids) do
    if not is_marker(id) then jobs[#jobs + 1] = id end
  end
  return jobs
end

-- All ids into `into` (one of the two lists), those of `paused` on the tail side: they are next.
-- Returns how many ids changed their list and whether the other list still holds some; then
-- both hold ids, none is lost, and the script is to be called again.
--
-- The shorter list is moved into the longer one, which then takes the right name: with a
-- million ids paused and three waiting that is three moves.
local function gather(q, into)
  local other = into == q.wait and q.paused or q.wait
  local there = redis.call('LLEN', other)
  if there == 0 then return 0, false end
  if redis.call('EXISTS', into) == 0 then
    redis.call('RENAME', other, into)
    return there, false
  end
  local from_wait = redis.call('LLEN', q.wait) <= redis.call('LLEN', q.paused)
  local moved, left
  if from_wait then
    local ids = without_markers(redis.call('LRANGE', q.wait, -MOVES, -1))
    local reversed = {}
    for i = #ids, 1, -1 do reversed[#reversed + 1] = ids[i] end
    if #ids > 0 then redis.call('LPUSH', q.paused, unpack(reversed)) end
    redis.call('LTRIM', q.wait, 0, -MOVES - 1)
    moved, left = #ids, redis.call('EXISTS', q.wait) == 1
  else
    local ids = without_markers(redis.call('LRANGE', q.paused, 0, MOVES - 1))
    if is_marker(redis.call('LINDEX', q.wait, -1)) then redis.call('RPOP', q.wait) end
    if #ids > 0 then redis.call('RPUSH', q.wait, unpack(ids)) end
    redis.call('LTRIM', q.paused, MOVES, -1)
    moved, left = #ids, redis.call('EXISTS', q.paused) == 1
  end
  if left then return moved, true end
  if redis.call('EXISTS', into) == 0 then redis.call('RENAME', other, into) end
  return moved, false
end
