//! One test for each row of `docs/differences.md`.
