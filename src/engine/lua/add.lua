-- Adds jobs, in order, as one atomic step (spec, section 4).
--
-- KEYS[i]  `meta` of the queue of job i
-- ARGV[1]  the library's name for `meta.library`
-- ARGV[2]  the time to use, ms, or '' for the server's
-- ARGV[3..] a row a job, see `read_job` in lib/store.lua
-- Returns one value a job: its id, or PARENT_GONE, or PARENT_TAKEN (the existing job of this id has
-- another living parent), or for all of them the code of a refusal.

local library = ARGV[1]
local time = clock(ARGV[2])

local introduced = {}

-- Names us where another library names itself in `version`, which decides its era.
local function introduce(q)
  if introduced[q] then return end
  introduced[q] = true
  if meta_of(q).library ~= library then redis.call('HSET', q.meta, 'library', library) end
  event_cap(q)
end

-- A custom id that exists: nothing is stored; it may become the child of another parent.
local function adopt(q, job)
  local id, parent_key = job.id, job.parent_key
  local key = q.base .. id
  local current = redis.call('HGET', key, 'parentKey')
  if current and current ~= parent_key and redis.call('EXISTS', current) == 1 then
    if parent_key then return PARENT_TAKEN end
  elseif parent_key then
    if redis.call('ZSCORE', q.completed, id) then
      redis.call('HSET', parent_key .. ':processed', key, redis.call('HGET', key, 'returnvalue') or 'null')
    else
      redis.call('SADD', parent_key .. ':dependencies', key)
    end
    redis.call('HSET', key, 'parentKey', parent_key, 'parent', job.parent)
  end
  tell(q, 'duplicated', 'jobId', id)
  return id
end

local function add(q, job)
  if job.parent_key and redis.call('EXISTS', job.parent_key) == 0 then return PARENT_GONE end
  local counter = redis.call('INCR', q.id)
  introduce(q)
  if job.id == '' then
    job.id = tostring(counter)
  elseif redis.call('EXISTS', q.base .. job.id) == 1 then
    return adopt(q, job)
  end
  store(q, job)
  line_up(q, job)
  return job.id
end

-- One queue that is not ours to write to refuses all, so that no flow is left half added.
local wanted, queued, refused = {}, {}, nil
for i = 1, #KEYS do
  local q = queue_of(base_of(KEYS[i]))
  if not wanted[q] then
    refused = refused or refusal(q)
    wanted[q] = true
  end
  queued[i] = q
end

local replies, parents = {}, {}
local now, at, job = string.format('%.0f', time), 3, nil
for i, q in ipairs(queued) do
  job, at = read_job(at, now)
  replies[i] = refused or add(q, job)
  if job.waits and type(replies[i]) == 'string' then parents[#parents + 1] = { q, replies[i] } end
end
-- A parent all of whose children existed and were done has nobody to release it.
for _, parent in ipairs(parents) do
  release_if_done(parent[1], parent[2], time)
end
for q in pairs(wanted) do settle(q) end
return replies
