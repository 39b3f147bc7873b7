-- What an entry is that is too large to be read: the first one from an id on.
--
-- KEYS[1]  `meta` of the queue
-- ARGV     the id, bytes of each text that may be answered
-- Returns  {} or { id, event, job's id, bytes of all values }

local q = queue_of(base_of(KEYS[1]))
local entry = redis.call('XRANGE', q.events, ARGV[1], '+', 'COUNT', 1)[1]
if not entry then return {} end
local told, size = { event = '', jobId = '' }, 0
for place = 1, #entry[2], 2 do
  local name, value = entry[2][place], entry[2][place + 1]
  size = size + #value
  if told[name] == '' and #value <= tonumber(ARGV[2]) then told[name] = value end
end
return { entry[1], told.event, told.jobId, size }
