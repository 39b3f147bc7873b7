-- Puts finished jobs back in line, by their ids, the first of them first.
--
-- KEYS  the queue's keys (lib/operation.lua)
-- ARGV  1 era, 2 base, 3 `failed` or `completed`, 4 only those finished up to this moment, ms, or '',
--       5 `1` to count attempts from zero, 6 the rank at which the first may stand, 7 unused, 8.. ids
-- Returns { code } for the whole, or { DONE, { code of each id } }; fewer codes than ids: the rest had no turn.
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
local score, settled = scores_of(q[from], from, until_ms)
local none_held = not any_has(q, ':lock', ':unsuccessful', ':dependencies')
local outcome = from == 'failed' and 'failedReason' or 'returnvalue'
local base = q.base

-- The code that forbids a job to run, and whether it is to wait for children.
local function held(job)
  if none_held then return nil end
  spend(1)
  local lock, failed, pending = job .. ':lock', job .. ':unsuccessful', job .. ':dependencies'
  if redis.call('EXISTS', lock, failed, pending) == 0 then return nil end
  if redis.call('EXISTS', lock) == 1 then return LOCKED end
  if ERA == 0 then return nil end
  if redis.call('ZCARD', failed) > 0 then return CHILD_FAILED end
  -- In BullMQ 4 a failed child stays among those that are awaited.
  if ERA == 4 then return CHILDREN_PENDING end
  return nil, true
end

local function retry(id)
  if is_repeated(id) then return NOT_IN_STATE end
  local job = base .. id
  local found = redis.pcall('HMGET', job, 'name', 'timestamp', 'gid', 'priority', 'opts', 'parentKey')
  if found.err then return NOT_A_JOB end
  if not (found[1] and found[2]) then
    return redis.call('EXISTS', job) == 1 and NOT_A_JOB or GONE
  end
  if found[3] then return WRONG_ERA end
  if not settled then
    local code = untimely(from, score(id), nil, nil, until_ms)
    if code then return code end
  end
  local code_held, waits = held(job)
  if code_held then return code_held end

  if ERA == 0 then
    redis.call('HDEL', job, 'finishedOn', 'processedOn', 'failedReason')
    redis.call('HSET', job, 'retriedOn', now)
  else
    redis.call('HDEL', job, 'finishedOn', 'processedOn', outcome)
  end
  if reset then redis.call('HDEL', job, 'atm', 'ats', 'attemptsMade') end
  local parent = ERA >= 5 and found[6]
  if parent and kind(parent) == 'hash' then
    spend(1)
    await_again(parent, job, from)
    -- The parent may have its turn yet.
    none_held = false
  end
  if waits then
    redis.call('ZADD', q['waiting-children'], now, id)
    leave(id)
    emit(q, 'waiting-children', 'jobId', id, 'prev', from)
    return DONE
  end
  -- Options are decoded only where they can matter.
  local lifo = string.find(found[5] or '', '"lifo":true', 1, true) and options_of(job).lifo == true
  prioritized = line_up(q, list, id, tonumber(found[4] or '') or 0, lifo) or prioritized
  leave(id)
  if ERA == 0 then
    publish_waiting(q, id)
  else
    emit(q, 'waiting', 'jobId', id, 'prev', from)
  end
  return DONE
end

local codes = each(retry)
return settle(q, q[from], codes, list, paused, prioritized)
