//! Arguments of `toril why`.

use clap::Args;

/// Arguments of `toril why`.
#[derive(Args, Debug, Clone)]
pub struct WhyArgs {
    /// The queue: its name, or prefix:name
    pub queue: String,
}
