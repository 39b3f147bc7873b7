-- Parents of a flow: their children's ends, and their own release (spec 3.13, 3.15, 6.4).
-- A parent may live in another queue.

-- Makes a parent ready; it goes to the side that runs next. One with a delay is told as delayed only.
local function move_parent(q, id, now)
  local job = q.base .. id
  local delay = tonumber(redis.call('HGET', job, 'delay') or '') or 0
  if is_foreign(q) then
    push_foreign(q, id)
  elseif delay > 0 then
    local due = now + delay
    redis.call('ZADD', q.delayed, due * 4096, id)
    emit(q, 'delayed', 'jobId', id, 'delay', due)
    mark_delay(q)
    return
  else
    enqueue(q, id, priority_of(job), true)
  end
  emit(q, 'waiting', 'jobId', id, 'prev', 'waiting-children')
end

-- Releases a parent that waits, whether or not children are still pending.
local function release_parent(q, id, now)
  if redis.call('EXISTS', q.base .. id) == 1 and redis.call('ZREM', q['waiting-children'], id) == 1 then
    move_parent(q, id, now)
  end
end

-- Releases a parent when its last child is done.
local function release_if_done(q, id, now)
  if redis.call('SCARD', q.base .. id .. ':dependencies') == 0 then release_parent(q, id, now) end
end

-- A child completed: its value is kept with the parent.
local function child_completed(q, id, child, value, now)
  local parent = q.base .. id
  if redis.call('SREM', parent .. ':dependencies', child) == 1 then
    redis.call('HSET', parent .. ':processed', child, value)
    release_if_done(q, id, now)
  end
end

-- A child failed and its parent fails with it, as soon as a worker looks at it.
local function fail_parent(q, id, child, now)
  local parent = q.base .. id
  redis.call('ZADD', parent .. ':unsuccessful', now, child)
  local verdict = 'child ' .. child .. ' failed'
  local waited = redis.call('ZREM', q['waiting-children'], id) == 1
  if waited then
    redis.call('HSET', parent, 'defa', verdict)
    move_parent(q, id, now)
  elseif redis.call('ZREM', q.delayed, id) == 1 then
    redis.call('HSET', parent, 'delay', 0, 'defa', verdict)
    move_parent(q, id, now)
  elseif not redis.call('ZSCORE', q.failed, id) then
    redis.call('HSET', parent, 'defa', verdict)
  end
end

-- A child failed for good. Without a policy in its link the parent keeps waiting for it.
local function child_failed(q, id, link, child, reason, now)
  if not (link.fpof or link.cpof or link.idof or link.rdof) then return end
  local parent = q.base .. id
  if redis.call('SREM', parent .. ':dependencies', child) == 0 then return end
  if link.fpof then
    fail_parent(q, id, child, now)
  elseif link.cpof then
    redis.call('HSET', parent .. ':failed', child, reason)
    release_parent(q, id, now)
  else
    release_if_done(q, id, now)
    if link.idof then redis.call('HSET', parent .. ':failed', child, reason) end
  end
end
