-- Many jobs of one state, by their ids: each is looked at again, and has its own answer.
--
-- What every job of a chunk costs is what others wait for, so commands are given for many jobs at once where
-- that can be, and most chunks are jobs that stand in a row and have nothing special about them.

-- Where the ids begin in ARGV.
local FIRST = 8

-- Whether a state's score is the moment at which the job entered it (spec 1.3).
local TIMED = { completed = true, failed = true, ['waiting-children'] = true }

-- The code that forbids acting on a job, or nil. `at` is its score, or nil if it is not in the state;
-- `timestamp` and `processed` are fields of its hash; `until_ms` is the moment up to which is acted.
local function untimely(state, at, timestamp, processed, until_ms)
  if not at then return NOT_IN_STATE end
  if not until_ms then return nil end
  if TIMED[state] then return tonumber(at) > until_ms and NEWER or nil end
  if (tonumber(timestamp or '') or 0) > until_ms or (tonumber(processed or '') or 0) > until_ms then
    return NEWER
  end
  return nil
end

-- The rank from which on exactly the ids stand in the set, in their order, or nil.
local row

local function find_row(set)
  local from = tonumber(ARGV[6])
  local there = redis.call('ZRANGE', set, from, from + #ARGV - FIRST)
  for at = FIRST, #ARGV do
    if there[at - FIRST + 1] ~= ARGV[at] then return end
  end
  row = from
end

-- The scores of the ids, asked for in one command where the server has it (since 6.2): a function of the id.
-- What the script itself takes out or puts in meanwhile does not show. And whether nothing is left to ask: all
-- are there, and in time.
local function scores_of(set, state, until_ms)
  find_row(set)
  if row and not TIMED[state] then return function() return '0' end, not until_ms end
  if row and (not until_ms or tonumber(redis.call('ZSCORE', set, ARGV[#ARGV])) <= until_ms) then return nil, true end
  local found = redis.pcall('ZMSCORE', set, unpack(ARGV, FIRST))
  if found.err then return function(id) return redis.call('ZSCORE', set, id) end, false end
  local scores = {}
  for at = FIRST, #ARGV do scores[ARGV[at]] = found[at - FIRST + 1] end
  return function(id) return scores[id] end, false
end

-- Whether a job has one of up to three more keys: most often none has, and then nobody needs to ask for each.
-- Asked for some jobs at a time, so that the names are gone before they take memory that is not at hand.
local function any_has(q, one, two, three)
  local keys, n, base, last = {}, 0, q.base, #ARGV
  for at = FIRST, last do
    n = n + 1
    keys[n] = base .. ARGV[at] .. one
    if two then
      keys[n + 1] = base .. ARGV[at] .. two
      keys[n + 2] = base .. ARGV[at] .. three
      n = n + 2
    end
    if n >= 96 or at == last then
      if redis.call('EXISTS', unpack(keys, 1, n)) > 0 then return true end
      n = 0
    end
  end
  return false
end

-- What the chunk has cost, in jobs that have nothing special about them. Jobs with parents or owned ids
-- cost more; where they would make others wait for long, the rest is left for the next chunk.
local spent, purse = 0, math.max(100, 2 * (#ARGV - FIRST))

local function spend(jobs)
  spent = spent + jobs
end

-- Does something to each job, and returns the codes: of all, or of as many as could be afforded. A key of a
-- wrong type must not lose the others' answers: Redis takes nothing back of what a script did before.
local function each(act)
  local codes = {}
  for at = FIRST, #ARGV do
    if spent > purse then break end
    spent = spent + 1
    local ok, code = pcall(act, ARGV[at])
    codes[at - FIRST + 1] = ok and code or DAMAGED
  end
  return codes
end

-- What a script takes out of a sorted set and adds to a list, each in one command at its end.
local leaving, left, lining_up, lined_up = {}, 0, {}, 0

local function leave(id)
  left = left + 1
  leaving[left] = id
end

-- Takes the ids that left out of the set. Those of a row go by their ranks.
local function take_out(set)
  if row and left == #ARGV - FIRST + 1 then
    redis.call('ZREMRANGEBYRANK', set, row, row + left - 1)
  elseif left > 0 then
    redis.call('ZREM', set, unpack(leaving))
  end
end

-- Whether an id had its turn in this script already: it is still in the set then.
local seen_ids = {}

local function is_repeated(id)
  if row then return false end
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
      lined_up = lined_up + 1
      lining_up[lined_up] = id
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
  if left > 0 then
    take_out(from)
    if ERA ~= 0 then trim_events(q) end
    if lined_up > 0 then redis.call('LPUSH', list, unpack(lining_up)) end
    if ERA == 4 and prioritized then mark_prioritized(q, paused) end
    ready(q, paused)
  end
  return { DONE, codes }
end
