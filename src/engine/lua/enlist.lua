-- Puts a job that is in no state, or that is overdue, where it belongs.
--
-- KEYS  the queue's keys (lib/operation.lua), the job's hash, its lock
-- ARGV  era, base, id, `line`, `delayed`, `completed`, `failed`, `waiting-children` (it is in no state) or
--       `due` (it is delayed and overdue), the score there (for `due`: that it has), how late, ms
-- Returns a code (lib/codes.lua): SOUND where it is in a state by now, or not due.

local q = declared()
local job, lock, id, to, score = KEYS[17], KEYS[18], ARGV[3], ARGV[4], ARGV[5]

local refused = refusal(q) or unfit(job)
if refused then return refused end
if redis.call('EXISTS', lock) == 1 then return LOCKED end

local function line_up()
  enqueue(q, id, priority_of(job), false)
  if ERA == 0 then publish_waiting(q, id) end
end

if to == 'due' then
  local now = redis.call('ZSCORE', q.delayed, id)
  if not now or tonumber(now) ~= tonumber(score) then return SOUND end
  if tonumber(now) / 4096 > server_time() - tonumber(ARGV[6]) then return SOUND end
  redis.call('ZREM', q.delayed, id)
  if ERA == 4 then
    local list = place(q)
    local head = redis.call('LINDEX', list, 0)
    if head and is_marker(head) then redis.call('LPOP', list) end
  end
  line_up()
  redis.call('HSET', job, 'delay', 0)
  if ERA > 0 then emit(q, 'waiting', 'jobId', id, 'prev', 'delayed') end
  return DONE
end

local somewhere = stands_somewhere(q, id)
if somewhere then return somewhere end
if to == 'line' then
  line_up()
  if ERA > 0 then emit_capped(q, 'waiting', 'jobId', id) end
elseif to == 'delayed' then
  redis.call('ZADD', q.delayed, score, id)
  if ERA >= 5 then mark_delay(q) elseif ERA == 4 then mark_delay_in_list(q) end
elseif to == 'waiting-children' then
  -- What it waited for may be over by now.
  if redis.call('SCARD', job .. ':dependencies') == 0 then return SOUND end
  redis.call('ZADD', q['waiting-children'], score, id)
else
  if redis.call('HEXISTS', job, 'finishedOn') == 0 then return SOUND end
  redis.call('ZADD', q[to], score, id)
end
return DONE
