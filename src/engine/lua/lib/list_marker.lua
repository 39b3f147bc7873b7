-- Wake-up markers of era 4, which stand in a list.

-- Era 4: tells the workers when the first delayed job is due, by a marker in an empty list.
local function mark_delay_in_list(q)
  local first = redis.call('ZRANGE', q.delayed, 0, 0, 'WITHSCORES')
  if not first[2] then return end
  local list = place(q)
  local length = redis.call('LLEN', list)
  local marker = '0:' .. string.format('%.0f', math.floor(tonumber(first[2]) / 4096))
  if length == 0 then
    redis.call('LPUSH', list, marker)
  elseif length == 1 then
    local lone = redis.call('LINDEX', list, 0)
    local due = string.match(lone, '^0:(%d+)')
    if due and due ~= '0' and tonumber(due) > tonumber(first[2]) / 4096 then
      redis.call('LSET', list, 0, marker)
    end
  end
end
