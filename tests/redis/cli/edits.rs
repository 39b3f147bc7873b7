//! Set, edit, limit, duplicate, move-out and schedulers, as a script sees them.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use rstest::rstest;
use serde_json::{Value, json};

use super::reads::seed;
use super::run::{Ran, finish, json as ask, on, toril};
use crate::support::{Dump, Lib, Node, Options, Server, assert_same};

fn field(server: &Server, job: &str, field: &str) -> Option<String> {
    let key = format!("bull:mail:{job}");
    Dump::of(server).field(&key, field).map(str::to_owned)
}

#[test]
fn several_at_once_are_each_done_and_told() {
    let server = Server::start();
    let mut node = Node::start(Lib::BullMq6, &server);
    let ids = seed(&mut node);
    let id = ids["waiting"].as_str().unwrap();
    let before = Dump::of(&server);
    let args = [
        "set",
        "mail",
        id,
        "--data",
        r#"{"n":1.10}"#,
        "--priority",
        "7",
        "--progress",
        "40",
        "--log",
        "hello",
    ];
    let plan = ask(&server, &[&args[..], &["--dry-run"]].concat());
    let effects = plan["results"][1]["effects"].clone();
    assert_eq!(effects, json!(["priority: 0 -> 7"]));
    assert_same(&before, &Dump::of(&server));
    let told = toril(&server, &[&args[..], &["--json"]].concat()).with_code(2);
    assert!(told.stderr.contains("--yes"), "{told:?}");
    assert_same(&before, &Dump::of(&server));
    let done = ask(&server, &[&args[..], &["--yes"]].concat());
    let what: Vec<_> = done["results"].as_array().unwrap().iter().map(|one| one["what"].clone()).collect();
    assert_eq!(what, ["data", "priority", "progress", "log"]);
    assert!(done["results"].as_array().unwrap().iter().all(|one| one["done"] == 1));
    assert_eq!(field(&server, id, "data").as_deref(), Some(r#"{"n":1.10}"#));
    assert_eq!(field(&server, id, "priority").as_deref(), Some("7"));
    toril(&server, &["set", "mail", id, "--data", "{oops", "--yes"]).with_code(2);
    toril(&server, &["set", "mail", "999", "--priority", "2"]).with_code(1);
    toril(&server, &["set", "mail", id]).with_code(2);
}

#[test]
fn what_an_era_lacks_is_refused_with_the_reason() {
    let server = Server::start();
    let mut node = Node::start(Lib::Bull4, &server);
    let ids = seed(&mut node);
    let before = Dump::of(&server);
    let id = ids["waiting"].as_str().unwrap();
    for (args, why) in [
        (&["set", "mail", id, "--priority", "2"][..], "Bull cannot change a priority."),
        (&["set", "mail", id, "--delay", "2s"], "Bull cannot put a delayed job off."),
        (&["limit", "mail", "--concurrency", "3", "--yes"], "no limits of a whole queue"),
        (&["remove", "mail", id, "--only-children", "--yes"], "Bull has no flows."),
    ] {
        let told = toril(&server, args).with_code(1);
        assert!(told.stderr.contains(why), "{told:?}");
    }
    assert_same(&before, &Dump::of(&server));
}

/// Runs `toril edit` with a script as the editor.
fn edit(server: &Server, home: &Path, id: &str, script: &str, more: &[&str]) -> Ran {
    let editor = home.join("editor.sh");
    fs::write(&editor, format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(&editor, fs::Permissions::from_mode(0o700)).unwrap();
    let args = [&["edit", "mail", id][..], more].concat();
    let mut command = on(server);
    command.env("EDITOR", &editor).env("XDG_STATE_HOME", home).env("PATH", "/usr/bin:/bin");
    finish(command.env("SEEN", home.join("seen")).args(args))
}

#[test]
fn data_is_edited_in_a_private_file_that_goes() {
    let server = Server::start();
    let mut node = Node::start(Lib::BullMq6, &server);
    let ids = seed(&mut node);
    let id = ids["waiting"].as_str().unwrap();
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    let mut link = server.connect();
    let raw = r#"{"big":12345678901234567890123, "n":1.10}"#;
    redis::cmd("HSET").arg(format!("bull:mail:{id}")).arg("data").arg(raw).exec(&mut link).unwrap();
    let left = || fs::read_dir(home.join("toril/edit")).unwrap().count() > 0;

    let told = edit(
        &server,
        home,
        id,
        "stat -c '%a' \"$1\" \"$(dirname \"$1\")\" > $SEEN; cat \"$1\" >> $SEEN",
        &[],
    );
    told.with_code(0);
    assert_eq!(fs::read_to_string(home.join("seen")).unwrap(), format!("600\n700\n{raw}"));
    assert_eq!((field(&server, id, "data").as_deref(), left()), (Some(raw), false));

    let change = r#"sed 's/1.10/2.20/' "$1" > "$1.new"; cat "$1.new" > "$1"; echo >> "$1""#;
    edit(&server, home, id, change, &[]).with_code(2);
    assert_eq!((field(&server, id, "data").as_deref(), left()), (Some(raw), false));
    let done = edit(&server, home, id, change, &["--yes", "--json"]).with_code(0).json();
    assert_eq!((&done["done"], &done["action"]), (&json!(1), &json!("edit")));
    let edited = raw.replace("1.10", "2.20");
    assert_eq!(field(&server, id, "data"), Some(edited.clone()));

    let told = edit(&server, home, id, r#"printf '{"a":\n[1,]}' > "$1""#, &["--yes"]).with_code(2);
    assert!(told.stderr.contains("line 2, column"), "{told:?}");
    edit(&server, home, id, "exit 3", &["--yes"]).with_code(2);
    assert_eq!((field(&server, id, "data"), left()), (Some(edited), false));

    // Somebody else was faster.
    let race = format!(
        r#"redis-cli -s {} hset bull:mail:{id} data '[7]' >/dev/null; echo '[8]' > "$1""#,
        server.socket().display()
    );
    let told = edit(&server, home, id, &race, &["--yes", "--json"]).with_code(1).json();
    assert_eq!(told["failed"][0]["code"], "changed");
    assert_eq!((field(&server, id, "data").as_deref(), left()), (Some("[7]"), false));
}

#[rstest]
#[case(Lib::Bull4)]
#[case(Lib::BullMq4)]
#[case(Lib::BullMq5)]
#[case(Lib::BullMq6)]
fn a_copy_is_added_and_runs(#[case] lib: Lib) {
    let server = Server::start();
    let mut node = Node::start(lib, &server);
    let ids = seed(&mut node);
    let id = ids["delayed"].as_str().unwrap();
    let done = ask(&server, &["duplicate", "mail", id]);
    let copy = done["job"].as_str().unwrap();
    assert_eq!(field(&server, copy, "data"), field(&server, id, "data"));
    assert_eq!(field(&server, copy, "delay").as_deref(), Some("0"));
    assert_eq!(node.call(json!({"op": "state", "queue": "mail", "job": copy})), "waiting");
    let handle = node.call(json!({"op": "worker", "queue": "mail"}));
    node.call(json!({"op": "waitIdle", "queue": "mail"}));
    node.call(json!({"op": "workerStop", "handle": handle, "force": lib == Lib::Bull4}));
    assert_eq!(node.call(json!({"op": "state", "queue": "mail", "job": copy})), "completed");
}

#[test]
fn limits_schedulers_and_abandoned_jobs() {
    let server = Server::start();
    let mut node = Node::start(Lib::BullMq6, &server);
    node.call(json!({"op": "add", "queue": "mail", "data": {}, "opts": {"deduplication": {"id": "once"}}}));
    node.call(json!({"op": "upsertScheduler", "queue": "mail", "scheduler": "tick",
        "repeat": {"pattern": "0 3 * * *"}, "template": {"name": "tick", "data": {"a": 1}}}));
    ask(&server, &["limit", "mail", "--concurrency", "3", "--rate", "10/2s", "--yes"]);
    let told = ask(&server, &["limit", "mail"]);
    assert_eq!(told["limits"], json!({"concurrency": 3, "rate": {"max": 10, "durationMs": 2000}}));
    ask(&server, &["limit", "mail", "--concurrency", "none", "--yes"]);
    assert_eq!(ask(&server, &["limit", "mail"])["limits"]["concurrency"], Value::Null);

    let list = ask(&server, &["schedulers", "mail"]);
    assert_eq!((&list["total"], &list["schedulers"][0]["id"]), (&json!(1), &json!("tick")));
    let ran = ask(&server, &["scheduler", "mail", "tick", "run"]);
    assert_eq!(
        (&ran["done"], field(&server, ran["job"].as_str().unwrap(), "data").as_deref()),
        (&json!(1), Some(r#"{"a":1}"#))
    );
    ask(
        &server,
        &["scheduler", "mail", "tick", "set", "--cron", "0 4 * * *", "--tz", "Europe/Berlin", "--yes"],
    );
    let shown = ask(&server, &["scheduler", "mail", "tick", "show"]);
    assert_eq!((&shown["pattern"], &shown["tz"]), (&json!("0 4 * * *"), &json!("Europe/Berlin")));
    assert_eq!(shown["nextRuns"].as_array().unwrap().len(), 3);
    toril(&server, &["scheduler", "mail", "tick", "set", "--cron", "0 99 * * *", "--yes"]).with_code(2);
    ask(&server, &["scheduler", "mail", "tick", "remove", "--yes"]);
    toril(&server, &["scheduler", "mail", "tick", "remove", "--yes"]).with_code(1);

    assert_eq!(ask(&server, &["release", "mail", "once", "--yes"])["done"], 1);
    toril(&server, &["release", "mail", "once", "--yes"]).with_code(1);

    let mut link = server.connect();
    redis::cmd("RPOPLPUSH").arg("bull:mail:wait").arg("bull:mail:active").exec(&mut link).unwrap();
    let active = Dump::of(&server).members("bull:mail:active")[0].to_owned();
    let lock = format!("bull:mail:{active}:lock");
    redis::cmd("SET").arg(&lock).arg("token").exec(&mut link).unwrap();
    toril(&server, &["move-out", "mail", &active, "--yes"]).with_code(1);
    redis::cmd("DEL").arg(&lock).exec(&mut link).unwrap();
    assert_eq!(ask(&server, &["rescue", "mail", &active, "--to", "failed", "--yes"])["done"], 1);
    assert_eq!(node.call(json!({"op": "state", "queue": "mail", "job": active})), "failed");
}

#[test]
fn an_act_of_one_command_is_one_entry_of_the_journal_and_one_undo() {
    let server = Server::start();
    let mut node = Node::start(Lib::BullMq6, &server);
    let ids = seed(&mut node);
    let id = ids["waiting"].as_str().unwrap();
    let home = tempfile::tempdir().unwrap();
    let run = |args: &[&str]| finish(on(&server).env("XDG_STATE_HOME", home.path()).args(args));
    let aside = || Options::default().ignore(":events").ignore(":pc").ignore(":marker");
    let dump = || Dump::of(&server).normalised(&aside());
    let before = dump();
    let args = [
        "set",
        "mail",
        id,
        "--data",
        "[1]",
        "--priority",
        "7",
        "--progress",
        "40",
        "--log",
        "hello",
        "--yes",
    ];
    let done = run(&[&args[..], &["--json"]].concat()).with_code(0).json();
    let undo: Vec<_> = done["results"].as_array().unwrap().iter().map(|one| one["undo"].clone()).collect();
    assert_eq!(undo, [json!("J1"), json!("J1"), json!("J1"), json!("J1")]);
    run(&["undo", "J1"]).with_code(0);
    assert_same(&before, &dump());

    let more: Vec<String> = (0..3)
        .map(|_| {
            let added = node.call(json!({"op": "add", "queue": "mail", "data": {}, "opts": {}}));
            added.as_str().map_or_else(|| added["id"].as_str().unwrap().to_owned(), str::to_owned)
        })
        .collect();
    let args = ["remove", "mail", &more[0], &more[1], &more[2], "--rate", "2/s", "--no-save", "--yes"];
    assert_eq!(run(&[&args[..], &["--json"]].concat()).with_code(0).json()["done"], 3);
    let args =
        ["clean", "mail", "--state", "waiting", "--older-than", "1ms", "--no-save", "--confirm", "mail"];
    run(&args).with_code(0);
    let journal = fs::read_to_string(home.path().join("toril/journal.jsonl")).unwrap();
    let lines = journal.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let commands: Vec<String> = lines
        .filter(|line| line["line"] == "intent")
        .map(|line| line["command"].as_str().unwrap().to_owned())
        .collect();
    let [first, second] = [&more[0], &more[1]];
    assert_eq!(
        commands,
        [
            format!("toril set mail {id} --data - --priority 7 --progress - --log -"),
            "toril undo J1".to_owned(),
            format!("toril remove mail {first} {second} {} --no-save --rate 2/s", more[2]),
            "toril clean mail --state waiting --older-than 1ms --no-save".to_owned(),
        ]
    );
}
