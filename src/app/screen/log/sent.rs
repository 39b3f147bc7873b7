//! What was sent, in words.

use crate::conn::{Sent, What};
use crate::text::{Clean, figure};

/// `EVALSHA remove bull:pay: (50)`, or the line of an act.
pub fn words(entry: &Sent) -> Clean {
    let (verb, script, key, count) = match &entry.what {
        What::Act(command) => return command.clone(),
        What::Commands { verb, script, key, count, .. } => (verb, script, key, *count),
    };
    let (first, second) = verb.words();
    let mut text = second.map_or_else(|| first.to_owned(), |second| format!("{first} {second}"));
    let words = [script.map(ToOwned::to_owned), key.as_ref().map(|key| key.as_str().to_owned())];
    for word in words.into_iter().flatten() {
        text.push(' ');
        text.push_str(&word);
    }
    if count > 1 {
        text.push_str(" and ");
        text.push_str(figure::count(u64::from(count) - 1).as_str());
        text.push_str(" alike");
    }
    Clean::line(text)
}
