-- What every script answers. The numbers are mapped once, in `op/code.rs`.
local DONE = 1
local GONE = -1
local NOT_IN_STATE = -3
local SCHEDULER = -8
local LOCKED = -21
local CHILD_LOCKED = -22
local TOO_MANY = -23
local NOT_A_JOB = -24
local WRONG_ERA = -25
local DAMAGED = -26
