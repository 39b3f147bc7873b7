-- Takes a repair back, where all that it wrote still stands.
--
-- KEYS  the queue's keys (lib/operation.lua)
-- ARGV  era, base, id, then five values a step: what it is, and (suffix is a key's name behind the base)
--         text    suffix, what it was set to, what it held before, ''    (`+text`, or `-` for nothing)
--         endless suffix, what it holds, '', ''                          (its time to live goes)
--         take    states, separated by blanks, '', '', ''                (the id goes out of the one it is in)
--         recall  states, score in waiting-children, '', ''              (unless it is there)
--         put     state, score or '', the id that ran before it or '', `1`: it stands there once more
--         forget  suffix, field, '', ''                                  (goes)
--         field   suffix, name, what it was set to, what it held before
--         score   suffix, member, what it was set to, what it was before
--         member  suffix, member, '', ''                                 (of a set; comes back)
--         drop    suffix, '', '', ''                                     (a hash that the repair made)
-- Returns a code (lib/codes.lua): CHANGED, and nothing is done, where something else stands there by now.

local q = declared()
local id = ARGV[3]

local refused = refusal(q)
if refused then return refused end

local function wanted(value)
  return string.sub(value, 1, 1) == '+' and string.sub(value, 2)
end

local function equal(now, then_)
  if not now or not then_ then return now == then_ end
  return now == then_ or (tonumber(now) ~= nil and tonumber(now) == tonumber(then_))
end

local function fits_kind(key, needed)
  local found = kind(key)
  return found == 'none' or found == needed
end

-- The state among some in which the id is; false: in none, nil: nobody knows.
local function state_among(states)
  for state in string.gmatch(states, '%S+') do
    local times = times_at(q, state, id)
    if times == nil then return nil end
    if times > 0 then return state end
  end
  return false
end

local kinds = { text = 'string', endless = 'string', field = 'hash', forget = 'hash', score = 'zset', member = 'set', drop = 'hash' }
local taken = {}
for at = 4, #ARGV, 5 do
  local step, name, a, b, c = ARGV[at], ARGV[at + 1], ARGV[at + 2], ARGV[at + 3], ARGV[at + 4]
  local key = q.base .. name
  if kinds[step] and not fits_kind(key, kinds[step]) then return DAMAGED end
  if step == 'text' and redis.call('GET', key) ~= wanted(a) then return CHANGED end
  if step == 'endless' and redis.call('GET', key) ~= a then return CHANGED end
  if step == 'take' or (step == 'recall' and not redis.call('ZSCORE', q['waiting-children'], id)) then
    taken[at] = state_among(name)
    if taken[at] == nil then return TOO_MANY end
    if not taken[at] or redis.call('EXISTS', q.base .. id .. ':lock') == 1 then return CHANGED end
  end
  if step == 'put' and times_at(q, name, id) ~= (tonumber(c) or 0) then return CHANGED end
  if step == 'field' and redis.call('HGET', key, a) ~= wanted(b) then return CHANGED end
  if step == 'score' and not equal(redis.call('ZSCORE', key, a), wanted(b)) then return CHANGED end
end

local function put(state, score, pivot)
  if score ~= '' then
    redis.call('ZADD', q[state], score, id)
    if state == 'delayed' and ERA >= 5 then mark_delay(q) end
    if state == 'delayed' and ERA == 4 then mark_delay_in_list(q) end
  else
    insert_before(q[state], pivot, id)
  end
end

for at = 4, #ARGV, 5 do
  local step, name, a, b, c = ARGV[at], ARGV[at + 1], ARGV[at + 2], ARGV[at + 3], ARGV[at + 4]
  local key = q.base .. name
  if taken[at] then take_out(q, taken[at], id) end
  if step == 'text' then
    if wanted(b) then redis.call('SET', key, wanted(b)) else redis.call('DEL', key) end
  elseif step == 'endless' then
    redis.call('PERSIST', key)
  elseif step == 'recall' and taken[at] then
    redis.call('ZADD', q['waiting-children'], a, id)
  elseif step == 'put' then
    put(name, a, b)
  elseif step == 'field' then
    if wanted(c) then redis.call('HSET', key, a, wanted(c)) else redis.call('HDEL', key, a) end
  elseif step == 'forget' then
    redis.call('HDEL', key, a)
  elseif step == 'score' then
    if wanted(c) then redis.call('ZADD', key, wanted(c), a) else redis.call('ZREM', key, a) end
  elseif step == 'member' then
    redis.call('SADD', key, a)
  elseif step == 'drop' then
    redis.call('DEL', key)
  end
end
return DONE
