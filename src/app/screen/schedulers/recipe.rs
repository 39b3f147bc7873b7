//! A schedule as a text for the person's editor, and back.

use std::time::Duration;

use serde_json::{Map, Value};

use super::Row;
use crate::app::draft::Edited;
use crate::app::effect::{Act, FetchId};
use crate::app::toast::Toast;
use crate::engine::JobOptions;
use crate::engine::read::schedulers::{Generation, Scheduler};
use crate::engine::schedule::{Cron, Recast, Repeat, Zone};
use crate::operate::Edit;
use crate::text::{Clean, figure};
use crate::wire::{Era, QueueId, Raw};

/// A schedule on its way through an editor.
#[derive(Debug)]
pub struct Recipe {
    queue: QueueId,
    era: Era,
    /// The scheduler; `None`: a new one, which the text names.
    id: Option<String>,
    /// As it was given first.
    was: Raw,
    /// As it stands now.
    text: Raw,
    open: Option<FetchId>,
}

/// What comes of a text.
pub enum End {
    /// It is to be done.
    Act(Box<Act>),
    /// Nothing is to be done.
    Nothing(Toast),
    /// It is kept, because of this.
    Again(Box<Recipe>, String),
}

/// What a text asks for.
#[derive(Debug)]
struct Wanted {
    id: Option<String>,
    name: Option<String>,
    data: Option<Value>,
    opts: Option<Map<String, Value>>,
    repeat: Repeat,
}

const HELP: &str =
    "# Lines that begin with # are left out. Either a pattern, with or without a zone, or an interval:
#   \"pattern\": \"0 9 * * MON-FRI\", \"tz\": \"Europe/Berlin\"
#   \"every\": \"10m\"                            (250ms 5s 10m 2h 7d)
# If wished: \"limit\": 100 (runs), \"startDate\" and \"endDate\" (\"2027-01-31T09:00:00Z\").
";

impl Recipe {
    /// The schedule of a scheduler that there is.
    pub fn of(row: &Row, era: Era) -> Result<Self, String> {
        let scheduler = &row.standing.scheduler;
        let Ok(id) = std::str::from_utf8(scheduler.key.as_bytes()) else {
            return Err("its id is no text that could be edited".to_owned());
        };
        let head = format!(
            "# The schedule of {} in {}. What its jobs are stays, unless it is given here:\n\
             #   \"name\": \"report\", \"data\": {{\"to\": \"ada\"}}, \"opts\": {{\"attempts\": 3}}\n{}",
            row.key,
            row.queue.clean(),
            match scheduler.generation {
                Generation::Scheduler => "",
                Generation::Repeatable | Generation::Legacy =>
                    "# Its key is its rule: it is removed, and added anew under another key, in one step.\n",
            }
        );
        let text = Raw::new(format!("{head}{HELP}{}\n", pretty(&fields(scheduler))));
        let queue = row.queue.clone();
        Ok(Self { queue, era, id: Some(id.to_owned()), was: text.clone(), text, open: None })
    }

    /// A new one.
    pub fn new(queue: QueueId, era: Era) -> Result<Self, String> {
        if !matches!(era, Era::V5 | Era::V6) {
            return Err(format!(
                "schedulers are added to queues of BullMQ 5 and 6; this is one of {}",
                era.title()
            ));
        }
        let mut fields = Map::new();
        for name in ["id", "name"] {
            fields.insert(name.to_owned(), Value::from(""));
        }
        fields.insert("pattern".to_owned(), Value::from("0 9 * * MON-FRI"));
        fields.insert("tz".to_owned(), Value::from("UTC"));
        fields.insert("data".to_owned(), Value::Object(Map::new()));
        fields.insert("opts".to_owned(), Value::Object(Map::new()));
        let head = format!("# A new scheduler of {}: its id, and the name of its jobs.\n", queue.clean());
        let text = Raw::new(format!("{head}{HELP}{}\n", pretty(&fields)));
        Ok(Self { queue, era, id: None, was: text.clone(), text, open: None })
    }

    /// The text for the editor.
    pub fn text(&self) -> Raw {
        self.text.clone()
    }

    /// It is in the editor now.
    pub fn open(mut self, id: FetchId) -> Self {
        self.open = Some(id);
        self
    }

    /// Whether the editor that was opened under this number has it.
    pub fn is_open(&self, id: FetchId) -> bool {
        self.open == Some(id)
    }

    /// Whether a text that was kept is about this row.
    pub fn is_about(&self, row: &Row, new: bool) -> bool {
        let same = match &self.id {
            None => new,
            Some(id) => !new && id.as_bytes() == row.standing.scheduler.key.as_bytes(),
        };
        same && self.queue == row.queue
    }

