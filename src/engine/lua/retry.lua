-- Puts a finished job back in line.
--
-- KEYS  the queue's keys (lib/operation.lua), the job's hash, its lock
-- ARGV  era, base, id, `failed` or `completed`, `1` to count its attempts from zero
-- Returns a code (lib/codes.lua).
--
-- Undeclared keys: those of the parent, named in the job's `parentKey`.

local q = declared()
local job, lock, id, from = KEYS[17], KEYS[18], ARGV[3], ARGV[4]

local refused = refusal(q) or unfit(job)
if refused then return refused end
if redis.call('EXISTS', lock) == 1 then return LOCKED end
if redis.call('ZREM', q[from], id) == 0 then return NOT_IN_STATE end

if ERA == 0 then
  local now = redis.call('TIME')
  redis.call('HDEL', job, 'finishedOn', 'processedOn', 'failedReason')
  redis.call('HSET', job, 'retriedOn', now[1] .. string.format('%03d', math.floor(now[2] / 1000)))
else
  redis.call('HDEL', job, 'finishedOn', 'processedOn', from == 'failed' and 'failedReason' or 'returnvalue')
end
if ARGV[5] == '1' then redis.call('HDEL', job, 'atm', 'ats', 'attemptsMade') end

enqueue(q, id, priority_of(job), options_of(job).lifo == true)

local parent = ERA >= 5 and redis.call('HGET', job, 'parentKey')
if parent and kind(parent) == 'hash' then await_again(parent, job, from) end

if ERA == 0 then
  publish_waiting(q, id)
else
  emit_capped(q, 'waiting', 'jobId', id, 'prev', from)
end
return DONE
