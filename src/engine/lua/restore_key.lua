-- Puts a key of a queue back; what is there by now stays as it is.
--
-- KEYS  the queue's keys (lib/operation.lua)
-- ARGV  era, base, the key, its type or `counter`, then its values (pairs for hash and zset: member, score)
-- Returns 1 if something was put back, 0 if all of it is there, -1 if it has another type by now, or the code
--         of a refusal (lib/codes.lua).

local q = declared()
local key, wanted = ARGV[3], ARGV[4]
local type_wanted = wanted == 'counter' and 'string' or wanted

-- Somebody has added since: then it must be a queue of this era, and whether it is paused is their business.
local newer = redis.call('EXISTS', q.base .. 'id') == 1
if newer then
  local refused = refusal(q)
  if refused then return refused end
  if key == q['meta-paused'] then return 0 end
end
local found = kind(key)
if found ~= 'none' and found ~= type_wanted then return -1 end
local back = 0
if wanted == 'hash' then
  for i = 5, #ARGV, 2 do
    if not (newer and key == q.meta and ARGV[i] == 'paused') then
      back = back + redis.call('HSETNX', key, ARGV[i], ARGV[i + 1])
    end
  end
elseif wanted == 'zset' then
  for i = 5, #ARGV, 2 do back = back + redis.call('ZADD', key, 'NX', ARGV[i + 1], ARGV[i]) end
elseif wanted == 'counter' then
  -- An id that was given out must not be given out again: a new job would be taken for the old one, and lost.
  local now, before = tonumber(redis.call('GET', key) or '0'), tonumber(ARGV[5])
  if now and before and before > now then
    redis.call('SET', key, ARGV[5])
    back = 1
  end
elseif found == 'none' and wanted == 'list' then
  for i = 5, #ARGV, 1000 do back = redis.call('RPUSH', key, unpack(ARGV, i, math.min(i + 999, #ARGV))) end
elseif found == 'none' then
  redis.call('SET', key, ARGV[5])
  back = 1
end
return back > 0 and 1 or 0
