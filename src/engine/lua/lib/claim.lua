-- Deduplication of what comes into a queue (spec 4.7): `de:<id>` names the job that owns an id.
--
-- Redis 5 has no KEEPTTL: a time-to-live that must stay is read and set again, which within a script
-- is the same.

local OWNED = 2

-- Whether a job runs. Its lock tells without a look at the list; one that has lost its lock is looked
-- for in `active`, which is as long as the workers are many.
local function is_active(q, id)
  if redis.call('EXISTS', q.base .. id .. ':lock') == 1 then return true end
  local at = redis.pcall('LPOS', q.active, id)
  if type(at) ~= 'table' then return at and true or false end
  for _, other in ipairs(redis.call('LRANGE', q.active, 0, 9999)) do
    if other == id then return true end
  end
  return false
end

-- Makes a job the owner. `ttl` in ms; nil is none.
local function own(key, id, ttl)
  if ttl then
    redis.call('SET', key, id, 'PX', ttl)
  else
    redis.call('SET', key, id)
  end
end

-- BullMQ 5 tells of it by an older name first.
local function tell_deduplicated(q, dedup, owner, dropped)
  if major(q) == 5 then tell(q, 'debounced', 'jobId', owner, 'debounceId', dedup) end
  tell(q, 'deduplicated', 'jobId', owner, 'deduplicationId', dedup, 'deduplicatedJobId', dropped)
end

-- Takes the deduplication id of a job. Nil: the job is to be added, and owns it. Else the owner's id.
local function claim(q, job)
  local key, modes = q.base .. 'de:' .. job.dedup, job.dedup_modes or ''
  local function mode(letter) return string.find(modes, letter, 1, true) ~= nil end
  local keep_last, replace, extend = mode('k'), mode('r'), mode('e')
  local ttl = not keep_last and tonumber(job.dedup_ttl) or nil

  local owner = redis.call('GET', key)
  if not owner then
    own(key, job.id, ttl)
    return nil
  end
  local left = redis.call('PTTL', key)

  if replace and redis.call('ZREM', q.delayed, owner) == 1 then
    delete_job(q.base .. owner)
    redis.call('DEL', q.base .. 'dn:' .. job.dedup)
    emit(q, 'removed', 'jobId', owner, 'prev', 'delayed')
    tell_deduplicated(q, job.dedup, job.id, owner)
    if ttl and not extend then ttl = left > 0 and left or nil end
    own(key, job.id, ttl)
    return nil
  end
  -- An owner that is gone without having freed the id, which would then be taken for ever.
  if left == -1 and redis.call('EXISTS', q.base .. owner) == 0 then
    redis.call('DEL', q.base .. 'dn:' .. job.dedup)
    own(key, job.id, ttl)
    return nil
  end
  if keep_last and is_active(q, owner) then
    set_aside(q, job)
    redis.call('PERSIST', key)
    tell_deduplicated(q, job.dedup, owner, job.id)
    return owner
  end
  if replace then return owner end

  if ttl and extend then own(key, owner, ttl) end
  tell_deduplicated(q, job.dedup, owner, job.id)
  if mode('s') and redis.call('ZREM', q.delayed, owner) == 1 then
    local due = job.timestamp + (job.delay or 0)
    redis.call('HSET', q.base .. owner, 'delay', job.delay or '0')
    delay_until(q, owner, due)
    batch_of(q).delayed = true
    tell(q, 'delayed', 'jobId', owner, 'delay', due)
  end
  return owner
end
