//! Acts on many jobs, and tells before what an act would do: preview, chunked runs with progress
//! and cancellation, and how much must be asked first. It decides nothing by itself.
//!
//! Single acts and bulk acts both come through here, from the console and from the command line.

mod action;
mod add;
mod bulk;
pub mod command;
mod edit;
mod folder;
pub mod journal;
mod mend;
mod operator;
mod plan;
mod preview;
mod queue;
mod report;
mod resume;
mod reveal;
mod run;
pub mod trash;
pub mod typed;
pub mod undo;
mod walk;

pub use action::{Action, Severity, severity};
pub use add::NewJob;
pub use bulk::{Bulk, BulkPlan, Pace, preview_bulk, severity_of};
pub use edit::{Before, Edit};
pub use folder::make_folder;
pub use journal::Kept;
pub use operator::{Consent, Operator, Policy, UndoError, Undoable};
pub use plan::{Only, Plan, Selection};
pub use preview::{Preview, preview};
pub use queue::{act, preview_act};
pub use report::{End, Failure, Progress, Report};
pub use resume::Resumable;
pub use run::run;
