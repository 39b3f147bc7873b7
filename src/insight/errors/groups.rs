//! Failures counted by cause, in bounded memory.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::cause::{Cause, GroupId};
use super::history::{History, Span};
use crate::wire::{JobId, QueueId};

/// Groups that are kept; failures of more causes are counted together.
const GROUPS: usize = 500;
/// Jobs whose group is remembered, so that none is counted twice and those that leave are taken back.
pub const MEMBERS: usize = 250_000;
/// Examples of a group.
const EXAMPLES: usize = 5;

/// A failed job and its cause.
#[derive(Clone, Debug, PartialEq)]
pub struct Failure {
    /// Of which queue.
    pub queue: QueueId,
    /// Which job.
    pub job: JobId,
    /// When it failed, ms by Redis's clock.
    pub at: i64,
    /// Why.
    pub cause: Arc<Cause>,
}

/// A job of a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Example {
    /// Of which queue.
    pub queue: QueueId,
    /// Which job.
    pub job: JobId,
    /// When it failed, ms.
    pub at: i64,
}

/// All failures of one cause.
#[derive(Clone, Debug)]
pub struct Group {
    /// What they have in common.
    pub cause: Arc<Cause>,
    /// How many there are.
    pub count: u64,
    /// When the first was seen, ms: of those that were read.
    pub first_at: i64,
    /// When the last was seen, ms.
    pub last_at: i64,
    /// How many in which queue.
    queues: BTreeMap<u32, u64>,
    /// The newest, newest first.
    pub examples: Vec<Example>,
    /// When they were.
    pub history: History,
}

impl Group {
    /// Whether it was not seen before a moment, ms.
    pub fn is_new(&self, since: i64) -> bool {
        self.first_at >= since
    }

    fn new(failure: &Failure) -> Self {
        Self {
            cause: failure.cause.clone(),
            count: 0,
            first_at: failure.at,
            last_at: failure.at,
            queues: BTreeMap::new(),
            examples: Vec::new(),
            history: History::default(),
        }
    }

    fn add(&mut self, queue: u32, failure: &Failure) {
        self.count += 1;
        self.first_at = self.first_at.min(failure.at);
        self.last_at = self.last_at.max(failure.at);
        *self.queues.entry(queue).or_default() += 1;
        self.history.add(failure.at);
        let place = self.examples.partition_point(|example| example.at >= failure.at);
        if place < EXAMPLES {
            let Failure { queue, job, at, .. } = failure.clone();
            self.examples.insert(place, Example { queue, job, at });
            self.examples.truncate(EXAMPLES);
        }
    }

    fn remove(&mut self, queue: u32, job: &JobId, at: i64) {
        self.count = self.count.saturating_sub(1);
        if let Some(count) = self.queues.get_mut(&queue) {
            *count = count.saturating_sub(1);
        }
        self.queues.retain(|_, count| *count > 0);
        self.history.remove(at);
        self.examples.retain(|example| example.job != *job || example.at != at);
    }
}

/// Failures by cause.
///
/// A job counts once, for its last failure. What is kept is bounded: [`Groups::others`] counts failures whose
/// causes have no room, and of more than [`MEMBERS`] jobs it is not known any more who they are: they cannot
/// be taken back one by one.
#[derive(Clone, Debug, Default)]
pub struct Groups {
    by_id: HashMap<GroupId, Group>,
    queues: Vec<QueueId>,
    members: HashMap<(u32, JobId), (GroupId, i64)>,
    /// Failures whose causes have no room.
    pub others: u64,
    /// No group was last seen before this.
    floor: i64,
}

impl Groups {
    /// Takes in a failure; one that is known already changes nothing.
    pub fn add(&mut self, failure: &Failure) {
        let queue = self.intern(&failure.queue);
        let member = (queue, failure.job.clone());
        if let Some((group, at)) = self.members.get(&member).copied() {
            if at >= failure.at {
                return;
            }
            self.take_back(&member, group, at);
        }
        let id = failure.cause.id;
        if !self.by_id.contains_key(&id) {
            if self.by_id.len() >= GROUPS && !self.make_room(failure.at) {
                self.others += 1;
                return;
            }
            self.by_id.insert(id, Group::new(failure));
        }
        if let Some(group) = self.by_id.get_mut(&id) {
            group.add(queue, failure);
        }
        if self.members.len() < MEMBERS {
            self.members.insert(member, (id, failure.at));
        }
    }

    /// Lets the smallest and oldest group go for one that is newer than it.
    fn make_room(&mut self, at: i64) -> bool {
        if at <= self.floor {
            return false;
        }
        self.floor = self.by_id.values().map(|group| group.last_at).min().unwrap_or(i64::MAX);
        let least = self.by_id.values().min_by_key(|group| (group.count, group.last_at));
        let Some(least) = least.filter(|group| group.last_at < at) else { return false };
        let (id, count) = (least.cause.id, least.count);
        self.by_id.remove(&id);
        self.members.retain(|_, (group, _)| *group != id);
        self.others += count;
        true
    }

