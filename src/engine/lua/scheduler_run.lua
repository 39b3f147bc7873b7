-- Adds a job now that is like a scheduler's own; its schedule stays as it is.
--
-- KEYS  the queue's keys (lib/operation.lua)
-- ARGV  era, base, member of `repeat`, now ms or ''
-- Returns { code, id of the job }.
--
-- Undeclared keys: the definition, its next run, the new job.

local q = declared()
local key, now = ARGV[3], server_time(ARGV[4])
local refused = refusal(q)
if refused then return { refused, '' } end
local due = redis.call('ZSCORE', q['repeat'], key)
if not due then return { NO_SCHEDULER, '' } end

-- A job scheduler keeps a template; of the older ones the next run is the only copy.
local definition = q.base .. 'repeat:' .. key
local name, data, opts
if kind(definition) == 'hash' and redis.call('HEXISTS', definition, 'ic') == 1 then
  local template = redis.call('HMGET', definition, 'name', 'data', 'opts')
  name, data, opts = template[1], template[2] or '{}', template[3] or '{}'
else
  local id = next_iteration(q, key, due)
  local copy = id and redis.call('HMGET', q.base .. id, 'name', 'data', 'opts') or {}
  name, data, opts = copy[1], copy[2], copy[3] or '{}'
end
if not (name and data) then return { GONE, '' } end

return add_copy(q, name, data, opts, now)
