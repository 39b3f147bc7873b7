//! The scripts of a worker, each joined from the parts it calls.

use std::sync::LazyLock;

use crate::conn::Script;

type Lazy = LazyLock<Script>;

macro_rules! script {
    ($name:literal: $($part:literal)*) => {
        LazyLock::new(|| {
            Script::new($name, concat!(
                include_str!("../lua/lib/keyspace.lua"),
                $(include_str!(concat!("../lua/lib/", $part, ".lua")),)*
                include_str!(concat!("../lua/", $name, ".lua")),
            ))
        })
    };
}

pub(super) static FETCH: Lazy = script!("fetch": "place" "fetch");
pub(super) static FINISH: Lazy = script!("finish": "place" "parent" "fetch" "lock" "finish");
pub(super) static FAIL: Lazy = script!("fail": "place" "fetch" "lock");
pub(super) static RENEW: Lazy = script!("renew":);
pub(super) static STALLED: Lazy = script!("stalled": "place");
pub(super) static PROGRESS: Lazy = script!("progress":);
pub(super) static LOG: Lazy = script!("log":);
