-- Removes jobs of one state, by their ids.
--
-- KEYS  the queue's keys (lib/operation.lua)
-- ARGV  1 era, 2 base, 3 state, 4 only jobs up to this moment, ms, or '', 5 `1` to take also what
--       runs and the next runs of schedulers, 6 elements of a list to step over at its tail,
--       7 elements to look at there, 8.. ids
-- Returns { code } for the whole, or { DONE, { code of each id }, { key of each parent that went
-- along }, { key of each parent that was released } }.
--
-- Undeclared keys: the jobs', and those of their parents.
--
-- An id of a list is looked for only in the part that the caller has just read: a walk over the
-- whole list for each job is what makes others wait (20 ms a million elements).

local q = declared()
queues[q.base] = q
local state, until_ms, all = ARGV[3], tonumber(ARGV[4]), ARGV[5] == '1'
local set = q[state]
local is_list = state == 'wait' or state == 'paused' or state == 'active'

-- In the place of an id that goes: every reader takes it for a wake-up marker.
local BLANK = '0:removed'

local refused = refusal(q)
if refused then return { refused } end

-- Elements of the list that were looked at, and the places of each id in it.
local window, places, skipped = {}, {}, tonumber(ARGV[6])
if is_list then
  window = redis.call('LRANGE', set, -(skipped + tonumber(ARGV[7])), -(skipped + 1))
  for at, id in ipairs(window) do
    places[id] = places[id] or {}
    table.insert(places[id], at)
  end
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
local score = not is_list and not apart and scores_of(set, 8)
local any_locked = not all and any_has(q, 8, ':lock')
local PARTS = { '', ':logs', ':dependencies', ':processed', ':failed', ':unsuccessful' }
local WITH_LOCK = { ':lock', unpack(PARTS) }
local doomed = {}

local function unlink_doomed()
  if #doomed > 0 then redis.call('UNLINK', unpack(doomed)) end
  doomed = {}
end

-- Removes what belongs to a job; its id is taken out with those of the others. Returns its code.
local function remove(id)
  local job = q.base .. id
  local at = places[id]
  if score then
    at = score(id)
  elseif not is_list then
    at = redis.call('ZSCORE', set, id)
  end
  local found = redis.pcall('HMGET', job, 'timestamp', 'processedOn', 'gid', 'parentKey', 'deid')
  if found.err then return NOT_A_JOB end
  local code = untimely(state, at, found, until_ms)
  if code then return code end
  if found[3] then return WRONG_ERA end
  if not all then
    if any_locked and redis.call('EXISTS', job .. ':lock') == 1 then return LOCKED end
    if is_next_iteration(q, job, id) then return SCHEDULER end
  end
  if found[4] then
    if not parent_is_sound(job) then return DAMAGED end
    unlink_hard(q, job)
  end
  if found[5] then release_deduplication(q, job, id) end
  for _, suffix in ipairs(all and WITH_LOCK or PARTS) do doomed[#doomed + 1] = job .. suffix end
  if apart then unlink_doomed() end
  if ERA == 0 then
    redis.call('ZREM', q.priority, id)
    local limited = redis.call('HGET', q['limiter:index'], id)
    if limited then
      redis.call('SREM', limited, id)
      redis.call('HDEL', q['limiter:index'], id)
    end
  end
  return DONE
end

local codes, going, count = {}, {}, 0
for at = 8, #ARGV do
  local id = ARGV[at]
  local code = going[id] and NOT_IN_STATE or attempt(remove, id)
  codes[#codes + 1] = code
  if code == DONE then
    going[id] = true
    count = count + 1
  end
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

unlink_doomed()
if count > 0 then
  if is_list then
    take_from_list()
  else
    local ids = {}
    for id in pairs(going) do ids[#ids + 1] = id end
    redis.call('ZREM', set, unpack(ids))
  end
end
return { DONE, codes, removed_parents, released_parents }
