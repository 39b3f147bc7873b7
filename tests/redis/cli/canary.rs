//! A secret goes in by every door and comes out by none.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use serde_json::json;

use super::run::{Ran, bare, finish};
use crate::support::{Lib, Node, Server};

const PASSWORD: &str = "canary-4417-secret";
const PAYLOAD: &str = "canary-9021-payload";

/// No file below a folder holds a word, and none is called so.
fn clean(folder: &Path, word: &str) {
    for entry in fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok) {
        let path = entry.path();
        assert!(!path.to_string_lossy().contains(word), "{} is called so", path.display());
        if path.is_dir() {
            // Saved jobs hold their payloads, for their owner alone.
            if !(word == PAYLOAD && path.ends_with("trash")) {
                clean(&path, word);
            }
        } else {
            let bytes = fs::read(&path).unwrap();
            assert!(
                !bytes.windows(word.len()).any(|part| part == word.as_bytes()),
                "{} holds {word}",
                path.display()
            );
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o077, 0, "{}", path.display());
        }
    }
}

#[test]
fn no_flow_tells_the_password() {
    let server = Server::start();
    let mut node = Node::start(Lib::BullMq6, &server);
    let data = json!({"token": PAYLOAD});
    for n in 0..6 {
        node.call(json!({"op": "add", "queue": "mail", "data": data, "opts": {"jobId": format!("job-{n}")}}));
    }
    let mut link = server.connect();
    let rule = ["on", &format!(">{PASSWORD}"), "~*", "&*", "+@all"];
    redis::cmd("ACL").arg("SETUSER").arg("ada").arg(&rule[..]).exec(&mut link).unwrap();
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    let file = home.parent().unwrap().join(format!("toril-canary-{}", std::process::id()));
    fs::write(&file, format!("{PASSWORD}\n")).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();

    let editor = home.join("editor.sh");
    // What is in the environment and the arguments of a child is seen by others as well.
    fs::write(&editor, "#!/bin/sh\nenv; tr '\\0' ' ' < /proc/$PPID/cmdline; echo '[1]' > \"$1\"\n").unwrap();
    fs::set_permissions(&editor, fs::Permissions::from_mode(0o700)).unwrap();
    let socket = server.socket().display().to_string();
    let with = |by: &str, args: &[&str]| -> Ran {
        let mut command = bare();
        command
            .env("XDG_STATE_HOME", home)
            .env("EDITOR", &editor)
            .env("TMPDIR", home)
            .env("PATH", "/usr/bin:/bin");
        command.env("RUST_LOG", "trace");
        match by {
            "url" => command.env("TORIL_URL", format!("redis+unix://ada:{PASSWORD}@{socket}")),
            "file" => {
                command.env("TORIL_URL", server.url()).args(["--user", "ada", "--password-file"]).arg(&file)
            }
            "wrong" => command
                .env("TORIL_URL", server.url())
                .env("TORIL_USER", "bob")
                .env("TORIL_PASSWORD", PASSWORD),
            "tls" => command.env("TORIL_URL", format!("rediss://ada:{PASSWORD}@127.0.0.1:1")),
            "nowhere" => command.env("TORIL_URL", format!("redis://ada:{PASSWORD}@127.0.0.1:1/0")),
            "broken" => command.env("TORIL_URL", format!("redis://ada:{PASSWORD}@[oops/x")),
            "scheme" => command.env("TORIL_URL", format!("http://ada:{PASSWORD}@127.0.0.1")),
            "argument" => command.args(["--url", &format!("redis+unix://ada:{PASSWORD}@{socket}")]),
            _ => command
                .env("TORIL_URL", server.url())
                .env("TORIL_USER", "ada")
                .env("TORIL_PASSWORD", PASSWORD),
        };
        finish(command.args(args))
    };
    let flows: &[(&str, &[&str], &[i32])] = &[
        ("env", &["queues"], &[0]),
        ("env", &["queues", "-v", "--json"], &[0]),
        ("url", &["queues", "-v"], &[0, 2, 3]),
        ("argument", &["queues"], &[0, 2, 3]),
        ("file", &["queues", "-v"], &[0]),
        ("wrong", &["queues", "--json"], &[3]),
        ("tls", &["queues", "--json"], &[3]),
        ("nowhere", &["queues", "--json"], &[3]),
        ("broken", &["queues", "--json"], &[2]),
        ("scheme", &["queues", "--json"], &[2]),
        ("env", &["--help"], &[0]),
        ("env", &["man"], &[0]),
        ("env", &["nonsense", "--json"], &[2]),
        ("env", &["config", "show"], &[0]),
        ("env", &["config", "show", "--origin"], &[0]),
        ("url", &["config", "show", "--origin"], &[0]),
        ("env", &["redis", "--json"], &[0]),
        ("env", &["acl", "--role", "operator"], &[0]),
        ("env", &["set", "mail", "job-1", "--priority", "3"], &[0]),
        (
            "env",
            &["set", "mail", "job-1", "--data", r#"{"token":"canary-9021-payload","n":2}"#, "--yes"],
            &[0],
        ),
        ("env", &["set", "mail", "job-1", "--log", "line of canary-9021-payload"], &[0]),
        ("env", &["edit", "mail", "job-2", "--yes"], &[0]),
        ("env", &["remove", "mail", "job-3", "--yes"], &[0]),
        ("env", &["undo", "-v"], &[0]),
        ("env", &["drain", "mail", "--confirm", "mail"], &[0]),
        ("env", &["undo"], &[0]),
        ("env", &["journal", "--json"], &[0]),
        ("env", &["journal"], &[0]),
    ];
    assert!(flows.len() >= 25);
    for (by, args, codes) in flows {
        let ran = with(by, args);
        assert!(codes.contains(&ran.code), "{by} {args:?}: {ran:?}");
        for (what, text) in [("stdout", &ran.stdout), ("stderr", &ran.stderr)] {
            assert!(!text.contains(PASSWORD), "{by} {args:?} tells it on {what}: {text}");
            assert!(!text.contains(PAYLOAD), "{by} {args:?} tells a payload on {what}: {text}");
        }
    }
    fs::remove_file(&file).unwrap();
    fs::remove_file(&editor).unwrap();
    clean(home, PASSWORD);
    clean(home, PAYLOAD);
    assert!(home.join("toril/trash").is_dir() && home.join("toril/journal.jsonl").is_file());
}
