-- Puts back what an edit replaced, where what it wrote still stands: nothing newer is overwritten.
--
-- KEYS  the queue's keys (lib/operation.lua), the job's hash, its lock
-- ARGV  1 era, 2 base, 3 id or '' (the queue's `meta` was edited), 4 `priority`, `delay` or '',
--       5 the state it stood in or '', 6 its score or '', 7 the id that ran before it or '',
--       8 the score that the edit gave it or '', 9 a key that went (`limiter`, `de:<id>`: its name behind the base)
--       or '', 10 ms since the epoch until which it held or '', 11 what it held, 12 '1' where a log line was
--       added, 13 that line, 14 how many log lines went, the lines, then five values a field: name, `1` and what
--       was written, or `0` and '', and the same of what was there before
-- Returns a code (lib/codes.lua): CHANGED where something else stands there by now, OVER where the time is over
-- that a key held for.

local q = declared()
local id, moved, state = ARGV[3], ARGV[4], ARGV[5]
local job = KEYS[17]
local target = id ~= '' and job or q.meta

local refused = refusal(q)
if not refused and id ~= '' then refused = unfit(job) end
if refused then return refused end

local lines = tonumber(ARGV[14])
local first = 15 + lines
local added = ARGV[12] == '1'
for at = first, #ARGV, 5 do
  local now = redis.call('HGET', target, ARGV[at])
  local wanted = ARGV[at + 1] == '1' and ARGV[at + 2] or false
  if now ~= wanted then return CHANGED end
end
local key = ARGV[9] ~= '' and q.base .. ARGV[9]
local ttl = key and ARGV[10] ~= '' and tonumber(ARGV[10]) - server_time()
if key and redis.call('EXISTS', key) == 1 then return CHANGED end
if ttl and ttl <= 0 then return OVER end
if lines > 0 or added then
  local found = kind(job .. ':logs')
  if found ~= 'none' and found ~= 'list' then return DAMAGED end
  if added and redis.call('LINDEX', job .. ':logs', -1) ~= ARGV[13] then return CHANGED end
end

-- Where the edit put it; a job that moved on, or was moved again, is left where it is.
local function still(set)
  local score = redis.call('ZSCORE', q[set], id)
  return score and (ARGV[8] == '' or tonumber(score) == tonumber(ARGV[8]))
end

-- Before the id `pivot`, which runs earlier, or as the next to run.
local function insert(pivot)
  local list, paused = place(q)
  insert_before(list, pivot, id)
  ready(q, paused)
end

if moved == 'delay' then
  if not still('delayed') then return CHANGED end
  redis.call('ZADD', q.delayed, ARGV[6], id)
  if ERA >= 5 then mark_delay(q) else mark_delay_in_list(q) end
elseif moved == 'priority' and state ~= '' then
  local found = still('prioritized') and redis.call('ZREM', q.prioritized, id) == 1
  for _, list in ipairs({ q.wait, q.paused }) do
    if not found and ARGV[8] == '' then found = redis.call('LREM', list, -1, id) == 1 end
  end
  if not found then return CHANGED end
  if state == 'prioritized' then
    redis.call('ZADD', q.prioritized, ARGV[6], id)
    if ERA == 4 then mark_prioritized(q, is_paused(q)) else ready(q, is_paused(q)) end
  else
    insert(ARGV[7])
  end
  -- The marker of a prioritized job that is none any more.
  if ERA == 4 and redis.call('EXISTS', q.prioritized) == 0 then redis.call('LREM', q.wait, 1, '0:0') end
end

for at = first, #ARGV, 5 do
  if ARGV[at + 3] == '1' then
    redis.call('HSET', target, ARGV[at], ARGV[at + 4])
  else
    redis.call('HDEL', target, ARGV[at])
  end
end
if added then redis.call('RPOP', job .. ':logs') end
for at = 14 + lines, 15, -1 do redis.call('LPUSH', job .. ':logs', ARGV[at]) end
if key and ttl then
  redis.call('SET', key, ARGV[11], 'PX', string.format('%.0f', ttl))
elseif key then
  redis.call('SET', key, ARGV[11])
end
if id == '' and redis.call('EXISTS', q.wait, q.prioritized) > 0 then ready(q, is_paused(q)) end
return DONE
