-- What scripts answer instead of a result. The numbers are mapped once: those of operations and the
-- refusals of a queue in `op/code.rs`, those of producers and workers in their errors.
local DONE = 1
local NOT_PENDING = 2
local GONE = -1
local NO_LOCK = -2
local NOT_IN_STATE = -3
local CHILDREN_PENDING = -4
local PARENT_GONE = -5
local OTHERS_LOCK = -6
local PARENT_TAKEN = -7
local SCHEDULER = -8
local CHILD_FAILED = -9
local LOCKED = -21
local CHILD_LOCKED = -22
local TOO_MANY = -23
local NOT_A_JOB = -24
local WRONG_ERA = -25
local DAMAGED = -26
local NOT_OWNER = -27
local CHANGED = -28
local NEWER = -29
local NOT_PAUSED = -30
local STILL_ACTIVE = -31
local NO_SCHEDULER = -32
local OCCUPIED = -33
local TAKEN = -40
local OWN_ANCESTOR = -41
