//! Names for the random ids: a job whose id is a UUID is called by its name.

use std::collections::{BTreeMap, HashMap};

use super::{Content, Dump};

/// The UUIDs of a key space that name jobs, each with a label that the same steps give again.
pub(super) struct Labels(HashMap<String, String>);

impl Labels {
    pub(super) fn of(dump: &Dump) -> Self {
        let seen = seen(dump);
        // What orders jobs of one name: their queue, their data, and who was heard of first.
        let mut named = BTreeMap::<&str, Vec<_>>::new();
        for (key, entry) in &dump.0 {
            let Content::Hash(fields) = &entry.content else {
                continue;
            };
            let field = |name: &str| fields.get(name).map_or("", String::as_str);
            let Some((queue, id)) = key.rsplit_once(':') else {
                continue;
            };
            if fields.contains_key("name") && id.len() == LENGTH && starts(id.as_bytes()) {
                let rank = seen.get(id).copied().unwrap_or(usize::MAX);
                let order = (queue, field("data"), rank, field("timestamp"), id);
                named.entry(field("name")).or_default().push(order);
            }
        }
        let mut labels = HashMap::new();
        for (name, mut jobs) in named {
            jobs.sort_unstable();
            for (at, (.., id)) in jobs.iter().enumerate() {
                let label = match at {
                    0 => format!("<{name}>"),
                    _ => format!("<{name}#{}>", at + 1),
                };
                labels.insert((*id).to_owned(), label);
            }
        }
        Self(labels)
    }

    /// The label of the UUID that `text` starts with, if it starts with one.
    pub(super) fn at<'a>(&'a self, text: &str) -> Option<&'a str> {
        starts(text.as_bytes()).then(|| {
            let id = &text[..LENGTH];
            self.0.get(id).map_or("<uuid>", String::as_str)
        })
    }
}

/// The places at which values first turn up: in the events, or else in a list.
fn seen(dump: &Dump) -> HashMap<&str, usize> {
    let contents = || dump.0.values().map(|entry| &entry.content);
    let streams = contents().filter_map(|content| match content {
        Content::Stream(entries) => Some(entries.iter().flatten().map(|(_, value)| value)),
        _ => None,
    });
    let lists = contents().filter_map(|content| match content {
        // A list's head is its newest element.
        Content::List(items) => Some(items.iter().rev()),
        _ => None,
    });
    let mut seen = HashMap::new();
    for (at, value) in streams.flatten().chain(lists.flatten()).enumerate() {
        seen.entry(value.as_str()).or_insert(at);
    }
    seen
}

/// The length of a UUID.
pub(super) const LENGTH: usize = 36;

fn starts(bytes: &[u8]) -> bool {
    bytes.len() >= LENGTH
        && bytes[..LENGTH].iter().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => *byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}
