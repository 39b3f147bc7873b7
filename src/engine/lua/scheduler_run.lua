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

-- What belongs to one run and not to all of them.
local OF_ONE_RUN = { 'repeat', 'jobId', 'repeatJobKey', 'prevMillis', 'timestamp', 'delay', 'de', 'parent' }

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

local ok, options = pcall(cjson.decode, opts)
if not ok or type(options) ~= 'table' then options = {} end
for _, field in ipairs(OF_ONE_RUN) do options[field] = nil end
if ERA == 0 then
  options.delay = 0
  options.timestamp = now
end
options.attempts = options.attempts or (ERA == 0 and 1 or 0)
local priority = tonumber(options.priority) or 0

local id = string.format('%.0f', redis.call('INCR', q.base .. 'id'))
local job = q.base .. id
if redis.call('EXISTS', job) == 1 then return { OCCUPIED, '' } end
redis.call('HSET', job, 'name', name, 'data', data, 'opts', cjson.encode(options), 'timestamp', now,
  'delay', 0, 'priority', priority)
if ERA > 0 then emit(q, 'added', 'jobId', id, 'name', name) end
enqueue(q, id, priority, options.lifo == true)
if ERA == 0 then
  publish_waiting(q, id)
else
  emit_capped(q, 'waiting', 'jobId', id)
end
return { DONE, id }
