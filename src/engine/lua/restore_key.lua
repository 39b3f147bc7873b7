-- Puts a key of a queue back; what is there by now stays as it is.
--
-- KEYS[1]  `meta` of the queue
-- ARGV     the key, its type, then its values (pairs for hash and zset: member, score)
-- Returns  1 if something was put back, 0 if all of it is there, -1 if it has another type by now.

local key, wanted = ARGV[1], ARGV[2]
local found = kind(key)
if found ~= 'none' and found ~= wanted then return -1 end
local back = 0
if wanted == 'hash' then
  for i = 3, #ARGV, 2 do back = back + redis.call('HSETNX', key, ARGV[i], ARGV[i + 1]) end
elseif wanted == 'zset' then
  for i = 3, #ARGV, 2 do back = back + redis.call('ZADD', key, 'NX', ARGV[i + 1], ARGV[i]) end
elseif found == 'none' and wanted == 'list' then
  for i = 3, #ARGV, 1000 do back = redis.call('RPUSH', key, unpack(ARGV, i, math.min(i + 999, #ARGV))) end
elseif found == 'none' then
  redis.call('SET', key, ARGV[3])
  back = 1
end
return back > 0 and 1 or 0
