-- The job that waits for its deduplication's owner to end (keepLastIfActive, spec 4.7): `dn:<id>`.

-- Keeps a job aside; the last one counts. `requeue_parked` (parked.lua) adds it when the owner ends.
local function set_aside(q, job)
  local aside = q.base .. 'dn:' .. job.dedup
  redis.call('DEL', aside)
  redis.call('HSET', aside, 'name', job.name, 'data', job.data, 'opts', job.opts, 'jid', job.id)
  if job.scheduler then redis.call('HSET', aside, 'rjk', job.scheduler) end
end
