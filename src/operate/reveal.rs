//! Looking at a masked value: changes nothing, and is written down all the same.

use super::operator::Operator;
use super::{Consent, End, Report};
use crate::operate::Action;
use crate::operate::journal::Confirmed;
use crate::text::{Clean, shell_word};
use crate::wire::{Era, JobId, QueueId};

impl Operator {
    /// Writes down that a masked value of a job (`what`: the field, and which of its values) is shown
    /// to the person. `Err`: it may not be shown. `Ok(Some)`: it may, but there is no record, and why.
    pub async fn reveal(
        &self,
        queue: &QueueId,
        era: Era,
        job: &JobId,
        what: &str,
    ) -> Result<Option<Clean>, Clean> {
        let word = |bytes: &[u8]| shell_word(bytes).unwrap_or_else(|| "?".to_owned());
        let command = format!("toril job {} {} --raw", word(queue.name.as_bytes()), word(job.as_bytes()));
        let consent = Consent::new(Confirmed::NotAsked, command);
        let selector = format!("{what} of {}", job.lossless());
        let plan = serde_json::Value::Null;
        let begun = self.begin_as(Action::Reveal, queue, era.name(), selector, plan, &consent).await;
        let entry = begun.map_err(Clean::line)?;
        let mut report = Report::new(Action::Reveal, queue.clone());
        report.end = End::Finished;
        report.progress.matched = 1;
        report.progress.done = 1;
        Ok(self.finish(report, entry).await.unrecorded)
    }
}
