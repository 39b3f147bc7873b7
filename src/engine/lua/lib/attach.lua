-- Jobs that exist and become the children of another parent (spec 4.6).

-- The parent of a job, as the hash says; a script that is about to write more says more.
local function stored_parent(key)
  return redis.call('HGET', key, 'parentKey') or nil
end

-- Whether the job is the parent itself or one of its ancestors: it would wait for its own end.
local function is_above(key, parent, parent_key_of)
  for _ = 1, 1000 do
    if parent == key then return true end
    parent = parent_key_of(parent)
    if not parent then return false end
  end
  return true
end

-- Makes the stored job the child of `job.parent_key`. Whether it was done already: then its parent
-- may have nothing left to wait for.
local function attach(q, job)
  local key = q.base .. job.id
  local completed = redis.call('ZSCORE', q.completed, job.id)
  if completed then
    redis.call('HSET', job.parent_key .. ':processed', key, redis.call('HGET', key, 'returnvalue') or 'null')
  else
    redis.call('SADD', job.parent_key .. ':dependencies', key)
  end
  redis.call('HSET', key, 'parentKey', job.parent_key, 'parent', job.parent)
  return completed and true or false
end
