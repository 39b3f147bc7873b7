-- Parents and children. Their keys are read out of hashes and sets and stand in no KEYS.

local probed = {}

local function probe(key, wanted)
  if probed[key] == nil then probed[key] = kind(key) end
  return probed[key] == wanted
end

-- Takes a job's key apart. Ids may contain colons (trap T9) and so may prefixes, so every split
-- is tried, and the one counts whose queue has given out ids; a phantom queue never did.
local function split(key)
  local candidates, colons = {}, 0
  for at = 1, #key do
    if string.byte(key, at) == 58 then
      colons = colons + 1
      if colons > 1 and at < #key then candidates[#candidates + 1] = at end
    end
  end
  for _, evidence in ipairs({ { 'id', 'string' }, { 'meta', 'hash' } }) do
    for _, at in ipairs(candidates) do
      local base = string.sub(key, 1, at)
      if probe(base .. evidence[1], evidence[2]) then return base, string.sub(key, at + 1) end
    end
  end
  local last = candidates[#candidates]
  if not last then return nil end
  return string.sub(key, 1, last), string.sub(key, last + 1)
end

-- The parent of a job, if it is linked to one which exists: its key, queue and id, and the link
-- with the flags that say what a failed child does to it.
local function parent_of(job)
  local named = redis.call('HMGET', job, 'parentKey', 'parent')
  local key = named[1]
  if not key or kind(key) ~= 'hash' then return nil end
  local ok, link = pcall(cjson.decode, named[2] or '')
  if not ok or type(link) ~= 'table' then link = {} end
  if type(link.queueKey) == 'string' and type(link.id) == 'string' and link.queueKey .. ':' .. link.id == key then
    return key, queue_of(link.queueKey .. ':'), link.id, link
  end
  local base, id = split(key)
  if not base then return nil end
  return key, queue_of(base), id, link
end

-- Whether a parent's queue is not of the era that the script writes, or damaged.
local function is_foreign(q)
  return refusal(q) ~= nil
end

-- Makes a parent ready in such a queue: workers of every release take from this side of the list.
local function push_foreign(q, id)
  redis.call('RPUSH', is_paused(q) and q.paused or q.wait, id)
end

-- Cuts a pending child from its parent; a parent that waits for nothing more is next in line. Whether
-- the child was pending.
local function unlink(job)
  local key, q, id = parent_of(job)
  if not key or redis.call('SREM', key .. ':dependencies', job) == 0 then return false end
  if redis.call('SCARD', key .. ':dependencies') == 0 and redis.call('ZREM', q['waiting-children'], id) == 1 then
    if is_foreign(q) then
      push_foreign(q, id)
    else
      push(q, 'RPUSH', id)
    end
    emit(q, 'waiting', 'jobId', id, 'prev', 'waiting-children')
  end
  return true
end
