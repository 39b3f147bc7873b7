-- Adds the job that `keepLastIfActive` has parked while the owner of its deduplication id ran, and makes
-- it the owner (spec 4.7).
local function requeue_parked(q, dedup, now)
  local parked = q.base .. 'dn:' .. dedup
  local said = redis.call('HMGET', parked, 'name', 'data', 'opts', 'jid', 'pk', 'pd', 'rjk')
  local id = said[4]
  if not id then return end
  local ok, opts = pcall(cjson.decode, said[3] or '')
  if not ok or type(opts) ~= 'table' then opts = {} end
  local job = {
    id = id, name = said[1] or '', data = said[2] or '{}', opts = said[3] or '{}', timestamp = now,
    delay = tonumber(opts.delay), priority = tonumber(opts.priority), lifo = opts.lifo == true,
    parent_key = said[5] or nil, parent = said[6] or '{}', scheduler = said[7] or nil, dedup = dedup,
  }
  -- Where it cannot be put it stays parked: nothing may fail behind the first write.
  if not can_take(q, job) then return end
  redis.call('DEL', parked)
  redis.call('INCR', q.id)
  redis.call('SET', q.base .. 'de:' .. dedup, id)
  store(q, job)
  line_up(q, job)
  settle(q)
end
