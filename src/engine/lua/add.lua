-- Adds jobs, in order, as one atomic step (spec, section 4).
--
-- KEYS[i]  `meta` of the queue of job i
-- ARGV[1]  the library's name for `meta.library`
-- ARGV[2]  the time to use, ms, or '' for the server's
-- ARGV[3..] a row a job, see `read_job` in lib/store.lua
-- Returns one value a job: its id; { EXISTS, id } of the job that had it; { OWNED, id } of the job that owns
-- its deduplication id; PARENT_GONE; PARENT_TAKEN (the existing job of this id has another living
-- parent); OWN_ANCESTOR (it would wait for itself); DAMAGED (a key of the queue has a wrong type); an
-- error; or for all of them the code of a refusal.

local EXISTS = 1
local library = ARGV[1]
local time = clock(ARGV[2])

-- A custom id that exists: nothing is stored; it may become the child of another parent.
local function adopt(q, job)
  local key, parent_key = q.base .. job.id, job.parent_key
  if parent_key then
    local current = stored_parent(key)
    if current and current ~= parent_key and redis.call('EXISTS', current) == 1 then return PARENT_TAKEN end
    if is_above(key, parent_key, stored_parent) then return OWN_ANCESTOR end
    if attach(q, job) then
      local _, parent_queue, parent_id = parent_of(key)
      if parent_queue then release_if_done(parent_queue, parent_id, time) end
    end
  end
  tell(q, 'duplicated', 'jobId', job.id)
  return { EXISTS, job.id }
end

local function add(q, job)
  if job.parent_key and redis.call('EXISTS', job.parent_key) == 0 then return PARENT_GONE end
  if not can_take(q, job) then return DAMAGED end
  local counter = redis.call('INCR', q.id)
  introduce(q, library)
  if job.id == '' then
    job.id = string.format('%.0f', counter)
  elseif redis.call('EXISTS', q.base .. job.id) == 1 then
    return adopt(q, job)
  end
  local owner = job.dedup and claim(q, job)
  if owner then return { OWNED, owner } end
  store(q, job)
  line_up(q, job)
  return job.id
end

-- One queue that is not ours to write to refuses all.
local wanted, queued, refused = {}, {}, nil
for i = 1, #KEYS do
  local q = queue_of(base_of(KEYS[i]))
  if not wanted[q] then
    refused = refused or refusal(q)
    wanted[q] = true
  end
  queued[i] = q
end

local replies = {}
local now, at, job = string.format('%.0f', time), 3, nil
for i, q in ipairs(queued) do
  job, at = read_job(at, now)
  if refused then
    replies[i] = refused
  else
    -- A key of a wrong type loses this job alone, and not the answers of the others.
    local ok, reply = pcall(add, q, job)
    if not ok then reply = { err = type(reply) == 'table' and reply.err or tostring(reply) } end
    replies[i] = reply
  end
end
for q in pairs(wanted) do settle(q) end
return replies
