-- Ends a failed attempt of a job that will be tried again (spec 6.3, 7.5).
--
-- KEYS[1]  `meta` of the queue
-- ARGV     1 now ms or '', 2 lock token, 3 lock ms, 4 worker's name or '', 5 '1' = take the next,
--          6 id, 7 failure text, 8 stack traces JSON, 9 ms until the next attempt, 10 '1' = lifo
-- Returns  { code } with -1 no such job, -2 no lock, -3 not active, -6 another's lock;
--          else as fetch.lua

local base = base_of(KEYS[1])
local now = clock(ARGV[1])
local id, delay = ARGV[6], tonumber(ARGV[9])
local key = base .. id

if call('EXISTS', key) == 0 then
  return { -1 }
end
if delay <= 0 then
  local paused, held = gate(base)
  promote_due(base, now, paused, held)
end
local code = unlock(base, id, ARGV[2])
if code < 0 then
  return { code }
end
call('HSET', key, 'failedReason', ARGV[7], 'stacktrace', ARGV[8])
if call('LREM', base .. 'active', -1, id) == 0 then
  return { -3 }
end

if delay <= 0 then
  enqueue(base, id, tonumber(call('HGET', key, 'priority') or 0) or 0, ARGV[10] == '1')
  call('HINCRBY', key, 'atm', 1)
  emit(base, event_limit(base), 'waiting', 'jobId', id, 'prev', 'active')
  return { 0, '', 0, 0, now }
end

call('HINCRBY', key, 'atm', 1)
call('HSET', key, 'delay', delay)
delay_until(base, id, now + delay)
emit(base, event_limit(base), 'delayed', 'jobId', id, 'delay', now + delay)
if ARGV[5] == '1' then
  local reply = fetch(base, { now = now, token = ARGV[2], lock_ms = ARGV[3], worker = ARGV[4] })
  if reply[2] == '' then
    wake_when_due(base)
  end
  return reply
end
wake_when_due(base)
return { 0, '', 0, 0, now }
