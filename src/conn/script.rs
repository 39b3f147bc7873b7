//! Lua scripts of ours.

/// A script with its declared class; known to the server by its hash after the first run.
#[derive(Debug)]
pub struct Script {
    /// Its name, for errors and logs: the name of its operation.
    pub name: &'static str,
    /// What the gate takes it for.
    pub class: super::Class,
    pub(super) inner: redis::Script,
}

impl Script {
    /// A script that writes.
    pub fn new(name: &'static str, source: &str) -> Self {
        Self { name, class: super::Class::Write, inner: redis::Script::new(source) }
    }
}
