//! Every verb of the user, once: keys, help, palette, bottom line and docs follow from this table.

use super::key::{Code, Key};

/// Where an action makes sense. A screen lists the scopes it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub enum Scope {
    /// Everywhere.
    Global,
    /// Where rows can be opened and filtered.
    List,
    /// Where there is something to move in.
    Move,
    /// Where there are tabs.
    Tabs,
    /// The Queues screen.
    Queues,
    /// Where a queue is chosen: Queues and Queue.
    OneQueue,
    /// The job list of the Queue screen.
    Jobs,
    /// The Job screen.
    Job,
    /// Where a job is chosen: the list and the Job screen.
    OneJob,
    /// The Workers screen.
    Workers,
    /// The Schedulers screen.
    Schedulers,
    /// The Redis screen.
    Redis,
    /// The Events screen.
    Events,
    /// The Errors screen.
    Errors,
    /// Where a group of errors is chosen.
    Group,
    /// The Doctor screen.
    Doctor,
    /// The Log screen and its records.
    Log,
    /// The Why screen.
    Why,
    /// The Find screen.
    Find,
}

impl Scope {
    /// The heading in the help.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Global => "Everywhere",
            Self::List => "Rows",
            Self::Move => "Moving",
            Self::Tabs => "Tabs",
            Self::Queues => "Queues",
            Self::OneQueue => "The queue",
            Self::Jobs => "Jobs",
            Self::Job => "Job screen",
            Self::OneJob => "The job",
            Self::Workers => "Workers",
            Self::Schedulers => "Schedulers",
            Self::Redis => "Redis",
            Self::Events => "Events",
            Self::Errors => "Errors",
            Self::Group => "The group",
            Self::Doctor => "Doctor",
            Self::Log => "Log",
            Self::Why => "Why",
            Self::Find => "Find",
        }
    }
}

/// One row of the table.
#[derive(Debug)]
pub struct Row {
    /// The verb.
    pub action: Action,
    /// Its name in the palette, the configuration and the docs.
    pub name: &'static str,
    /// Keys that do it unless the configuration says otherwise.
    pub keys: &'static [Key],
    /// Where.
    pub scope: Scope,
    /// What it does, as a sentence without its full stop.
    pub title: &'static str,
    /// The word for the bottom line; empty keeps it out.
    pub short: &'static str,
    /// It changes data: refused while the session is read-only.
    pub writes: bool,
}

macro_rules! actions {
    ($($action:ident $name:literal $scope:ident [$($key:expr),*] $short:literal $title:literal $($writes:ident)?;)*) => {
        /// A verb of the user.
        #[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
        #[allow(missing_docs, reason = "each is described by its row of TABLE")]
        pub enum Action { $($action),* }

        /// The table.
        pub static TABLE: &[Row] = &[$(Row {
            action: Action::$action,
            name: $name,
            keys: &[$($key),*],
            scope: Scope::$scope,
            title: $title,
            short: $short,
            writes: actions!(@writes $($writes)?),
        }),*];
    };
    (@writes) => { false };
    (@writes writes) => { true };
}

const fn k(c: char) -> Key {
    Key::char(c)
}
const fn c(c: char) -> Key {
    Key::ctrl(c)
}
const fn n(code: Code) -> Key {
    Key::code(code)
}

