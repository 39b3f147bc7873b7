//! Texts that a person writes in an editor of their own: kept until they are written, or given up.
//!
//! The bytes go from Redis to the editor and back as they are; what the screen shows of them has no
//! part in it. A text that cannot be written, because it is no JSON, because the job was changed
//! meanwhile, or because the link was lost, is offered again.

use super::effect::{Act, Answer, Effect, FetchId, Query, RunId, Slot};
use super::modal::{Modal, draft::Offer, form};
use super::toast::Toast;
use super::{App, acts};
use crate::engine::op::{Code, JobEdit};
use crate::engine::read::FieldValue;
use crate::operate::{Edit, Report};
use crate::text::{Clean, Hidden, figure};
use crate::wire::{Era, JobId, QueueId, Raw};

/// Larger data is opened only where the person was told its size ..
const ASKED_ABOVE: u64 = 1 << 20;
/// .. and larger than this not at all (`toril edit` takes more).
const MOST: u64 = 32 << 20;
/// Texts that are kept.
const KEPT: usize = 8;

/// The number of a draft.
pub type DraftId = u64;

/// What an editor left.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Edited {
    /// What stood in the file.
    pub text: Raw,
    /// Why that is no answer: the editor did not end well.
    pub refused: Option<Clean>,
}

/// A job's data on its way through an editor.
#[derive(Debug)]
pub struct Draft {
    id: DraftId,
    /// Which queue.
    pub queue: QueueId,
    era: Era,
    /// Which job.
    pub job: JobId,
    /// As it stands in Redis, once it was read.
    was: Option<Raw>,
    /// Its secrets behind the masks that the editor shows. It belongs to the person's text: when the
    /// data is read again, its masks may be others.
    hidden: Option<Hidden>,
    /// As the person left it, once they did.
    text: Option<Raw>,
    stage: Stage,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Stage {
    Reading(FetchId),
    Open(FetchId),
    Running(RunId),
    /// It waits for the person.
    Kept,
}

/// All of them, the newest last.
#[derive(Debug, Default)]
pub struct Drafts(Vec<Draft>);

impl Drafts {
    /// The draft of a number.
    pub fn get(&self, id: DraftId) -> Option<&Draft> {
        self.0.iter().find(|draft| draft.id == id)
    }

    fn at(&mut self, stage: Stage) -> Option<&mut Draft> {
        self.0.iter_mut().find(|draft| draft.stage == stage)
    }

    pub(super) fn drop(&mut self, id: DraftId) {
        self.0.retain(|draft| draft.id != id);
    }

