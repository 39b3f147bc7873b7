//! The command line as other programs see it: the built binary against real servers.

mod accounts;
mod acts;
mod add;
mod bench;
mod bulk;
mod canary;
mod confirming;
mod edits;
mod endings;
mod era;
mod filters;
mod find;
mod hostile;
mod journal;
mod mask;
mod meta;
mod overviews;
mod reads;
mod resume;
pub mod run;
mod secrets;
mod work;
