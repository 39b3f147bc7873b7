-- Puts a job back that was removed, with all that hung off it, where the ground is still free.
--
-- KEYS  the queue's keys (lib/operation.lua)
-- ARGV  1 era, 2 base, 3 id, 4 state or '' (in none), 5 score or '', 6 the id that ran before it or '',
--       7 score in Bull's index of priorities or '', 8 deduplication id or '', 9 ms since the epoch
--       until which it holds or '', 10 parent's key or '' (it was not waited for), 11 the base of the
--       parent's queue, 12 the parent's id, 13 the parent's score in waiting-children or '', then
--       five times a count and so many values: hash (pairs), log lines, dependencies, processed
--       (pairs), failed (pairs), and one more of unsuccessful (pairs: key, score)
-- Returns { code, left.. }: DONE with what could not be put back, or TAKEN (the id is used again),
--         WRONG_ERA, DAMAGED.
--
-- Undeclared keys: those of its parent and its children, read out of the flow.

local q = declared()
queues[q.base] = q
local id, state = ARGV[3], ARGV[4]
local job = q.base .. id
local LISTS = { wait = true, paused = true, active = true }

local refused = refusal(q)
if refused then return { refused } end
if redis.call('EXISTS', job) == 1 then return { TAKEN } end
local parent_key = ARGV[10]
local parent_queue = parent_key ~= '' and queue_of(ARGV[11])
if parent_queue and not sound(parent_queue) then return { DAMAGED } end
-- What hangs off a job went with it: something of its name is somebody else's, or a rest of damage.
for _, name in ipairs({ ':logs', ':dependencies', ':processed', ':failed', ':unsuccessful' }) do
  if redis.call('EXISTS', job .. name) == 1 then return { DAMAGED } end
end
local awaited = parent_key ~= '' and kind(parent_key .. ':dependencies') or 'none'
if awaited ~= 'none' and awaited ~= 'set' then return { DAMAGED } end

-- The counted values, one block after the other.
local at = 14
local function block()
  local count = tonumber(ARGV[at])
  local values = {}
  for i = 1, count do values[i] = ARGV[at + i] end
  at = at + 1 + count
  return values
end
local fields, logs, pending, processed, ignored, unsuccessful = block(), block(), block(), block(), block(), block()

local left = {}
local function lost(word) left[#left + 1] = word end

-- By parts: unpack has a limit.
local function write(command, key, values, step)
  for from = 1, #values, step do
    redis.call(command, key, unpack(values, from, math.min(from + step - 1, #values)))
  end
end

write('HSET', job, fields, 1000)
write('RPUSH', job .. ':logs', logs, 1000)
write('HSET', job .. ':processed', processed, 1000)
write('HSET', job .. ':failed', ignored, 1000)
for i = 1, #unsuccessful, 2 do
  redis.call('ZADD', job .. ':unsuccessful', unsuccessful[i + 1], unsuccessful[i])
end

-- Children that ended meanwhile told nobody: what became of them is looked up.
local waits = false
for _, child in ipairs(pending) do
  local base, child_id = split(child)
  local there = base and redis.pcall('HMGET', child, 'returnvalue')
  local completed = there and there[1] and redis.pcall('ZSCORE', base .. 'completed', child_id)
  if type(completed) == 'string' then
    redis.call('HSET', job .. ':processed', child, there[1])
  else
    -- A child that is not there is a member of its family that is put back next, or gone for good.
    redis.call('SADD', job .. ':dependencies', child)
    waits = true
  end
end

if state == 'waiting-children' and #pending > 0 and not waits then
  -- Nothing is left to wait for.
  enqueue(q, id, priority_of(job), true)
  emit(q, 'waiting', 'jobId', id, 'prev', 'waiting-children')
  lost('released')
elseif state == 'wait' or state == 'paused' then
  local list, paused = place(q)
  insert_before(list, ARGV[6], id)
  ready(q, paused)
elseif state == 'active' then
  insert_before(q.active, ARGV[6], id)
elseif state ~= '' then
  redis.call('ZADD', q[state], ARGV[5], id)
  if state == 'prioritized' then ready(q, is_paused(q)) end
  if state == 'delayed' and ERA >= 5 then mark_delay(q) end
end
if ARGV[7] ~= '' then redis.call('ZADD', q.priority, ARGV[7], id) end

if ARGV[8] ~= '' then
  local key = q.base .. 'de:' .. ARGV[8]
  local time = redis.call('TIME')
  local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
  local ttl = ARGV[9] ~= '' and tonumber(ARGV[9]) - now
  if ttl and ttl <= 0 then
    lost('deduplication-over')
  elseif redis.call('SETNX', key, id) == 0 then
    lost('deduplication-taken')
  elseif ttl then
    redis.call('PEXPIRE', key, ttl)
  end
end

-- Takes the parent back from where its last child's removal had put it. False: it runs, or ran.
local function call_back(parent_id, score)
  if redis.call('EXISTS', parent_key .. ':lock') == 1 then return false end
  local from = parent_queue
  local found = redis.call('ZREM', from.prioritized, parent_id) == 1 or redis.call('ZREM', from.delayed, parent_id) == 1
  for _, list in ipairs({ from.wait, from.paused }) do
    if not found and redis.call('LLEN', list) <= 200000 then
      found = redis.call('LREM', list, -1, parent_id) > 0
    end
  end
  if found then redis.call('ZADD', from['waiting-children'], score, parent_id) end
  return found
end

if parent_key ~= '' then
  if redis.call('EXISTS', parent_key) == 0 then
    lost('parent-gone')
  elseif redis.call('ZSCORE', parent_queue['waiting-children'], ARGV[12])
    or (ARGV[13] ~= '' and call_back(ARGV[12], ARGV[13])) or ARGV[13] == '' then
    redis.call('SADD', parent_key .. ':dependencies', job)
  else
    lost('parent-runs')
  end
end

if ERA >= 4 then
  local name = redis.call('HGET', job, 'name')
  emit_capped(q, 'added', 'jobId', id, 'name', name or '')
end
return { DONE, unpack(left) }
