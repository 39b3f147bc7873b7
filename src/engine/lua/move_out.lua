-- Takes a job that nobody runs any more out of `active` (spec 4.12, 6.6): a worker died, and no
-- other one looks for its stalled jobs.
--
-- KEYS  the queue's keys (lib/operation.lua), the job's hash, its lock
-- ARGV  era, base, id, `wait` or `failed`, failure text, its stack trace, now ms or ''
-- Returns a code (lib/codes.lua).
--
-- Undeclared keys: those of its parent and, where its options say that failed jobs go, of those.

local q = declared()
queues[q.base] = q
local job, lock, id = KEYS[17], KEYS[18], ARGV[3]

-- Appends to the stack traces, of which as many stay as the job's option says.
local function traced(text)
  local ok, traces = pcall(cjson.decode, redis.call('HGET', job, 'stacktrace') or '[]')
  if not ok or type(traces) ~= 'table' then traces = {} end
  traces[#traces + 1] = text
  local limit = tonumber(options_of(job).stackTraceLimit)
  while limit and #traces > limit do table.remove(traces, 1) end
  return #traces > 0 and cjson.encode(traces) or '[]'
end

-- What the job's option says about failed jobs: whether this one stays, and which others do.
local function keep_policy()
  local option = options_of(job).removeOnFail
  if option == true then option = 0 end
  if type(option) == 'number' then option = { count = option } end
  if type(option) ~= 'table' then return true, '', '', 1000 end
  local age = tonumber(option.age)
  return tonumber(option.count) ~= 0, age and age * 1000 or '', tonumber(option.count) or '',
    tonumber(option.limit) or 1000
end

local function fail(reason, trace, now)
  redis.call('HSET', job, 'failedReason', reason, 'stacktrace', traced(trace))
  trim_events(q)
  local dedup = redis.call('HGET', job, 'deid')
  if dedup then free_dedup(q, id, dedup) end
  local parent, parent_queue, parent_id, link = parent_of(job)
  if parent then child_failed(parent_queue, parent_id, link, job, reason, now) end

  local attempts = redis.call('HINCRBY', job, 'atm', 1)
  local allowed = tonumber(options_of(job).attempts) or 0
  local keep, age, count, limit = keep_policy()
  if keep then
    redis.call('ZADD', q.failed, now, id)
    redis.call('HSET', job, 'finishedOn', now)
    redis.call('HDEL', job, 'defa')
    evict(q, 'failed', age, count, limit, now)
  else
    evict_job(job)
  end
  emit(q, 'failed', 'jobId', id, 'failedReason', reason, 'prev', 'active')
  if attempts >= allowed then emit(q, 'retries-exhausted', 'jobId', id, 'attemptsMade', attempts) end
  if redis.call('EXISTS', q.wait, q.active, q.prioritized) == 0 then emit(q, 'drained') end
end

local refused = refusal(q) or unfit(job)
if refused then return refused end
if redis.call('EXISTS', lock) == 1 then return LOCKED end
if redis.call('LREM', q.active, -1, id) == 0 then return NOT_IN_STATE end

if ARGV[4] == 'failed' then
  fail(ARGV[5], ARGV[6], server_time(ARGV[7]))
  return DONE
end
local priority = priority_of(job)
if ERA > 0 and priority > 0 then
  push_to_front_of_class(q, id, priority)
else
  push(q, 'RPUSH', id)
end
if ERA == 0 then
  publish_waiting(q, id)
else
  emit_capped(q, 'waiting', 'jobId', id, 'prev', 'active')
end
return DONE
