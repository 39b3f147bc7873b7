-- Ends a failed attempt of a job that will be tried again (spec 6.3, 7.5).
--
-- KEYS[1]  `meta` of the queue
-- ARGV     1 now ms or '', 2 lock token, 3 lock ms, 4 worker's name or '', 5 '1' = take the next,
--          6 id, 7 failure text, 8 stack traces JSON, 9 ms until the next attempt, 10 '1' = lifo
-- Returns  { GONE }, { NO_LOCK }, { OTHERS_LOCK } or { NOT_IN_STATE }; else as `fetch` in lib/fetch.lua
--
-- A job that was started is ended whatever the queue looks like by now; only a next one is not taken.

local q = queue_of(base_of(KEYS[1]))
local now = clock(ARGV[1])
local id, delay = ARGV[6], tonumber(ARGV[9])
local key = q.base .. id

if redis.call('EXISTS', key) == 0 then
  return { GONE }
end
if delay <= 0 then
  local paused = is_paused(q)
  promote_due(q, now, paused, paused or is_full(q, redis.call('HGET', q.meta, 'concurrency')))
end
local refused = unlock(q, id, ARGV[2])
if refused then
  return { refused }
end
redis.call('HSET', key, 'failedReason', ARGV[7], 'stacktrace', ARGV[8])
if redis.call('LREM', q.active, -1, id) == 0 then
  return { NOT_IN_STATE }
end

if delay <= 0 then
  enqueue(q, id, priority_of(key), ARGV[10] == '1')
  redis.call('HINCRBY', key, 'atm', 1)
  emit_capped(q, 'waiting', 'jobId', id, 'prev', 'active')
  return { 0, '', 0, 0, now }
end

redis.call('HINCRBY', key, 'atm', 1)
redis.call('HSET', key, 'delay', delay)
delay_until(q, id, now + delay)
emit_capped(q, 'delayed', 'jobId', id, 'delay', now + delay)
if ARGV[5] == '1' and not refusal(q) then
  local reply = fetch(q, { now = now, token = ARGV[2], lock_ms = ARGV[3], worker = ARGV[4] })
  if reply[2] == '' then
    mark_delay(q)
  end
  return reply
end
mark_delay(q)
return { 0, '', 0, 0, now }
