-- Finds jobs whose worker died: they were active at the last check and nobody renewed their lock
-- since (spec 5.9). Runs at most once an interval, whoever calls.
--
-- KEYS[1]  `meta` of the queue
-- ARGV     now ms or '', interval ms, how often a job may stall
-- Returns  the ids that were made ready again

local base = base_of(KEYS[1])
local now = clock(ARGV[1])
local max_stalled = tonumber(ARGV[3])
local recovered = {}

if call('EXISTS', base .. 'stalled-check') == 1 then
  return recovered
end
call('SET', base .. 'stalled-check', now, 'PX', ARGV[2])
trim_events(base)

local suspects = call('SMEMBERS', base .. 'stalled')
if #suspects > 0 then
  call('DEL', base .. 'stalled')
end
for _, id in ipairs(suspects) do
  local key = base .. id
  if string.sub(id, 1, 2) == '0:' then
    call('LREM', base .. 'active', 1, id)
  elseif call('EXISTS', key .. ':lock') == 0 and call('LREM', base .. 'active', 1, id) > 0 then
    local count = call('HINCRBY', key, 'stc', 1)
    local scheduler = call('HGET', key, 'rjk')
    local exempt = scheduler and call('ZSCORE', base .. 'repeat', scheduler)
    if count > max_stalled and not exempt then
      call('HSET', key, 'defa', 'job stalled more than allowable limit')
    end
    enqueue(base, id, 0, true)
    emit(base, nil, 'waiting', 'jobId', id, 'prev', 'active')
    emit(base, nil, 'stalled', 'jobId', id)
    recovered[#recovered + 1] = id
  end
end

local active = call('LRANGE', base .. 'active', 0, -1)
for first = 1, #active, 7000 do
  call('SADD', base .. 'stalled', unpack(active, first, math.min(first + 6999, #active)))
end
return recovered
