-- Giving up jobs (spec 3.12). The locks of all jobs that a script ends are read in one command and
-- deleted in one.

local freed, freed_locks = {}, {}

-- The owners of the locks of these jobs, by place; false where there is no lock.
local function owners_of(q, jobs)
  local locks = {}
  for i, job in ipairs(jobs) do locks[i] = q.base .. job.id .. ':lock' end
  return redis.call('MGET', unpack(locks))
end

-- The code that forbids giving up a job, or nil. A call that is repeated because its answer was lost
-- knows how many attempts the job has had if the first one arrived.
local function unlock(q, job, attempts)
  if job.owner == job.token then
    freed[#freed + 1] = job.id
    freed_locks[#freed_locks + 1] = q.base .. job.id .. ':lock'
    return nil
  end
  if job.attempts and not job.owner and attempts >= job.attempts then return DONE end
  return job.owner and OTHERS_LOCK or NO_LOCK
end

-- Deletes the locks that were given up.
local function drop_locks(q)
  if not freed[1] then return end
  redis.call('DEL', unpack(freed_locks))
  -- What is no set cannot hold the jobs back either.
  redis.pcall('SREM', q.stalled, unpack(freed))
  freed, freed_locks = {}, {}
end
