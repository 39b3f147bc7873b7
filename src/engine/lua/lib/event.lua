-- Events. BullMQ: entries of the stream. Bull: messages on a channel named like a key.

local caps = {}

-- The approximate length of the stream; since 4.15.1 the libraries write the default where it is missing.
local function event_cap(q)
  if not caps[q] then
    caps[q] = meta_of(q).cap
    if not caps[q] then
      redis.call('HSET', q.meta, 'opts.maxLenEvents', 10000)
      caps[q] = 10000
    end
  end
  return caps[q]
end

-- Appends an event and trims nothing (spec 3.18).
local function emit(q, ...)
  redis.call('XADD', q.events, '*', 'event', ...)
end

local function emit_capped(q, ...)
  redis.call('XADD', q.events, 'MAXLEN', '~', event_cap(q), '*', 'event', ...)
end

-- Trims once what a script is about to append to.
local function trim_events(q)
  redis.call('XTRIM', q.events, 'MAXLEN', '~', event_cap(q))
end

-- Bull drops a message without the token of who published it.
local function publish_waiting(q, id)
  redis.call('PUBLISH', q.base .. 'waiting@toril', id)
end
