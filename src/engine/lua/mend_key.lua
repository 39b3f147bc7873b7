-- Repairs a key of the queue that is as no library leaves it, while it still is.
--
-- KEYS  the queue's keys (lib/operation.lua), the key
-- ARGV  era, base, what is wrong, what the key held, what else it takes (said at each)
-- Returns a code (lib/codes.lua): SOUND where it is not so any more.

-- Time to live that a lock gets: that of the libraries' default. A worker that lives renews it.
local LOCK_MS = 30000
-- The highest value of `pc` that still keeps order.
local COUNTER_MAX = 4294967296

local q = declared()
local key, wrong, held, more = KEYS[17], ARGV[3], ARGV[4], ARGV[5]

local refused = refusal(q)
if refused then return refused end
local wanted = wrong == 'index' and 'zset' or 'string'
if kind(key) ~= wanted then return SOUND end
if wanted == 'string' and redis.call('GET', key) ~= held then return SOUND end

local function endless()
  return redis.call('PTTL', key) == -1
end

if wrong == 'endless' then
  -- `stalled-check` or `limiter` without a time to live: the next worker makes it anew.
  if not endless() then return SOUND end
  redis.call('DEL', key)
elseif wrong == 'lock' then
  if not endless() then return SOUND end
  redis.call('PEXPIRE', key, LOCK_MS)
elseif wrong == 'owner' then
  -- A deduplication id whose owner, named by its value, is gone.
  if not endless() or redis.call('EXISTS', q.base .. held) == 1 then return SOUND end
  redis.call('DEL', key)
elseif wrong == 'counter' then
  local number = tonumber(held)
  if number and number >= 0 and number <= COUNTER_MAX and math.floor(number) == number then return SOUND end
  redis.call('SET', key, '0')
elseif wrong == 'behind' then
  -- `id` is behind the id `more`, which exists and was once given out.
  local now, highest = tonumber(held), tonumber(more)
  if not highest or (now and now >= highest) or redis.call('EXISTS', q.base .. more) == 0 then return SOUND end
  redis.call('SET', key, more)
elseif wrong == 'index' then
  -- `priority`, which nobody reads from BullMQ 4 on; `more` is how many members were saved.
  if ERA < 4 or redis.call('ZCARD', key) ~= tonumber(more) then return SOUND end
  redis.call('DEL', key)
else
  return SOUND
end
return DONE
