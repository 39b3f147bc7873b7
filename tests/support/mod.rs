//! What the integration tests share: a private server, the real Node libraries, and the whole key
//! space as something that can be compared.
//!
//! ```ignore
//! let server = Server::start();
//! let mut node = Node::start(Lib::BullMq5, &server);
//! let id = node.call(json!({"op": "add", "queue": "q", "data": {"do": "ok"}}));
//! assert_same(&Dump::of(&server).normalised(&options), &other);
//! ```

#![allow(
    dead_code,
    unused_imports,
    reason = "three test targets share this module and each uses a part of it"
)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::needless_pass_by_value,
    reason = "a test's own scaffolding stops the test where it finds something wrong"
)]

mod diff;
mod dump;
mod labels;
mod link;
mod node;
mod normalise;
pub mod secrets;
mod server;

pub use diff::{assert_same, diff};
pub use dump::{Content, Dump, Entry};
pub use link::{account, login, refused, writer};
pub use node::{Lib, Node};
pub use normalise::Options;
pub use server::{Builder, Server};
