-- Putting an id back to its place in a list.

-- Elements that the search for a neighbour may walk over: 4 ms of Redis.
local WALK = 200000

-- Before the id `pivot`, which runs earlier. Where that is '', or ran, or the list is too long to search it: as the
-- next one to run.
local function insert_before(list, pivot, id)
  if pivot == '' or redis.call('LLEN', list) > WALK or redis.call('LINSERT', list, 'BEFORE', pivot, id) < 1 then
    redis.call('RPUSH', list, id)
  end
end
