-- Adds one job that has nothing rare about it: neither parent nor children, no scheduler, no
-- deduplication id; to a queue that runs and that we have added to before. Anything else is left, before
-- the first write, to add.lua, whose steps these are.
--
-- Redis runs the whole file at every call, so that each function defined costs every job: this file has
-- none, and shares none.
--
-- KEYS[1]  `meta` of the queue
-- ARGV     as those of add.lua, with one row of letters i, t, d, p and l
-- Returns  the id, or nil: nothing was written, add.lua is to be called

local call = redis.call
local base = string.sub(KEYS[1], 1, -5)
local meta = call('HMGET', KEYS[1], 'library', 'paused', 'opts.maxLenEvents', 'concurrency', 'version')
-- Where our name stands the queue was looked at when it was written; what would make it another
-- library's since then is looked for each time.
if meta[1] ~= ARGV[1] or meta[2] or not meta[3] or meta[5] and string.find(meta[5], 'pro', 1, true)
  or call('EXISTS', base .. 'meta-paused', base .. 'groups') > 0 then
  return nil
end

local letters, name = ARGV[3], ARGV[4]
local id, timestamp, delay, priority, lifo
if letters ~= '' then
  for place = 1, #letters do
    local letter, value = string.sub(letters, place, place), ARGV[6 + place]
    if letter == 'i' then id = value
    elseif letter == 't' then timestamp = value
    elseif letter == 'd' then delay = tonumber(value)
    elseif letter == 'p' then priority = tonumber(value)
    elseif letter == 'l' then lifo = true
    else return nil end
  end
  if delay and delay <= 0 or id and call('EXISTS', base .. id) == 1 then return nil end
end

-- Redis takes nothing back: what will hold the id is looked at before the first write.
local place, holder = base .. 'wait', 'list'
if delay then
  place, holder = base .. 'delayed', 'zset'
elseif priority then
  place, holder = base .. 'prioritized', 'zset'
  local counter = call('TYPE', base .. 'pc').ok
  if counter ~= 'string' and counter ~= 'none' then return nil end
end
local found = call('TYPE', place).ok
if found ~= holder and found ~= 'none' then return nil end

if not timestamp then
  timestamp = ARGV[2]
  if timestamp == '' then
    -- Seconds, and of the microseconds the first three of six digits: text, which costs less to pass on
    -- than a number.
    local time = call('TIME')
    timestamp = time[1] .. string.sub('00000' .. time[2], -6, -4)
  end
end

local counter = call('INCR', base .. 'id')
id = id or string.format('%.0f', counter)
local events = base .. 'events'
call('XADD', events, '*', 'event', 'added', 'jobId', id, 'name', name)
call('HSET', base .. id, 'name', name, 'data', ARGV[5], 'opts', ARGV[6], 'timestamp', timestamp,
  'delay', delay or '0', 'priority', priority or '0')

if delay then
  -- In order of arrival within a millisecond, up to 4096.
  local due = timestamp + delay
  local floor, ceiling = due * 4096, (due + 1) * 4096 - 1
  local last = call('ZREVRANGEBYSCORE', place, ceiling, floor, 'WITHSCORES', 'LIMIT', 0, 1)
  call('ZADD', place, last[1] and math.min(tonumber(last[2]) + 1, ceiling) or floor, id)
  call('XADD', events, 'MAXLEN', '~', meta[3], '*', 'event', 'delayed', 'jobId', id, 'delay', due)
  local first = call('ZRANGE', place, 0, 0, 'WITHSCORES')
  call('ZADD', base .. 'marker', tonumber(first[2]) / 4096, '1')
  return id
end

if priority then
  call('ZADD', place, priority * 4294967296 + call('INCR', base .. 'pc') % 4294967296, id)
else
  call(lifo and 'RPUSH' or 'LPUSH', place, id)
end
call('XADD', events, 'MAXLEN', '~', meta[3], '*', 'event', 'waiting', 'jobId', id)
-- Wakes one worker, unless as many jobs run as the queue allows.
local most = tonumber(meta[4] or '')
if not most or call('LLEN', base .. 'active') < most then call('ZADD', base .. 'marker', 0, '0') end
return id
