//! The tabs of a job.

/// A tab.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Tab {
    /// What the job was given.
    Data,
    /// What it returned.
    Result,
    /// Why it failed, attempt by attempt.
    Error,
    /// What it logged.
    Logs,
    /// How it is to be run.
    Options,
    /// What happened to it, and when.
    Timeline,
    /// Who is above it and below it.
    Flow,
    /// Its hash, field by field.
    Raw,
}

impl Tab {
    /// All tabs, in their order.
    pub const ALL: [Self; 8] = [
        Self::Data,
        Self::Result,
        Self::Error,
        Self::Logs,
        Self::Options,
        Self::Timeline,
        Self::Flow,
        Self::Raw,
    ];

    /// Its name.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Data => "Data",
            Self::Result => "Result",
            Self::Error => "Error",
            Self::Logs => "Logs",
            Self::Options => "Options",
            Self::Timeline => "Timeline",
            Self::Flow => "Flow",
            Self::Raw => "Raw",
        }
    }

    /// The tab so many places further, round the end.
    #[must_use]
    pub fn turned(self, by: usize) -> Self {
        Self::ALL[(self as usize + by) % Self::ALL.len()]
    }
}
