-- Schedulers and repeatables, of all three generations (spec 3.8), by their member of `repeat`.

-- Whether a job is the one that a scheduler waits for, by what its hash says.
local function belongs_to(q, id, key)
  local job = q.base .. id
  if kind(job) ~= 'hash' then return false end
  if ERA > 0 then return redis.call('HGET', job, 'rjk') == key end
  local rule = options_of(job)['repeat']
  return type(rule) == 'table' and rule.key == key
end

-- The id of a scheduler's next run, due at `due`, or nil. From BullMQ 5.10 on it is made of the
-- key; before, of a hash of it by any algorithm, so that it is looked for where it is due.
local function next_iteration(q, key, due)
  local id = 'repeat:' .. key .. ':' .. due
  if redis.call('EXISTS', q.base .. id) == 1 then return id end
  local from = tonumber(due) * 4096
  for _, candidate in ipairs(redis.call('ZRANGEBYSCORE', q.delayed, from, from + 4095, 'LIMIT', 0, 1000)) do
    if string.sub(candidate, 1, 7) == 'repeat:' and string.sub(candidate, -#due - 1) == ':' .. due
      and belongs_to(q, candidate, key) then
      return candidate
    end
  end
  return nil
end
