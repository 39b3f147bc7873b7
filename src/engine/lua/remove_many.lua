-- Removes jobs of one state, by their ids.
--
-- KEYS  the queue's keys (lib/operation.lua)
-- ARGV  1 era, 2 base, 3 state, 4 only jobs up to this moment, ms, or '', 5 `1` to take also what
--       runs and the next runs of schedulers, 6 where the first may stand: a rank, or elements of a list to step
--       over at its tail, 7 elements of a list to look at there, 8.. ids
-- Returns { code } for the whole, or { DONE, { code of each id }, { key of each parent that went
-- along }, { key of each parent that was released } }; fewer codes than ids: the rest had no turn.
--
-- Undeclared keys: the jobs', and those of their parents.
--
-- An id of a list is looked for only in the part that the caller has just read: a walk over the
-- whole list for each job is what makes others wait (20 ms a million elements).

local q = declared()
queues[q.base] = q
local state, until_ms, all = ARGV[3], tonumber(ARGV[4]), ARGV[5] == '1'
local set, base = q[state], q.base
local is_list = state == 'wait' or state == 'paused' or state == 'active'

-- In the place of an id that goes: every reader takes it for a wake-up marker.
local BLANK = '0:removed'

local refused = refusal(q)
if refused then return { refused } end

-- The part of the list that is looked at, as it stands, and the ids in it; none where it is just the ids.
local window, standing, skipped = {}, nil, tonumber(ARGV[6])

local function look(elements)
  window = redis.call('LRANGE', set, -(skipped + elements), -(skipped + 1))
end

local function in_window(id)
  return standing[id]
end

local function is_as_asked()
  local last = #ARGV
  if #window ~= last - FIRST + 1 then return false end
  for at = FIRST, last do
    if window[last - at + 1] ~= ARGV[at] then return false end
  end
  return true
end

-- Where each id stands, or nil where it does not stand; and whether nothing is left to ask.
local function places()
  if not is_list then return scores_of(set, state, until_ms) end
  look(#ARGV - FIRST + 1)
  if is_as_asked() then return function() return true end, not until_ms end
  look(tonumber(ARGV[7]))
  standing = {}
  for _, id in ipairs(window) do standing[id] = true end
  return in_window, false
end

local sound_queues = { [q] = true }

local function parent_is_sound(job)
  local _, from = parent_of(job)
  if from and sound_queues[from] == nil then sound_queues[from] = sound(from) end
  return not from or sound_queues[from]
end

-- Removing one job may take another one of the state along only where parents wait: elsewhere all are looked
-- up, and their keys deleted, in one command.
local apart = state == 'waiting-children'
local place, settled
if not apart then place, settled = places() end
local any_locked = not all and any_has(q, ':lock')
local doomed, keys = {}, 0

local function doom(job)
  doomed[keys + 1] = job
  doomed[keys + 2] = job .. ':logs'
  doomed[keys + 3] = job .. ':dependencies'
  doomed[keys + 4] = job .. ':processed'
  doomed[keys + 5] = job .. ':failed'
  doomed[keys + 6] = job .. ':unsuccessful'
  keys = keys + 6
  if all then
    keys = keys + 1
    doomed[keys] = job .. ':lock'
  end
end

local function unlink_doomed()
  if keys > 0 then redis.call('UNLINK', unpack(doomed, 1, keys)) end
  keys = 0
end

local going = {}

-- Removes what belongs to a job; its id is taken out with those of the others. Returns its code.
local function remove(id)
  if going[id] then return NOT_IN_STATE end
  local job = base .. id
  local found
  if settled then
    found = redis.pcall('HMGET', job, 'gid', 'parentKey', 'deid')
  else
    found = redis.pcall('HMGET', job, 'gid', 'parentKey', 'deid', 'timestamp', 'processedOn')
  end
  if found.err then return NOT_A_JOB end
  if not settled then
    local at
    if apart then at = redis.call('ZSCORE', set, id) else at = place(id) end
    local code = untimely(state, at, found[4], found[5], until_ms)
    if code then return code end
  end
  if found[1] then return WRONG_ERA end
  if not all then
    if any_locked and redis.call('EXISTS', job .. ':lock') == 1 then return LOCKED end
    if is_next_iteration(q, job, id) then return SCHEDULER end
  end
  if found[2] then
    spend(3)
    if not parent_is_sound(job) then return DAMAGED end
    unlink_hard(q, job)
  end
  if found[3] then
    spend(1)
    release_deduplication(q, job, id)
  end
  doom(job)
  if apart or keys >= 192 then unlink_doomed() end
  if ERA == 0 then
    redis.call('ZREM', q.priority, id)
    local limited = redis.call('HGET', q['limiter:index'], id)
    if limited then
      redis.call('SREM', limited, id)
      redis.call('HDEL', q['limiter:index'], id)
    end
  end
  going[id] = true
  leave(id)
  return DONE
end

local function take_from_list()
  local places_going, tail = {}, 0
  for at, id in ipairs(window) do
    if going[id] then places_going[#places_going + 1] = at end
  end
  while tail < #window and going[window[#window - tail]] do tail = tail + 1 end
  if skipped == 0 and tail == #places_going then
    redis.call('LTRIM', set, 0, -tail - 1)
    return
  end
  for _, at in ipairs(places_going) do
    redis.call('LSET', set, -(skipped + #window - at + 1), BLANK)
  end
  redis.call('LREM', set, -#places_going, BLANK)
end

local codes = each(remove)
unlink_doomed()
if is_list and left > 0 then
  take_from_list()
else
  take_out(set)
end
return { DONE, codes, removed_parents, released_parents }
