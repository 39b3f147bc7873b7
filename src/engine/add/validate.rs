//! The rules that BullMQ checks before it sends anything (spec 2.4).

use super::{AddError, JobOptions, OptionError};
use crate::text::Clean;
use crate::wire::JobId;

/// Highest priority: scores keep 21 bits for it.
pub(super) const MAX_PRIORITY: u32 = 2_097_151;

/// Checks the options and returns the id of one's own, if there is one.
pub(in crate::engine) fn validate(options: &JobOptions) -> Result<Option<JobId>, OptionError> {
    if options.priority > MAX_PRIORITY {
        return Err(OptionError::Priority);
    }
    if options.backoff.as_ref().is_some_and(|backoff| !(0.0..=1.0).contains(&backoff.jitter())) {
        return Err(OptionError::Jitter);
    }
    if let Some(deduplication) = &options.deduplication {
        if deduplication.id.is_empty() {
            return Err(OptionError::DeduplicationId);
        }
        if options.parent.is_some() {
            return Err(OptionError::DeduplicationOfChild);
        }
    }
    match options.id.as_deref() {
        None | Some("") => Ok(None),
        Some(id) => custom_id(id).map(Some),
    }
}

impl JobOptions {
    /// What adding checks before it sends anything: for those who want to know without adding.
    pub fn check(&self) -> Result<(), OptionError> {
        validate(self).map(drop)
    }
}

/// Checks the length of the data, which is JSON: as many bytes as the limit are allowed.
pub(in crate::engine) fn check_size(name: &[u8], data: &[u8], options: &JobOptions) -> Result<(), AddError> {
    match options.size_limit {
        Some(limit) if data.len() as u64 > limit => Err(AddError::Size { name: Clean::line(name), limit }),
        _ => Ok(()),
    }
}

fn custom_id(id: &str) -> Result<JobId, OptionError> {
    if id == "0" || id.starts_with("0:") {
        return Err(OptionError::Zero);
    }
    if is_integer(id) {
        return Err(OptionError::Integer);
    }
    let colons = id.matches(':').count();
    if colons != 0 && colons != 2 {
        return Err(OptionError::Colon);
    }
    let id = JobId::new(id);
    if id.is_reserved() {
        return Err(OptionError::Reserved);
    }
    Ok(id)
}

/// Whether a parse as decimal integer prints back identically: `12` and `-5`, not `012` or `1.5`.
fn is_integer(id: &str) -> bool {
    let digits = id.strip_prefix('-').unwrap_or(id);
    let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    // From 10^21 on JavaScript prints an exponent; from 2^53 on it may print other digits.
    plain && !digits.starts_with('0') && id.parse::<i64>().is_ok_and(|n| n.unsigned_abs() <= 1 << 53)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(id: &str) -> Result<Option<JobId>, OptionError> {
        validate(&JobOptions { id: Some(id.to_owned()), ..JobOptions::default() })
    }

    #[test]
    fn ids_are_accepted_and_refused_as_node_does() {
        for id in ["012", "1.5", "a", "12a", "a:b:c", "events2", "--5", "9007199254740993"] {
            assert_eq!(check(id), Ok(Some(JobId::new(id))), "{id}");
        }
        assert_eq!(check(""), Ok(None));
        for (id, error) in [
            ("0", OptionError::Zero),
            ("0:1", OptionError::Zero),
            ("12", OptionError::Integer),
            ("-5", OptionError::Integer),
            ("a:b", OptionError::Colon),
            ("a:b:c:d", OptionError::Colon),
            ("wait", OptionError::Reserved),
        ] {
            assert_eq!(check(id), Err(error), "{id}");
        }
    }

    #[test]
    fn priorities_and_jitter_have_bounds() {
        let with = |priority| JobOptions { priority, ..JobOptions::default() };
        assert!(validate(&with(2_097_151)).is_ok());
        assert_eq!(validate(&with(2_097_152)), Err(OptionError::Priority));
        let backoff = super::super::Backoff::fixed(std::time::Duration::ZERO).with_jitter(1.1);
        let options = JobOptions { backoff: Some(backoff), ..JobOptions::default() };
        assert_eq!(validate(&options), Err(OptionError::Jitter));
    }
}
