//! Tells `--version` the commit and the target. Without git, or outside a checkout of our own,
//! the commit is left out; development builds leave it out too, so that a commit recompiles nothing.

use std::process::Command;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    let release = std::env::var("PROFILE").as_deref() == Ok("release");
    let commit = if release { commit() } else { None }.map(|commit| commit + " ").unwrap_or_default();
    println!("cargo:rustc-env=TORIL_BUILD={commit}{}", std::env::var("TARGET").unwrap_or_default());
}

fn commit() -> Option<String> {
    let here = std::env::var("CARGO_MANIFEST_DIR").ok()?;
    // A copy inside somebody else's repository has no commit of ours.
    let top = std::fs::canonicalize(git(&here, &["rev-parse", "--show-toplevel"])?).ok()?;
    if top != std::fs::canonicalize(&here).ok()? {
        return None;
    }
    let log = git(&here, &["rev-parse", "--path-format=absolute", "--git-path", "logs/HEAD"])?;
    println!("cargo:rerun-if-changed={log}");
    git(&here, &["rev-parse", "--short=9", "HEAD"])
}

fn git(folder: &str, args: &[&str]) -> Option<String> {
    let output = Command::new("git").arg("-C").arg(folder).args(args).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
