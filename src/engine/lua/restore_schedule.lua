-- Puts a scheduler back as it was before an act, where what the act left still stands.
--
-- KEYS  the queue's keys (lib/operation.lua)
-- ARGV  1 era, 2 base, 3 member of `repeat`, 4 the score that the act left or '' (there is none), 5 the id of the
--       job of the next run then or '', 6 the score before or '' (there was none), 7 the id of the job of the next
--       run that went or '', 8 the state it stood in, 9 its score or '', 10 the id that ran before it or '',
--       11 the deduplication id that it owned or '', 12 ms since the epoch until which it held or '', then four
--       times a count and so many values: the definition that the act left (pairs), the one before (pairs), the
--       hash of the job (pairs), the lines of its log
-- Returns a code (lib/codes.lua): CHANGED where something else stands there by now, or the next run was started.
--
-- Undeclared keys: the definition, the two jobs and what hangs off them, the deduplication id.

local q = declared()
local member, left_run, id = ARGV[3], ARGV[5], ARGV[7]
local definition = q.base .. 'repeat:' .. member
local refused = refusal(q)
if refused then return refused end
local found = kind(definition)
if found ~= 'none' and found ~= 'hash' then return DAMAGED end

local at = 13
local function block()
  local count = tonumber(ARGV[at])
  local values = {}
  for i = 1, count do values[i] = ARGV[at + i] end
  at = at + 1 + count
  return values
end
local left, was, fields, logs = block(), block(), block(), block()

local score = redis.call('ZSCORE', q['repeat'], member)
if ARGV[4] == '' then
  if score or found == 'hash' then return CHANGED end
else
  if not score or tonumber(score) ~= tonumber(ARGV[4]) then return CHANGED end
  if redis.call('HLEN', definition) ~= #left / 2 then return CHANGED end
  for i = 1, #left, 2 do
    if redis.call('HGET', definition, left[i]) ~= left[i + 1] then return CHANGED end
  end
end

-- The run that the act made goes, if it was not started.
if left_run ~= '' then
  local job = q.base .. left_run
  if redis.call('EXISTS', job .. ':lock') == 1 then return CHANGED end
  local out = redis.call('ZREM', q.delayed, left_run) == 1 or redis.call('ZREM', q.prioritized, left_run) == 1
  for _, list in ipairs({ q.wait, q.paused }) do
    if not out and redis.call('LLEN', list) <= WALK then out = redis.call('LREM', list, -1, left_run) > 0 end
  end
  if not out then return CHANGED end
  release_deduplication(q, job, left_run)
  delete_job(job)
end
redis.call('ZREM', q['repeat'], member)
redis.call('DEL', definition)

if ARGV[6] ~= '' then
  redis.call('ZADD', q['repeat'], ARGV[6], member)
  if #was > 0 then redis.call('HSET', definition, unpack(was)) end
end

local job = q.base .. id
if id ~= '' and redis.call('EXISTS', job) == 0 then
  for from = 1, #fields, 1000 do
    redis.call('HSET', job, unpack(fields, from, math.min(from + 999, #fields)))
  end
  for from = 1, #logs, 1000 do
    redis.call('RPUSH', job .. ':logs', unpack(logs, from, math.min(from + 999, #logs)))
  end
  local state, pivot = ARGV[8], ARGV[10]
  if state == 'delayed' or state == 'prioritized' then
    redis.call('ZADD', q[state], ARGV[9], id)
    if state == 'prioritized' then ready(q, is_paused(q)) end
  else
    local list, paused = place(q)
    insert_before(list, pivot, id)
    ready(q, paused)
  end
  if ARGV[11] ~= '' then
    local key = q.base .. 'de:' .. ARGV[11]
    local ttl = ARGV[12] ~= '' and tonumber(ARGV[12]) - server_time()
    if (not ttl or ttl > 0) and redis.call('SETNX', key, id) == 1 and ttl then
      redis.call('PEXPIRE', key, string.format('%.0f', ttl))
    end
  end
end
if ERA >= 5 then mark_delay(q) end
return DONE
