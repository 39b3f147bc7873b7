//! Flags, environment, profile, defaults: what is in force, and where each value comes from.

mod file;
mod places;
mod settings;
mod suggest;

#[cfg(test)]
pub use file::{PROFILE_KEYS, TOP_KEYS, parse};
pub use file::{file_of, load};
pub use places::{config_path, state_dir};
pub use settings::{Environment, Settings};
