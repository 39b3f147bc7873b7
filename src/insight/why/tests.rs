//! Verdicts on looks that are made up; the real ones are in `tests/redis/why`.
