-- Makes a scheduler or changes it, and adds the job of its next run (spec 8.1).
--
-- KEYS[1]  `meta` of the queue
-- ARGV     1 now ms or '', 2 the library's name for `meta.library` or '', 3 scheduler id, 4 interval ms or ''
--          for a pattern, 5 the pattern's next time ms or '' for now, 6 start ms or '', 7 offset ms or '',
--          8 latest end ms or '', 9 name, 10 data JSON or '', 11 options of the job, open after
--          `"jobId":"repeat:<scheduler>:`, 12 priority, 13 '1' = lifo; 14 on: fields of the definition
-- Returns  { 0, id, delay ms }, { ENDED }, { ITERATION_EXISTS }, { SLOTS_TAKEN }, or { code } of a refusal
--
-- What would fail fails before the first write. BullMQ takes the pending job out of `wait`, or of
-- `paused` where the queue is paused; here it is looked for in both, since a queue that BullMQ 6 paused
-- has it in `wait`.

-- Times that are looked at: the next one, and 32 where those before are taken.
local TRIES = 33
-- Ids that the search for the pending job may walk over: about 10 ms of Redis. Where a list is longer
-- the job stays and runs once more, with its old data; the next run follows it.
local WALK = 1000000

local q = queue_of(base_of(KEYS[1]))
local id = ARGV[3]
local definition = q.base .. 'repeat:' .. id
local refused = refusal(q) or unsound(q, definition)
if refused then return { refused } end

local now = clock(ARGV[1])
local every, offset = tonumber(ARGV[4]), tonumber(ARGV[7])
local start, last = tonumber(ARGV[6]), tonumber(ARGV[8])
if last and last < now then return { ENDED } end

local prev = tonumber(redis.call('ZSCORE', q['repeat'], id) or '')
local known = redis.call('HMGET', definition, 'every', 'offset', 'ic')
local changed = every ~= tonumber(known[1] or '')

local function job_of(due)
  return definition .. ':' .. digits(due)
end

local function taken(due, free)
  return due ~= free and redis.call('EXISTS', job_of(due)) == 1
end

-- The first time from `due` on that has no job; `free` counts as having none.
local function first_free(due, free)
  for _ = 1, TRIES do
    if not taken(due, free) then return due end
    due = due + every
  end
  return nil
end

-- Takes the pending job out of where it waits; whether it did.
local function remove_pending()
  local job = prev and job_of(prev)
  if not job or redis.call('EXISTS', job) == 0 then return false end
  local member = 'repeat:' .. id .. ':' .. digits(prev)
  local found = redis.call('ZREM', q.delayed, member) == 1 or redis.call('ZREM', q.prioritized, member) == 1
  -- One that runs or has run is in no list.
  if not found and redis.call('EXISTS', job .. ':lock') == 0 and redis.call('HEXISTS', job, 'finishedOn') == 0 then
    for _, list in ipairs({ q.wait, q.paused }) do
      found = found or (kind(list) == 'list' and redis.call('LLEN', list) <= WALK
        and redis.call('LREM', list, 1, member) == 1)
    end
  end
  if found then
    release_deduplication(q, job, member)
    delete_job(job)
  end
  return found
end

local due, removed
if every then
  if not prev or changed then
    if start then
      due = math.max(start, now)
    else
      due = offset and slot_after(now, every, offset) or now
    end
    if not first_free(due, prev) then return { SLOTS_TAKEN } end
    removed = remove_pending()
    due = first_free(due)
  else
    due = first_free(following(now, prev, every, offset or 0))
    removed = remove_pending()
    if removed then due = prev end
  end
  if not due then return { SLOTS_TAKEN } end
else
  due = math.max(tonumber(ARGV[5]) or now, now)
  if taken(due, prev) then return { ITERATION_EXISTS } end
  removed = remove_pending()
  if taken(due) then return { ITERATION_EXISTS } end
end

if not offset and removed then offset = known[2] end
if not offset then offset = every and due - math.floor(due / every) * every or 0 end
redis.call('ZADD', q['repeat'], due, id)
redis.call('DEL', definition)
redis.call('HSET', definition, 'offset', offset, 'ic', known[3] or 1, unpack(ARGV, 14))

if ARGV[2] ~= '' and meta_of(q).library ~= ARGV[2] then redis.call('HSET', q.meta, 'library', ARGV[2]) end
local job, delay = add_iteration(q, {
  scheduler = id, name = ARGV[9], data = ARGV[10] ~= '' and ARGV[10] or '{}', opts = ARGV[11],
  priority = tonumber(ARGV[12]), lifo = ARGV[13] == '1',
}, due, now, not every)
return { 0, job, delay }
