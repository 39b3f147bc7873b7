-- Lets delayed jobs run now, by their ids, the first of them first.
--
-- KEYS  the queue's keys (lib/operation.lua)
-- ARGV  1 era, 2 base, 3 `delayed`, 4 only those added, and last run, up to this moment, ms, or '',
--       5 to 7 unused, 8.. ids
-- Returns { code } for the whole, or { DONE, { code of each id } }.
--
-- Undeclared keys: the jobs'.

local q = declared()
local until_ms = tonumber(ARGV[4])

local refused = refusal(q)
if refused then return { refused } end

local list, paused = place(q)
local prioritized, marker_gone = false, false

local function line_up(id, priority)
  if priority <= 0 then
    if ERA == 4 and not marker_gone then
      -- The list is not empty any more: the marker for the next delayed job goes.
      local head = redis.call('LINDEX', list, 0)
      if head and is_marker(head) then redis.call('LPOP', list) end
      marker_gone = true
    end
    redis.call('LPUSH', list, id)
  elseif ERA == 0 then
    push_by_priority(q, id, priority)
  else
    prioritize(q, id, priority)
    prioritized = true
  end
end

local function promote(id)
  local job = q.base .. id
  local found = redis.pcall('HMGET', job, 'timestamp', 'processedOn', 'name', 'gid', 'priority')
  if found.err then return NOT_A_JOB end
  if not (found[1] and found[3]) or redis.call('HEXISTS', job, 'data') == 0 then
    return redis.call('EXISTS', job) == 1 and NOT_A_JOB or GONE
  end
  if found[4] then return WRONG_ERA end
  local code = untimely('delayed', redis.call('ZSCORE', q.delayed, id), found, until_ms)
  if code then return code end
  redis.call('ZREM', q.delayed, id)
  redis.call('HSET', job, 'delay', 0)
  line_up(id, tonumber(found[5] or '') or 0)
  if ERA == 0 then
    publish_waiting(q, id)
  else
    emit_capped(q, 'waiting', 'jobId', id, 'prev', 'delayed')
  end
  return DONE
end

local codes, done = {}, false
for at = 8, #ARGV do
  local code = promote(ARGV[at])
  codes[#codes + 1] = code
  done = done or code == DONE
end
if done then
  if ERA == 4 and prioritized then mark_prioritized(q, paused) end
  ready(q, paused)
end
return { DONE, codes }