    /// What comes of what the editor left. `now` is Redis's clock.
    pub fn close(mut self, edited: &Result<Edited, Clean>, now: i64) -> End {
        self.open = None;
        let edited = match edited {
            Ok(edited) => edited,
            Err(why) => return End::Nothing(Toast::bad(format!("{why}; nothing was changed"))),
        };
        self.text = edited.text.clone();
        if let Some(why) = &edited.refused {
            return End::Again(Box::new(self), format!("{why}: nothing was changed"));
        }
        if self.text == self.was {
            return End::Nothing(Toast::plain("unchanged: nothing was written"));
        }
        let wanted = match read(self.text.as_bytes(), self.id.is_none()) {
            Ok(wanted) => wanted,
            Err(why) => return End::Again(Box::new(self), why),
        };
        if let Some(why) = never(&wanted.repeat, now) {
            return End::Again(Box::new(self), why);
        }
        let (queue, era) = (self.queue.clone(), self.era);
        let edit = match self.id {
            Some(id) if wanted.name.is_none() && wanted.data.is_none() && wanted.opts.is_none() => {
                Edit::Schedule { id, repeat: wanted.repeat }
            }
            Some(id) => {
                let (name, opts) = (wanted.name, wanted.opts);
                let data = wanted.data.map(|data| Raw::new(data.to_string()));
                Edit::Recast {
                    id,
                    recast: Box::new(Recast { repeat: Some(wanted.repeat), name, data, opts }),
                }
            }
            None => Edit::NewScheduler {
                id: wanted.id.unwrap_or_default(),
                repeat: wanted.repeat,
                name: wanted.name,
                data: Raw::new(wanted.data.unwrap_or(Value::Null).to_string()),
                opts: Raw::new(Value::Object(wanted.opts.unwrap_or_default()).to_string()),
            },
        };
        End::Act(Box::new(Act::Edit { queue, era, edits: vec![edit] }))
    }
}

fn pretty(fields: &Map<String, Value>) -> String {
    serde_json::to_string_pretty(fields).unwrap_or_default()
}

fn fields(scheduler: &Scheduler) -> Map<String, Value> {
    let mut fields = Map::new();
    let mut put = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            fields.insert(name.to_owned(), value);
        }
    };
    if let Some(ms) = scheduler.every {
        put("every", Some(span(ms).into()));
    } else {
        put("pattern", scheduler.pattern.as_ref().map(|pattern| pattern.as_str().into()));
        put("tz", scheduler.zone.as_ref().map(|zone| zone.as_str().into()));
    }
    put("limit", scheduler.limit.map(Value::from));
    put("startDate", scheduler.start_at.map(date));
    put("endDate", scheduler.end_at.map(date));
    fields
}

/// Ms as they are written: `10m`, `90s`, `1500ms`.
fn span(ms: u64) -> String {
    for (unit, name) in [(86_400_000, "d"), (3_600_000, "h"), (60_000, "m"), (1000, "s")] {
        if ms >= unit && ms.is_multiple_of(unit) {
            return format!("{}{name}", ms / unit);
        }
    }
    format!("{ms}ms")
}

fn date(ms: i64) -> Value {
    match chrono::DateTime::from_timestamp_millis(ms) {
        Some(date) => date.to_rfc3339_opts(chrono::SecondsFormat::Millis, true).into(),
        None => ms.into(),
    }
}

fn read(text: &[u8], new: bool) -> Result<Wanted, String> {
    let text = String::from_utf8(text.to_vec()).map_err(|_| "that is no text".to_owned())?;
    // What is left out stays as an empty line, so that the lines keep their numbers.
    let kept: Vec<&str> =
        text.lines().map(|line| if line.trim_start().starts_with('#') { "" } else { line }).collect();
    let fields: Map<String, Value> =
        serde_json::from_str(&kept.join("\n")).map_err(|error| error.to_string())?;
    let known: &[&str] = if new { &["id", "name", "data", "opts"] } else { &["name", "data", "opts"] };
    let rule = ["pattern", "tz", "every", "limit", "startDate", "endDate"];
    if let Some(other) =
        fields.keys().find(|name| !rule.contains(&name.as_str()) && !known.contains(&name.as_str()))
    {
        return Err(format!("nobody knows `{}` here", Clean::line(other)));
    }
    let text = |name: &str| match fields.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone()).filter(|text| !text.is_empty())),
        Some(_) => Err(format!("`{name}` is a text")),
    };
    let repeat = repeat(&fields, text("pattern")?, text("tz")?)?;
    let id = text("id")?;
    if new && id.is_none() {
        return Err("a scheduler has an id".to_owned());
    }
    let opts = match fields.get("opts") {
        None | Some(Value::Null) => None,
        Some(Value::Object(opts)) => Some(opts.clone()),
        Some(_) => return Err("`opts` are options as BullMQ has them: {\"attempts\": 3}".to_owned()),
    };
    if let Some(opts) = &opts {
        JobOptions::parse(opts).map_err(|error| error.to_string())?;
    }
    let data = fields.get("data").cloned();
    Ok(Wanted { id, name: text("name")?, data, opts, repeat })
}

