//! What can be read of a queue, with plain commands only: an account without scripting suffices.

pub mod child;
pub mod detail;
pub mod doctor;
pub mod failures;
pub mod flow;
pub mod heads;
pub mod job;
pub mod locate;
pub mod next_run;
pub mod overview;
pub mod page;
pub mod running;
pub mod schedulers;
pub mod stream;
pub mod walk;
pub mod whole;
pub mod workers;

pub use detail::{Child, ChildKind, FieldValue, field, find_state, job, logs};
pub use next_run::{NextRun, Standing, standings};
pub use overview::{Ask, Overview, counts, overview};
pub use page::page;
pub use schedulers::{Scheduler, schedulers};
pub use workers::{Listed, Roster, roster, workers};
