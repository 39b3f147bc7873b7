-- Gives a job whose id names a structure of the queue (trap T8) an id of the counter, so that the structure
-- can be what the workers need.
--
-- KEYS  the queue's keys (lib/operation.lua)
-- ARGV  era, base, id
-- Returns { code, the new id }: SOUND where no job stands there (any more).

local q = declared()
local id = ARGV[3]
local job, counter = q.base .. id, q.base .. 'id'

-- Everything but this key must be sound.
for name, wanted in pairs(TYPES) do
  local found = kind(q[name])
  if name ~= id and found ~= 'none' and found ~= wanted then return { DAMAGED, '' } end
end
if kind(job) ~= 'hash' or id == 'meta' then return { SOUND, '' } end
for _, field in ipairs({ 'name', 'data', 'timestamp' }) do
  if redis.call('HEXISTS', job, field) == 0 then return { SOUND, '' } end
end
local found = kind(counter)
if found ~= 'none' and found ~= 'string' then return { DAMAGED, '' } end
if redis.call('EXISTS', job .. ':lock') == 1 then return { LOCKED, '' } end
-- The state that has this name cannot hold it.
local at
for _, state in ipairs(IN_SETS) do
  local score = state ~= id and redis.call('ZSCORE', q[state], id)
  if score then at = at or { state, score } end
end
for _, state in ipairs(IN_LISTS) do
  local times = state ~= id and times_in(q[state], id)
  if times == nil then return { TOO_MANY, '' } end
  if times and times > 0 then at = at or { state } end
end

local new = string.format('%.0f', redis.call('INCR', counter))
while redis.call('EXISTS', q.base .. new) == 1 do new = string.format('%.0f', redis.call('INCR', counter)) end
redis.call('RENAME', job, q.base .. new)
if not at then
  enqueue(q, new, priority_of(q.base .. new), false)
elseif at[2] then
  redis.call('ZADD', q[at[1]], at[2], new)
  redis.call('ZREM', q[at[1]], id)
else
  redis.call('LINSERT', q[at[1]], 'BEFORE', id, new)
  redis.call('LREM', q[at[1]], 0, id)
end
if ERA > 0 then emit_capped(q, 'added', 'jobId', new, 'name', redis.call('HGET', q.base .. new, 'name')) end
return { DONE, new }
