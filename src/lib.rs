//! toril
