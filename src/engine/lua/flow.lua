-- Adds trees of jobs, each as a whole or not at all (spec, section 9).
--
-- KEYS[i]  `meta` of the queue of job i
-- ARGV[1]  the library's name for `meta.library`
-- ARGV[2]  the time to use, ms, or '' for the server's
-- ARGV[3]  how many trees, then of each how many jobs it has
-- ARGV[..] a row a job, see `read_job` in lib/store.lua: tree after tree, each level by level. The parent
--          of a job comes before it, or is a job that exists.
-- Returns  for each tree { 0 }, or { code, place of the job that forbids it, from 1 }
--
-- Nothing is written before every job of every tree was looked at. Undeclared keys: parents that exist.

local library = ARGV[1]
local time = clock(ARGV[2])
local now = string.format('%.0f', time)

-- What trees that may be added will have written: the key of a job's parent by its own, false for none.
local planned = {}

local function parent_key_of(key)
  if planned[key] == nil then return stored_parent(key) end
  return planned[key] or nil
end

local refusals = {}

-- The code that forbids a job, or nil; notes down what it will be. `job.there`: it exists by then.
local function objection(job, note)
  local q, key, parent = job.queue, job.key, job.parent_key
  if refusals[q] == nil then refusals[q] = refusal(q) or false end
  if refusals[q] then return refusals[q] end
  if parent and planned[parent] == nil and kind(parent) ~= 'hash' then return PARENT_GONE end
  local current
  if planned[key] ~= nil then
    job.there, current = true, planned[key]
  else
    local found = kind(key)
    if found ~= 'none' and found ~= 'hash' then return NOT_A_JOB end
    job.there = found == 'hash'
    current = job.there and stored_parent(key)
  end
  if job.there and parent then
    local alive = current and current ~= parent and (planned[current] ~= nil or redis.call('EXISTS', current) == 1)
    if alive then return PARENT_TAKEN end
    if is_above(key, parent, parent_key_of) then return OWN_ANCESTOR end
  end
  if not job.there and not can_take(q, job) then return DAMAGED end
  note(key, parent or current or false)
  return nil
end

local trees, at, row = {}, 4 + tonumber(ARGV[3]), 0
for t = 1, tonumber(ARGV[3]) do
  local tree = {}
  for place = 1, tonumber(ARGV[3 + t]) do
    local job
    row = row + 1
    job, at = read_job(at, now)
    job.queue = queue_of(base_of(KEYS[row]))
    job.key = job.queue.base .. job.id
    tree[place] = job
  end
  trees[t] = tree
end

local replies = {}
for t, tree in ipairs(trees) do
  local before = {}
  local function note(key, parent)
    before[#before + 1] = { key, planned[key] }
    planned[key] = parent
  end
  replies[t] = { 0 }
  for place, job in ipairs(tree) do
    local code = objection(job, note)
    if code then
      -- The tree will not be there for those after it.
      for i = #before, 1, -1 do planned[before[i][1]] = before[i][2] end
      replies[t] = { code, place }
      break
    end
  end
end

-- Level by level over all trees, as Node does.
local levels, level_of = {}, {}
for t, tree in ipairs(trees) do
  for _, job in ipairs(replies[t][1] == 0 and tree or {}) do
    local level = (job.parent_key and level_of[job.parent_key] or 0) + 1
    level_of[job.key] = level_of[job.key] or level
    levels[level] = levels[level] or {}
    table.insert(levels[level], job)
  end
end

-- Node counts every job of a flow, though none takes its id from the counter.
local counts, done = {}, {}
for _, level in ipairs(levels) do
  for _, job in ipairs(level) do
    local q = job.queue
    introduce(q, library)
    counts[q] = (counts[q] or 0) + 1
    if job.there then
      if job.parent_key and attach(q, job) then done[job.parent_key] = job.key end
      tell(q, 'duplicated', 'jobId', job.id)
    else
      store(q, job)
      line_up(q, job)
    end
  end
end
for q, count in pairs(counts) do
  redis.call('INCRBY', q.id, count)
  settle(q)
end
-- A parent all of whose children had completed has nobody else to release it; only now is it known.
for _, child in pairs(done) do
  local _, q, id = parent_of(child)
  if q then release_if_done(q, id, time) end
end
return replies