    fn kept(&self, queue: &QueueId, job: &JobId) -> Option<DraftId> {
        let same = |draft: &&Draft| draft.queue == *queue && draft.job == *job && draft.text.is_some();
        self.0.iter().find(same).map(|draft| draft.id)
    }
}

/// What a person made of a text: `None` where it is the same. The end of line that editors add to the
/// last line is no change. The error says where it is no JSON.
pub fn changed(was: &[u8], now: &[u8]) -> Result<Option<Vec<u8>>, String> {
    let mut now = now;
    if !was.ends_with(b"\n") {
        now = now.strip_suffix(b"\n").unwrap_or(now);
        now = now.strip_suffix(b"\r").unwrap_or(now);
    }
    if now == was {
        return Ok(None);
    }
    match serde_json::from_slice::<serde::de::IgnoredAny>(now) {
        Ok(_) => Ok(Some(now.to_vec())),
        Err(error) => {
            let (line, column, text) = (error.line(), error.column(), error.to_string());
            let why = text.split(" at line ").next().unwrap_or_default();
            Err(format!("line {line}, column {column} is not JSON: {why}"))
        }
    }
}

/// A job's data is to be edited.
pub(super) fn begin(app: &mut App, queue: QueueId, era: Era, job: JobId, now: i64) -> Vec<Effect> {
    if let Err(why) = era.writable() {
        let text = format!("{}: nothing is changed, because {why}", queue.name.clean());
        app.toasts.push(Toast::bad(text).shown_at(now));
        return Vec::new();
    }
    if let Some(kept) = app.drafts.kept(&queue, &job) {
        let why = Clean::line("your text from before was not written");
        return offer(app, kept, why, false, now);
    }
    app.drafts.0.retain(|draft| draft.text.is_some());
    let over = (app.drafts.0.len() + 1).saturating_sub(KEPT);
    app.drafts.0.drain(..over);
    let id = app.ids.next();
    app.drafts.0.push(Draft { id, queue, era, job, was: None, hidden: None, text: None, stage: Stage::Kept });
    read(app, id, ASKED_ABOVE)
}

/// Reads what stands in Redis now; the editor opens with it, or with what the person wrote before.
fn read(app: &mut App, id: DraftId, most: u64) -> Vec<Effect> {
    let fetch = app.ids.next();
    let Some(draft) = app.drafts.0.iter_mut().find(|draft| draft.id == id) else { return Vec::new() };
    draft.stage = Stage::Reading(fetch);
    let query = Query::Draft(draft.queue.clone(), draft.job.clone(), most);
    vec![Effect::Fetch(Slot::Draft, fetch, query)]
}

/// Opens the editor again: with the person's text, or (`anew`) with what stands in Redis.
pub(super) fn again(app: &mut App, id: DraftId, anew: bool) -> Vec<Effect> {
    if let Some(draft) = app.drafts.0.iter_mut().find(|draft| draft.id == id && anew) {
        draft.text = None;
    }
    read(app, id, MOST)
}

/// Data was read for the editor. `Err`: the answer is for somebody else.
pub(super) fn answer(
    app: &mut App,
    id: FetchId,
    answer: &Result<Answer, Clean>,
    now: i64,
) -> Result<Vec<Effect>, ()> {
    let (open, mask) = (app.ids.next(), app.config.mask.clone());
    let draft = app.drafts.at(Stage::Reading(id)).ok_or(())?;
    draft.stage = Stage::Kept;
    let (number, job) = (draft.id, draft.job.clean());
    let why = match answer {
        Ok(Answer::Field(FieldValue::Value(value))) => {
            draft.was = Some(value.clone());
            draft.stage = Stage::Open(open);
            let text = draft.text.clone().unwrap_or_else(|| {
                let hidden = mask.hide(value.as_bytes());
                let text = Raw::new(hidden.text());
                draft.hidden = Some(hidden);
                text
            });
            return Ok(vec![Effect::Editor(open, text)]);
        }
        Ok(Answer::Field(FieldValue::TooLarge(size))) if *size <= MOST => {
            let why = format!("the data of job {job} has {}", figure::bytes(*size));
            return Ok(offer(app, number, Clean::line(why), true, now));
        }
        Ok(Answer::Field(FieldValue::TooLarge(size))) => {
            let most = figure::bytes(MOST);
            format!("has {} of data, and an editor gets {most} here: use toril edit", figure::bytes(*size))
        }
        Ok(_) => "is gone, or has no data".to_owned(),
        Err(why) => format!("could not be read: {why}"),
    };
    let kept = draft.text.is_some();
    if !kept {
        app.drafts.drop(number);
    }
    app.toasts.push(Toast::bad(format!("edit: job {job} {why}")).shown_at(now));
    Ok(Vec::new())
}

/// The editor ended.
pub(super) fn edited(app: &mut App, id: FetchId, edited: Result<Edited, Clean>, now: i64) -> Vec<Effect> {
    if form::edited(app, id, &edited) {
        return Vec::new();
    }
    let Some(draft) = app.drafts.at(Stage::Open(id)) else { return Vec::new() };
    draft.stage = Stage::Kept;
    let number = draft.id;
    let was = draft.was.clone().unwrap_or_else(|| Raw::new(""));
    let Edited { text, refused } = match edited {
        Ok(edited) => edited,
        Err(why) => {
            if draft.text.is_none() {
                app.drafts.drop(number);
            }
            app.toasts.push(Toast::bad(format!("edit: {why}; nothing was changed")).shown_at(now));
            return Vec::new();
        }
    };
    let json = match &draft.hidden {
        Some(hidden) => hidden.restore(text.as_bytes()).map_err(|why| why.to_string()),
        None => Ok(text.as_bytes().to_vec()),
    };
    let json = json.and_then(|now| changed(was.as_bytes(), &now));
    if json == Ok(None) {
        app.drafts.drop(number);
        let toast = match refused {
            Some(why) => Toast::bad(format!("edit: {why}; nothing was changed")),
            None => Toast::plain("unchanged: nothing was written"),
        };
        app.toasts.push(toast.shown_at(now));
        return Vec::new();
    }
    draft.text = Some(text);
    match (json, refused) {
        (_, Some(why)) => offer(app, number, why, false, now),
        (Err(why), None) => offer(app, number, Clean::line(why), false, now),
        (Ok(json), None) => {
            let edit = JobEdit::Data { json: Raw::new(json.unwrap_or_default()), was: Some(was) };
            let edit = Edit::Bytes { id: draft.job.clone(), edit };
            let act = Act::Edit { queue: draft.queue.clone(), era: draft.era, edits: vec![edit] };
            acts::ask(app, act, 1, now)
        }
    }
}

fn offer(app: &mut App, id: DraftId, why: Clean, large: bool, now: i64) -> Vec<Effect> {
    // Nothing is put over a question that is being answered.
    if app.modal.is_some() {
        app.toasts.push(Toast::bad(format!("edit: {why}")).shown_at(now));
    } else {
        app.modal = Some(Modal::Draft(Offer { draft: id, why, large, opened_at: now }));
    }
    Vec::new()
}

/// An act runs; where it writes a draft, its end decides about that.
pub(super) fn runs(app: &mut App, run: RunId, act: &Act) {
    let Act::Edit { queue, edits, .. } = act else { return };
    let [Edit::Bytes { id, edit: JobEdit::Data { .. } }] = edits.as_slice() else { return };
    let same = |draft: &&mut Draft| draft.queue == *queue && draft.job == *id && draft.text.is_some();
    if let Some(draft) = app.drafts.0.iter_mut().find(same) {
        draft.stage = Stage::Running(run);
    }
}

/// A run ended: what it wrote is kept no more, and what it did not write is offered again.
pub(super) fn done(app: &mut App, run: RunId, result: &Result<Report, Clean>, now: i64) {
    let Some(draft) = app.drafts.at(Stage::Running(run)) else { return };
    draft.stage = Stage::Kept;
    let (id, job) = (draft.id, draft.job.clean());
    let why = match result {
        Ok(report) if report.progress.done == 1 => {
            app.drafts.drop(id);
            return;
        }
        Ok(report) if report.failures.first().is_some_and(|why| why.code == Code::Changed.word()) => {
            format!("the data of job {job} was changed meanwhile, and nothing was written over it")
        }
        Ok(_) => format!("the data of job {job} was not written"),
        Err(why) => why.as_str().to_owned(),
    };
    offer(app, id, Clean::line(why), false, now);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_of_line_that_an_editor_adds_is_no_change() {
        let was = b"{\"a\": 1.10}".as_slice();
        assert_eq!(changed(was, b"{\"a\": 1.10}\n"), Ok(None));
        assert_eq!(changed(was, b"{\"a\": 1.10}\r\n"), Ok(None));
        assert_eq!(
            changed(was, b"{\"a\": 1.10,\n \"b\":2}\n"),
            Ok(Some(b"{\"a\": 1.10,\n \"b\":2}".to_vec()))
        );
        // Where it stood there, it stays; and where it went, that is a change.
        assert_eq!(changed(b"1\n", b"1\n"), Ok(None));
        assert_eq!(changed(b"1\n", b"1"), Ok(Some(b"1".to_vec())));
        // What is no JSON stays as it is, but is not made worse.
        assert_eq!(changed(b"not json", b"not json\n"), Ok(None));
        assert_eq!(
            changed(was, b"{\n\"a\": }\n").unwrap_err(),
            "line 2, column 6 is not JSON: expected value"
        );
    }
}
