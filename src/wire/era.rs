//! Which generation of writers owns a queue (spec, section 5).

mod evidence;

pub use evidence::{Evidence, JobFields, ListMarker, Waits, decide};

/// The generation of a queue's writers; it decides which keys an act must touch.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Era {
    /// Bull 3.x.
    Bull3,
    /// Bull 4.x.
    Bull4,
    /// BullMQ 1.x.
    V1,
    /// BullMQ 2.0 to 3.1.2.
    V2,
    /// BullMQ 3.1.3 to 3.16.
    V3,
    /// BullMQ 4.x.
    V4,
    /// BullMQ 5.x.
    V5,
    /// BullMQ 6.x.
    V6,
    /// BullMQ Pro: seen and named, never written.
    Pro,
    /// The evidence does not settle it.
    Unknown,
}

/// An era that is written, with what its writers expect: modelled on Bull 4.16 and BullMQ 4.18,
/// 5.81 and 6.7.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum WriteEra {
    /// Bull 4.x.
    Bull4,
    /// BullMQ 4.x.
    V4,
    /// BullMQ 5.x.
    V5,
    /// BullMQ 6.x.
    V6,
}

impl WriteEra {
    /// The short name, as [`Era::name`].
    pub const fn word(self) -> &'static str {
        match self {
            Self::Bull4 => "B",
            Self::V4 => "4",
            Self::V5 => "5",
            Self::V6 => "6",
        }
    }

    /// Reads [`WriteEra::word`].
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Bull4, Self::V4, Self::V5, Self::V6].into_iter().find(|era| era.word() == word)
    }
}

/// Which of the eras 5 and 6 a queue's clients belong to, when somebody said so: they leave the
/// same keys, but pause in ways that lose each other's jobs.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Fleet {
    /// Only BullMQ 5 clients.
    V5,
    /// Only BullMQ 6 clients: pausing sets the flag and moves nothing.
    V6,
    /// Both, or nobody knows: pausing renames, the smaller loss.
    #[default]
    Mixed,
}

impl Era {
    /// The short name in JSON: `B3 B 1 .. 6 pro unknown`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Bull3 => "B3",
            Self::Bull4 => "B",
            Self::V1 => "1",
            Self::V2 => "2",
            Self::V3 => "3",
            Self::V4 => "4",
            Self::V5 => "5",
            Self::V6 => "6",
            Self::Pro => "pro",
            Self::Unknown => "unknown",
        }
    }

    /// The name for people: `BullMQ 6`.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Bull3 => "Bull 3",
            Self::Bull4 => "Bull 4",
            Self::V1 => "BullMQ 1",
            Self::V2 => "BullMQ 2",
            Self::V3 => "BullMQ 3",
            Self::V4 => "BullMQ 4",
            Self::V5 => "BullMQ 5",
            Self::V6 => "BullMQ 6",
            Self::Pro => "BullMQ Pro",
            Self::Unknown => "unknown writer",
        }
    }

    /// The era as one that may be written, or why not, in a clause for a sentence.
    pub const fn writable(self) -> Result<WriteEra, &'static str> {
        match self {
            Self::Bull4 => Ok(WriteEra::Bull4),
            Self::V4 => Ok(WriteEra::V4),
            Self::V5 => Ok(WriteEra::V5),
            Self::V6 => Ok(WriteEra::V6),
            Self::Bull3 => Err("queues of Bull 3 are read-only here: its scripts were not verified"),
            Self::V1 | Self::V2 | Self::V3 => Err(
                "queues of BullMQ 1 to 3 are read-only here: their wake-up rules differ from release to release",
            ),
            Self::Pro => Err("BullMQ Pro keeps jobs in groups that only its own scripts may move"),
            Self::Unknown => Err("it is not certain which library writes this queue"),
        }
    }
}

impl From<WriteEra> for Era {
    fn from(era: WriteEra) -> Self {
        match era {
            WriteEra::Bull4 => Self::Bull4,
            WriteEra::V4 => Self::V4,
            WriteEra::V5 => Self::V5,
            WriteEra::V6 => Self::V6,
        }
    }
}
