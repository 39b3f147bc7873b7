-- Cuts a job from its parent, which waits for it no longer (spec 7.12).
--
-- KEYS[1]  `meta` of the job's queue
-- ARGV[1]  id
-- Returns  0, or 1 if the parent was not waiting for it, or GONE, PARENT_GONE, or the code of a refusal
--
-- Undeclared keys: those of the parent, named in the job's hash.

local q = queue_of(base_of(KEYS[1]))
local refused = refusal(q)
if refused then return refused end
local job = q.base .. ARGV[1]
if redis.call('EXISTS', job) == 0 then return GONE end
if not parent_of(job) then return PARENT_GONE end
if not unlink(job) then return 1 end
redis.call('HDEL', job, 'parentKey', 'parent')
return 0
