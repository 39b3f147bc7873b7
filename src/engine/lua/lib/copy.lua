-- A job like another one, to run as soon as a worker is free.

-- What belongs to one job: its id, its moments, its scheduler, its deduplication id (the copy would be
-- swallowed) and its parent (which would wait for it as well), with what its failure does to that.
local OF_ONE_JOB = {
  'repeat', 'jobId', 'repeatJobKey', 'prevMillis', 'timestamp', 'delay', 'de', 'deduplication', 'debounce',
  'parent', 'fpof', 'cpof', 'idof', 'rdof',
}

-- Adds it with the queue's next id. Returns { code, its id }.
local function add_copy(q, name, data, opts, now)
  local ok, options = pcall(cjson.decode, opts)
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
end
