//! What each era has, and why not where it has not.

use crate::wire::WriteEra;

/// An operation as a row of the table of what each era has.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
#[allow(missing_docs, reason = "each variant is the operation of its name")]
pub enum Capability {
    Retry,
    RetryCompleted,
    Remove,
    Promote,
    SetPriority,
    SetDelay,
    UpdateData,
    UpdateProgress,
    Logs,
    MoveOut,
    MoveOutFailed,
    RemoveChildren,
    ReleaseDeduplication,
    Pause,
    Merge,
    Drain,
    Clean,
    Obliterate,
    RetryAll,
    PromoteAll,
    RunScheduler,
    RemoveScheduler,
    EditScheduler,
    AddScheduler,
    GlobalConcurrency,
    GlobalRateLimit,
    ReleaseRateLimit,
}

impl Capability {
    /// Every row.
    pub const ALL: [Self; 27] = [
        Self::Retry,
        Self::RetryCompleted,
        Self::Remove,
        Self::Promote,
        Self::SetPriority,
        Self::SetDelay,
        Self::UpdateData,
        Self::UpdateProgress,
        Self::Logs,
        Self::MoveOut,
        Self::MoveOutFailed,
        Self::RemoveChildren,
        Self::ReleaseDeduplication,
        Self::Pause,
        Self::Merge,
        Self::Drain,
        Self::Clean,
        Self::Obliterate,
        Self::RetryAll,
        Self::PromoteAll,
        Self::RunScheduler,
        Self::RemoveScheduler,
        Self::EditScheduler,
        Self::AddScheduler,
        Self::GlobalConcurrency,
        Self::GlobalRateLimit,
        Self::ReleaseRateLimit,
    ];

    /// Whether the era has it; otherwise the reason, as a sentence for people.
    ///
    /// ```
    /// use toril::engine::op::Capability;
    /// use toril::wire::WriteEra;
    ///
    /// assert_eq!(Capability::Clean.supports(WriteEra::Bull4), Ok(()));
    /// assert_eq!(Capability::SetDelay.supports(WriteEra::Bull4), Err("Bull cannot put a delayed job off."));
    /// ```
    pub const fn supports(self, era: WriteEra) -> Result<(), &'static str> {
        use WriteEra::{Bull4, V4};
        match (self, era) {
            (Self::RetryCompleted, Bull4) => Err("Bull retries failed jobs only."),
            (Self::SetPriority, Bull4) => Err("Bull cannot change a priority."),
            (Self::SetDelay, Bull4) => Err("Bull cannot put a delayed job off."),
            (Self::MoveOutFailed, Bull4 | V4) => {
                Err("A worker of this library fails abandoned jobs itself; they can be put back in line.")
            }
            (Self::RemoveChildren, Bull4) => Err("Bull has no flows."),
            (Self::RemoveChildren, V4) => Err("BullMQ has it since 5.48."),
            (Self::ReleaseDeduplication, V4) => Err("BullMQ has deduplication since 5.11."),
            (Self::AddScheduler, Bull4 | V4) => Err("Its repeatables are added by its own library."),
            (Self::GlobalConcurrency | Self::GlobalRateLimit | Self::ReleaseRateLimit, Bull4 | V4) => {
                Err("Its workers know no limits of a whole queue; they came with BullMQ 5.")
            }
            _ => Ok(()),
        }
    }
}
