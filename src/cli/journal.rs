//! `toril journal`.

use serde::Serialize;

use super::args::{ColorWhen, JournalArgs};
use super::failure::{Failure, exit};
use super::figures::{moment, thousands};
use super::output::Out;
use super::table::{Cell, Table, Tone};
use crate::operate::journal::{Intent, Journal, Kept, Outcome, Part};
use crate::operate::trash::Trash;
use crate::text::Clean;

#[derive(Serialize)]
struct Document<'a> {
    acts: Vec<Act<'a>>,
    /// Lines of the file that were changed, cut or taken out.
    #[serde(skip_serializing_if = "<[usize]>::is_empty")]
    broken: &'a [usize],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Act<'a> {
    id: String,
    at: i64,
    #[serde(flatten)]
    intent: &'a Intent,
    /// `running` where no end was written: it runs, or was broken off.
    ended: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    ended_at: Option<i64>,
    #[serde(flatten)]
    counts: Part,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    ids: &'a [String],
    /// Bytes that are kept to undo it.
    #[serde(skip_serializing_if = "Option::is_none")]
    kept: Option<u64>,
}

/// Lists what was done, newest first. Needs no server.
pub async fn run(args: &JournalArgs, color: ColorWhen, json: bool) -> Result<u8, Failure> {
    let Some(folder) = super::config::state_dir() else {
        return Err(Failure::config("there is no home folder, so there is no journal", "set XDG_STATE_HOME"));
    };
    let journal = Journal::in_folder(&folder);
    let trash = Trash::in_folder(&folder);
    let limit = usize::try_from(args.limit).unwrap_or(usize::MAX);
    let history = journal.history(limit).await.map_err(|error| Failure::internal(error.to_string(), ""))?;
    let mut kept = Vec::new();
    for act in &history.acts {
        kept.push(trash.size(act.id).await.filter(|size| *size > 0));
    }
    let mut out = Out::new(color);
    if json {
        let acts = history.acts.iter().zip(kept).map(|(act, kept)| document(act, kept)).collect();
        out.json(&Document { acts, broken: &history.broken })?;
    } else {
        table(&mut out, &history.acts, &kept)?;
        for line in &history.broken {
            out.line(format_args!(
                "Line {line} of {} was changed, cut, or does not follow the one before it.",
                Clean::line(journal.path().display().to_string())
            ))?;
        }
    }
    out.flush()?;
    Ok(exit::DONE)
}

fn document(act: &Kept, kept: Option<u64>) -> Act<'_> {
    let (counts, end) = (counts(act), act.end.as_ref());
    let none: &[String] = &[];
    Act {
        id: act.id.to_string(),
        at: act.at,
        intent: &act.intent,
        ended: end.map_or("running", |(_, outcome)| outcome.ended.as_str()),
        ended_at: end.map(|(at, _)| *at),
        counts,
        reason: end.and_then(|(_, outcome)| outcome.reason.as_deref()),
        ids: end.map_or(none, |(_, outcome)| outcome.ids.as_slice()),
        kept,
    }
}

fn counts(act: &Kept) -> Part {
    let ended = act.end.as_ref().map(|(_, Outcome { counts, .. })| *counts);
    ended.or(act.part).unwrap_or_default()
}

fn table(out: &mut Out, acts: &[Kept], kept: &[Option<u64>]) -> Result<(), Failure> {
    if acts.is_empty() {
        return Ok(out.line("Nothing was done yet.")?);
    }
    let mut table =
        Table::new(&["ID", "WHEN", "WHO", "SERVER", "ACT", "QUEUE", ">JOBS", ">DONE", "END", "UNDO"]);
    for (act, kept) in acts.iter().zip(kept) {
        let intent = &act.intent;
        let word = |text: &str, width: usize| Cell::text(Clean::line(text).cut(width));
        let end = act.end.as_ref().map_or("running", |(_, outcome)| outcome.ended.as_str());
        let tone = if end == "finished" { Tone::Dim } else { Tone::Alert };
        let who = intent.who.sudo_user.as_deref().or(intent.who.user.as_deref()).unwrap_or("-");
        table.row(vec![
            Cell::word(act.id.to_string()),
            Cell::word(moment(act.at)),
            word(who, 16),
            word(intent.place.label.as_deref().unwrap_or(&intent.place.endpoint), 24),
            word(&intent.action, 12),
            word(&intent.queue, 30),
            intent.matched.map_or_else(|| Cell::right("-"), |matched| Cell::right(thousands(matched))),
            Cell::right(thousands(counts(act).done)),
            word(end, 12).tone(tone),
            Cell::word(if kept.is_some() { "yes" } else { "-" }),
        ]);
    }
    Ok(table.print(out)?)
}
