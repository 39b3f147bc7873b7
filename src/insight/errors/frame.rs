//! A frame of a stack: whose code it is, and what of it stays the same from one release to the next.

use super::likely;

/// A frame, as it tells causes apart: no line and no column (the next release moves them), no build hash and
/// no folder that a release was put in.
#[derive(Clone, PartialEq, Eq, Debug, Default, PartialOrd, Ord)]
pub struct Frame {
    /// The function; empty where it has no name.
    pub function: String,
    /// The file, from the project's own folder on; a package, where no frame is of one's own code.
    pub file: String,
    /// What tells places of a file apart where the function has no name: its line; in Python the source.
    pub place: String,
    /// It is a library's: no frame is of one's own code.
    pub foreign: bool,
}

impl Frame {
    /// The frame in a few words: `charge (src/payments/charge.ts)`.
    pub fn words(&self) -> String {
        let place = if self.place.is_empty() || self.place.contains(' ') {
            String::new()
        } else {
            format!(":{}", self.place)
        };
        match (self.function.as_str(), self.file.as_str()) {
            ("", file) => format!("{file}{place}"),
            (function, "") => function.to_owned(),
            (function, file) => format!("{function} ({file}{place})"),
        }
    }
}

/// Whose code a file holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Owner {
    /// One's own.
    Own,
    /// A library's.
    Library,
    /// The runtime's, or the queue library's: in every stack, and the cause of none.
    Runtime,
}

/// Packages that stand in the stack of every job.
const QUEUES: &[&str] = &[
    "bullmq",
    "bull",
    "@taskforcesh",
    "bullmq-pro",
    "@nestjs",
    "dd-trace",
    "@opentelemetry",
    "newrelic",
    "tslib",
];
/// What the runtimes' own files have in their paths.
const RUNTIME: &[&str] = &[
    "node:",
    "internal/",
    "(native)",
    "native ",
    "ext:",
    "bun:",
    "<anonymous>",
    "<frozen ",
    "/rustc/",
    "/rustlib/",
    "/library/std/",
    "/library/core/",
    "/library/alloc/",
    "/lib/python3",
    "/lib64/python3",
    "/Python.framework/",
    "/bullmq/dist/",
    "/bull/lib/",
    "/site-packages/bullmq/",
    "\\lib\\python3",
];
/// What a library's files have in their paths.
const LIBRARY: &[&str] = &[
    "/node_modules/",
    "\\node_modules\\",
    "/.yarn/",
    "/.pnp.",
    "/site-packages/",
    "/dist-packages/",
    "/.cargo/",
    "/cargo/registry/",
    "/vendor/",
    "\\site-packages\\",
    "\\.cargo\\",
    "/deno.land/",
    "npm:",
];

/// Whose code a file holds, by its path.
pub(super) fn owner(path: &str) -> Owner {
    let has = |list: &[&str]| list.iter().any(|part| path.contains(part));
    // A path may run through `lib/python3` to `site-packages`: the library is the narrower one.
    if has(LIBRARY) || path.starts_with("node_modules/") {
        let queue = package(path).is_some_and(|name| {
            QUEUES.iter().any(|queue| name == *queue || name.starts_with(&format!("{queue}/")))
        });
        return if queue { Owner::Runtime } else { Owner::Library };
    }
    if path.is_empty() || has(RUNTIME) || path == "native" { Owner::Runtime } else { Owner::Own }
}

/// The package that a library's file is of: `pg-pool`, `@acme/http`, `requests`, `serde_json`.
pub(super) fn package(path: &str) -> Option<String> {
    let (_, rest) =
        ["node_modules/", "node_modules\\", "site-packages/", "dist-packages/", "site-packages\\"]
            .iter()
            .find_map(|folder| path.rsplit_once(folder))
            .or_else(|| path.split_once("/registry/src/").and_then(|(_, rest)| rest.split_once('/')))?;
    let mut parts = rest.split(['/', '\\']);
    let first = parts.next()?;
    let name = match parts.next() {
        Some(second) if first.starts_with('@') => format!("{first}/{second}"),
        _ => first.to_owned(),
    };
    // `serde_json-1.0.154`: the version is no part of the name.
    let bare = name.rsplit_once('-').filter(|(_, version)| version.starts_with(|c: char| c.is_ascii_digit()));
    Some(bare.map_or(name.clone(), |(bare, _)| bare.to_owned()).trim_end_matches(".py").to_owned())
}

/// Folders that a project's own files begin with.
const ROOTS: &[&str] = &[
    "src", "dist", "lib", "build", "out", "packages", "apps", "services", "server", "workers", "jobs", "bin",
];

