-- Delayed jobs whose time has come (spec 3.8).

-- Makes these jobs ready, in order; they are still in `delayed`. `held`: no worker may start one now.
local function promote(q, due, paused, held)
  redis.call('ZREM', q.delayed, unpack(due))
  local list = list_for(q, paused)
  for _, id in ipairs(due) do
    local job = q.base .. id
    local priority = priority_of(job)
    if priority == 0 then
      redis.call('LPUSH', list, id)
    else
      prioritize(q, id, priority)
    end
    emit(q, 'waiting', 'jobId', id, 'prev', 'delayed')
    redis.call('HSET', job, 'delay', 0)
  end
  if not held then wake(q) end
end
