//! Repairs of damage, as acts: written down, and what they take away kept.

use super::trash::Item;
use super::{Action, Consent, End, Failure, Operator, Progress, Report};
use crate::engine::op::{Code, Repair, Target, run_repair};
use crate::engine::saved::{save_mend, saved_revival};
use crate::text::Clean;

impl Operator {
    /// Repairs one thing. What it replaces or takes away is saved first; a repair that finds nothing damaged
    /// any more does nothing, and says so ([`Code::Sound`]).
    pub async fn repair(&self, target: &Target, repair: &Repair, consent: &Consent) -> Report {
        let queue = target.queue.clone();
        let mut report = Report::new(Action::Repair, queue.clone());
        report.progress = Progress { matched: 1, ..Progress::default() };
        if let Err(why) = repair.supports(target.era) {
            report.progress.failed = 1;
            let code = Code::Unsupported.word();
            report.failures.push(Failure { id: repair.job().cloned(), code, message: Clean::line(why) });
            return report;
        }
        let selector = repair.sentence();
        let entry = match self.begin(Action::Repair, target, selector, serde_json::Value::Null, consent).await
        {
            Ok(entry) => entry,
            Err(why) => return Report::forbidden(Action::Repair, queue, &why),
        };
        let mut bag = None;
        if let (Some(trash), Ok(entry), true) = (self.trash(), &entry, consent.save > 0) {
            let saved = async {
                let kept = save_mend(self.conn(), target, repair).await.map_err(|error| error.to_string())?;
                let mut bag = trash.open(entry.id()).await.map_err(|error| error.to_string())?;
                let mut items: Vec<Item> = kept.keys.into_iter().map(Item::Key).collect();
                items.extend(kept.mend.map(|mend| Item::Mend(Box::new(mend))));
                bag.put(&items).await.map_err(|error| error.to_string())?;
                Ok::<_, String>(bag)
            };
            match saved.await {
                Ok(saved) => bag = Some(saved),
                Err(why) => {
                    report.end = End::NotSaved(Clean::line(why));
                    return self.finish(report, Ok(entry.clone())).await;
                }
            }
        }
        match run_repair(self.conn(), target, repair).await {
            Ok(repaired) if repaired.code.is_done() => {
                report.progress.done = 1;
                report.moved = repaired.moved;
                report.ids.extend(repaired.job.clone().or_else(|| repair.job().cloned()));
                if let (Repair::Revive { key, at }, Some(run), Some(bag)) = (repair, &repaired.job, &mut bag)
                    && let Ok(Some(mend)) = saved_revival(self.conn(), target, key, *at, run).await
                {
                    // Without it there is nothing to take back; the scheduler runs all the same.
                    let _ = bag.put(&[Item::Mend(Box::new(mend))]).await;
                }
            }
            Ok(repaired) => {
                let moved =
                    matches!(repaired.code, Code::Sound | Code::Gone | Code::NotIn(_) | Code::Changed);
                report.progress.changed = u64::from(moved);
                report.progress.failed = u64::from(!moved);
                report.failures.push(Failure::refused(repair.job().cloned(), repaired.code));
            }
            Err(error) => {
                report.progress.failed = 1;
                report.failures.push(Failure::error(repair.job().cloned(), &error));
                report.end = if error.is_unknown_outcome() {
                    End::Unknown { ids: repair.job().cloned().into_iter().collect(), error }
                } else {
                    End::Failed(error)
                };
            }
        }
        let may_be_done = report.progress.done == 1 || matches!(report.end, End::Unknown { .. });
        report.undoable = may_be_done && bag.as_ref().is_some_and(|bag| bag.size() > 0);
        if !report.undoable
            && let (Some(trash), Ok(entry)) = (self.trash(), &entry)
        {
            let _ = trash.discard(entry.id()).await;
        }
        self.finish(report, entry).await
    }
}
