-- Ends a job as completed or failed, and takes the next one (spec 6.2).
--
-- KEYS[1]  `meta` of the queue
-- ARGV     1 now ms or '', 2 lock token, 3 lock ms, 4 worker's name or '', 5 '1' = take the next,
--          6 id, 7 'completed' or 'failed', 8 value JSON or failure text, 9 stack traces JSON or '',
--          10 attempts allowed, 11 metric points to keep (0 = none),
--          12 '1' = keep the job, 13 keep age ms or '', 14 keep count or '', 15 age limit a call
-- Returns  { GONE }, { NO_LOCK }, { OTHERS_LOCK }, { NOT_IN_STATE }, { CHILDREN_PENDING } or
--          { CHILD_FAILED }; else as `fetch` in lib/fetch.lua
--
-- A job that was started is ended whatever the queue looks like by now; only a next one is not taken.

local q = queue_of(base_of(KEYS[1]))
local now = clock(ARGV[1])
local id, state, value = ARGV[6], ARGV[7], ARGV[8]
local key = q.base .. id
local completed = state == 'completed'

if redis.call('EXISTS', key) == 0 then
  return { GONE }
end
if completed then
  if redis.call('SCARD', key .. ':dependencies') > 0 then
    return { CHILDREN_PENDING }
  end
  if redis.call('ZCARD', key .. ':unsuccessful') > 0 then
    return { CHILD_FAILED }
  end
end
local refused = unlock(q, id, ARGV[2])
if refused then
  return { refused }
end
if not completed then
  redis.call('HSET', key, 'failedReason', value, 'stacktrace', ARGV[9])
end
if redis.call('LREM', q.active, -1, id) == 0 then
  return { NOT_IN_STATE }
end
trim_events(q)

local dedup = redis.call('HGET', key, 'deid')
if dedup then
  free_dedup(q, id, dedup)
end
local parent, parent_queue, parent_id, link = parent_of(key)
if parent and completed then
  child_completed(parent_queue, parent_id, key, value, now)
elseif parent then
  child_failed(parent_queue, parent_id, link, key, value, now)
end

local attempts = redis.call('HINCRBY', key, 'atm', 1)
if ARGV[12] == '1' then
  redis.call('ZADD', q[state], now, id)
  redis.call('HSET', key, completed and 'returnvalue' or 'failedReason', value, 'finishedOn', now)
  if not completed then
    redis.call('HDEL', key, 'defa')
  end
  evict(q, state, ARGV[13], ARGV[14], tonumber(ARGV[15]), now)
else
  evict_job(key)
end
emit(q, state, 'jobId', id, completed and 'returnvalue' or 'failedReason', value, 'prev', 'active')
if not completed and attempts >= tonumber(ARGV[10]) then
  emit(q, 'retries-exhausted', 'jobId', id, 'attemptsMade', attempts)
end
if ARGV[11] ~= '0' then
  count_metric(q, state, tonumber(ARGV[11]), now)
end

if ARGV[5] == '1' and not refusal(q) then
  local reply, telling = fetch(q, { now = now, token = ARGV[2], lock_ms = ARGV[3], worker = ARGV[4] })
  if telling then
    return reply
  end
end
if redis.call('LLEN', q.wait) == 0 and redis.call('LLEN', q.active) == 0
  and redis.call('ZCARD', q.prioritized) == 0 then
  emit(q, 'drained')
end
return { 0, '', 0, 0, now }
