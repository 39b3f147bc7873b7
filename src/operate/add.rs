//! Adding a job by hand: written down like every other act.

use serde_json::value::RawValue;

use super::{Action, Consent, End, Failure, Operator, Progress, Report};
use crate::engine::op::{OpError, Target};
use crate::engine::{AddError, Added, JobOptions, Outcome, Queue};
use crate::text::{Clean, shell_word};
use crate::wire::Raw;

/// A job that is to be added.
#[derive(Clone, PartialEq, Debug)]
pub struct NewJob {
    /// Its name.
    pub name: String,
    /// Its data: JSON, stored byte for byte.
    pub data: Raw,
    /// Its options.
    pub options: JobOptions,
}

impl NewJob {
    /// `toril add email welcome --data -` and the like: a journal holds no payload.
    pub fn command(&self, target: &Target) -> String {
        let word = |text: &str| shell_word(text.as_bytes()).unwrap_or_else(|| "?".to_owned());
        let mut words = super::command::head("add", target);
        words.push(word(&self.name));
        words.push("--data -".to_owned());
        let options = &self.options;
        words.extend(options.id.as_ref().map(|id| format!("--id {}", word(id))));
        words.extend(options.delay.map(|delay| format!("--delay {}ms", delay.as_millis())));
        words.extend((options.priority > 0).then(|| format!("--priority {}", options.priority)));
        words.extend((options.attempts > 0).then(|| format!("--attempts {}", options.attempts)));
        words.extend(options.lifo.then(|| "--lifo".to_owned()));
        words.extend(options.deduplication.as_ref().map(|dedup| format!("--dedup {}", word(&dedup.id))));
        words.join(" ")
    }
}

impl Operator {
    /// Adds a job, written down before and after. The report names the job's id; where another job stands for
    /// it, that is a failure with its id. Beside it: what the engine answered, if it was asked.
    pub async fn add(
        &self,
        target: &Target,
        job: &NewJob,
        consent: &Consent,
    ) -> (Report, Option<Result<Added, AddError>>) {
        let queue = target.queue.clone();
        let mut report = Report::new(Action::Add, queue.clone());
        report.progress = Progress { matched: 1, ..Progress::default() };
        let selector = "a new job".to_owned();
        let begun = self.begin(Action::Add, target, selector, serde_json::Value::Null, consent).await;
        let entry = match begun {
            Ok(entry) => entry,
            Err(why) => return (Report::forbidden(Action::Add, queue, &why), None),
        };
        let text = String::from_utf8(job.data.as_bytes().to_vec()).map_err(|error| error.to_string());
        let data = text.and_then(|text| RawValue::from_string(text).map_err(|error| error.to_string()));
        let added = match data {
            Ok(data) => {
                let producer = Queue::new(self.conn().clone(), queue);
                producer.add(job.name.as_str(), &data, job.options.clone()).await
            }
            Err(why) => Err(AddError::Data(why)),
        };
        let stands = |code, id: &crate::wire::JobId, why: &str| {
            let message = Clean::line(format!("job {} {why}: nothing was added", id.clean()));
            Failure { id: None, code, message }
        };
        match &added {
            Ok(added) => match added.outcome {
                Outcome::New => {
                    report.progress.done = 1;
                    report.ids.push(added.id.clone());
                }
                Outcome::Exists => {
                    report.progress.changed = 1;
                    report.failures.push(stands("exists", &added.id, "is there already"));
                }
                Outcome::Deduplicated => {
                    report.progress.changed = 1;
                    report.failures.push(stands("deduplicated", &added.id, "stands for it"));
                }
            },
            Err(error) => {
                report.progress.failed = 1;
                let message = Clean::line(error.to_string());
                let code = if let AddError::Conn(error) = &error { error.kind.name() } else { "invalid" };
                report.failures.push(Failure { id: None, code, message });
                if let AddError::Conn(error) = error {
                    let error = OpError::Conn(error.clone());
                    report.end = match error {
                        error if error.is_unknown_outcome() => End::Unknown { ids: Vec::new(), error },
                        error => End::Failed(error),
                    };
                }
            }
        }
        (self.finish(report, entry).await, Some(added))
    }
}
