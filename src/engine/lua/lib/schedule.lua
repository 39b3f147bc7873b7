-- Schedulers: which time is next, and the job that stands for it (spec 8.1, 8.3).

-- Whole numbers as text: concatenation alone would round at 14 digits.
local function digits(number)
  return string.format('%.0f', number)
end

-- The first time after `now` that is `offset` past a multiple of `every`.
local function slot_after(now, every, offset)
  local slot = math.floor(now / every) * every + offset
  if slot <= now then slot = slot + every end
  return slot
end

-- The time after `prev`; times that were missed are left out.
local function following(now, prev, every, offset)
  local due = prev + every
  if due < now then return slot_after(now, every, offset) end
  return due
end

-- Why a scheduler cannot be written: DAMAGED, or nil.
local function unsound(q, definition)
  local wanted = { [q['repeat']] = 'zset', [definition] = 'hash', [q.delayed] = 'zset', [q.prioritized] = 'zset' }
  for key, type in pairs(wanted) do
    local found = kind(key)
    if found ~= 'none' and found ~= type then return DAMAGED end
  end
  return nil
end

-- Adds the job of the time `due`. made: scheduler, name, data, priority, lifo, dedup, and opts, JSON
-- that is open after `"jobId":"repeat:<scheduler>:`. Returns its id and its delay in ms.
local function add_iteration(q, made, due, now, is_cron)
  local id, delay = 'repeat:' .. made.scheduler .. ':' .. digits(due), math.max(0, due - now)
  local opts = made.opts .. digits(due) .. '","delay":' .. digits(delay) .. ',"timestamp":' .. digits(now)
  if is_cron then opts = opts .. ',"prevMillis":' .. digits(due) end
  redis.call('INCR', q.id)
  local job = {
    id = id, name = made.name, data = made.data, opts = opts .. '}', timestamp = digits(now), delay = delay,
    priority = made.priority, lifo = made.lifo, scheduler = made.scheduler, dedup = made.dedup,
  }
  store(q, job)
  line_up(q, job)
  settle(q)
  return id, delay
end
