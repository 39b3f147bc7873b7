//! Replies of `XREAD` taken apart: arrays in RESP2, a map in RESP3.

use crate::conn::{Value, bytes, items};
use crate::wire::event::Entry;

/// The streams of a reply with their entries; empty when nothing came.
pub fn streams(reply: &Value) -> Vec<(&[u8], Vec<Entry<'_>>)> {
    let pairs: Vec<(&Value, &Value)> = match reply {
        Value::Map(pairs) => pairs.iter().map(|(key, value)| (key, value)).collect(),
        other => items(other)
            .iter()
            .filter_map(|pair| match items(pair) {
                [key, entries] => Some((key, entries)),
                _ => None,
            })
            .collect(),
    };
    pairs
        .into_iter()
        .filter_map(|(key, entries)| Some((bytes(key)?, items(entries).iter().filter_map(entry).collect())))
        .collect()
}

fn entry(value: &Value) -> Option<Entry<'_>> {
    let [id, fields] = items(value) else { return None };
    let fields = items(fields);
    let fields =
        fields.chunks_exact(2).filter_map(|pair| Some((bytes(&pair[0])?, bytes(&pair[1])?))).collect();
    Some(Entry { id: bytes(id)?, fields })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Value {
        Value::BulkString(text.as_bytes().to_vec())
    }

    #[test]
    fn both_protocols_read_the_same() {
        let entries = Value::Array(vec![Value::Array(vec![
            text("5-0"),
            Value::Array(vec![text("event"), text("added"), text("jobId"), text("1")]),
        ])]);
        let two = Value::Array(vec![Value::Array(vec![text("bull:q:events"), entries.clone()])]);
        let three = Value::Map(vec![(text("bull:q:events"), entries)]);
        assert_eq!(streams(&two), streams(&three));
        assert_eq!(streams(&two)[0].1[0].event(), b"added");
        assert!(streams(&Value::Nil).is_empty());
    }
}
