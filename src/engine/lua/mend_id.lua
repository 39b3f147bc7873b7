-- Takes an id out of a state where it does not belong, while it does not.
--
-- KEYS  the queue's keys (lib/operation.lua), the job's hash, its lock
-- ARGV  era, base, id, state to take it out of, `ghost`, `marker`, or what makes it a double: `again`
--       (it stands there twice), `finished`, `unfinished`, `locked` or `unlocked`; for those four the
--       state where it belongs
-- Returns a code (lib/codes.lua): SOUND where it is not so any more.

local q = declared()
local job, lock, id, from, why, home = KEYS[17], KEYS[18], ARGV[3], ARGV[4], ARGV[5], ARGV[6]

local refused = refusal(q)
if refused then return refused end
local times = times_at(q, from, id)
if not times then return TOO_MANY end
if times == 0 then return SOUND end

if why == 'marker' then
  -- From BullMQ 5 on nobody reads a marker in a list as one.
  if ERA < 5 or not is_marker(id) then return SOUND end
  take_out(q, from, id)
  return DONE
end
if is_marker(id) then return NOT_A_JOB end

if why == 'ghost' then
  local found = kind(job)
  if found ~= 'none' and found ~= 'hash' then return NOT_A_JOB end
  if redis.call('EXISTS', lock) == 1 then return LOCKED end
  if found == 'hash' then
    local whole = true
    for _, field in ipairs({ 'name', 'data', 'timestamp' }) do
      whole = whole and redis.call('HEXISTS', job, field) == 1
    end
    if whole then return SOUND end
    if redis.call('HEXISTS', job, 'gid') == 1 then return WRONG_ERA end
  end
  take_out(q, from, id)
  -- What a worker left of a run without a job.
  if found == 'hash' then redis.call('DEL', job) end
  return DONE
end

if why == 'again' then
  if times < 2 then return SOUND end
  -- The one on the side that runs next stays.
  redis.call('LREM', q[from], 1, id)
  return DONE
end
if redis.call('EXISTS', job) == 0 then return SOUND end
local finished = redis.call('HEXISTS', job, 'finishedOn') == 1
local locked = redis.call('EXISTS', lock) == 1
local holds_true = { finished = finished, unfinished = not finished, locked = locked, unlocked = not locked }
local at_home = times_at(q, home, id)
if not at_home then return TOO_MANY end
if not holds_true[why] or at_home == 0 then return SOUND end
take_out(q, from, id)
return DONE
