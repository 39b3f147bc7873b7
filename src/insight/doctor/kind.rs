//! The kinds of damage, by their words.

use super::Severity;

macro_rules! kinds {
    ($($kind:ident $word:literal $severity:ident $title:literal $consequence:literal;)*) => {
        /// A kind of damage.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
        #[allow(missing_docs, reason = "each is described by its title and consequence")]
        pub enum Kind { $($kind),* }

        impl Kind {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$kind),*];

            /// The word in machine output, and what ids of findings begin with.
            pub const fn word(self) -> &'static str {
                match self { $(Self::$kind => $word),* }
            }

            /// How bad it is.
            pub const fn severity(self) -> Severity {
                match self { $(Self::$kind => Severity::$severity),* }
            }

            /// What it is, in a few words.
            pub const fn title(self) -> &'static str {
                match self { $(Self::$kind => $title),* }
            }

            /// What it does, as a sentence without its full stop.
            pub const fn consequence(self) -> &'static str {
                match self { $(Self::$kind => $consequence),* }
            }
        }
    };
}

kinds! {
    WrongType "wrong-type" Damage "a key of a wrong type"
        "workers get WRONGTYPE from it, and finish no job while it stands there";
    StalledCheck "stalled-check" Damage "the check for stalled jobs is off"
        "no worker looks for stalled jobs until the key is gone: jobs of dead workers stay active for ever";
    StuckActive "stuck-active" Damage "an active job that nobody runs"
        "no worker holds its lock and none looks for stalled jobs: it stays active for ever";
    EndlessLock "endless-lock" Damage "a lock without an end"
        "should its worker be dead, the job counts as running for ever";
    ConcurrencyHeld "concurrency-held" Damage "dead jobs hold the places of the queue"
        "they count as running, so that the limit of jobs at once lets no other start";
    InvalidJson "invalid-json" Damage "a job that no worker can read"
        "its worker fails before the job begins, and it stalls again and again instead of ever failing";
    Double "double" Damage "a job in two places"
        "it runs twice, or runs again after it was done";
    Ghost "ghost" Damage "an id without a job"
        "a worker runs it without a name and data and counts it as completed";
    Orphan "orphan" Damage "a job in no state"
        "it never runs and is never removed, and adding its id again does nothing";
    StuckParent "stuck-parent" Damage "a parent that waits for nothing that will come"
        "it never runs";
    DeadScheduler "dead-scheduler" Damage "a scheduler without a next run"
        "nothing adds a run any more: the schedule has silently ended";
    StaleDedup "stale-deduplication" Damage "a deduplication id whose job is gone"
        "adds with it are swallowed, and no job is made";
    Split "split-lists" Damage "jobs in both lists"
        "a resume by BullMQ 5 or older loses the ids of one of them; outside of a pause no worker takes those of `paused`";
    IdBehind "id-behind" Damage "the counter of ids is behind"
        "new jobs get ids that are taken, and replace those jobs or are swallowed";
    Counter "priority-counter" Damage "the counter behind priorities is broken"
        "jobs of one priority run in a wrong order, or cannot be added";
    PriorityRange "priority-range" Damage "a priority out of range"
        "the order of the prioritized jobs and their counts are wrong";
    EndlessLimiter "endless-limiter" Damage "a rate limit without an end"
        "the counter never begins anew: the limit is silently off, or holds for ever";
    NoMarker "no-marker" Damage "jobs wait, and nobody told the workers"
        "idle workers find them only at the end of their own wait";
    Overdue "overdue" Damage "a delayed job is overdue"
        "nobody promotes it: there is no worker, or the workers' clocks are behind";
    OldMarker "old-marker" Damage "a wake-up marker of an older BullMQ in a list"
        "it counts as a job, and may be run as one";
    OldIndex "old-priority-index" Risk "the index of priorities of BullMQ 3 or Bull"
        "the priorities that it holds count for nobody here";
    OldRepeatable "old-repeatable" Risk "a repeatable of BullMQ 5.9 or older in a queue of BullMQ 6"
        "BullMQ 6 fails when it lists its schedulers, and can neither change nor remove this one";
    MixedVersions "mixed-versions" Risk "clients of releases that do not fit"
        "jobs of the one are not seen by the workers of the other, or run while the queue is paused";
    NoWorker "no-worker" Risk "jobs wait, and no worker is connected"
        "nothing runs";
    PausedGrowing "paused-growing" Risk "paused for long, and growing"
        "nothing runs, and the backlog grows";
    FutureJob "future-job" Risk "a job from the future"
        "the clock of whoever added it is ahead: its delays and ages are wrong";
    FutureEvents "future-events" Risk "events from the future"
        "Redis's clock was set back: until it has caught up, events bear the same moment";
    LongEvents "long-events" Risk "a long event stream"
        "it takes memory that nobody reads";
    LargeJob "large-job" Risk "a very large job"
        "each read of it holds up everybody, and it takes memory";
    ServerPolicy "server-policy" Risk "the server may drop keys"
        "a full server drops jobs, or parts of a queue: queues need noeviction";
    ServerMemory "server-memory" Risk "the server's memory is almost full"
        "once it is full, no job is added or finished, or keys are dropped";
    ServerEvicted "server-evicted" Risk "the server has dropped keys"
        "jobs, or parts of a queue, may be among them: ids without a job, and jobs in no state";
    ServerUnsaved "server-unsaved" Risk "the server does not keep what it is told"
        "a crash loses every job since the last save, which their producers believe safe";
    ServerSave "server-save" Risk "the server cannot save"
        "a restart loses what was not saved, and writes may be refused";
    ServerReplica "server-replica" Risk "this is a replica"
        "it takes no writes: workers on it run nothing";
    ServerRelease "server-release" Risk "a release with known holes in its scripts"
        "whoever may run scripts can break out of them (CVE-2025-49844)";
    ServerClients "server-clients" Risk "almost as many clients as are allowed"
        "workers that connect anew are refused";
    ServerHoarder "server-hoarder" Risk "a client that does not read its answers"
        "they pile up in the server's memory";
    ClockSkew "clock-skew" Risk "this host and Redis disagree on the time"
        "where a worker's clock is as wrong, its delayed jobs run too early or too late";
}
