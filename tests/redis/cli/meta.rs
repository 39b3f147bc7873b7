//! Configuration, completions, manual page.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use super::run::{bare, finish};

#[test]
fn completions_and_the_manual_are_there() {
    for shell in ["bash", "zsh", "fish", "powershell"] {
        let script = finish(bare().args(["completions", shell])).with_code(0).stdout;
        assert!(script.contains("toril") && script.len() > 1000, "{shell}");
        assert!(!script.contains("__jq"), "{shell} offers what is hidden");
    }
    let page = finish(bare().arg("man")).with_code(0).stdout;
    assert!(page.starts_with(".ie") || page.contains(".TH"), "{page:.200}");
    for word in ["retry", "reset\\-attempts", "TORIL_URL", "dry\\-run"] {
        assert!(page.contains(word), "{word}");
    }
}

#[test]
fn a_first_configuration_is_written_once() {
    let home = tempfile::tempdir().unwrap();
    let run = |args: &[&str]| finish(bare().env("XDG_CONFIG_HOME", home.path()).args(args));
    let path = run(&["config", "path"]).with_code(0).stdout;
    assert_eq!(path.trim_end(), home.path().join("toril/config.toml").to_str().unwrap());
    run(&["config", "init"]).with_code(0);
    let file = home.path().join("toril/config.toml");
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let again = run(&["config", "init", "--json"]).with_code(2);
    assert_eq!(again.error()["kind"], "config");
    let shown = run(&["config", "show", "--origin"]).with_code(0).stdout;
    assert!(shown.contains("profile local"), "{shown}");
    // No home at all.
    finish(bare().env_remove("HOME").args(["config", "show"])).with_code(0);
}

#[test]
fn what_is_in_force_names_its_origin() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("c.toml");
    fs::write(&file, "color = 'never'\n[profile.p]\nurl = 'redis://h:7/2'\nlabel = 'production'\n").unwrap();
    let shown = finish(bare().env("TORIL_PREFIX", "app").env("TORIL_CONFIG", &file).args([
        "config",
        "show",
        "--json",
        "-P",
        "p",
        "--read-only",
    ]));
    let document = shown.with_code(0).json();
    let origin = |key: &str| {
        let all = document["settings"].as_array().unwrap();
        let one = all.iter().find(|one| one["key"] == key).unwrap();
        format!("{} from {}", one["value"].as_str().unwrap(), one["origin"].as_str().unwrap())
    };
    assert_eq!(origin("url"), "redis://h:7/2 from profile p");
    assert_eq!(origin("prefix"), "app from environment TORIL_PREFIX");
    assert_eq!(origin("read_only"), "true from flag --read-only");
    assert_eq!(origin("color"), "never from file");
    assert_eq!(origin("ascii"), "false from default");
}

#[test]
fn errors_of_the_file_are_named_and_its_secrets_kept() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("c.toml");
    let run = |text: &str, mode: u32| {
        fs::write(&file, text).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
        finish(bare().args(["config", "show", "--json", "-P", "p", "--config", file.to_str().unwrap()]))
    };
    let typo = run("[profile.p]\nulr = 'x'\n", 0o600).with_code(2);
    assert_eq!(typo.error()["kind"], "config");
    assert!(typo.error()["hint"].as_str().unwrap().contains("\"url\""), "{typo:?}");
    for text in ["[profile.p]\npassword = 'canary-1'\n", "[profile.p]\nurl = 'redis://:canary-1@h'\n"] {
        let open = run(text, 0o644).with_code(2);
        assert!(open.error()["hint"].as_str().unwrap().starts_with("chmod 600"), "{open:?}");
        let closed = run(text, 0o600).with_code(0);
        assert!(closed.stdout.contains("***"));
        assert!(!format!("{open:?}{closed:?}").contains("canary"));
    }
    let unknown = run("[profile.production]\n", 0o600).with_code(2);
    assert!(unknown.stderr.contains("no profile \\\"p\\\"") || unknown.stderr.contains("no profile \"p\""));
    finish(bare().args(["config", "show", "--config", "/nonexistent/c.toml"])).with_code(2);
}
