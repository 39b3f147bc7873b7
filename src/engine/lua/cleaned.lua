-- Tells that a clean is over, as BullMQ does.
--
-- KEYS  the queue's keys (lib/operation.lua)
-- ARGV  era, base, how many jobs were removed
-- Returns a code (lib/codes.lua).

local q = declared()
local refused = refusal(q)
if refused then return refused end
emit(q, 'cleaned', 'count', ARGV[3])
return DONE