    /// A job that failed by a moment, ms, is no longer failed: it was retried or removed. False where it was
    /// not known, or failed again since.
    pub fn remove(&mut self, queue: &QueueId, job: &JobId, until: i64) -> bool {
        let Some(queue) = self.place(queue) else { return false };
        let member = (queue, job.clone());
        let known = self.members.get(&member).copied().filter(|(_, at)| *at <= until);
        let Some((group, at)) = known else { return false };
        self.take_back(&member, group, at);
        true
    }

    fn take_back(&mut self, member: &(u32, JobId), id: GroupId, at: i64) {
        self.members.remove(member);
        if let Some(group) = self.by_id.get_mut(&id) {
            group.remove(member.0, &member.1, at);
            if group.count == 0 {
                self.by_id.remove(&id);
            }
        }
    }

    /// Takes back the jobs of a queue that are not there any more, told by their ids and when they failed.
    pub fn retain(&mut self, queue: &QueueId, there: impl Fn(&JobId, i64) -> bool) -> usize {
        let Some(place) = self.place(queue) else { return 0 };
        let gone = self.members.iter().filter(|((queue, job), (_, at))| *queue == place && !there(job, *at));
        let gone: Vec<_> = gone.map(|(member, (group, at))| (member.clone(), *group, *at)).collect();
        for (member, group, at) in &gone {
            self.take_back(member, *group, *at);
        }
        gone.len()
    }

    fn place(&self, queue: &QueueId) -> Option<u32> {
        self.queues.iter().position(|other| other == queue).and_then(|at| u32::try_from(at).ok())
    }

    fn intern(&mut self, queue: &QueueId) -> u32 {
        if let Some(place) = self.place(queue) {
            return place;
        }
        self.queues.push(queue.clone());
        u32::try_from(self.queues.len() - 1).unwrap_or(u32::MAX)
    }

    /// The groups, in no order.
    pub fn iter(&self) -> impl Iterator<Item = &Group> {
        self.by_id.values()
    }

    /// A group.
    pub fn get(&self, id: GroupId) -> Option<&Group> {
        self.by_id.get(&id)
    }

    /// How many groups there are.
    pub fn len(&self) -> usize {
        self.by_id.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.by_id.is_empty()
    }

    /// Failures that are counted, those of causes without room included.
    pub fn count(&self) -> u64 {
        self.by_id.values().map(|group| group.count).sum::<u64>() + self.others
    }

    /// The queues of a group with how many of its jobs they hold, most first.
    pub fn queues_of<'a>(&'a self, group: &Group) -> Vec<(&'a QueueId, u64)> {
        let named = group
            .queues
            .iter()
            .filter_map(|(place, count)| Some((self.queues.get(*place as usize)?, *count)));
        let mut queues: Vec<_> = named.collect();
        queues.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
        queues
    }

    /// The jobs of a group that are known one by one, newest first.
    pub fn jobs(&self, id: GroupId) -> Vec<Example> {
        let of_group = self.members.iter().filter(|(_, (group, _))| *group == id);
        let mut jobs: Vec<Example> = of_group
            .filter_map(|((queue, job), (_, at))| {
                Some(Example { queue: self.queues.get(*queue as usize)?.clone(), job: job.clone(), at: *at })
            })
            .collect();
        jobs.sort_by(|a, b| b.at.cmp(&a.at).then_with(|| b.job.cmp(&a.job)));
        jobs
    }

    /// How many jobs of a queue are known one by one.
    pub fn known(&self, queue: &QueueId) -> u64 {
        let Some(place) = self.place(queue) else { return 0 };
        self.by_id.values().filter_map(|group| group.queues.get(&place)).sum()
    }

    /// How many failures of a queue the largest of its groups holds, where that is most of them; `failed` have
    /// failed by now. `None` as well where what is known is not about these: some were not read, or went since.
    pub fn chief(&self, queue: &QueueId, failed: u64) -> Option<u64> {
        let place = self.place(queue)?;
        let counts = || self.by_id.values().filter_map(|group| group.queues.get(&place).copied());
        let (known, most) = (counts().sum::<u64>(), counts().max()?);
        let current = known.abs_diff(failed) <= failed / 50;
        (current && most > 1 && most * 2 > failed && most <= failed).then_some(most)
    }

    /// The finest span that holds at least half of the failures, for charts that all groups share.
    pub fn span(&self, now: i64) -> Span {
        let count: u64 = self.by_id.values().map(|group| group.count).sum();
        let within = |span: Span| -> u64 {
            self.by_id.values().map(|group| group.history.within(span, span.steps(), now)).sum()
        };
        let fits = |span: &Span| within(*span) * 2 >= count;
        Span::ALL.into_iter().find(fits).unwrap_or(Span::Months)
    }
}

