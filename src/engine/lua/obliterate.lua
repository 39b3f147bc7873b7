-- Looks whether a queue may be obliterated, and removes what is left when its jobs are gone.
--
-- KEYS  the queue's keys (lib/operation.lua)
-- ARGV  era, base, `check` or `finish`, `1` if active jobs do not matter
-- Returns { code, more }: 1 where jobs or schedulers are left and it must be called again.
--
-- Undeclared keys: the queue's that operations do not know, and the definitions of its schedulers.
--
-- Nobody adds to a paused queue without being told that it is; still, what is there counts.

local q = declared()
local refused = refusal(q)
if refused then return { refused, 0 } end
if not is_paused(q) then return { NOT_PAUSED, 0 } end
if ARGV[4] ~= '1' and redis.call('EXISTS', q.active) == 1 then return { STILL_ACTIVE, 0 } end
if ARGV[3] == 'check' then return { DONE, 0 } end

-- Schedulers before jobs: then no job is the next run of one any more.
local schedulers = redis.call('ZRANGE', q['repeat'], 0, 199)
for _, scheduler in ipairs(schedulers) do
  local definition = q.base .. 'repeat:' .. scheduler
  if kind(definition) == 'hash' then redis.call('UNLINK', definition) end
end
if #schedulers > 0 then redis.call('ZREM', q['repeat'], unpack(schedulers)) end
-- A list of wake-up markers (eras 2 to 4) is empty.
for _, list in ipairs({ q.wait, q.paused }) do
  local jobs = redis.call('LLEN', list) > 100
  for _, id in ipairs(jobs and {} or redis.call('LRANGE', list, 0, -1)) do
    jobs = jobs or not is_marker(id)
  end
  if not jobs then redis.call('DEL', list) end
end
if redis.call('EXISTS', q['repeat'], q.wait, q.paused, q.active, q.delayed, q.prioritized, q.completed,
  q.failed, q['waiting-children']) > 0 then
  return { DONE, 1 }
end

redis.call('UNLINK', q.events, q.meta, q['meta-paused'], q.marker, q.pc, q.priority, q['limiter:index'],
  q.base .. 'id', q.base .. 'delay', q.base .. 'stalled', q.base .. 'stalled-check', q.base .. 'limiter',
  q.base .. 'metrics:completed', q.base .. 'metrics:completed:data',
  q.base .. 'metrics:failed', q.base .. 'metrics:failed:data')
return { DONE, 0 }
