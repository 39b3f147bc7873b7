//! Text that is safe to show.
//!
//! Everything that comes out of Redis is hostile until it went through here: names, ids, payloads,
//! errors, logs, even Redis's own error texts. The layers above the wire keep such bytes in types
//! without `Display`; the view shows only [`Clean`], which nothing but this module can make.

mod clean;
mod escape;
pub mod figure;
mod mask;
mod width;
mod word;
mod wrap;

pub use clean::Clean;
pub use escape::{ascii_json, lossless};
pub use mask::{Hidden, MASKED, Mask, Place, Places, RestoreError};
pub use width::{cut, cut_left, width};
pub use word::shell_word;
pub use wrap::wrap;
