//! The server's program on this machine.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

/// A program that serves, under the name by which it must be called.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Program {
    pub path: PathBuf,
    pub name: &'static str,
}

/// Names to look for, and what to call them. One binary is server, checker and benchmark by its
/// name: Debian's `redis-tools` holds it as the checker alone.
const NAMES: [(&str, &str); 4] = [
    ("redis-server", "redis-server"),
    ("valkey-server", "valkey-server"),
    ("redis-check-rdb", "redis-server"),
    ("valkey-check-rdb", "valkey-server"),
];

/// Where a person's PATH may not lead.
const ALSO: [&str; 3] = ["/usr/bin", "/usr/local/bin", "/opt/homebrew/bin"];

/// The first of them on `path` (as in the environment) or in the usual folders.
pub(super) fn find(path: &OsStr) -> Option<Program> {
    let folders: Vec<PathBuf> = std::env::split_paths(path).chain(ALSO.iter().map(PathBuf::from)).collect();
    NAMES.iter().find_map(|(file, name)| {
        let found = folders.iter().map(|folder| folder.join(file)).find(|path| is_program(path))?;
        Some(Program { path: found, name })
    })
}

fn is_program(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    path.metadata().is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_real_server_goes_before_the_checker_that_can_serve() {
        let folder = tempfile::tempdir().unwrap();
        let put = |name: &str, mode| {
            let path = folder.path().join(name);
            fs::write(&path, "").unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            path
        };
        let checker = put("redis-check-rdb", 0o755);
        assert_eq!(find(folder.path().as_os_str()).unwrap().name, "redis-server");
        put("redis-server", 0o644);
        assert_eq!(find(folder.path().as_os_str()).unwrap().path, checker);
        let valkey = put("valkey-server", 0o755);
        let found = find(folder.path().as_os_str()).unwrap();
        assert_eq!((found.path, found.name), (valkey, "valkey-server"));
    }
}
