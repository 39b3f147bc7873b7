-- Lets go a parent that waits for what will never be told to it.
--
-- KEYS  the queue's keys (lib/operation.lua), the parent's hash, its lock
-- ARGV  era, base, id, `nothing` (no child is left), `gone` or `completed`, the child's key, the base of its
--       queue, its id, now ms or ''
-- Returns a code (lib/codes.lua): SOUND where it is not so any more.
--
-- Undeclared keys: the child's hash and its queue's `completed`, which the parent's set names.

local q = declared()
queues[q.base] = q
local job, id, why, child = KEYS[17], ARGV[3], ARGV[4], ARGV[5]
local pending = job .. ':dependencies'

local refused = refusal(q) or unfit(job)
if refused then return refused end
if not redis.call('ZSCORE', q['waiting-children'], id) then return SOUND end
local found = kind(pending)
if found ~= 'none' and found ~= 'set' then return DAMAGED end

-- BullMQ 4 knows neither markers nor parents with a delay of their own.
local function let_go(now)
  if redis.call('SCARD', pending) > 0 then return end
  if ERA >= 5 then return release_parent(q, id, now) end
  redis.call('ZREM', q['waiting-children'], id)
  enqueue(q, id, priority_of(job), true)
  emit(q, 'waiting', 'jobId', id, 'prev', 'waiting-children')
end

local now = server_time(ARGV[8])
if why == 'nothing' then
  if redis.call('SCARD', pending) > 0 then return SOUND end
  let_go(now)
  return DONE
end
if redis.call('SISMEMBER', pending, child) == 0 then return SOUND end
if why == 'gone' then
  if redis.call('EXISTS', child) == 1 then return SOUND end
  redis.call('SREM', pending, child)
elseif why == 'completed' then
  local completed = ARGV[6] .. 'completed'
  if ARGV[6] .. ARGV[7] ~= child or kind(completed) ~= 'zset' or kind(child) ~= 'hash' then return SOUND end
  if not redis.call('ZSCORE', completed, ARGV[7]) then return SOUND end
  local processed = job .. ':processed'
  found = kind(processed)
  if found ~= 'none' and found ~= 'hash' then return DAMAGED end
  redis.call('SREM', pending, child)
  redis.call('HSET', processed, child, redis.call('HGET', child, 'returnvalue') or 'null')
else
  return SOUND
end
let_go(now)
return DONE
