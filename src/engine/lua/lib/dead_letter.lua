-- Dead letters: a job that failed for good goes to another queue (dead_letter.rs).

-- The keys that are written where a job comes in, with the types that none of the commands trips over.
local ENTRY_TYPES = {
  id = 'string', meta = 'hash', wait = 'list', paused = 'list', active = 'list', events = 'stream', marker = 'zset',
}

-- The code that forbids putting jobs into a queue, or nil. Asked before a job leaves the queue where it is,
-- because Redis takes nothing back.
local function no_entry(q)
  for name, wanted in pairs(ENTRY_TYPES) do
    local found = kind(q[name])
    if found ~= 'none' and found ~= wanted then return DAMAGED end
  end
  local counter = redis.call('GET', q.id)
  if counter and not string.match(counter, '^%d+$') then return DAMAGED end
  return refusal(q)
end

-- Dead-letter queues met so far, or the codes that forbid writing to them, by base.
local graves = {}

-- The dead-letter queue of this base; or nil, and the code that forbids writing to it.
local function grave_of(base)
  if not graves[base] then
    local dq = queue_of(base)
    graves[base] = { q = dq, refused = no_entry(dq) }
  end
  local grave = graves[base]
  if grave.refused then return nil, grave.refused end
  return grave.q
end

-- Puts a copy of a job into a dead-letter queue, as a new job that waits there; returns its id. `letter` is
-- the beginning of its options, which lacks what only the server knows. The log goes with it, unless the
-- original stays.
local function bury(dq, job, key, parent_key, now)
  local kept = redis.call('HMGET', key, 'name', 'data', 'parent')
  local letter = job.letter
  if parent_key then
    local parent = kept[3] and pcall(cjson.decode, kept[3]) and kept[3] or 'null'
    letter = letter .. '"parentKey":' .. cjson.encode(parent_key) .. ',"parent":' .. parent .. ','
  end
  local id
  repeat
    id = string.format('%.0f', redis.call('INCR', dq.id))
  until redis.call('EXISTS', dq.base .. id) == 0
  introduce(dq, job.library)
  local dead = {
    id = id, name = kept[1] or '', data = kept[2] or '{}', timestamp = now,
    opts = letter .. '"failedOn":' .. now .. '}}',
  }
  store(dq, dead)
  redis.call('HSET', dq.base .. id, 'failedReason', job.text, 'stacktrace', job.stack)
  line_up(dq, dead)
  settle(dq)
  if not job.stays and redis.call('EXISTS', key .. ':logs') == 1 then
    redis.call('RENAME', key .. ':logs', dq.base .. id .. ':logs')
  end
  return id
end
