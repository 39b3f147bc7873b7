//! Arguments of `toril find`.

use clap::Args;

use crate::wire::State;

/// Arguments of `toril find`.
#[derive(Args, Debug, Clone)]
#[command(after_help = "\
Examples:
  toril find 98412                          in which queue, and in which state, is this job?
  toril find ETIMEDOUT -q 'pay*' --state failed
  toril find --where '.data.tenant == \"acme\"' --scan all --full > acme.jsonl

A job of this id is looked for first, in every queue; only if there is none, or with --text, the \
text is looked for in name, data, failedReason, returnvalue and stacktrace. --queue says in which queues.

Completed and failed jobs come in one order, the last one to end in any queue first. The other states do \
not tell when their jobs came: each is read from its newest end (delayed: due last; prioritized: most urgent \
last), and they take turns with those that have ended, 500 jobs at a time.")]
pub struct FindArgs {
    /// An id, or a text
    #[arg(allow_hyphen_values = true, required_unless_present = "filter", value_name = "ID|TEXT")]
    pub text: Option<String>,
    /// Only jobs in this state; may be repeated [default: all]
    #[arg(long, value_parser = super::reads::state, value_name = "STATE")]
    pub state: Vec<State>,
    /// Only jobs for which this jq expression over the job (as `toril job --json` prints it) is true
    #[arg(long = "where", visible_alias = "jq", value_name = "EXPR")]
    pub filter: Option<String>,
    /// How many jobs are read at most, or `all`
    #[arg(long, default_value = "100000", value_parser = scan, value_name = "N")]
    pub scan: u64,
    /// How many jobs are found at most
    #[arg(long, default_value_t = 1000, value_name = "N")]
    pub limit: u64,
    /// Letter case makes no difference
    #[arg(short, long)]
    pub ignore_case: bool,
    /// Look for the id only
    #[arg(long, conflicts_with_all = ["text_only", "filter", "ignore_case"])]
    pub id_only: bool,
    /// Look for the text even where a job has it as its id
    #[arg(long = "text", conflicts_with = "id_only")]
    pub text_only: bool,
    /// Whole jobs, as `toril job --json` prints them, one a line
    #[arg(long)]
    pub full: bool,
}

/// Reads how many jobs may be read.
fn scan(text: &str) -> Result<u64, String> {
    if text == "all" {
        return Ok(u64::MAX);
    }
    text.parse().map_err(|_| "a number of jobs, or all".to_owned())
}
