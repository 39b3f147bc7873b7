-- Adds the run of a scheduler that has none: nothing else would ever add one.
--
-- KEYS  the queue's keys (lib/operation.lua)
-- ARGV  era, base, scheduler id, the time ms whose run is missing, the next time ms, `1` for a pattern,
--       options of the job, open after `"jobId":"repeat:<scheduler>:`, the options in the definition that
--       they were made of or '', priority, `1` = lifo, now ms or ''
-- Returns { code, the job's id }: SOUND where it has a run, or was written anew.

local q = queue_of(ARGV[2])
local id, missing, due = ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5])
local definition = q.base .. 'repeat:' .. id

local refused = refusal(declared()) or unsound(q, definition)
if refused then return { refused, '' } end
if ERA < 5 then return { WRONG_ERA, '' } end
local score = tonumber(redis.call('ZSCORE', q['repeat'], id) or '')
if not score then return { NO_SCHEDULER, '' } end
local run = definition .. ':' .. digits(score)
if score ~= missing then return { SOUND, '' } end
-- A run that is over adds no other.
if kind(run) ~= 'none' and (kind(run) ~= 'hash' or redis.call('HEXISTS', run, 'finishedOn') == 0) then
  return { SOUND, '' }
end
local known = redis.call('HMGET', definition, 'name', 'data', 'opts', 'ic')
if not known[4] or not known[1] then return { NO_SCHEDULER, '' } end
if (known[3] or '') ~= ARGV[8] then return { CHANGED, '' } end
local now = server_time(ARGV[11])
due = math.max(due, now)
if redis.call('EXISTS', definition .. ':' .. digits(due)) == 1 then return { OCCUPIED, '' } end

redis.call('ZADD', q['repeat'], due, id)
local job = add_iteration(q, {
  scheduler = id, name = known[1], data = known[2] or '{}', opts = ARGV[7], priority = tonumber(ARGV[9]),
  lifo = ARGV[10] == '1',
}, due, now, ARGV[6] == '1')
return { DONE, job }
