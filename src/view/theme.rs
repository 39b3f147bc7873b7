//! Roles, and the styles that stand for them.

use ratatui::style::{Color, Modifier, Style};

use crate::wire::State;

/// What a text means; the theme decides how that looks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Role {
    /// Ordinary text.
    Text,
    /// Less important: units, frames of libraries, what is stale.
    Dim,
    /// Headings, keys.
    Accent,
    /// Words that matter.
    Strong,
    /// The selected row.
    Selected,
    /// A figure that changed within the last second.
    Changed,
    /// A job's state.
    State(State),
    /// It is well.
    Ok,
    /// It should be looked at.
    Warn,
    /// It is wrong.
    Danger,
    /// Rules and frames.
    Border,
    /// The frame of what has the keys.
    Focus,
    /// Hidden characters made visible.
    Hidden,
    /// JSON: keys.
    Key,
    /// JSON: strings.
    Str,
    /// JSON: numbers, `true`, `false`, `null`.
    Literal,
}

/// How much colour the terminal shows.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Depth {
    /// None: `NO_COLOR`, `--color never`. Bold, dim and reverse remain.
    None,
    /// The terminal's own sixteen colours.
    #[default]
    Sixteen,
}

/// The styles in use.
#[derive(Clone, Debug, Default)]
pub struct Theme {
    /// How much colour.
    pub depth: Depth,
    /// Only ASCII is drawn.
    pub ascii: bool,
}

impl Theme {
    /// The style of a role.
    pub fn style(&self, role: Role) -> Style {
        let (colour, modifier) = match role {
            Role::Text => (None, Modifier::empty()),
            Role::Dim | Role::Border => (None, Modifier::DIM),
            Role::Accent | Role::Focus | Role::Key => (Some(Color::Cyan), Modifier::empty()),
            Role::Strong => (None, Modifier::BOLD),
            Role::Selected => (Some(Color::Cyan), Modifier::REVERSED),
            Role::Changed => (None, Modifier::BOLD.union(Modifier::UNDERLINED)),
            Role::State(state) => (Some(state_colour(state)), Modifier::empty()),
            Role::Ok | Role::Str => (Some(Color::Green), Modifier::empty()),
            Role::Warn | Role::Literal => (Some(Color::Yellow), Modifier::empty()),
            Role::Danger => (Some(Color::LightRed), Modifier::BOLD),
            Role::Hidden => (Some(Color::Magenta), Modifier::REVERSED),
        };
        self.mix(colour, modifier)
    }

    /// The style of an environment's label, by the name of a colour.
    pub fn label(&self, colour: Option<&str>) -> Style {
        let colour = match colour.unwrap_or("red") {
            "green" => Color::Green,
            "yellow" => Color::Yellow,
            "blue" => Color::Blue,
            "magenta" => Color::Magenta,
            "cyan" => Color::Cyan,
            "white" => Color::Gray,
            _ => Color::Red,
        };
        self.mix(Some(colour), Modifier::REVERSED.union(Modifier::BOLD))
    }

    fn mix(&self, colour: Option<Color>, modifier: Modifier) -> Style {
        let style = Style::new().add_modifier(modifier);
        match (self.depth, colour) {
            (Depth::Sixteen, Some(colour)) => style.fg(colour),
            _ => style,
        }
    }
}

const fn state_colour(state: State) -> Color {
    match state {
        State::Waiting | State::Prioritized => Color::LightBlue,
        State::Paused | State::Delayed => Color::Yellow,
        State::Active => Color::Cyan,
        State::WaitingChildren => Color::Magenta,
        State::Completed => Color::Green,
        State::Failed => Color::LightRed,
    }
}

/// The glyph of a state, so that colour is never the only sign.
pub const fn state_glyph(state: State) -> &'static str {
    match state {
        State::Waiting => "○",
        State::Prioritized => "↑",
        State::Paused => "‖",
        State::Active => "▶",
        State::Delayed => "◷",
        State::WaitingChildren => "◇",
        State::Completed => "✔",
        State::Failed => "✖",
    }
}
