-- Puts finished jobs back in line, by their ids, the first of them first.
--
-- KEYS  the queue's keys (lib/operation.lua)
-- ARGV  1 era, 2 base, 3 `failed` or `completed`, 4 only those finished up to this moment, ms, or '',
--       5 `1` to count attempts from zero, 6 and 7 unused, 8.. ids
-- Returns { code } for the whole, or { DONE, { code of each id } }.
--
-- Undeclared keys: the jobs', and those of the parents named in them.
--
-- A parent whose children failed is refused, one whose children are not done waits for them: run
-- now, both would only fail again after their work was done twice.

local q = declared()
local from, until_ms, reset = ARGV[3], tonumber(ARGV[4]), ARGV[5] == '1'

local refused = refusal(q)
if refused then return { refused } end

local now = server_time('')
local list, paused = place(q)
local prioritized = false

-- Makes a job ready without waking anybody.
local function line_up(id, priority, lifo)
  if priority <= 0 then
    redis.call(lifo and 'RPUSH' or 'LPUSH', list, id)
  elseif ERA == 0 then
    push_by_priority(q, id, priority)
  else
    prioritize(q, id, priority)
    prioritized = true
  end
end

-- The code that forbids a parent to run, and whether it is to wait for children.
local function as_parent(job)
  if ERA == 0 or redis.call('EXISTS', job .. ':unsuccessful', job .. ':dependencies') == 0 then return nil end
  if redis.call('ZCARD', job .. ':unsuccessful') > 0 then return CHILD_FAILED end
  -- In BullMQ 4 a failed child stays among those that are awaited.
  if ERA == 4 then return CHILDREN_PENDING end
  return nil, true
end

local function retry(id)
  local job = q.base .. id
  local found = redis.pcall('HMGET', job, 'name', 'timestamp', 'gid', 'priority', 'opts', 'parentKey')
  if found.err then return NOT_A_JOB end
  if not (found[1] and found[2]) or redis.call('HEXISTS', job, 'data') == 0 then
    return redis.call('EXISTS', job) == 1 and NOT_A_JOB or GONE
  end
  if found[3] then return WRONG_ERA end
  local code = untimely(from, redis.call('ZSCORE', q[from], id), found, until_ms)
  if code then return code end
  if redis.call('EXISTS', job .. ':lock') == 1 then return LOCKED end
  local refused_parent, waits = as_parent(job)
  if refused_parent then return refused_parent end

  redis.call('ZREM', q[from], id)
  if ERA == 0 then
    redis.call('HDEL', job, 'finishedOn', 'processedOn', 'failedReason')
    redis.call('HSET', job, 'retriedOn', now)
  else
    redis.call('HDEL', job, 'finishedOn', 'processedOn', from == 'failed' and 'failedReason' or 'returnvalue')
  end
  if reset then redis.call('HDEL', job, 'atm', 'ats', 'attemptsMade') end
  local parent = ERA >= 5 and found[6]
  if parent and kind(parent) == 'hash' then await_again(parent, job, from) end
  if waits then
    redis.call('ZADD', q['waiting-children'], now, id)
    emit_capped(q, 'waiting-children', 'jobId', id, 'prev', from)
    return DONE
  end
  -- Options are decoded only where they can matter.
  local lifo = string.find(found[5] or '', '"lifo":true', 1, true) and options_of(job).lifo == true
  line_up(id, tonumber(found[4] or '') or 0, lifo)
  if ERA == 0 then
    publish_waiting(q, id)
  else
    emit_capped(q, 'waiting', 'jobId', id, 'prev', from)
  end
  return DONE
end

local codes, done = {}, false
for at = 8, #ARGV do
  local code = retry(ARGV[at])
  codes[#codes + 1] = code
  done = done or code == DONE
end
if done then
  if ERA == 4 and prioritized then mark_prioritized(q, paused) end
  ready(q, paused)
end
return { DONE, codes }
