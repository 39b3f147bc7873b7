-- Removes the children that a job still waits for, with all below them (spec 7.11).
--
-- KEYS  the queue's keys (lib/operation.lua), the job's hash, its lock
-- ARGV  era, base, id
-- Returns a code (lib/codes.lua).
--
-- Undeclared keys: those of its descendants and their queues, read out of the flow.
--
-- Children that run, or that failed, stay. When none is left the job itself is next in line.

local q = declared()
queues[q.base] = q
local job = KEYS[17]

local refused = refusal(q) or unfit(job)
if refused then return refused end
local pending = job .. ':dependencies'
if redis.call('SCARD', pending) > CAP then return TOO_MANY end

local going = {}
for _, child in ipairs(redis.call('SMEMBERS', pending)) do
  local base, id = split(child)
  local from = base and queue_of(base)
  if from and not sound(from) then return DAMAGED end
  if from and redis.call('EXISTS', child .. ':lock') == 0 and not redis.call('ZSCORE', from.failed, id) then
    local code = survey(child, true)
    if code == DAMAGED or code == TOO_MANY then return code end
    if not code then going[#going + 1] = { from, child, id } end
  end
end
for _, child in ipairs(going) do erase(child[1], child[2], child[3]) end
return #going > 0 and DONE or NOT_IN_STATE
