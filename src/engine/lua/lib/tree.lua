-- A job with its descendants: looked at whole without a write, then removed depth first, as the
-- libraries do.

local CAP = 1000
-- Elements of lists that the removal of descendants may walk over: about 100 ms of Redis.
local WALK = 5000000

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

local CONTAINERS = {
  { 'processed', 'HLEN', 'HKEYS' },
  { 'failed', 'HLEN', 'HKEYS' },
  { 'unsuccessful', 'ZCARD' },
  { 'dependencies', 'SCARD', 'SMEMBERS' },
}

-- The children by the key of their parent, for as many as were looked at.
local children, seen, checked, known, walk = {}, {}, {}, 0, 0

-- The code that forbids the removal of a job's descendants, or nil. `pending`: the job itself is
-- awaited, so that whoever holds the lock of a child it awaits matters.
local function survey(parent, pending)
  local found = {}
  seen[parent] = true
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
