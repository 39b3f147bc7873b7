//! Scripts put together from the shared library, and what those of operations get.

use crate::wire::{QueueId, WriteEra};

/// A script of ours, joined when this crate is compiled: the codes, the ground (`operation`: the
/// caller names the era; `client`: a producer or worker, eras 5 and 6), the queue, the parts that it
/// calls, and itself. A file `alone` shares nothing.
macro_rules! script {
    ("alone", $name:literal) => {{
        static SCRIPT: std::sync::LazyLock<$crate::conn::Script> = std::sync::LazyLock::new(|| {
            let lua = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/src/engine/lua/", $name, ".lua"));
            $crate::conn::Script::new($name, lua)
        });
        &*SCRIPT
    }};
    ($ground:literal, $name:literal, [$($part:literal),*]) => {{
        static SCRIPT: std::sync::LazyLock<$crate::conn::Script> = std::sync::LazyLock::new(|| {
            $crate::conn::Script::new($name, concat!(
                include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/src/engine/lua/lib/codes.lua")),
                include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/src/engine/lua/lib/", $ground, ".lua")),
                include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/src/engine/lua/lib/queue.lua")),
                $(include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/src/engine/lua/lib/", $part, ".lua")),)*
                include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/src/engine/lua/", $name, ".lua")),
            ))
        });
        &*SCRIPT
    }};
}
pub(super) use script;

/// The keys that every operation gets, in the order of `NAMES` in `lua/lib/operation.lua`.
const QUEUE_KEYS: [&str; 16] = [
    "wait",
    "paused",
    "active",
    "delayed",
    "prioritized",
    "priority",
    "completed",
    "failed",
    "waiting-children",
    "marker",
    "meta",
    "meta-paused",
    "events",
    "pc",
    "repeat",
    "limiter:index",
];

/// The declared keys of a queue.
pub(super) fn queue_keys(queue: &QueueId) -> Vec<Vec<u8>> {
    QUEUE_KEYS.iter().map(|suffix| queue.key(suffix)).collect()
}

/// The same of a queue by its base `<prefix>:<queue>:`.
pub(super) fn queue_keys_at(base: &[u8]) -> Vec<Vec<u8>> {
    QUEUE_KEYS.iter().map(|suffix| [base, suffix.as_bytes()].concat()).collect()
}

/// The era as the scripts of operations know it.
pub(super) fn era_argument(era: WriteEra) -> Vec<u8> {
    match era {
        WriteEra::Bull4 => b"0",
        WriteEra::V4 => b"4",
        WriteEra::V5 => b"5",
        WriteEra::V6 => b"6",
    }
    .to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_stand_in_the_order_of_the_library() {
        let lua = include_str!("lua/lib/operation.lua");
        let start = lua.find("local NAMES = {").unwrap();
        let names: Vec<&str> =
            lua[start..].split('}').next().unwrap().split('\'').skip(1).step_by(2).collect();
        assert_eq!(names, QUEUE_KEYS);
    }
}
