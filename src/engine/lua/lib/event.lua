-- Events. BullMQ: entries of the stream. Bull: messages on a channel named like a key.

-- The approximate length of the stream; since 4.15.1 the libraries write the default where it is missing.
local function event_cap(q)
  local cap = redis.call('HGET', q.meta, 'opts.maxLenEvents')
  if not cap then
    redis.call('HSET', q.meta, 'opts.maxLenEvents', 10000)
    cap = 10000
  end
  return cap
end

local function emit(q, ...)
  redis.call('XADD', q.events, '*', 'event', ...)
end

local function emit_capped(q, ...)
  redis.call('XADD', q.events, 'MAXLEN', '~', event_cap(q), '*', 'event', ...)
end

-- Bull drops a message without the token of who published it.
local function publish_waiting(q, id)
  redis.call('PUBLISH', q.base .. 'waiting@toril', id)
end
