-- Ends jobs, each by itself, and takes new ones (spec 3.11, 6.2, 6.3, 6.6, 7.5, 7.6).
--
-- KEYS[1]  `meta` of the queue
-- ARGV     1 now ms or '', 2 lock ms, 3 worker's name or '', 4 metric points to keep (0 = none),
--          5 the worker's own limit: jobs a window or '', 6 its window ms or '',
--          7 how many jobs to take, 8 what the tokens of their locks begin with, 9 number of the first,
--          10 '1' = look whether the queue may be taken from, '2' = the same if there is something to
--          take; 11 on: the jobs to end
-- A job:   id, token, kind, rule, text; for kinds f, x and r also: stack traces JSON, number
--   c  completed     rule: keep policy, text: value JSON
--   f  failed        rule: keep policy, text: failure, number: attempts allowed
--   x  failed, and to the dead-letter queue: as f, then its base, the beginning of the dead job's options,
--      '1' = the original stays, the library's name. Its code is { 0, id there } or { why not, '' }
--   r  tried again   rule: '1' = lifo, text: failure, number: ms until then
--   d  delayed       text: when it is due, ms
--   w  put back
--   l  put back      text: ms for which the queue's limit is reached
--   p  waits for its children   rule: '1' = only if any are pending, text: the one to wait for or ''
--   A number behind the kind: the call is repeated because its answer was lost, and the job has had so
--   many attempts if the first call arrived.
-- Returns  { refusal or 0, rate limit ms, next due ms, now, { code of each job or an error's text },
--            id and fields of each job taken .. }
--
-- A job that was started is ended whatever the queue looks like by now; only new ones are not taken.

local q = queue_of(base_of(KEYS[1]))
local now = clock(ARGV[1])
local stamp = string.format('%.0f', now)
local wanted = tonumber(ARGV[7])
local nothing, due_next = false, 0
if wanted > 0 and ARGV[10] == '2' and not ARGV[11] then nothing, due_next = has_nothing(q, now) end
local refused = wanted > 0 and ARGV[10] ~= '' and not nothing and rarely().refusal(q)
local reply = { refused or 0, 0, 0, now, {} }

local meta = meta_of(q)
local paused = meta.paused
local most = tonumber(meta.concurrency or '')

local function is_held()
  return paused or (most ~= nil and redis.call('LLEN', q.active) >= most)
end

-- An idle worker looks in vain again and again: that is to cost little.
if nothing then
  redis.call('DEL', q.pc)
  if not is_held() then reply[3] = due_next end
  return reply
end

local promoted = false
local function promote()
  if promoted then return end
  promoted = true
  -- The first thousand in a run.
  local due = redis.call('ZRANGEBYSCORE', q.delayed, 0, (now + 1) * 4096 - 1, 'LIMIT', 0, 1000)
  if due[1] then rarely().promote(q, due, paused, is_held()) end
end

local jobs, at, completing = {}, 11, {}
while ARGV[at] do
  local kind = string.sub(ARGV[at + 2], 1, 1)
  local job = {
    id = ARGV[at], token = ARGV[at + 1], kind = kind, attempts = tonumber(string.sub(ARGV[at + 2], 2)),
    rule = ARGV[at + 3], text = ARGV[at + 4],
  }
  at = at + 5
  if kind == 'c' then
    job.completed = true
    completing[#completing + 1] = q.base .. job.id .. ':dependencies'
    completing[#completing + 1] = q.base .. job.id .. ':unsuccessful'
  elseif kind == 'f' or kind == 'r' or kind == 'x' then
    job.stack, job.number = ARGV[at], tonumber(ARGV[at + 1])
    at = at + 2
    if kind == 'x' then
      job.grave, job.letter, job.stays, job.library = ARGV[at], ARGV[at + 1], ARGV[at + 2] == '1', ARGV[at + 3]
      at = at + 4
    end
  end
  jobs[#jobs + 1] = job
end

local childless = not completing[1] or redis.call('EXISTS', unpack(completing)) == 0

local function end_job(job)
  local kind = job.kind
  if kind == 'c' or kind == 'f' or kind == 'x' then return finish_job(q, job, now, stamp, childless) end
  if kind == 'r' then
    if job.number <= 0 then promote() end
    return rarely().retry_job(q, job, now)
  end
  if kind == 'd' then return rarely().postpone_job(q, job, now) end
  if kind == 'p' then return rarely().await_children(q, job, now) end
  if kind == 'l' then redis.call('SET', q.limiter, '9007199254740991', 'PX', job.text) end
  local code = rarely().put_back(q, job)
  reply[2] = math.max(reply[2], redis.call('PTTL', q.limiter))
  return code
end

local delayed = false
if jobs[1] then
  trim_events(q)
  local codes, owners = reply[5], owners_of(q, jobs)
  for i, job in ipairs(jobs) do
    job.owner = owners[i]
    local ok, code = pcall(end_job, job)
    if not ok then
      -- Where a key has a wrong type the job stays active, for the stalled check to find.
      if job.left then redis.pcall('LPUSH', q.active, job.id) end
      code = type(code) == 'table' and code.err or tostring(code)
    elseif code == 0 and (job.kind == 'd' or job.kind == 'r') then
      delayed = true
    end
    codes[i] = code
  end
  file(q, 'completed', stamp)
  file(q, 'failed', stamp)
  if next(unfiled) then
    for i, job in ipairs(jobs) do codes[i] = unfiled[job.id] or codes[i] end
  end
  drop_locks(q)
  if ARGV[4] ~= '0' then
    for state, count in pairs(finished) do
      -- Metrics of a wrong type cost no job its end.
      if count > 0 then pcall(rarely().count_metric, q, state, count, tonumber(ARGV[4]), now) end
    end
  end
end

local telling = false
local function take()
  promote()
  local held, room = is_held(), math.huge
  if most and not held then room = most - redis.call('LLEN', q.active) end
  local limited, due
  limited, due, telling = fetch(q, wanted, held, room, {
    now = stamp, lock_ms = ARGV[2], worker = ARGV[3], prefix = ARGV[8], first = tonumber(ARGV[9]),
    max = tonumber(meta.max or ARGV[5]), duration = tonumber(ARGV[6]) or tonumber(meta.duration or ''),
  }, reply)
  reply[2], reply[3] = math.max(reply[2], limited), due
end
-- A key of a wrong type must not cost the jobs that were ended, or taken before it was met, their answers.
if wanted > 0 and not refused and not pcall(take) then reply[1] = DAMAGED end
if delayed then rarely().mark_delay(q) end
if finished.completed + finished.failed > 0 and not telling then
  local ready_now = redis.call('LLEN', q.wait) + redis.call('ZCARD', q.prioritized)
  if ready_now == 0 and redis.call('LLEN', q.active) == 0 then
    emit(q, 'drained')
  elseif ready_now > 0 and wanted == 0 and not is_held() then
    -- This worker takes no more: another one may.
    redis.call('ZADD', q.marker, 0, '0')
  end
end
return reply
