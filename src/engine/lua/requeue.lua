-- Takes a job out of a dead-letter queue and back to where it failed, as the next one there.
--
-- KEYS     `meta` of the dead-letter queue, `meta` of the queue it came from
-- ARGV     1 now ms or '', 2 the library's name for `meta.library`, 3 id, 4 its options as they were read,
--          5 the id it had, 6 its options from now on, 7 when it was made, ms,
--          8 key of the parent it had or '', 9 its field `parent` then
-- Returns  its id there, or GONE, LOCKED, CHANGED, NOT_IN_STATE or the code of a refusal
--
-- Undeclared keys: those of the parent.

local dq, q = queue_of(base_of(KEYS[1])), queue_of(base_of(KEYS[2]))
local now = clock(ARGV[1])
local dead, former = dq.base .. ARGV[3], q.base .. ARGV[5]

local refused = no_entry(dq) or no_entry(q)
if refused then return refused end
if kind(dead) ~= 'hash' then return GONE end
if redis.call('EXISTS', dead .. ':lock') == 1 then return LOCKED end
local kept = redis.call('HMGET', dead, 'name', 'data', 'opts')
if kept[3] ~= ARGV[4] then return CHANGED end
local parent = ARGV[8]
for place, wanted in pairs({ dependencies = 'set', unsuccessful = 'zset', failed = 'hash' }) do
  local found = parent == '' and 'none' or kind(parent .. ':' .. place)
  if found ~= 'none' and found ~= wanted then return DAMAGED end
end

-- Where it was.
local function take_out()
  for _, list in ipairs({ 'wait', 'paused' }) do
    if redis.call('LREM', dq[list], 1, ARGV[3]) > 0 then return list end
  end
  for _, set in ipairs({ 'prioritized', 'delayed', 'failed', 'completed' }) do
    if redis.call('ZREM', dq[set], ARGV[3]) > 0 then return set end
  end
  return nil
end
local prev = take_out()
if not prev then return NOT_IN_STATE end

local id = ARGV[5]
while redis.call('EXISTS', q.base .. id) == 1 do id = string.format('%.0f', redis.call('INCR', q.id)) end
introduce(q, ARGV[2])
local job = {
  id = id, name = kept[1] or '', data = kept[2] or '{}', opts = ARGV[6], timestamp = tonumber(ARGV[7]) or now,
  lifo = true,
}

-- A parent that knows of the failure, or waits for the job yet, waits for it again; its own state stays.
if parent ~= '' and kind(parent) == 'hash' then
  local held = redis.call('SREM', parent .. ':dependencies', former)
    + redis.call('ZREM', parent .. ':unsuccessful', former) + redis.call('HDEL', parent .. ':failed', former)
  if held > 0 then job.parent_key, job.parent = parent, ARGV[9] end
end

store(q, job)
line_up(q, job)
settle(q)
if redis.call('EXISTS', dead .. ':logs') == 1 then redis.call('RENAME', dead .. ':logs', q.base .. id .. ':logs') end
delete_job(dead)
emit_capped(dq, 'removed', 'jobId', ARGV[3], 'prev', prev == 'paused' and 'wait' or prev)
return id
