//! What `--version` says.

/// The version, with the commit and the target that tell two builds of it apart.
pub const LONG_VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), " (", env!("TORIL_BUILD"), ")");
