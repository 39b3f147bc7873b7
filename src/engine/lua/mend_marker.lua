-- Tells idle workers of work that nobody told them of.
--
-- KEYS  the queue's keys (lib/operation.lua)
-- ARGV  era, base
-- Returns a code (lib/codes.lua): SOUND where they are told, or nothing may start.

local q = declared()
local refused = refusal(q)
if refused then return refused end
if ERA < 4 or is_paused(q) then return SOUND end
if ERA == 4 then
  if redis.call('ZCARD', q.prioritized) == 0 or redis.call('LLEN', q.wait) > 0 then return SOUND end
  mark_prioritized(q, false)
  return DONE
end
if redis.call('EXISTS', q.wait, q.prioritized) == 0 then return SOUND end
if redis.call('ZSCORE', q.marker, '0') then return SOUND end
if is_full(q, redis.call('HGET', q.meta, 'concurrency')) then return SOUND end
wake(q)
return DONE
