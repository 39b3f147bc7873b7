//! Keys as the application knows them, and how they are written in help and configuration.

use std::fmt;

use crate::text::Clean;

/// What was pressed, without modifiers.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[allow(missing_docs, reason = "named after the keys")]
pub enum Code {
    Char(char),
    Enter,
    Esc,
    Tab,
    BackTab,
    Up,
    Down,
    Left,
    Right,
    PageUp,
    PageDown,
    Home,
    End,
    Backspace,
    Delete,
    F(u8),
}

/// A key press. Shift is part of the character (`R`), not a modifier.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Key {
    /// What was pressed.
    pub code: Code,
    /// With Ctrl.
    pub ctrl: bool,
    /// With Alt.
    pub alt: bool,
}

impl Key {
    /// A character without modifiers.
    pub const fn char(c: char) -> Self {
        Self { code: Code::Char(c), ctrl: false, alt: false }
    }

    /// A character with Ctrl.
    pub const fn ctrl(c: char) -> Self {
        Self { code: Code::Char(c), ctrl: true, alt: false }
    }

    /// A key that is no character.
    pub const fn code(code: Code) -> Self {
        Self { code, ctrl: false, alt: false }
    }

    /// The key in the form that is shown.
    pub fn clean(self) -> Clean {
        Clean::line(self.to_string())
    }
}

const NAMES: [(Code, &str); 15] = [
    (Code::Enter, "Enter"),
    (Code::Esc, "Esc"),
    (Code::Tab, "Tab"),
    (Code::BackTab, "S-Tab"),
    (Code::Up, "Up"),
    (Code::Down, "Down"),
    (Code::Left, "Left"),
    (Code::Right, "Right"),
    (Code::PageUp, "PgUp"),
    (Code::PageDown, "PgDn"),
    (Code::Home, "Home"),
    (Code::End, "End"),
    (Code::Backspace, "Backspace"),
    (Code::Delete, "Del"),
    (Code::Char(' '), "Space"),
];

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.ctrl {
            f.write_str("Ctrl-")?;
        }
        if self.alt {
            f.write_str("Alt-")?;
        }
        if let Some((_, name)) = NAMES.iter().find(|(code, _)| *code == self.code) {
            return f.write_str(name);
        }
        match self.code {
            Code::Char(c) if self.ctrl => write!(f, "{}", c.to_ascii_uppercase()),
            Code::Char(c) => write!(f, "{c}"),
            Code::F(n) => write!(f, "F{n}"),
            _ => Ok(()),
        }
    }
}

impl std::str::FromStr for Key {
    type Err = String;

    /// Reads what `Display` writes: `r`, `R`, `Ctrl-R`, `Space`, `F5`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut rest = text;
        let (mut ctrl, mut alt) = (false, false);
        while rest.len() > 4 || rest.starts_with("Ctrl-") {
            if let Some(tail) = rest.strip_prefix("Ctrl-") {
                (rest, ctrl) = (tail, true);
            } else if let Some(tail) = rest.strip_prefix("Alt-") {
                (rest, alt) = (tail, true);
            } else {
                break;
            }
        }
        let code = if let Some((code, _)) = NAMES.iter().find(|(_, name)| name.eq_ignore_ascii_case(rest)) {
            *code
        } else if let Some(n) = rest.strip_prefix('F').and_then(|n| n.parse().ok()) {
            Code::F(n)
        } else {
            let mut chars = rest.chars();
            match (chars.next(), chars.next()) {
                (Some(c), None) if ctrl => Code::Char(c.to_ascii_lowercase()),
                (Some(c), None) => Code::Char(c),
                _ => return Err(format!("`{}` is not a key", Clean::line(text))),
            }
        };
        Ok(Self { code, ctrl, alt })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        for text in ["r", "R", "Ctrl-R", "Space", "F5", "Enter", "-", "Alt-x", "PgUp", "*", "1"] {
            let key: Key = text.parse().unwrap();
            assert_eq!(key.to_string(), text);
        }
        assert!("nonsense".parse::<Key>().is_err());
    }
}
