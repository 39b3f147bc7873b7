-- Removes a scheduler or repeatable with its next run, if that is still delayed (spec 8.5, 4.14).
--
-- KEYS  the queue's keys (lib/operation.lua)
-- ARGV  era, base, member of `repeat`
-- Returns { code, '1' if a run of it is in line or active, and will run once more }.
--
-- Undeclared keys: the definition, and the job.

local q = declared()
local key = ARGV[3]
local refused = refusal(q)
if refused then return { refused, '' } end
local due = redis.call('ZSCORE', q['repeat'], key)
if not due then return { NO_SCHEDULER, '' } end
local definition = q.base .. 'repeat:' .. key
local found = kind(definition)
if found ~= 'none' and found ~= 'hash' then return { DAMAGED, '' } end

local id, queued = next_iteration(q, key, due), ''
if id and redis.call('ZREM', q.delayed, id) == 1 then
  delete_job(q.base .. id)
  if ERA > 0 then emit(q, 'removed', 'jobId', id, 'prev', 'delayed') end
elseif id then
  queued = '1'
end
redis.call('ZREM', q['repeat'], key)
redis.call('DEL', definition)
return { DONE, queued }
