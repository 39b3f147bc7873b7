-- Parents of a flow: their children's ends, and their own release (spec 3.13, 3.15, 6.4).
-- A parent may live in another queue: everything is derived from its own key.

-- Splits `<prefix>:<queue>:<id>` at its last colon into base and id.
local function split_key(key)
  local base, id = string.match(key, '^(.*:)([^:]*)$')
  return base, id
end

-- Base and id of a job's parent, from the hash fields `parentKey` and `parent`, and the flags.
-- Ids with colons make the cut of the key alone uncertain, so the JSON goes first.
local function parent_of(parent_key, parent)
  if not parent_key then
    return nil
  end
  if parent then
    local ok, link = pcall(cjson.decode, parent)
    if ok and type(link) == 'table' and link.queueKey and link.id then
      return link.queueKey .. ':', link.id, link
    end
  end
  local base, id = split_key(parent_key)
  return base, id, {}
end

-- Makes a parent ready; it goes to the side that runs next.
local function move_parent(base, id, now)
  local job = call('HMGET', base .. id, 'priority', 'delay')
  local delay = tonumber(job[2]) or 0
  if delay > 0 then
    local due = now + delay
    call('ZADD', base .. 'delayed', due * 4096, id)
    emit(base, nil, 'delayed', 'jobId', id, 'delay', due)
    wake_when_due(base)
  else
    enqueue(base, id, tonumber(job[1]) or 0, true)
  end
  emit(base, nil, 'waiting', 'jobId', id, 'prev', 'waiting-children')
end

-- Releases a parent that waits, whether or not children are still pending.
local function release_parent(base, id, now)
  if call('EXISTS', base .. id) == 1 and call('ZREM', base .. 'waiting-children', id) == 1 then
    move_parent(base, id, now)
  end
end

-- Releases a parent when its last child is done.
local function release_if_done(base, id, now)
  if call('SCARD', base .. id .. ':dependencies') == 0 then
    release_parent(base, id, now)
  end
end

-- A child completed: its value is kept with the parent.
local function child_completed(base, id, child_key, value, now)
  local parent_key = base .. id
  if call('SREM', parent_key .. ':dependencies', child_key) == 1 then
    call('HSET', parent_key .. ':processed', child_key, value)
    release_if_done(base, id, now)
  end
end

-- A child failed for good. Without a policy in its link the parent keeps waiting for it.
local function child_failed(base, id, link, child_key, reason, now)
  local parent_key = base .. id
  local pending = parent_key .. ':dependencies'
  if link.fpof then
    if call('SREM', pending, child_key) == 0 then
      return
    end
    call('ZADD', parent_key .. ':unsuccessful', now, child_key)
    if call('EXISTS', parent_key) == 0 then
      return
    end
    local verdict = 'child ' .. child_key .. ' failed'
    local waited = call('ZREM', base .. 'waiting-children', id) == 1
    local delayed = not waited and call('ZREM', base .. 'delayed', id) == 1
    if waited or delayed then
      call('HSET', parent_key, 'delay', 0, 'defa', verdict)
      move_parent(base, id, now)
    elseif not call('ZSCORE', base .. 'failed', id) then
      call('HSET', parent_key, 'defa', verdict)
    end
  elseif link.cpof then
    if call('SREM', pending, child_key) == 1 then
      call('HSET', parent_key .. ':failed', child_key, reason)
      release_parent(base, id, now)
    end
  elseif link.idof or link.rdof then
    if call('SREM', pending, child_key) == 1 then
      release_if_done(base, id, now)
      if link.idof then
        call('HSET', parent_key .. ':failed', child_key, reason)
      end
    end
  end
end

-- A child is removed: the parent no longer waits for it.
local function child_removed(parent_key, child_key)
  if call('EXISTS', parent_key) == 0 or call('SREM', parent_key .. ':dependencies', child_key) == 0 then
    return
  end
  if call('SCARD', parent_key .. ':dependencies') > 0 then
    return
  end
  local base, id = split_key(parent_key)
  if call('ZREM', base .. 'waiting-children', id) == 1 then
    enqueue(base, id, 0, true)
    emit(base, nil, 'waiting', 'jobId', id, 'prev', 'waiting-children')
  end
end