/// A path from the project's own folder on, without what a release or a build made up.
pub(super) fn file(path: &str) -> String {
    let path = path.trim_start_matches("file://").replace('\\', "/");
    let path = path.split(['?', '#']).next().unwrap_or_default();
    let path = path
        .rsplit_once("webpack:///")
        .or_else(|| path.rsplit_once("webpack-internal:///"))
        .map_or(path, |(_, rest)| rest);
    let parts: Vec<&str> =
        path.split('/').filter(|part| !part.is_empty() && *part != "." && *part != "..").collect();
    let folders = parts.len().saturating_sub(1);
    // `/usr/src/app/src/pay.ts` and `/srv/releases/17/src/pay.ts` are one file: what lies above the last
    // `src` (or, where there is none, the last folder of such a name) is where it was put.
    let last = |name: &str| parts[..folders].iter().rposition(|part| *part == name);
    let named = ["packages", "apps", "services"].iter().find_map(|name| last(name));
    let from = named.or_else(|| last("src")).or_else(|| ROOTS.iter().filter_map(|name| last(name)).min());
    // Containers keep all they have in `/app`.
    let from = from.or_else(|| last("app").map(|at| at + 1)).unwrap_or(folders.saturating_sub(1));
    let file = parts.len().saturating_sub(1);
    let kept = parts.iter().enumerate().skip(from).map(|(at, part)| segment(part, at < file));
    let kept: Vec<String> = kept.filter(|part| !part.is_empty()).collect();
    kept.join("/")
}

/// A part of a path without build hashes, versions and ids: `main.8f3a2c1d.js` is `main.js`.
fn segment(part: &str, folder: bool) -> String {
    let made_up = |piece: &str| {
        let digits = piece.bytes().filter(u8::is_ascii_digit).count();
        if folder && digits > 0 && digits == piece.len() {
            return true;
        }
        let letters = piece.bytes().filter(u8::is_ascii_alphabetic).count();
        digits >= 4
            || piece.len() >= 6
                && digits > 0
                && letters > 0
                && !likely::is_word(piece.trim_end_matches(|c: char| c.is_ascii_digit()))
            || piece.len() >= 6 && likely::is_random(piece, true)
    };
    let mut kept = String::with_capacity(part.len());
    for (i, piece) in part.split_inclusive(['.', '-', '_', '~', '@']).enumerate() {
        let bare = piece.trim_end_matches(['.', '-', '_', '~', '@']);
        if !made_up(bare) {
            kept.push_str(piece);
        } else if i == 0 {
            kept.push('*');
            kept.push_str(&piece[bare.len()..]);
        } else if piece.ends_with('.') && !kept.ends_with('.') {
            // `main-8f3a2c1d.js`
            kept.truncate(kept.trim_end_matches(['-', '_', '~', '@']).len());
            kept.push('.');
        }
    }
    kept.trim_end_matches(['-', '_', '~', '@']).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_the_same_in_every_release() {
        for path in [
            "/app/src/payments/charge.ts",
            "/srv/releases/20240801120000/src/payments/charge.ts",
            "file:///home/kim/shop-3f2a/src/payments/charge.ts",
            "/usr/src/app/src/payments/charge.ts",
            "C:\\work\\shop\\src\\payments\\charge.ts",
            "webpack-internal:///./src/payments/charge.ts",
        ] {
            assert_eq!(file(path), "src/payments/charge.ts", "{path}");
        }
        assert_eq!(file("/app/dist/main.8f3a2c1d.js"), "dist/main.js");
        assert_eq!(file("/app/dist/chunk-BX3kf92a.js"), "dist/chunk.js");
        assert_eq!(file("/repo/packages/api/src/x.ts"), "packages/api/src/x.ts");
        assert_eq!(file("/home/deploy/current/worker.js"), "current/worker.js");
        assert_eq!(
            file("/srv/releases/20240801120000/worker.js"),
            file("/srv/releases/20250102030405/worker.js")
        );
        assert_eq!(file("/srv/app-17/worker.js"), file("/srv/app-9/worker.js"));
        assert_eq!(file("/app/worker.js"), "worker.js");
        assert_ne!(file("/app/src/a/charge.ts"), file("/app/src/b/charge.ts"));
        assert_eq!(file("worker.js"), "worker.js");
        assert_eq!(file(""), "");
    }

    #[test]
    fn one_knows_whose_code_it_is() {
        assert_eq!(owner("/app/src/x.ts"), Owner::Own);
        assert_eq!(owner("/app/node_modules/pg-pool/index.js"), Owner::Library);
        assert_eq!(owner("/app/node_modules/bullmq/dist/cjs/classes/worker.js"), Owner::Runtime);
        assert_eq!(owner("node:net"), Owner::Runtime);
        assert_eq!(owner("node:internal/process/task_queues"), Owner::Runtime);
        assert_eq!(owner("/usr/lib/python3.11/json/decoder.py"), Owner::Runtime);
        assert_eq!(owner("/app/.venv/lib/python3.11/site-packages/requests/api.py"), Owner::Library);
        assert_eq!(owner("/rustc/5980761/library/core/src/result.rs"), Owner::Runtime);
        assert_eq!(
            owner("/home/kim/.cargo/registry/src/registry-1949cf8c/serde_json-1.0.154/src/de.rs"),
            Owner::Library
        );
        assert_eq!(package("/app/node_modules/@acme/http/dist/x.js").as_deref(), Some("@acme/http"));
        let cargo = "/home/kim/.cargo/registry/src/registry-1949cf8c/serde_json-1.0.154/src/de.rs";
        assert_eq!(package(cargo).as_deref(), Some("serde_json"));
    }
}
