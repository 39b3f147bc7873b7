-- Names us in a queue's `meta`, as the first add does.
--
-- KEYS[1]  `meta` of the queue
-- ARGV[1]  the library's name for `meta.library`
-- Returns DONE, or the code of a refusal

local q = queue_of(base_of(KEYS[1]))
local refused = refusal(q)
if refused then return refused end
introduce(q, ARGV[1])
return DONE
