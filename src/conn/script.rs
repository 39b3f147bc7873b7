//! Lua scripts of ours.

use super::request::Shape;
use super::{Batch, Class, Request, Value, Verb};

/// A script with its declared class; known to the server by its hash after the first run.
#[derive(Debug)]
pub struct Script {
    /// Its name, for errors and logs: the name of its operation.
    pub name: &'static str,
    /// What the gate takes it for.
    pub class: Class,
    source: String,
    hash: String,
}

/// Keys and arguments of one run.
pub type Run = (Vec<Vec<u8>>, Vec<Vec<u8>>);

impl Script {
    /// A script that writes.
    pub fn new(name: &'static str, source: &str) -> Self {
        let hash = redis::Script::new(source).get_hash().to_owned();
        Self { name, class: Class::Write, source: source.to_owned(), hash }
    }

    /// The hash under which the server knows it.
    pub fn hash(&self) -> &str {
        &self.hash
    }

    /// Packs one run: by hash, or with the source, which also makes the server know it.
    pub(super) fn pack(&self, whole: bool, keys: &[Vec<u8>], args: &[Vec<u8>], out: &mut Batch) {
        let (verb, script) = if whole { (Verb::Eval, &self.source) } else { (Verb::EvalSha, &self.hash) };
        let mut request = Request::new(verb).arg(script).arg(keys.len());
        for part in keys.iter().chain(args) {
            request = request.arg(part.as_slice());
        }
        out.push(request);
    }
}

/// Runs of one script in one round trip, and those of them again that the server did not know.
///
/// The first of a round may carry the source; the others go by hash behind it. A run that answered
/// `NOSCRIPT` did not run, so sending it again is safe.
pub(super) struct Runs<'a> {
    script: &'a Script,
    wanted: &'a [Run],
    answers: Vec<Option<Value>>,
    /// Which runs are still to be answered.
    open: Vec<usize>,
    rounds: u8,
}

/// A server that forgets its scripts this often in a row is not going to run them.
const ROUNDS_MAX: u8 = 4;

impl<'a> Runs<'a> {
    pub(super) fn new(script: &'a Script, runs: &'a [Run]) -> Self {
        Self {
            script,
            wanted: runs,
            answers: vec![None; runs.len()],
            open: (0..runs.len()).collect(),
            rounds: 0,
        }
    }

    /// The next round; `None` when all is answered. `known`: whether the server is believed to
    /// know the script.
    pub(super) fn next_round(&mut self, known: bool) -> Option<(Vec<u8>, Vec<Shape>)> {
        if self.open.is_empty() || self.rounds == ROUNDS_MAX {
            return None;
        }
        let whole = self.rounds > 0 || !known;
        self.rounds += 1;
        let mut batch = Batch::new();
        for (place, index) in self.open.iter().enumerate() {
            if let Some((keys, args)) = self.wanted.get(*index) {
                self.script.pack(whole && place == 0, keys, args, &mut batch);
            }
        }
        Some((batch.packed, batch.shapes))
    }

    /// Takes the answers of the round.
    pub(super) fn take(&mut self, values: Vec<Value>) {
        let asked = std::mem::take(&mut self.open);
        for (index, value) in asked.into_iter().zip(values) {
            if is_unknown(&value) {
                self.open.push(index);
            }
            if let Some(answer) = self.answers.get_mut(index) {
                *answer = Some(value);
            }
        }
    }

    pub(super) fn finish(self) -> Vec<Value> {
        self.answers.into_iter().map(|answer| answer.unwrap_or(Value::Nil)).collect()
    }
}

fn is_unknown(value: &Value) -> bool {
    matches!(value, Value::ServerError(error) if error.code() == "NOSCRIPT")
}
