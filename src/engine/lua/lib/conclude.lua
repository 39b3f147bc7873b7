-- The end of a job that a worker ran (spec 6.2).

-- The finished jobs that are still to be filed under `completed` or `failed`, and how many there were.
local filed = { completed = {}, failed = {} }
local finished = { completed = 0, failed = 0 }

-- Errors of jobs that could not be filed, by id. They stay active, for the stalled check to find.
local unfiled = {}

-- Files the finished jobs of a state, all in one command. `stamp`: now as text, because Redis formats a
-- number at length each time that it is passed.
local function file(q, state, stamp)
  local ids = filed[state]
  if not ids[1] then return end
  filed[state] = {}
  local members = {}
  for _, id in ipairs(ids) do
    members[#members + 1] = stamp
    members[#members + 1] = id
  end
  local done = redis.pcall('ZADD', q[state], unpack(members))
  if type(done) == 'table' then
    redis.pcall('LPUSH', q.active, unpack(ids))
    for _, id in ipairs(ids) do unfiled[id] = done.err end
  end
end

-- Ends a job as completed or failed (spec 6.2); returns a code. `childless`: no job of the script has
-- children that are pending or failed. job.rule is the keep policy: '' all, '0' nothing, or age in ms,
-- count and age limit a call with commas between, each may be empty.
local function finish_job(q, job, now, stamp, childless)
  local id, key = job.id, q.base .. job.id
  local state = job.completed and 'completed' or 'failed'
  local fields = redis.call('HMGET', key, 'timestamp', 'atm', 'deid', 'parentKey', 'defa')
  if not fields[1] and redis.call('EXISTS', key) == 0 then return GONE end
  if job.completed and not childless then
    if redis.call('SCARD', key .. ':dependencies') > 0 then return CHILDREN_PENDING end
    if redis.call('ZCARD', key .. ':unsuccessful') > 0 then return CHILD_FAILED end
  end
  local attempts = tonumber(fields[2]) or 0
  local refused = unlock(q, job, attempts)
  if refused then return refused end
  attempts = attempts + 1
  local made = attempts == 1 and '1' or attempts
  local grave, no_grave
  if job.grave then grave, no_grave = rarely().grave_of(job.grave) end
  if redis.call('LREM', q.active, -1, id) == 0 then
    if not job.completed then redis.call('HSET', key, 'failedReason', job.text, 'stacktrace', job.stack) end
    return NOT_IN_STATE
  end
  job.left = true

  if fields[3] then
    rarely().free_dedup(q, id, fields[3])
    rarely().requeue_parked(q, fields[3], now)
  end
  if fields[4] then
    local parent, parent_queue, parent_id, link = rarely().parent_of(key)
    if parent and job.completed then
      rarely().child_completed(parent_queue, parent_id, key, job.text, now)
    elseif parent then
      rarely().child_failed(parent_queue, parent_id, link, key, job.text, now)
    end
  end

  local dead = grave and rarely().bury(grave, job, key, fields[4], now)
  if dead and not job.stays then
    rarely().delete_job(key)
  elseif job.rule == '0' then
    if fields[4] then rarely().unlink(key) end
    rarely().delete_job(key)
  else
    if job.completed then
      redis.call('HSET', key, 'atm', made, 'returnvalue', job.text, 'finishedOn', stamp)
    else
      redis.call('HSET', key, 'atm', made, 'failedReason', job.text, 'stacktrace', job.stack, 'finishedOn', stamp)
      if fields[5] then redis.call('HDEL', key, 'defa') end
    end
    local others = filed[state]
    others[#others + 1] = id
    if job.rule ~= '' then
      file(q, state, stamp)
      local age, count, limit = string.match(job.rule, '^(%d*),(%d*),(%d*)$')
      rarely().evict(q, state, age, count, tonumber(limit), now)
    end
  end
  finished[state] = finished[state] + 1
  emit(q, state, 'jobId', id, job.completed and 'returnvalue' or 'failedReason', job.text, 'prev', 'active')
  if not job.completed and attempts >= job.number then
    emit(q, 'retries-exhausted', 'jobId', id, 'attemptsMade', attempts)
  end
  if dead then return { 0, dead } end
  if no_grave then return { no_grave, '' } end
  return 0
end
