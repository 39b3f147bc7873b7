-- One job, by the key of its hash.

-- The code that forbids putting the job back in line, or nil. A hash without a name is a ghost
-- (trap T4): it would run with no data. `gid` is the group of a job of BullMQ Pro.
local function unfit(job)
  local found = kind(job)
  if found == 'none' then return GONE end
  if found ~= 'hash' then return NOT_A_JOB end
  for _, field in ipairs({ 'name', 'data', 'timestamp' }) do
    if redis.call('HEXISTS', job, field) == 0 then return NOT_A_JOB end
  end
  if redis.call('HEXISTS', job, 'gid') == 1 then return WRONG_ERA end
  return nil
end

local function priority_of(job)
  return tonumber(redis.call('HGET', job, 'priority') or '') or 0
end

-- The options as a table; text that is no JSON object counts as no options.
local function options_of(job)
  local ok, opts = pcall(cjson.decode, redis.call('HGET', job, 'opts') or '{}')
  return ok and type(opts) == 'table' and opts or {}
end

-- Deletes a job and what hangs off it but its lock; returns how many keys there were.
local function delete_job(job)
  return redis.call('DEL', job, job .. ':logs', job .. ':dependencies', job .. ':processed',
    job .. ':failed', job .. ':unsuccessful')
end