#[cfg(test)]
mod tests {
    use super::super::cause::cause;
    use super::*;
    use crate::engine::read::failures::Field;
    use crate::wire::{Prefix, QueueName};

    fn queue(name: &str) -> QueueId {
        QueueId::new(Prefix::default(), QueueName::legacy(name))
    }

    fn failure(name: &str, job: u64, at: i64, reason: &str) -> Failure {
        let cause = Arc::new(cause(Field::Value(reason.as_bytes()), Field::Absent));
        Failure { queue: queue(name), job: JobId::new(job.to_string()), at, cause }
    }

    #[test]
    fn a_job_counts_once() {
        let mut groups = Groups::default();
        for _ in 0..2 {
            groups.add(&failure("a", 1, 100, "no price for 1"));
            groups.add(&failure("b", 1, 200, "no price for 2"));
        }
        assert_eq!((groups.len(), groups.count()), (1, 2));
        // It failed again, for another reason.
        groups.add(&failure("a", 1, 300, "boom"));
        assert_eq!((groups.len(), groups.count()), (2, 2));
        let price = groups.iter().find(|group| group.first_at == 100).unwrap();
        assert_eq!((price.count, price.last_at), (1, 200));
        assert_eq!(groups.queues_of(price), [(&queue("b"), 1)]);
        assert!(!groups.remove(&queue("b"), &JobId::new("1"), 199));
        assert!(groups.remove(&queue("b"), &JobId::new("1"), 200));
        assert!(!groups.remove(&queue("b"), &JobId::new("1"), 200));
        assert_eq!((groups.len(), groups.count()), (1, 1));
    }

    #[test]
    fn one_error_is_told_where_it_is_most_of_them() {
        let mut groups = Groups::default();
        for job in 0..80 {
            groups.add(&failure("a", job, 100, "no price for 1"));
        }
        for job in 80..100 {
            groups.add(&failure("a", job, 100, "no route"));
            groups.add(&failure("b", job, 100, "no route"));
            groups.add(&failure("b", job + 100, 100, "no money"));
        }
        assert_eq!(groups.chief(&queue("a"), 100), Some(80));
        assert_eq!(groups.chief(&queue("a"), 101), Some(80), "one that is not read yet changes little");
        assert_eq!(groups.chief(&queue("a"), 120), None, "many are not known");
        assert_eq!(groups.chief(&queue("a"), 60), None, "many went");
        assert_eq!(groups.chief(&queue("b"), 40), None, "it is half of them");
        assert_eq!(groups.chief(&queue("c"), 0), None);
    }

    #[test]
    fn what_left_is_taken_back() {
        let mut groups = Groups::default();
        for job in 0..10 {
            groups.add(&failure("a", job, 100 + i64::try_from(job).unwrap(), "no price for 1"));
            groups.add(&failure("b", job, 100, "no price for 1"));
        }
        assert_eq!(groups.retain(&queue("a"), |job, _| job.as_bytes() < b"5".as_slice()), 5);
        assert_eq!((groups.known(&queue("a")), groups.known(&queue("b")), groups.count()), (5, 10, 15));
        let id = groups.iter().next().unwrap().cause.id;
        let jobs = groups.jobs(id);
        assert_eq!((jobs.len(), jobs[0].at), (15, 104));
    }

    #[test]
    fn memory_is_bounded_and_new_causes_find_room() {
        let word = |mut n: usize| {
            let mut word = String::from("cause ");
            while n > 0 {
                word.push_str(["ta", "re", "no"][n % 3]);
                n /= 3;
            }
            word
        };
        let mut groups = Groups::default();
        for n in 1..=700 {
            // Newest first, as they are read.
            groups.add(&failure("a", n as u64, 10_000 - i64::try_from(n).unwrap(), &word(n)));
        }
        assert_eq!((groups.len(), groups.others, groups.count()), (GROUPS, 200, 700));
        groups.add(&failure("a", 9000, 20_000, "something new"));
        assert_eq!((groups.len(), groups.others), (GROUPS, 201));
        assert!(groups.iter().any(|group| group.last_at == 20_000));
    }

    #[test]
    fn charts_show_where_most_of_it_is() {
        let now = 1_700_000_000_000;
        let mut groups = Groups::default();
        groups.add(&failure("a", 1, now - 1000, "x"));
        assert_eq!(groups.span(now), Span::Hour);
        for job in 2..6 {
            groups.add(&failure("a", job, now - 7_200_000, "x"));
        }
        assert_eq!(groups.span(now), Span::Days);
    }
}
