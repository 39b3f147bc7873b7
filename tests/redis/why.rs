//! Why a queue does not move: each cause is made on real queues, is named first with true evidence, and is
//! gone after its cure; healthy queues have none.

mod command;
mod delayed;
mod healthy;
mod keys;
mod limits;
mod paused;
mod scene;
mod server;
mod workers;
