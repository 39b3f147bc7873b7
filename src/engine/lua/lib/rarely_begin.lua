-- The parts from here to `rarely_end` are made by those runs that need them: to make all functions of
-- a big script takes Redis longer than to end a job.
local rare
local function rarely()
  if rare then return rare end

