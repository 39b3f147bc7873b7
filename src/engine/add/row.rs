//! A job as the scripts read it: `read_job` in `lua/lib/store.lua`.

use super::Deduplication;

/// A job on its way into a script. What is absent costs nothing: a row is its letters, name, data and
/// options, then one value for each letter.
#[derive(Clone, Debug, Default)]
pub(in crate::engine) struct JobRow {
    /// Name, any text.
    pub name: Vec<u8>,
    /// JSON, stored byte for byte.
    pub data: Vec<u8>,
    /// Options in their stored form, JSON ([`JobOptions::to_json`](super::JobOptions)).
    pub opts: Vec<u8>,
    /// `None`: the queue's counter.
    pub id: Option<Vec<u8>>,
    /// ms since the epoch; `None`: the server's now.
    pub timestamp: Option<i64>,
    /// ms; above 0 the job is delayed until `timestamp + delay`.
    pub delay: f64,
    /// 0: none.
    pub priority: i64,
    /// To the side of the list that runs next.
    pub lifo: bool,
    /// It is a parent and waits for children.
    pub waits: bool,
    /// The parent's key, and the JSON of the field `parent`.
    pub parent: Option<(Vec<u8>, Vec<u8>)>,
    /// The scheduler that makes it (`rjk`).
    pub scheduler: Option<Vec<u8>>,
    /// What makes it the same as other jobs.
    pub deduplication: Option<Deduplication>,
}

impl JobRow {
    /// Appends the row to the arguments of a script.
    pub(in crate::engine) fn push(self, args: &mut Vec<Vec<u8>>) {
        let mut letters = Vec::new();
        let mut values = Vec::new();
        let mut put = |letter: u8, value: Option<Vec<u8>>| {
            if let Some(value) = value {
                letters.push(letter);
                values.push(value);
            }
        };
        let flag = |on: bool| on.then(|| b"1".to_vec());
        let (key, json) = self.parent.unzip();
        put(b'i', self.id);
        put(b't', self.timestamp.map(|at| at.to_string().into_bytes()));
        put(b'd', (self.delay != 0.0).then(|| self.delay.to_string().into_bytes()));
        put(b'p', (self.priority != 0).then(|| self.priority.to_string().into_bytes()));
        put(b'l', flag(self.lifo));
        put(b'w', flag(self.waits));
        put(b'k', key);
        put(b'j', json);
        put(b's', self.scheduler);
        if let Some([id, ttl, modes]) = self.deduplication.map(|one| one.args()) {
            put(b'u', Some(id));
            put(b'x', Some(ttl).filter(|ttl| !ttl.is_empty()));
            put(b'm', Some(modes).filter(|modes| !modes.is_empty()));
        }
        args.extend([letters, self.name, self.data, self.opts]);
        args.extend(values);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_holds_only_what_the_job_has() {
        let row = |job: JobRow| {
            let mut args = Vec::new();
            job.push(&mut args);
            args.iter().map(|arg| String::from_utf8_lossy(arg).into_owned()).collect::<Vec<_>>()
        };
        let plain =
            JobRow { name: b"n".to_vec(), data: b"{}".to_vec(), opts: b"{}".to_vec(), ..JobRow::default() };
        assert_eq!(row(plain.clone()), ["", "n", "{}", "{}"]);
        let full = JobRow {
            id: Some(b"x".to_vec()),
            timestamp: Some(5),
            delay: 1000.25,
            priority: 3,
            lifo: true,
            waits: true,
            parent: Some((b"bull:q:1".to_vec(), b"{1}".to_vec())),
            scheduler: Some(b"s".to_vec()),
            deduplication: Some(Deduplication::debounce("d", std::time::Duration::from_millis(70))),
            ..plain
        };
        let expected = [
            "itdplwkjsuxm",
            "n",
            "{}",
            "{}",
            "x",
            "5",
            "1000.25",
            "3",
            "1",
            "1",
            "bull:q:1",
            "{1}",
            "s",
            "d",
            "70",
            "er",
        ];
        assert_eq!(row(full), expected);
    }

    #[test]
    fn every_letter_is_known_to_the_script() {
        let lua = include_str!("../lua/lib/store.lua");
        for letter in "itdplwkjsuxm".chars() {
            assert!(lua.contains(&format!(" {letter} = '")), "{letter}");
        }
    }
}
