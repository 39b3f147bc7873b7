-- The job that waits for its deduplication's owner to end (keepLastIfActive, spec 4.7): `dn:<id>`.

-- Keeps a job aside; the last one counts.
local function set_aside(q, job)
  local aside = q.base .. 'dn:' .. job.dedup
  redis.call('DEL', aside)
  redis.call('HSET', aside, 'name', job.name, 'data', job.data, 'opts', job.opts, 'jid', job.id)
  if job.scheduler then redis.call('HSET', aside, 'rjk', job.scheduler) end
end

-- Adds the job that was kept aside, if there is one: the owner has ended at `now`, which is the job's
-- timestamp. Call `settle` behind it. Returns its id.
local function bring_back(q, dedup, now)
  local aside = q.base .. 'dn:' .. dedup
  local kept = redis.call('HMGET', aside, 'name', 'data', 'opts', 'jid', 'pk', 'pd', 'pdk', 'rjk')
  if not kept[4] then return nil end
  local ok, opts = pcall(cjson.decode, kept[3] or '{}')
  if not ok or type(opts) ~= 'table' then opts = {} end
  local job = {
    id = kept[4], name = kept[1] or '', data = kept[2] or '{}', opts = kept[3] or '{}',
    timestamp = string.format('%.0f', now), delay = tonumber(opts.delay), priority = tonumber(opts.priority),
    lifo = opts.lifo == true, scheduler = kept[8] or nil, dedup = dedup,
    parent_key = kept[5] or nil, parent = kept[6] or nil,
  }
  if not can_take(q, job) then return nil end
  redis.call('INCR', q.id)
  redis.call('SET', q.base .. 'de:' .. dedup, job.id)
  store(q, job)
  line_up(q, job)
  redis.call('DEL', aside)
  return job.id
end
