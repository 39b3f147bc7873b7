-- Finds jobs whose worker died: they were active at the last check and nobody renewed their lock
-- since (spec 5.9). Runs at most once an interval, whoever calls.
--
-- KEYS[1]  `meta` of the queue
-- ARGV     now ms or '', interval ms, how often a job may stall, '1' = goes on with a look
-- Returns  { 1 = there is more: call again to go on, else 0; the ids that were made ready again .. }, or the
--          code of a refusal

-- Suspects that one script looks at: 5 to 10 ms of Redis where all have stalled.
local PIECE = 1000
-- Active jobs that are suspected anew, the oldest: they stand at the right. 5 ms of Redis. More than
-- that are active only where no worker is left that ends them.
local REACH = 20000

local q = queue_of(base_of(KEYS[1]))
local refused = refusal(q)
if refused then return refused end
local now = clock(ARGV[1])
local max_stalled = tonumber(ARGV[3])
local recovered = { 0 }

if ARGV[4] ~= '1' then
  if redis.call('EXISTS', q['stalled-check']) == 1 then return recovered end
  redis.call('SET', q['stalled-check'], now, 'PX', ARGV[2])
  trim_events(q)
end

local suspects
if redis.call('SCARD', q.stalled) > PIECE then
  suspects = redis.call('SPOP', q.stalled, PIECE)
  recovered[1] = 1
else
  suspects = redis.call('SMEMBERS', q.stalled)
  if #suspects > 0 then redis.call('DEL', q.stalled) end
end
for _, id in ipairs(suspects) do
  local key = q.base .. id
  if is_marker(id) then
    redis.call('LREM', q.active, 1, id)
  elseif redis.call('EXISTS', key .. ':lock') == 0 and redis.call('LREM', q.active, -1, id) > 0 then
    local count = redis.call('HINCRBY', key, 'stc', 1)
    local scheduler = redis.call('HGET', key, 'rjk')
    local exempt = scheduler and redis.call('EXISTS', q.base .. 'repeat:' .. scheduler) == 1
    if count > max_stalled and not exempt then
      redis.call('HSET', key, 'defa', 'job stalled more than allowable limit')
    end
    enqueue(q, id, 0, true)
    emit(q, 'waiting', 'jobId', id, 'prev', 'active')
    emit(q, 'stalled', 'jobId', id)
    recovered[#recovered + 1] = id
  end
end

if recovered[1] == 1 then return recovered end
local active = redis.call('LRANGE', q.active, -REACH, -1)
for first = 1, #active, 7000 do
  redis.call('SADD', q.stalled, unpack(active, first, math.min(first + 6999, #active)))
end
return recovered
