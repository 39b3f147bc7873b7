//! Workers that are killed, held, cut off, or left without their server: nothing acknowledged is
//! lost, at most the jobs in flight run twice, and what comes late changes nothing.

pub mod child;
mod crash;
mod cut;
mod held;
mod proxy;
mod scene;
mod server;
