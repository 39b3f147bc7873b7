-- Finds the jobs that a call took whose answer was lost: those in `active` whose lock has one of the
-- call's tokens.
--
-- KEYS[1]  `meta` of the queue
-- ARGV     lock ms, what the tokens begin with, number of the first, how many
-- Returns  number, start time, id and fields of each, see lib/fetch.lua

-- They were pushed to the left, and others since: as far as this is looked for them. What is not found
-- is left to the stalled check.
local REACH = 5000

local q = queue_of(base_of(KEYS[1]))
local prefix, first, count = ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
local ids = redis.call('LRANGE', q.active, 0, REACH - 1)
local found, carried = {}, 0
if not ids[1] then return found end
local locks = {}
for i, id in ipairs(ids) do locks[i] = q.base .. id .. ':lock' end
for i, token in ipairs(redis.call('MGET', unpack(locks))) do
  if token and string.sub(token, 1, #prefix) == prefix then
    local number = tonumber(string.sub(token, #prefix + 1))
    if number and number >= first and number < first + count then
      redis.call('PEXPIRE', locks[i], ARGV[1])
      found[#found + 1] = number
      found[#found + 1] = redis.call('HGET', q.base .. ids[i], 'processedOn') or 0
      found[#found + 1] = ids[i]
      local job = redis.call('HMGET', q.base .. ids[i], unpack(FIELDS))
      carried = carry(job, carried)
      found[#found + 1] = job
    end
  end
end
return found
