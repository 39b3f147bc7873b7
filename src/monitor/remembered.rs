//! The queues that were found, remembered by server, so that the next start shows them at once.

use std::collections::BTreeMap;
use std::io::{self, Write as _};
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use crate::wire::{Prefix, QueueId, QueueName};

/// Queues that are remembered of a server at most.
const MOST: usize = 10_000;
/// Servers that are remembered at most.
const SERVERS: usize = 50;
/// A file larger than this is not ours.
const SIZE: u64 = 8 * 1024 * 1024;

#[derive(Serialize, Deserialize, Default)]
struct File {
    version: u32,
    /// Queues by server; names as text where they are, otherwise in base64.
    servers: BTreeMap<String, Vec<Pair>>,
}

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Pair {
    Text { prefix: String, name: String },
    Coded { prefix64: String, name64: String },
}

impl Pair {
    fn of(queue: &QueueId) -> Self {
        let text = |bytes: &[u8]| std::str::from_utf8(bytes).ok().map(str::to_owned);
        match (text(queue.prefix.as_bytes()), text(queue.name.as_bytes())) {
            (Some(prefix), Some(name)) => Self::Text { prefix, name },
            _ => Self::Coded {
                prefix64: STANDARD.encode(queue.prefix.as_bytes()),
                name64: STANDARD.encode(queue.name.as_bytes()),
            },
        }
    }

    fn queue(&self) -> Option<QueueId> {
        Some(match self {
            Self::Text { prefix, name } => QueueId::new(Prefix::new(prefix), QueueName::legacy(name)),
            Self::Coded { prefix64, name64 } => QueueId::new(
                Prefix::new(STANDARD.decode(prefix64).ok()?),
                QueueName::legacy(STANDARD.decode(name64).ok()?),
            ),
        })
    }
}

fn read(path: &Path) -> io::Result<File> {
    if std::fs::metadata(path)?.len() > SIZE {
        return Err(io::Error::other("too large"));
    }
    let file: File = serde_json::from_slice(&std::fs::read(path)?)?;
    if file.version == 1 { Ok(file) } else { Err(io::Error::other("another version")) }
}

/// What is remembered of a server (its endpoint as it is shown, without secrets); nothing where
/// there is no file or it cannot be read.
pub fn load(path: &Path, server: &str) -> Vec<QueueId> {
    let Ok(mut file) = read(path) else { return Vec::new() };
    file.servers.remove(server).unwrap_or_default().iter().filter_map(Pair::queue).collect()
}

/// Remembers the queues of a server and keeps what is remembered of others. The file is replaced
/// as a whole and readable by its owner alone.
pub fn save(path: &Path, server: &str, queues: &[QueueId]) -> io::Result<()> {
    let mut file = read(path).unwrap_or_default();
    file.version = 1;
    file.servers.remove(server);
    while file.servers.len() >= SERVERS {
        file.servers.pop_first();
    }
    file.servers.insert(server.to_owned(), queues.iter().take(MOST).map(Pair::of).collect());
    let folder = path.parent().ok_or_else(|| io::Error::other("no folder"))?;
    std::fs::create_dir_all(folder)?;
    // Such files are made with mode 0600.
    let mut temporary = tempfile::NamedTempFile::new_in(folder)?;
    temporary.write_all(&serde_json::to_vec(&file)?)?;
    temporary.persist(path)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn queue(name: &[u8]) -> QueueId {
        QueueId::new(Prefix::default(), QueueName::legacy(name))
    }

    #[test]
    fn what_was_saved_is_loaded_by_server() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/remembered.json");
        assert!(load(&path, "a").is_empty());
        let mine = [queue(b"mail"), queue(b"a:b"), queue(b"\xff\x1b[2J")];
        save(&path, "a", &mine).unwrap();
        save(&path, "b", &[queue(b"other")]).unwrap();
        assert_eq!(load(&path, "a"), mine);
        assert_eq!(load(&path, "b"), [queue(b"other")]);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        }
    }

    #[test]
    fn a_damaged_file_is_nothing_and_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("remembered.json");
        std::fs::write(&path, b"{\"version\":1,\"servers\":[").unwrap();
        assert!(load(&path, "a").is_empty());
        save(&path, "a", &[queue(b"mail")]).unwrap();
        assert_eq!(load(&path, "a").len(), 1);
    }
}