fn repeat(
    fields: &Map<String, Value>,
    pattern: Option<String>,
    zone: Option<String>,
) -> Result<Repeat, String> {
    let mut repeat = match (fields.get("every"), pattern) {
        (None | Some(Value::Null), Some(pattern)) => {
            pattern.parse::<Cron>().map_err(|error| error.to_string())?;
            let repeat = Repeat::cron(pattern);
            match zone {
                None => repeat,
                Some(zone) => {
                    zone.parse::<Zone>().map_err(|error| error.to_string())?;
                    repeat.tz(zone)
                }
            }
        }
        (Some(every), None) if zone.is_none() => {
            let ms = match every {
                Value::String(text) => interval(text),
                other => other.as_u64(),
            };
            let ms = ms.filter(|ms| *ms > 0).ok_or("`every` is an interval: 250ms 5s 10m 2h 7d")?;
            Repeat::every(Duration::from_millis(ms))
        }
        (Some(_), None) => return Err("an interval has no zone".to_owned()),
        _ => return Err("either `pattern` or `every`".to_owned()),
    };
    match fields.get("limit") {
        None | Some(Value::Null) => {}
        Some(runs) => {
            repeat = repeat.limit(runs.as_u64().filter(|runs| *runs > 0).ok_or("`limit` is a count")?);
        }
    }
    let moment = |name: &str| match fields.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => match chrono::DateTime::parse_from_rfc3339(text) {
            Ok(date) => Ok(Some(date.timestamp_millis())),
            Err(_) => Err(format!("`{name}` is a date: \"2027-01-31T09:00:00Z\"")),
        },
        Some(other) => other.as_i64().map(Some).ok_or(format!("`{name}` is a date or ms")),
    };
    if let Some(at) = moment("startDate")? {
        repeat = repeat.start(at);
    }
    if let Some(at) = moment("endDate")? {
        repeat = repeat.end(at);
    }
    Ok(repeat)
}

/// Why a schedule would have no run at all, as far as that is plain.
fn never(repeat: &Repeat, now: i64) -> Option<String> {
    let end = repeat.end_at()?;
    (end < now).then(|| format!("`endDate` is {} ago", figure::age(now - end)))
}

fn interval(text: &str) -> Option<u64> {
    let text = text.trim();
    let at = text.find(|c: char| !c.is_ascii_digit())?;
    let (digits, unit) = text.split_at(at);
    let unit = match unit {
        "ms" => 1,
        "s" => 1000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return None,
    };
    digits.parse::<u64>().ok()?.checked_mul(unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> String {
        read(text.as_bytes(), true).unwrap_err()
    }

    #[test]
    fn a_schedule_is_read_as_it_was_written() {
        let text = "# a word\n{\"id\": \"s\",\n # another\n \"every\": \"90s\", \"limit\": 3,\n\
                    \"endDate\": \"2027-01-31T09:00:00Z\", \"data\": [1], \"opts\": {\"attempts\": 2}}";
        let wanted = read(text.as_bytes(), true).unwrap();
        assert_eq!((wanted.id.as_deref(), wanted.name), (Some("s"), None));
        let expected = Repeat::every(Duration::from_secs(90)).limit(3).end(1_801_386_000_000);
        assert_eq!(wanted.repeat, expected);
        assert_eq!((wanted.data, wanted.opts.unwrap().len()), (Some(serde_json::json!([1])), 1));
        let cron = read(b"{\"pattern\": \"0 9 * * 1\", \"tz\": \"Europe/Berlin\"}", false).unwrap();
        assert_eq!(cron.repeat, Repeat::cron("0 9 * * 1").tz("Europe/Berlin"));
    }

    #[test]
    fn what_cannot_be_is_told() {
        assert_eq!(refused("{\"id\": \"\", \"every\": \"1s\"}"), "a scheduler has an id");
        assert_eq!(refused("{\"id\": \"s\"}"), "either `pattern` or `every`");
        assert_eq!(
            refused("{\"id\": \"s\", \"every\": \"1s\", \"pattern\": \"* * * * *\"}"),
            "either `pattern` or `every`"
        );
        assert_eq!(
            refused("{\"id\": \"s\", \"every\": \"soon\"}"),
            "`every` is an interval: 250ms 5s 10m 2h 7d"
        );
        assert_eq!(refused("{\"id\": \"s\", \"every\": \"1s\", \"tz\": \"UTC\"}"), "an interval has no zone");
        assert_eq!(refused("{\"id\": \"s\", \"every\": 5, \"evry\": 1}"), "nobody knows `evry` here");
        assert!(refused("{\"id\": \"s\", \"pattern\": \"61 * * * *\"}").contains("minute `61`"));
        assert!(refused("{\"id\": \"s\", \"pattern\": \"* * * * *\", \"tz\": \"Mars\"}").contains("`Mars`"));
        assert!(refused("# x\n{,}").contains("line 2"), "{}", refused("# x\n{,}"));
        assert!(read(b"{\"id\": \"s\", \"every\": 5}", false).is_err(), "an id is not edited");
    }
}
