-- Removes a job, with its children unless they are to be kept.
--
-- KEYS  the queue's keys (lib/operation.lua), the job's hash, its lock
-- ARGV  era, base, id, `1` to remove its children; where it was saved: `processedOn` and `finishedOn` as they were
-- Returns a code (lib/codes.lua).
--
-- Undeclared keys: those of its parent, its descendants and their queues, read out of the flow.
--
-- The tree is looked at first (lib/tree.lua): a lock, a damaged queue or too many descendants
-- refuse the whole.

local q = declared()
queues[q.base] = q
local job, lock, id = KEYS[17], KEYS[18], ARGV[3]
local with_children = ARGV[4] == '1' and ERA ~= 0

-- The code that forbids the removal of the job itself, or nil. An id without a hash and a ghost
-- (trap T4) may go when a list or set of the queue holds it; any other key may not (trap T8).
local function irremovable()
  local found = kind(job)
  if found == 'none' then return nil end
  if found ~= 'hash' then return NOT_A_JOB end
  if redis.call('HEXISTS', job, 'gid') == 1 then return WRONG_ERA end
  for _, field in ipairs({ 'name', 'data', 'timestamp' }) do
    if redis.call('HEXISTS', job, field) == 0 then
      return not (in_sorted(q, id) or in_list(q, id)) and NOT_A_JOB or nil
    end
  end
  return nil
end

-- Bull: no flows and no events; an id may stand in a list more than once.
local function erase_bull()
  local found = 0
  for _, state in ipairs(LISTS) do found = found + redis.call('LREM', q[state], 0, id) end
  for _, state in ipairs({ 'delayed', 'completed', 'failed', 'priority' }) do
    found = found + redis.call('ZREM', q[state], id)
  end
  local limited = redis.call('HGET', q['limiter:index'], id)
  if limited then
    redis.call('SREM', limited, id)
    redis.call('HDEL', q['limiter:index'], id)
  end
  release_deduplication(q, job, id)
  return found + redis.call('DEL', job, job .. ':logs') > 0
end

local refused = refusal(q) or irremovable()
if refused then return refused end
if is_next_iteration(q, job, id) then return SCHEDULER end
if redis.call('EXISTS', lock) == 1 then return LOCKED end
-- What ran since it was saved would come back as if it had not, and run again.
if ARGV[5] and kind(job) == 'hash' then
  local ran = redis.call('HMGET', job, 'processedOn', 'finishedOn')
  if (ran[1] or '') ~= ARGV[5] or (ran[2] or '') ~= ARGV[6] then return CHANGED end
end
if ERA == 0 then return erase_bull() and DONE or GONE end

local _, parent_queue = parent_of(job)
if parent_queue and not sound(parent_queue) then return DAMAGED end
if with_children then
  local code = survey(job, true)
  if code then return code end
end
return erase(q, job, id) and DONE or GONE
