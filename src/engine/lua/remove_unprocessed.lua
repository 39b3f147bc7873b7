-- Removes children that a job still waits for, with what these wait for (spec 7.11).
--
-- KEYS[1]  `meta` of the parent's queue
-- ARGV[1]  the parent's id
-- ARGV[..] full keys of children
-- Returns  { how many of the keys were looked at, how many children were removed, how many stay }, or the
--          code of a refusal. Keys that were not looked at are for another call.
--
-- Undeclared keys: those of the children, of what they wait for, and of their queues.
--
-- Jobs that run (their lock is held) or that failed stay, wherever in the tree; the jobs above them go.

local q = queue_of(base_of(KEYS[1]))
local refused = refusal(q)
if refused then return refused end
local parent = q.base .. ARGV[1]

-- Jobs a call, and elements of lists that looking for them may walk over.
local JOBS, ELEMENTS = 1000, 1000000
local jobs, elements = 0, 0

local found = {}

-- Notes down what a job waits for and would go with it, down to the leaves. The code of what forbids it.
local function gather_unprocessed(key)
  local pending = key .. ':dependencies'
  jobs = jobs + redis.call('SCARD', pending)
  if jobs > JOBS then return TOO_MANY end
  local below = {}
  for _, child in ipairs(redis.call('SMEMBERS', pending)) do
    local base, id = split(child)
    local from = base and not found[child] and queue_of(base)
    if from and redis.call('EXISTS', child .. ':lock') == 0 and not redis.call('ZSCORE', from.failed, id) then
      found[child] = true
      below[#below + 1] = { key = child, queue = from, id = id }
      local code = gather_unprocessed(child)
      if code then return code end
    end
  end
  children[key] = below
  return nil
end

local looked_at, removed, kept = 0, 0, 0
for place = 2, #ARGV do
  local child = ARGV[place]
  local base, id = split(child)
  local from = base and queue_of(base)
  local stays = false
  if redis.call('SISMEMBER', parent .. ':dependencies', child) == 1 then
    stays = not from or redis.call('EXISTS', child .. ':lock') == 1 or redis.call('ZSCORE', from.failed, id)
    if not stays then
      local before = jobs
      jobs = jobs + 1
      if jobs > JOBS or gather_unprocessed(child) then
        if before > 0 then break end
        stays, jobs = true, 0
      else
        erase(from, child, id)
        removed = removed + 1
        for _, list in ipairs(LISTS) do elements = elements + redis.call('LLEN', from[list]) end
      end
    end
    if stays then kept = kept + 1 end
  end
  looked_at = place - 1
  if elements > ELEMENTS then break end
end
return { looked_at, removed, kept }
