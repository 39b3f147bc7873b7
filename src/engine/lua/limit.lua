-- Sets, removes or releases a limit of a whole queue (spec 12.2), and wakes a worker where jobs wait.
--
-- KEYS  the queue's keys (lib/operation.lua)
-- ARGV  era, base, `concurrency`, `rate` or `release`, two values or '' (none: the limit goes)
-- Returns a code (lib/codes.lua).
--
-- Undeclared keys: `limiter` of the queue.

local q = declared()
local what, first, second = ARGV[3], ARGV[4], ARGV[5]
local refused = refusal(q)
if refused then return refused end

if what == 'release' then
  redis.call('DEL', q.base .. 'limiter')
elseif what == 'concurrency' then
  if first == '' then
    redis.call('HDEL', q.meta, 'concurrency')
  else
    redis.call('HSET', q.meta, 'concurrency', first)
  end
elseif first == '' then
  redis.call('HDEL', q.meta, 'max', 'duration')
else
  redis.call('HSET', q.meta, 'max', first, 'duration', second)
end

-- Workers that sleep would notice at their next look only, seconds from now.
if redis.call('EXISTS', q.wait, q.prioritized) > 0 then ready(q, is_paused(q)) end
return DONE
