//! Which action a key means here.

use std::collections::HashMap;

use super::action::{Action, Row, Scope, TABLE};
use super::key::Key;

/// Keys by action, with what the configuration changed.
#[derive(Clone, Debug, Default)]
pub struct Keymap {
    changed: HashMap<Action, Vec<Key>>,
}

impl Keymap {
    /// Gives an action other keys than the table's; none at all unbinds it.
    pub fn bind(&mut self, action: Action, keys: Vec<Key>) {
        self.changed.insert(action, keys);
    }

    /// The keys of a row.
    pub fn keys<'a>(&'a self, row: &'static Row) -> &'a [Key] {
        self.changed.get(&row.action).map_or(row.keys, Vec::as_slice)
    }

    /// The action of a key on a screen with these scopes; the narrowest scope wins, which is the
    /// one that the screen names first.
    pub fn action(&self, scopes: &[Scope], key: Key) -> Option<Action> {
        scopes.iter().find_map(|scope| {
            TABLE
                .iter()
                .find(|row| row.scope == *scope && self.keys(row).contains(&key))
                .map(|row| row.action)
        })
    }

    /// The rows that work on a screen with these scopes, in the table's order.
    pub fn rows<'a>(&'a self, scopes: &'a [Scope]) -> impl Iterator<Item = &'static Row> + 'a {
        TABLE.iter().filter(move |row| scopes.contains(&row.scope))
    }
}
