-- Deduplication ids, when their owner goes.

-- Frees the id that a job owns; returns the id and its remaining ms (-1: none), or nil.
local function release_deduplication(from, key, member)
  local owned = redis.call('HGET', key, 'deid')
  if not owned then return nil end
  local owner = from.base .. 'de:' .. owned
  -- What is no text names no owner; the job goes all the same, and nothing may fail behind the first write.
  if redis.pcall('GET', owner) ~= member then return nil end
  local ttl = redis.call('PTTL', owner)
  redis.call('DEL', owner, from.base .. 'dn:' .. owned)
  return owned, ttl
end
