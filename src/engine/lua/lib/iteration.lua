-- The next iteration of a scheduler or repeatable: without it nothing adds the one after.

-- Whether `id` is it, by what its hash says: `rjk` in BullMQ, `opts.repeat.key` in Bull.
local function is_next_iteration(q, job, id)
  if string.sub(id, 1, 7) ~= 'repeat:' then return false end
  local key
  if ERA == 0 then
    local rule = options_of(job)['repeat']
    key = type(rule) == 'table' and rule.key
  else
    key = redis.call('HGET', job, 'rjk')
  end
  local due = type(key) == 'string' and redis.call('ZSCORE', q['repeat'], key)
  return due and string.sub(id, -#due - 1) == ':' .. due
end
