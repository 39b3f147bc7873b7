-- Brings the two lists of a split queue together (trap T1) and changes nothing else.
--
-- KEYS  the queue's keys, see lib/operation.lua
-- ARGV  era, base
-- Returns {code, moved, more}: ids that changed their list; 1 where the script must be called again.
--
-- Into the list that grows: `wait` where the queue runs or where its last client was a BullMQ 6,
-- else `paused`. The ids of `paused` are the next to run.

local q = declared()
local refused = refusal(q)
if refused then return { refused, 0, 0 } end

local paused = is_paused(q)
local into = q.wait
if paused and not (ERA >= 5 and (major(q) or ERA) >= 6) then into = q.paused end
-- One list holds everything: there is nothing to bring together, and no reason to rename it.
local split = holds(q.paused) and (not paused or holds(q.wait))
if not split then return { DONE, 0, 0 } end

local moved, more = gather(q, into)
if not more and not paused then ready(q, false) end
return { DONE, moved, more and 1 or 0 }
