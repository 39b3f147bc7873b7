-- Pauses a queue.
--
-- KEYS  the queue's keys, see lib/operation.lua
-- ARGV  era, base, `rename` or `flag`
-- Returns {code, moved, more}: ids that changed their list; 1 where the script must be called again.
--
-- `rename` is the way of Bull and BullMQ up to 5: the ids go to `paused`, which is all that stops
-- the workers of Bull and BullMQ 4. `flag` is the way of BullMQ 6, for fleets that hold nothing
-- older. The flag comes first: it keeps producers from adding to the list that is being emptied.

local q = declared()
local refused = refusal(q)
if refused then return { refused, 0, 0 } end

if ERA == 0 then redis.call('SET', q['meta-paused'], 1) end
redis.call('HSET', q.meta, 'paused', 1)
if ERA >= 5 then redis.call('DEL', q.marker) end

local moved, more = 0, false
if ARGV[3] == 'rename' then moved, more = gather(q, q.paused) end
if more then return { DONE, moved, 1 } end

if ERA == 0 then
  redis.call('PUBLISH', q.paused, 'paused')
else
  emit(q, 'paused')
end
return { DONE, moved, 0 }
