-- Ends a job as completed or failed, and takes the next one (spec 6.2).
--
-- KEYS[1]  `meta` of the queue
-- ARGV     1 now ms or '', 2 lock token, 3 lock ms, 4 worker's name or '', 5 '1' = take the next,
--          6 id, 7 'completed' or 'failed', 8 value JSON or failure text, 9 stack traces JSON or '',
--          10 attempts allowed, 11 metric points to keep (0 = none),
--          12 '1' = keep the job, 13 keep age ms or '', 14 keep count or '', 15 age limit a call
-- Returns  { code } with -1 no such job, -2 no lock, -3 not active, -4 children pending,
--          -6 another's lock, -9 a child failed; else as fetch.lua

local base = base_of(KEYS[1])
local now = clock(ARGV[1])
local id, state, value = ARGV[6], ARGV[7], ARGV[8]
local key = base .. id
local completed = state == 'completed'

if call('EXISTS', key) == 0 then
  return { -1 }
end
if completed then
  if call('SCARD', key .. ':dependencies') > 0 then
    return { -4 }
  end
  if call('ZCARD', key .. ':unsuccessful') > 0 then
    return { -9 }
  end
end
local code = unlock(base, id, ARGV[2])
if code < 0 then
  return { code }
end
if not completed then
  call('HSET', key, 'failedReason', value, 'stacktrace', ARGV[9])
end
if call('LREM', base .. 'active', -1, id) == 0 then
  return { -3 }
end
trim_events(base)

local links = call('HMGET', key, 'parentKey', 'parent', 'deid')
if links[3] then
  free_dedup(base, id, links[3])
end
local parent_base, parent_id, link = parent_of(links[1], links[2])
if parent_base then
  if completed then
    child_completed(parent_base, parent_id, key, value, now)
  else
    child_failed(parent_base, parent_id, link, key, value, now)
  end
end

local attempts = call('HINCRBY', key, 'atm', 1)
if ARGV[12] == '1' then
  call('ZADD', base .. state, now, id)
  call('HSET', key, completed and 'returnvalue' or 'failedReason', value, 'finishedOn', now)
  if not completed then
    call('HDEL', key, 'defa')
  end
  evict(base, state, ARGV[13], ARGV[14], tonumber(ARGV[15]), now)
else
  evict_job(base, id)
end
emit(base, nil, state, 'jobId', id, completed and 'returnvalue' or 'failedReason', value, 'prev', 'active')
if not completed and attempts >= tonumber(ARGV[10]) then
  emit(base, nil, 'retries-exhausted', 'jobId', id, 'attemptsMade', attempts)
end
if ARGV[11] ~= '0' then
  count_metric(base, state, tonumber(ARGV[11]), now)
end

if ARGV[5] == '1' then
  local reply, telling = fetch(base, { now = now, token = ARGV[2], lock_ms = ARGV[3], worker = ARGV[4] })
  if telling then
    return reply
  end
end
if call('LLEN', base .. 'wait') == 0 and call('LLEN', base .. 'active') == 0
  and call('ZCARD', base .. 'prioritized') == 0 then
  emit(base, nil, 'drained')
end
return { 0, '', 0, 0, now }
