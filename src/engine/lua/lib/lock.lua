-- Giving up a job (spec 3.12).

-- Gives up the lock of a job. 0, -2 (no lock) or -6 (another's lock).
local function unlock(base, id, token)
  local lock = base .. id .. ':lock'
  local owner = call('GET', lock)
  if owner == token then
    call('DEL', lock)
    call('SREM', base .. 'stalled', id)
    return 0
  end
  return owner and -6 or -2
end
