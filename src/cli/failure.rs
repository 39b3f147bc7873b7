//! How a command ends when it does not end well.

use std::io;

use crate::conn::{ConnError, Kind};
use crate::text::Clean;

/// Exit codes of the contract.
pub mod exit {
    /// Done; a read with nothing to list is done.
    pub const DONE: u8 = 0;
    /// The answer is no: absent, matched nothing, failed for all.
    pub const NO: u8 = 1;
    /// Wrong usage or configuration.
    pub const USAGE: u8 = 2;
    /// Redis could not be reached, or does not permit it.
    pub const REDIS: u8 = 3;
    /// Partly done; the document says what.
    pub const PARTLY: u8 = 4;
    /// A write was sent and no answer came.
    pub const UNKNOWN: u8 = 5;
    /// Interrupted.
    pub const INTERRUPTED: u8 = 130;
}

/// Why a command stopped.
#[derive(Debug)]
pub enum Failure {
    /// Something to say: a cause and what to do about it.
    Said {
        /// The word of the contract in `error.kind`.
        kind: &'static str,
        /// One line of cause.
        message: Clean,
        /// One line of what to do; may be empty.
        hint: Clean,
        /// The exit code.
        code: u8,
    },
    /// Whoever read our output has seen enough: not an error.
    PipeClosed,
    /// Everything was said already; only the code is left to give.
    Code(u8),
}

impl Failure {
    fn said(kind: &'static str, code: u8, message: impl AsRef<[u8]>, hint: impl AsRef<[u8]>) -> Self {
        Self::Said { kind, message: Clean::line(message), hint: Clean::line(hint), code }
    }

    /// Wrong usage: exit 2.
    pub fn usage(message: impl AsRef<[u8]>, hint: impl AsRef<[u8]>) -> Self {
        Self::said("usage", exit::USAGE, message, hint)
    }

    /// Wrong configuration: exit 2.
    pub fn config(message: impl AsRef<[u8]>, hint: impl AsRef<[u8]>) -> Self {
        Self::said("config", exit::USAGE, message, hint)
    }

    /// Something that this version does not do: exit 2.
    pub fn unsupported(message: impl AsRef<[u8]>, hint: impl AsRef<[u8]>) -> Self {
        Self::said("unsupported", exit::USAGE, message, hint)
    }

    /// A named queue or job is not there: exit 1.
    pub fn not_found(message: impl AsRef<[u8]>, hint: impl AsRef<[u8]>) -> Self {
        Self::said("not-found", exit::NO, message, hint)
    }

    /// An act that cannot be done at all: exit 1.
    pub fn not_done(kind: &'static str, message: impl AsRef<[u8]>, hint: impl AsRef<[u8]>) -> Self {
        Self::said(kind, exit::NO, message, hint)
    }

    /// A fault of ours or of the system: exit 1.
    pub fn internal(message: impl AsRef<[u8]>, hint: impl AsRef<[u8]>) -> Self {
        Self::said("internal", exit::NO, message, hint)
    }

    /// The same with another exit code.
    #[must_use]
    pub fn with_code(self, code: u8) -> Self {
        match self {
            Self::Said { kind, message, hint, .. } => Self::Said { kind, message, hint, code },
            other => other,
        }
    }

    /// The same with another word on what to do.
    #[must_use]
    pub fn with_hint(self, hint: &str) -> Self {
        match self {
            Self::Said { kind, message, code, .. } => {
                Self::Said { kind, message, hint: Clean::line(hint), code }
            }
            other => other,
        }
    }

    /// The cause, where there is something to say.
    pub fn message(&self) -> Clean {
        match self {
            Self::Said { message, .. } => message.clone(),
            Self::PipeClosed | Self::Code(_) => Clean::default(),
        }
    }

    /// The exit code.
    pub const fn code(&self) -> u8 {
        match self {
            Self::Said { code, .. } | Self::Code(code) => *code,
            Self::PipeClosed => exit::DONE,
        }
    }
}

impl From<ConnError> for Failure {
    fn from(error: ConnError) -> Self {
        let code = match error.kind {
            Kind::Usage | Kind::Unsupported => exit::USAGE,
            Kind::UnknownOutcome => exit::UNKNOWN,
            _ => exit::REDIS,
        };
        Self::Said { kind: error.kind.name(), message: error.message, hint: Clean::line(error.hint), code }
    }
}

/// Errors of our own output; other input and output is mapped where it happens, with its path.
impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::PipeClosed,
            _ => Self::internal(format!("cannot write the output: {error}"), "is the disk full?"),
        }
    }
}

impl From<serde_json::Error> for Failure {
    fn from(error: serde_json::Error) -> Self {
        match error.io_error_kind() {
            Some(io::ErrorKind::BrokenPipe) => Self::PipeClosed,
            _ => Self::internal(format!("cannot write JSON: {error}"), ""),
        }
    }
}
