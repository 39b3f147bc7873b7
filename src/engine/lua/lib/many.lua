-- Many jobs of one state, by their ids: each is looked at again, and has its own answer.

-- Whether a state's score is the moment at which the job entered it (spec 1.3).
local TIMED = { completed = true, failed = true, ['waiting-children'] = true }

-- The code that forbids acting on a job, or nil. `at` is its score, or nil if it is not in the state;
-- `times` are its `timestamp` and `processedOn`; `until_ms` is the moment up to which is acted.
local function untimely(state, at, times, until_ms)
  if not at then return NOT_IN_STATE end
  if not until_ms then return nil end
  if TIMED[state] then return tonumber(at) > until_ms and NEWER or nil end
  if (tonumber(times[1] or '') or 0) > until_ms or (tonumber(times[2] or '') or 0) > until_ms then
    return NEWER
  end
  return nil
end
