-- Lets delayed jobs run now, by their ids, the first of them first.
--
-- KEYS  the queue's keys (lib/operation.lua)
-- ARGV  1 era, 2 base, 3 `delayed`, 4 only those added, and last run, up to this moment, ms, or '',
--       5 unused, 6 the rank at which the first may stand, 7 unused, 8.. ids
-- Returns { code } for the whole, or { DONE, { code of each id } }; fewer codes than ids: the rest had no turn.
--
-- Undeclared keys: the jobs'.

local q = declared()
local until_ms = tonumber(ARGV[4])

local refused = refusal(q)
if refused then return { refused } end

local list, paused = place(q)
local prioritized = false
local score, settled = scores_of(q.delayed, 'delayed', until_ms)

local function promote(id)
  if is_repeated(id) then return NOT_IN_STATE end
  local job = q.base .. id
  local found = redis.pcall('HMGET', job, 'timestamp', 'processedOn', 'name', 'gid', 'priority')
  if found.err then return NOT_A_JOB end
  if not (found[1] and found[3]) then
    return redis.call('EXISTS', job) == 1 and NOT_A_JOB or GONE
  end
  if found[4] then return WRONG_ERA end
  if not settled then
    local code = untimely('delayed', score(id), found[1], found[2], until_ms)
    if code then return code end
  end
  redis.call('HSET', job, 'delay', 0)
  prioritized = line_up(q, list, id, tonumber(found[5] or '') or 0, false) or prioritized
  leave(id)
  if ERA == 0 then
    publish_waiting(q, id)
  else
    emit(q, 'waiting', 'jobId', id, 'prev', 'delayed')
  end
  return DONE
end

local codes = each(promote)
if ERA == 4 and lined_up > 0 then
  -- The list is not empty any more: the marker for the next delayed job goes.
  local head = redis.call('LINDEX', list, 0)
  if head and is_marker(head) then redis.call('LPOP', list) end
end
return settle(q, q.delayed, codes, list, paused, prioritized)
