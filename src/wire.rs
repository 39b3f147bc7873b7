//! Names and bytes: what BullMQ and Bull keep in Redis, decoded and encoded without I/O.
//!
//! No tokio, no connection, no clock: every layout fact here can be tested with a literal.

pub mod client;
pub mod counts;
pub mod discovery;
pub mod era;
pub mod event;
pub mod glob;
pub mod ids;
pub mod keys;
pub mod meta;
pub mod metrics;
pub mod number;
pub mod options;
pub mod parent;
pub mod repeat;
pub mod score;
pub mod state;

pub use counts::Counts;
pub use era::{Era, Fleet, WriteEra};
pub use ids::{JobId, Prefix, QueueId, QueueName, Raw, Token};
pub use meta::Meta;
pub use state::State;
