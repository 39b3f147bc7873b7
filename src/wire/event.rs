//! Entries of event streams (spec 3.13).

/// An entry of a stream, borrowed from the reply it came in.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Entry<'a> {
    /// Its id: `<ms>-<sequence>`.
    pub id: &'a [u8],
    /// Its fields, in order.
    pub fields: Vec<(&'a [u8], &'a [u8])>,
}

impl<'a> Entry<'a> {
    /// The value of a field.
    pub fn field(&self, name: &str) -> Option<&'a [u8]> {
        self.fields.iter().find(|(key, _)| *key == name.as_bytes()).map(|(_, value)| *value)
    }

    /// The event's name; custom events share the stream and may have none.
    pub fn event(&self) -> &'a [u8] {
        self.field("event").unwrap_or_default()
    }

    /// Which job it is about.
    pub fn job(&self) -> Option<&'a [u8]> {
        self.field("jobId")
    }

    /// When the server took it, ms since the epoch.
    pub fn at(&self) -> i64 {
        entry_ms(self.id).unwrap_or(0)
    }

    /// Bytes of it, about as they came over the wire.
    pub fn size(&self) -> usize {
        self.id.len() + self.fields.iter().map(|(key, value)| key.len() + value.len()).sum::<usize>()
    }
}

/// The ms in a stream entry's id.
pub fn entry_ms(id: &[u8]) -> Option<i64> {
    super::number::whole(id.split(|byte| *byte == b'-').next()?)
}

/// A cursor that gives every entry of the server's millisecond `ms` and later.
pub fn cursor_at(ms: i64) -> String {
    format!("{}-{}", ms.saturating_sub(1).max(0), u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_tells_its_event_job_and_time() {
        let entry = Entry {
            id: b"1795150144737-3",
            fields: vec![(b"event", b"completed"), (b"jobId", b"7"), (b"returnvalue", b"null")],
        };
        assert_eq!(
            (entry.event(), entry.job(), entry.at()),
            (&b"completed"[..], Some(&b"7"[..]), 1_795_150_144_737)
        );
        assert_eq!(entry.size(), 15 + 14 + 6 + 15);
        let custom = Entry { id: b"x", fields: vec![] };
        assert_eq!((custom.event(), custom.job(), custom.at()), (&b""[..], None, 0));
    }

    #[test]
    fn a_cursor_includes_its_millisecond() {
        assert_eq!(cursor_at(1000), "999-18446744073709551615");
        assert_eq!(cursor_at(0), "0-18446744073709551615");
    }
}
