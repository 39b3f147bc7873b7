//! Which screen is in front.

use super::screen::Screen;

/// The roots, each with the screens that were opened above it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Root {
    /// Key `1`.
    #[default]
    Queues,
    /// Key `2`.
    Errors,
    /// Key `3`.
    Workers,
    /// Key `4`.
    Schedulers,
    /// Key `5`.
    Events,
    /// Key `6`.
    Redis,
    /// Key `9`.
    Doctor,
    /// Key `@`.
    Log,
}

const ROOTS: [Root; 8] = [
    Root::Queues,
    Root::Errors,
    Root::Workers,
    Root::Schedulers,
    Root::Events,
    Root::Redis,
    Root::Doctor,
    Root::Log,
];

/// One stack of screens for each root: leaving a root for another loses nothing.
#[derive(Debug)]
pub struct Stacks {
    above: [Vec<Screen>; ROOTS.len()],
    roots: [Screen; ROOTS.len()],
    current: Root,
    last: Root,
}

impl Default for Stacks {
    fn default() -> Self {
        Self {
            above: [const { Vec::new() }; ROOTS.len()],
            roots: [
                Screen::Queues(super::screen::queues::Queues::default()),
                Screen::Errors(Box::default()),
                Screen::Workers(Box::default()),
                Screen::Schedulers(Box::default()),
                Screen::Events(super::screen::events::Events::default()),
                Screen::Redis(super::screen::redis::Redis::default()),
                Screen::Doctor(Box::default()),
                Screen::Log(Box::default()),
            ],
            current: Root::Queues,
            last: Root::Queues,
        }
    }
}

impl Stacks {
    /// The screen in front.
    pub fn current(&self) -> &Screen {
        let at = self.current as usize;
        self.above[at].last().unwrap_or(&self.roots[at])
    }

    /// The screen in front, to change it.
    pub fn current_mut(&mut self) -> &mut Screen {
        let at = self.current as usize;
        self.above[at].last_mut().unwrap_or(&mut self.roots[at])
    }

    /// All screens, those in the background too.
    pub fn all_mut(&mut self) -> impl Iterator<Item = &mut Screen> {
        self.roots.iter_mut().chain(self.above.iter_mut().flatten())
    }

    /// The root of the errors, whatever is in front.
    pub fn errors(&self) -> Option<&super::screen::errors::Errors> {
        match &self.roots[Root::Errors as usize] {
            Screen::Errors(errors) => Some(errors),
            _ => None,
        }
    }

    /// Whether nothing is above the root.
    pub fn at_root(&self) -> bool {
        self.above[self.current as usize].is_empty()
    }

    /// Which root is in front.
    pub fn root(&self) -> Root {
        self.current
    }

    /// Opens a screen above the one in front.
    pub fn push(&mut self, screen: Screen) {
        self.above[self.current as usize].push(screen);
    }

    /// Leaves the screen in front; false at the root.
    pub fn pop(&mut self) -> bool {
        self.above[self.current as usize].pop().is_some()
    }

    /// Goes to a root; to the one that is in front: to its first screen.
    pub fn go(&mut self, root: Root) {
        if root == self.current {
            self.above[root as usize].clear();
        } else {
            self.last = self.current;
            self.current = root;
        }
    }

    /// Goes to the root that was in front before.
    pub fn go_back(&mut self) {
        std::mem::swap(&mut self.current, &mut self.last);
    }

    /// The screens of the root in front, outermost first.
    pub fn path(&self) -> impl Iterator<Item = &Screen> {
        let at = self.current as usize;
        std::iter::once(&self.roots[at]).chain(&self.above[at])
    }
}