// The order is that of the help, and of the bottom line within a scope.
actions! {
    Open "open" List [n(Code::Enter), n(Code::Right), k('l')] "open" "Open what is selected";
    JobRetry "job.retry" OneJob [k('r')] "retry" "Retry the job, or the marked ones" writes;
    JobRetryAnew "job.retry-anew" OneJob [k('T')] "" "Retry with all its attempts: count them from zero (the job, or the marked ones)" writes;
    JobRetryAll "job.retry-all" Jobs [k('R')] "retry all" "Retry all jobs of this state, or all that the filter shows, at a pace" writes;
    JobPromote "job.promote" OneJob [k('P')] "promote" "Promote: run the marked delayed jobs now; in a list without marks: all of them" writes;
    JobRemove "job.remove" OneJob [k('d')] "remove" "Remove the job, or the marked ones, with its children" writes;
    JobEdit "job.edit" OneJob [k('e')] "edit" "Edit the job's data in your editor ($VISUAL, $EDITOR)" writes;
    JobSet "job.set" OneJob [] "" "Set the priority, delay or progress of the job, or add to its log" writes;
    JobDuplicate "job.duplicate" OneJob [k('D')] "" "Duplicate: add a copy of the job" writes;
    JobRunScheduler "job.run-scheduler" OneJob [k('t')] "" "Run the scheduler of the job now; its schedule stays" writes;
    JobMoveOut "job.move-out" OneJob [] "" "Put an active job back in line that no worker holds any more" writes;
    JobMoveOutFailed "job.move-out-failed" OneJob [] "" "Let an active job fail that no worker holds any more" writes;
    JobRemoveChildren "job.remove-children" OneJob [] "" "Remove the children that the job waits for" writes;
    JobRelease "job.free-id" OneJob [] "" "Free the deduplication id that the job owns" writes;
    QueueAdd "queue.add" OneQueue [k('a')] "" "Add a job to the queue" writes;
    QueueLimits "queue.limits" OneQueue [] "" "Set, lift or release the limits of the queue" writes;
    QueueFreeId "queue.free-id" OneQueue [] "" "Free a deduplication id of the queue" writes;
    JobCopy "job.copy" OneJob [k('y')] "copy" "Copy the id, or the open tab's text, to the terminal's clipboard";
    WhyDo "why.do" Why [n(Code::Enter), n(Code::Right), k('l')] "do" "Do what is advised: resume, merge, release the limit, open the job";
    WhyCopy "why.copy" Why [k('y')] "copy" "Copy the command line that does it";
    QueueRelease "queue.release" Why [k('L')] "" "Release the rate limit: end its wait" writes;
    ScreenWhy "screen.why" OneQueue [k('!')] "why" "Why: what keeps this queue from moving?";
    QueuePause "queue.pause" OneQueue [k('p')] "pause" "Pause or resume the queue" writes;
    QueueMerge "queue.merge" OneQueue [k('M')] "" "Merge the two lists of a split queue" writes;
    QueueClean "queue.clean" Jobs [k('X')] "clean" "Clean: remove the jobs of this state, or those of an age" writes;
    QueueDrain "queue.drain" OneQueue [k('E')] "" "Empty the queue: remove what waits, and what is delayed if wished" writes;
    QueueObliterate "queue.obliterate" OneQueue [k('O')] "" "Obliterate: remove the queue with all that it has" writes;
    GroupRetry "group.retry" Group [k('r'), k('R')] "retry group" "Retry all jobs of the group, at a pace" writes;
    GroupRetryAnew "group.retry-anew" Group [k('T')] "" "Retry all jobs of the group with all their attempts" writes;
    GroupRemove "group.remove" Group [k('d')] "remove group" "Remove all jobs of the group, with their children" writes;
    GroupCopy "group.copy" Group [k('y')] "" "Copy the group's name, as `--error` takes it";
    Mark "mark" Jobs [k(' ')] "mark" "Mark or unmark the row";
    MarkRange "mark.range" Jobs [k('v')] "" "Mark from the last marked row to this one";
    MarkAll "mark.all" Jobs [k('*'), c('a')] "" "Mark all jobs of this state; again: none";
    Filter "filter" List [k('/')] "filter" "Show only rows that contain a text (`!text`: that do not); of jobs also `= jq`";
    FilterNext "filter.next" Job [k('n')] "" "Next place of the searched text";
    FilterPrevious "filter.previous" Job [k('N')] "" "Previous place of the searched text";
    Fold "fold" Job [k('h'), n(Code::Left)] "" "Fold the block under the cursor";
    Unfold "unfold" Job [k('l'), n(Code::Right)] "" "Unfold the block under the cursor";
    Load "load" Job [n(Code::Enter), k('L')] "" "Load a large value, or fold and unfold";
    Reveal "job.reveal" Job [k('u')] "" "Show the masked value under the cursor (the journal tells of it), or mask it again";
    Follow "logs.follow" Job [k('F')] "" "Follow the log: stay at its end";
    Sort "sort" Queues [k('s')] "sort" "Sort by the next column";
    Reverse "sort.reverse" List [k('S')] "" "Reverse the order";
    Faults "faults" Queues [k('f')] "faults" "Show only queues with a fault";
    ErrorsSort "errors.sort" Errors [k('s')] "sort" "Sort by the next column";
    ErrorsSince "errors.since" Errors [k('n')] "new" "Bring groups on top that are new since a moment: 2h, 14:02, a date, or when this screen was opened";
    ErrorsStop "errors.stop" Errors [k('x')] "" "Stop reading; or read all anew";
    WorkersSort "workers.sort" Workers [k('s')] "sort" "Sort by the next column";
    SchedulerRun "scheduler.run" Schedulers [k('t')] "run now" "Add a job of the scheduler now; its schedule stays as it is" writes;
    SchedulerEdit "scheduler.edit" Schedulers [k('e')] "edit" "Give the scheduler another schedule, in your editor" writes;
    SchedulerAdd "scheduler.add" Schedulers [k('a')] "add" "Add a scheduler to the selected one's queue, in your editor" writes;
    SchedulerRemove "scheduler.remove" Schedulers [k('d')] "remove" "Remove the scheduler with its next run" writes;
    SchedulersSort "schedulers.sort" Schedulers [k('s')] "sort" "Sort by the next column";
    EventsPause "events.pause" Events [k(' ')] "pause" "Hold the feed still, or let it run";
    DoctorFix "doctor.repair" Doctor [k('f')] "repair" "Repair what the selected finding names, after a question" writes;
    DoctorFixAll "doctor.repair-all" Doctor [k('F')] "repair all" "Repair all of this queue that has a safe repair, after a question" writes;
    DoctorLook "doctor.look" Doctor [k('a')] "look again" "Look at everything again";
    DoctorStop "doctor.stop" Doctor [k('c')] "" "Stop looking";
    LogUndo "log.undo" Log [k('z')] "undo" "Put back what the act took away" writes;
    LogResume "log.resume" Log [k('r')] "resume" "Go on with an act that was broken off or stopped" writes;
    LogCopy "log.copy" Log [k('y')] "copy" "Copy the command line that does the same";
    FindExport "find.export" Find [k('w')] "write" "Write what was found (or the marked ones) to a file, as JSON lines";
    NextTab "tab.next" Tabs [n(Code::Tab)] "" "Next tab";
    PreviousTab "tab.previous" Tabs [n(Code::BackTab)] "" "Previous tab";
    Down "down" Move [n(Code::Down), k('j')] "" "One row down";
    Up "up" Move [n(Code::Up), k('k')] "" "One row up";
    HalfDown "half-page.down" Move [c('d')] "" "Half a page down";
    HalfUp "half-page.up" Move [c('u')] "" "Half a page up";
    PageDown "page.down" Move [n(Code::PageDown), c('f')] "" "A page down";
    PageUp "page.up" Move [n(Code::PageUp), c('b')] "" "A page up";
    Top "top" Move [k('g'), n(Code::Home)] "" "To the first row";
    Bottom "bottom" Move [k('G'), n(Code::End)] "" "To the last row";
    ScreenQueues "screen.queues" Global [k('1')] "" "Queues: which is in trouble?";
    ScreenErrors "screen.errors" Global [k('2')] "errors" "Errors: what are the causes?";
    ScreenWorkers "screen.workers" Global [k('3')] "" "Workers: who does what?";
    ScreenSchedulers "screen.schedulers" Global [k('4')] "" "Schedulers: what comes next, what was missed?";
    ScreenEvents "screen.events" Global [k('5')] "" "Events: what is happening?";
    ScreenRedis "screen.redis" Global [k('6')] "redis" "Redis: is it the problem?";
    ScreenDoctor "screen.doctor" Global [k('9')] "" "Doctor: is the data sound?";
    ScreenLog "screen.log" Global [k('@')] "" "Log: what was done, and what did we send?";
    Find "find" Global [] "" "Find jobs by id, text or jq in all queues: `find TEXT`";
    LastScreen "screen.last" Global [k('-')] "" "Back to the screen before";
    Palette "command" Global [k(':'), c('p')] "command" "Type a command: any action by name, `queue NAME`, `job ID`, `find TEXT`";
    Help "help" Global [k('?')] "help" "The keys that work here";
    Refresh "refresh" Global [c('r')] "" "Read everything anew, reconnect at once";
    Undo "undo" Global [k('z')] "" "Undo: put back what the newest act took away" writes;
    StopBulk "stop" Global [c('x')] "" "Stop the search, or the bulk work that runs, after the chunk in flight";
    Back "back" Global [n(Code::Esc), n(Code::Left), k('h')] "" "Out of here";
    QuitOrBack "quit" Global [k('q')] "quit" "Back; at the root: quit";
    Quit "quit.now" Global [c('c')] "" "Quit at once";
    Suspend "suspend" Global [c('z')] "" "Suspend to the shell";
}

impl Action {
    /// Its row.
    pub fn row(self) -> &'static Row {
        // The enum and the table come out of one macro, in one order.
        &TABLE[self as usize]
    }

    /// The action of a name.
    pub fn named(name: &str) -> Option<Self> {
        TABLE.iter().find(|row| row.name == name).map(|row| row.action)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_stand_at_their_actions_place_and_names_are_unique() {
        for (i, row) in TABLE.iter().enumerate() {
            assert_eq!(row.action as usize, i);
            assert_eq!(row.action.row().name, row.name);
            assert_eq!(TABLE.iter().filter(|other| other.name == row.name).count(), 1, "{}", row.name);
        }
    }
}
