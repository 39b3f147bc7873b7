-- Many jobs of one state, by their ids: each is looked at again, and has its own answer.

-- Whether a state's score is the moment at which the job entered it (spec 1.3).
local TIMED = { completed = true, failed = true, ['waiting-children'] = true }

-- The code that forbids acting on a job, or nil. `at` is its score, or nil if it is not in the state;
-- `times` are its `timestamp` and `processedOn`; `until_ms` is the moment up to which is acted.
local function untimely(state, at, times, until_ms)
  if not at then return NOT_IN_STATE end
  if not until_ms then return nil end
  if TIMED[state] then return tonumber(at) > until_ms and NEWER or nil end
  if (tonumber(times[1] or '') or 0) > until_ms or (tonumber(times[2] or '') or 0) > until_ms then
    return NEWER
  end
  return nil
end

-- The scores of the ids in ARGV from `first` on, asked for in one command where the server has it (since 6.2):
-- a function of the id. What the script itself takes out or puts in meanwhile does not show.
local function scores_of(set, first)
  local found = redis.pcall('ZMSCORE', set, unpack(ARGV, first))
  if found.err then return function(id) return redis.call('ZSCORE', set, id) end end
  local scores = {}
  for at = first, #ARGV do scores[ARGV[at]] = found[at - first + 1] end
  return function(id) return scores[id] end
end

-- Whether a job of those in ARGV from `first` on has one of these keys: most often none has, and then nobody
-- needs to ask for each.
local function any_has(q, first, ...)
  local keys = {}
  for at = first, #ARGV do
    for _, suffix in ipairs({ ... }) do keys[#keys + 1] = q.base .. ARGV[at] .. suffix end
  end
  return #keys > 0 and redis.call('EXISTS', unpack(keys)) > 0
end

-- Does something to one job. A key of a wrong type must not lose the others' answers: Redis takes
-- nothing back of what a script did before.
local function attempt(act, id)
  local ok, code = pcall(act, id)
  return ok and code or DAMAGED
end

-- What a script takes out of a sorted set and adds to a list, each in one command at its end.
local leaving, lining_up = {}, {}

local function leave(id)
  leaving[#leaving + 1] = id
end

-- Whether an id had its turn in this script already: it is still in the set then.
local seen_ids = {}

local function is_repeated(id)
  if seen_ids[id] then return true end
  seen_ids[id] = true
  return false
end

-- Makes a job ready without waking anybody; returns whether it is one with a priority of its own set.
local function line_up(q, list, id, priority, lifo)
  if priority <= 0 then
    if lifo then
      redis.call('RPUSH', list, id)
    else
      lining_up[#lining_up + 1] = id
    end
  elseif ERA == 0 then
    push_by_priority(q, id, priority)
  else
    prioritize(q, id, priority)
    return true
  end
  return false
end

-- Ends a script: moves the ids and wakes one worker. Returns its reply.
local function settle(q, from, codes, list, paused, prioritized)
  if #leaving > 0 then
    redis.call('ZREM', from, unpack(leaving))
    if ERA ~= 0 then trim_events(q) end
    if #lining_up > 0 then redis.call('LPUSH', list, unpack(lining_up)) end
    if ERA == 4 and prioritized then mark_prioritized(q, paused) end
    ready(q, paused)
  end
  return { DONE, codes }
end
