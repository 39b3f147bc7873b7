//! Workers and schedulers as the libraries themselves list them, and what is dead, overdue or ended made really.

mod schedulers;
mod verdicts;
mod workers;
