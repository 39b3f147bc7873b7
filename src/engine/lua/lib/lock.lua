-- Giving up a job (spec 3.12).

-- Gives up the lock of a job. The code that forbids it, or nil.
local function unlock(q, id, token)
  local lock = q.base .. id .. ':lock'
  local owner = redis.call('GET', lock)
  if owner ~= token then return owner and OTHERS_LOCK or NO_LOCK end
  redis.call('DEL', lock)
  redis.call('SREM', q.stalled, id)
  return nil
end
