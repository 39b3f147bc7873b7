//! Replies taken apart without panics: a reply of another shape is `None` or empty.

use super::Value;

/// A string reply as bytes.
pub fn bytes(value: &Value) -> Option<&[u8]> {
    match value {
        Value::BulkString(bytes) => Some(bytes),
        Value::SimpleString(text) | Value::VerbatimString { text, .. } => Some(text.as_bytes()),
        Value::Okay => Some(b"OK"),
        _ => None,
    }
}

/// A string reply as text, if it is UTF-8.
pub fn text(value: &Value) -> Option<&str> {
    bytes(value).and_then(|bytes| std::str::from_utf8(bytes).ok())
}

/// An integer reply, or a string of digits.
pub fn integer(value: &Value) -> Option<i64> {
    match value {
        Value::Int(number) => Some(*number),
        Value::Boolean(flag) => Some(i64::from(*flag)),
        Value::Double(number) => Some(*number as i64),
        other => text(other)?.parse().ok(),
    }
}

/// A number reply: an integer, a RESP3 double, or text that reads as one.
pub fn float(value: &Value) -> Option<f64> {
    match value {
        Value::Int(number) => Some(*number as f64),
        Value::Double(number) => Some(*number),
        other => text(other)?.parse().ok(),
    }
}

/// The elements of an array or set; empty for anything else.
pub fn items(value: &Value) -> &[Value] {
    match value {
        Value::Array(items) | Value::Set(items) => items,
        _ => &[],
    }
}

/// The pairs of a map, in either shape in which Redis sends one: a map, an array of pairs
/// (`XREAD`), or a flat array of names and values (`XINFO STREAM`, a stream entry's fields).
/// Empty for anything else.
pub fn pairs(value: &Value) -> Vec<(&Value, &Value)> {
    match value {
        Value::Map(pairs) => pairs.iter().map(|(name, value)| (name, value)).collect(),
        Value::Array(items) if items.iter().all(|item| matches!(item, Value::Array(_))) => items
            .iter()
            .filter_map(|item| match item {
                Value::Array(pair) => Some((pair.first()?, pair.get(1)?)),
                _ => None,
            })
            .collect(),
        Value::Array(items) => items.chunks_exact(2).filter_map(|c| Some((c.first()?, c.get(1)?))).collect(),
        _ => Vec::new(),
    }
}

/// The value of a name in a map of any shape; see [`pairs`].
pub fn field<'a>(value: &'a Value, name: &str) -> Option<&'a Value> {
    pairs(value).into_iter().find(|(key, _)| bytes(key) == Some(name.as_bytes())).map(|(_, value)| value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bulk(text: &str) -> Value {
        Value::BulkString(text.as_bytes().to_vec())
    }

    #[test]
    fn maps_come_in_three_shapes() {
        let map = Value::Map(vec![(bulk("a"), Value::Int(1)), (bulk("b"), Value::Int(2))]);
        let flat = Value::Array(vec![bulk("a"), Value::Int(1), bulk("b"), Value::Int(2)]);
        let nested = Value::Array(vec![
            Value::Array(vec![bulk("a"), Value::Int(1)]),
            Value::Array(vec![bulk("b"), Value::Int(2)]),
        ]);
        for value in [map, flat, nested] {
            assert_eq!(pairs(&value).len(), 2);
            assert_eq!(field(&value, "b"), Some(&Value::Int(2)));
            assert_eq!(field(&value, "c"), None);
        }
        assert!(pairs(&Value::Nil).is_empty() && pairs(&Value::Array(vec![])).is_empty());
        assert!(pairs(&Value::Array(vec![Value::Array(vec![])])).is_empty());
    }
}
