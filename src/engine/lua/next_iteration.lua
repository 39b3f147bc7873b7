-- Adds the job of a scheduler's next run, when the present one has started (spec 8.3).
--
-- KEYS[1]  `meta` of the queue
-- ARGV     1 now ms or '', 2 scheduler id, 3 id of the job that started, 4 the pattern's next time ms or
--          '' for an interval, 5 interval ms of that job, for a definition without one, 6 its name,
--          7 its data, 8 options of the next job, open after `"jobId":"repeat:<scheduler>:`, 9 priority,
--          10 '1' = lifo, 11 deduplication id or '', 12 offset ms of that job or '', likewise
-- Returns  { 0, id, delay ms }, or { NO_NEXT }: there is no such scheduler, its present run is another (this
--          one is tried again, or late), or the next one exists
--
-- The job that started must be the scheduler's present one, so that the call may be repeated.

local q = queue_of(base_of(KEYS[1]))
local id = ARGV[2]
local definition = q.base .. 'repeat:' .. id
local prev = tonumber(redis.call('ZSCORE', q['repeat'], id) or '')
if not prev or ARGV[3] ~= 'repeat:' .. id .. ':' .. digits(prev) then return { NO_NEXT } end
local refused = unsound(q, definition)
if refused then return { refused } end

local now = clock(ARGV[1])
local known = redis.call('HMGET', definition, 'every', 'offset', 'name', 'data', 'ic')
local candidate = tonumber(ARGV[4])
local due = candidate and math.max(candidate, now)
if not due then
  local every = tonumber(known[1] or '') or tonumber(ARGV[5])
  if not every or every <= 0 then return { NO_NEXT } end
  due = following(now, prev, every, tonumber(known[2] or ARGV[12]) or 0)
end
if redis.call('EXISTS', definition .. ':' .. digits(due)) == 1 then
  emit_capped(q, 'duplicated', 'jobId', 'repeat:' .. id .. ':' .. digits(due))
  return { NO_NEXT }
end

local data = known[4]
-- A repeatable of BullMQ 5 keeps its data in its jobs only: it becomes a scheduler.
if not known[5] and not data and ARGV[7] ~= '{}' then
  data = ARGV[7]
  redis.call('HSET', definition, 'data', data)
end
redis.call('ZADD', q['repeat'], due, id)
redis.call('HINCRBY', definition, 'ic', 1)
local job, delay = add_iteration(q, {
  scheduler = id, name = known[3] or ARGV[6], data = data or '{}', opts = ARGV[8], priority = tonumber(ARGV[9]),
  lifo = ARGV[10] == '1', dedup = ARGV[11] ~= '' and ARGV[11] or nil,
}, due, now, candidate ~= nil)
return { 0, job, delay }
