//! Watching queues without weighing on Redis: discovery, sampling, event tails, history and the
//! read model. It never writes.
//!
//! State goes up as a picture: an [`Snapshot`] in a `watch` channel, newest wins. Interest goes
//! down as data: what the screen shows is kept fresh, the rest is swept.

pub mod clock;
pub mod feed;
pub mod interest;
pub mod redis;
pub mod snapshot;

pub use clock::Clock;
pub use feed::FeedEvent;
pub use interest::Interest;
pub use redis::RedisHealth;
pub use snapshot::{Discovery, Drain, QueueRow, Snapshot, Workers};
