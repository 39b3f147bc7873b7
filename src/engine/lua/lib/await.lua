-- A child that is tried again (since 5.58.2): its parent waits for it again, the parent's own state stays.
local function await_again(parent, job, from)
  local held
  if from == 'completed' then
    held = redis.call('HDEL', parent .. ':processed', job)
  else
    held = redis.call('ZREM', parent .. ':unsuccessful', job) + redis.call('HDEL', parent .. ':failed', job)
  end
  if held > 0 then redis.call('SADD', parent .. ':dependencies', job) end
end
