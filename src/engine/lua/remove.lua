-- Removes a job, with its children unless they are to be kept.
--
-- KEYS  the queue's keys (lib/operation.lua), the job's hash, its lock
-- ARGV  era, base, id, `1` to remove its children
-- Returns a code (lib/codes.lua).
--
-- Undeclared keys: those of its parent, its descendants and their queues, read out of the flow.
--
-- The tree is looked at first, without a write: a lock, a damaged queue or more than CAP
-- descendants refuse the whole. Then it is removed depth first, as the libraries do.

local CAP = 1000
-- Elements of lists that the removal of descendants may walk over: about 100 ms of Redis.
local WALK = 5000000

local q = declared()
queues[q.base] = q
local job, lock, id = KEYS[17], KEYS[18], ARGV[3]
local with_children = ARGV[4] == '1' and ERA ~= 0

local SORTED = { 'completed', 'waiting-children', 'delayed', 'failed', 'prioritized' }
local LISTS = { 'wait', 'paused', 'active' }

local function in_sorted(from, member)
  for _, state in ipairs(SORTED) do
    if redis.call('ZSCORE', from[state], member) then return true end
  end
  return false
end

local function in_list(from, member)
  for _, state in ipairs(LISTS) do
    local at = redis.pcall('LPOS', from[state], member)
    if type(at) == 'number' then return true end
  end
  return false
end

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

-- The next iteration of a scheduler or repeatable: without it nothing adds the one after.
local function is_next_iteration()
  if string.sub(id, 1, 7) ~= 'repeat:' then return false end
  local key
  if ERA == 0 then
    local rule = options_of(job)['repeat']
    key = type(rule) == 'table' and rule.key
  else
    key = redis.call('HGET', job, 'rjk')
  end
  local due = type(key) == 'string' and redis.call('ZSCORE', q['repeat'], key)
  return due and string.sub(id, -#due - 1) == ':' .. due
end

local CONTAINERS = {
  { 'processed', 'HLEN', 'HKEYS' },
  { 'failed', 'HLEN', 'HKEYS' },
  { 'unsuccessful', 'ZCARD' },
  { 'dependencies', 'SCARD', 'SMEMBERS' },
}

-- The children by the key of their parent, for as many as were looked at.
local children, seen, checked, known, walk = {}, { [job] = true }, {}, 0, 0

local function survey(parent, pending)
  local found = {}
  children[parent] = found
  for _, container in ipairs(CONTAINERS) do
    local name, key = container[1], parent .. ':' .. container[1]
    local count = redis.call(container[2], key)
    known = known + count
    if known > CAP then return TOO_MANY end
    local keys = {}
    if count > 0 and name == 'unsuccessful' then
      keys = redis.call('ZRANGE', key, 0, -1)
    elseif count > 0 then
      keys = redis.call(container[3], key)
    end
    for _, child in ipairs(keys) do
      local base, child_id = split(child)
      if base and not seen[child] then
        seen[child] = true
        local from = queue_of(base)
        if not checked[from] then
          if not sound(from) then return DAMAGED end
          checked[from] = true
        end
        local runs = pending and name == 'dependencies'
        if runs and redis.call('EXISTS', child .. ':lock') == 1 then return CHILD_LOCKED end
        if not in_sorted(from, child_id) then
          for _, list in ipairs(LISTS) do walk = walk + redis.call('LLEN', from[list]) end
          if walk > WALK then return TOO_MANY end
        end
        found[#found + 1] = { key = child, queue = from, id = child_id }
        local code = survey(child, runs)
        if code then return code end
      end
    end
  end
  return nil
end

-- Takes an id out of where it is, and returns the name of that key.
local function take(from, member)
  for _, state in ipairs(SORTED) do
    if redis.call('ZREM', from[state], member) == 1 then return state end
  end
  for _, state in ipairs(LISTS) do
    if redis.call('LREM', from[state], 1, member) == 1 then return state end
  end
  return 'unknown'
end

local function release_deduplication(from, key, member)
  local owner = redis.call('HGET', key, 'deid')
  if not owner then return end
  if redis.call('GET', from.base .. 'de:' .. owner) == member then
    redis.call('DEL', from.base .. 'de:' .. owner, from.base .. 'dn:' .. owner)
  end
end

-- Whether there was anything to remove.
local function erase(from, key, member)
  unlink(key)
  for _, child in ipairs(children[key] or {}) do erase(child.queue, child.key, child.id) end
  local prev = take(from, member)
  if ERA >= 5 then release_deduplication(from, key, member) end
  local deleted = delete_job(key)
  if deleted > 0 then emit_capped(from, 'removed', 'jobId', member, 'prev', prev) end
  return deleted > 0 or prev ~= 'unknown'
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
if is_next_iteration() then return SCHEDULER end
if redis.call('EXISTS', lock) == 1 then return LOCKED end
if ERA == 0 then return erase_bull() and DONE or GONE end

local _, parent_queue = parent_of(job)
if parent_queue and not sound(parent_queue) then return DAMAGED end
if with_children then
  local code = survey(job, true)
  if code then return code end
end
return erase(q, job, id) and DONE or GONE
