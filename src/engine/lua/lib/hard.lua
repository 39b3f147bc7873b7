-- What bulk removal does to parents (spec 3.15, *hard*).

-- Parents that went along or were released: their keys.
local removed_parents, released_parents = {}, {}

-- Cuts a pending child from its parent. A parent that waits for nothing more goes along where it is
-- in the same queue, and is next in line in another one.
local function unlink_hard(q, job)
  local key, from, id = parent_of(job)
  if not key or redis.call('SREM', key .. ':dependencies', job) == 0 then return end
  if redis.call('SCARD', key .. ':dependencies') > 0 then return end
  if redis.call('ZREM', from['waiting-children'], id) == 0 then return end
  if from == q then
    unlink_hard(q, key)
    release_deduplication(q, key, id)
    delete_job(key)
    removed_parents[#removed_parents + 1] = key
  else
    push(from, 'RPUSH', id)
    released_parents[#released_parents + 1] = key
  end
end
