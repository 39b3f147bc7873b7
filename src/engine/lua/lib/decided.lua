-- Whether a queue is still what the caller decided on.

-- Whether the evidence (spec 5.1) still allows the era. Only what contradicts it counts; to decide
-- is not the script's business.
local function fits(q)
  local bull_pause = redis.call('EXISTS', q['meta-paused']) == 1
  if ERA == 0 then
    return bull_pause or redis.call('EXISTS', q.events, q.marker, q.prioritized, q.pc) == 0
  end
  if bull_pause then return false end
  if redis.call('EXISTS', q.events) == 0
    and redis.call('HEXISTS', q.meta, 'version') == 0
    and redis.call('HEXISTS', q.meta, 'opts.maxLenEvents') == 0 then
    return false
  end
  if ERA == 4 then
    return redis.call('EXISTS', q.marker) == 0 and (major(q) or 4) < 5
  end
  return true
end

-- The code that forbids writing to the queue, or nil.
local function refusal(q)
  if not sound(q) then return DAMAGED end
  if not fits(q) then return WRONG_ERA end
  return nil
end
