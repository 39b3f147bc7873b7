-- Adds a job that is a copy of another one, to run as soon as a worker is free.
--
-- KEYS  the queue's keys (lib/operation.lua), the hash of the job that is copied, its lock
-- ARGV  era, base, id of that job, now ms or ''
-- Returns { code, id of the copy }.
--
-- Undeclared keys: the counter `id`, the new job.

local q = declared()
local now = server_time(ARGV[4])
local refused = refusal(q) or unfit(KEYS[17])
if refused then return { refused, '' } end

-- What belongs to one job: its id, its moments, its scheduler, its deduplication id (the copy would be
-- swallowed) and its parent (which would wait for it as well), with what its failure does to that.
local OF_ONE_JOB = {
  'repeat', 'jobId', 'repeatJobKey', 'prevMillis', 'timestamp', 'delay', 'de', 'deduplication', 'debounce',
  'parent', 'fpof', 'cpof', 'idof', 'rdof',
}

local found = redis.call('HMGET', KEYS[17], 'name', 'data', 'opts')
local ok, options = pcall(cjson.decode, found[3] or '{}')
if not ok or type(options) ~= 'table' then options = {} end
for _, field in ipairs(OF_ONE_JOB) do options[field] = nil end
if ERA == 0 then
  options.delay = 0
  options.timestamp = now
end
options.attempts = options.attempts or (ERA == 0 and 1 or 0)
local priority = tonumber(options.priority) or 0

local id = string.format('%.0f', redis.call('INCR', q.base .. 'id'))
local job = q.base .. id
if redis.call('EXISTS', job) == 1 then return { OCCUPIED, '' } end
redis.call('HSET', job, 'name', found[1], 'data', found[2], 'opts', cjson.encode(options), 'timestamp', now,
  'delay', 0, 'priority', priority)
if ERA > 0 then emit(q, 'added', 'jobId', id, 'name', found[1]) end
enqueue(q, id, priority, options.lifo == true)
if ERA == 0 then
  publish_waiting(q, id)
else
  emit_capped(q, 'waiting', 'jobId', id)
end
return { DONE, id }
