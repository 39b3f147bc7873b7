//! Jobs of several states in one order: those that ended last come first, whatever queue they are of.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use super::ids::{Ids, PAGE, Page, Upcoming, number};
use super::line::Line;
use crate::conn::{ConnError, Kind, RawReply, Verb};

/// States that are asked about in one round trip.
const ABREAST: usize = 200;

/// A state and the time of its next job; an upper bound of it where its next page was not read yet.
#[derive(Clone, Copy, Debug)]
struct Front {
    score: f64,
    place: usize,
}

impl Ord for Front {
    fn cmp(&self, other: &Self) -> Ordering {
        // Of equals the one that was named first.
        self.score.total_cmp(&other.score).then(other.place.cmp(&self.place))
    }
}

impl PartialOrd for Front {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Front {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Front {}

/// The states whose jobs have the time at which they ended as their score (spec 1.4): completed and failed.
#[derive(Debug, Default)]
pub(super) struct Merge {
    fronts: BinaryHeap<Front>,
}

impl Merge {
    /// Asks when the newest job of each of these states ended; a state without one is at its end.
    pub(super) async fn start(
        &mut self,
        sources: &mut [Ids],
        places: &[usize],
        line: &mut Line,
    ) -> Result<(), ConnError> {
        let mut fronts = Vec::with_capacity(places.len());
        let open: Vec<usize> = places.iter().copied().filter(|place| !sources[*place].end).collect();
        for places in open.chunks(ABREAST) {
            line.batch.clear();
            for place in places {
                line.batch.pack(Verb::ZRevRange, &[&sources[*place].key, b"0", b"0", b"WITHSCORES"]);
            }
            line.ask().await?;
            for (nth, place) in places.iter().enumerate() {
                let reply = line.replies.get(nth);
                if let Some(error) = reply.and_then(RawReply::error)
                    && error.kind != Kind::Reply
                {
                    return Err(error);
                }
                match reply.and_then(|reply| reply.items().nth(1)).flatten() {
                    Some(score) => fronts.push(Front { score: number(score), place: *place }),
                    None => sources[*place].end = true,
                }
            }
        }
        self.fronts = fronts.into();
        Ok(())
    }

    /// Whether nothing is left.
    pub(super) fn is_over(&self) -> bool {
        self.fronts.is_empty()
    }

    /// Puts the next ids behind `upcoming`, about a page of them.
    pub(super) async fn page(
        &mut self,
        sources: &mut [Ids],
        line: &mut Line,
        upcoming: &mut Upcoming,
    ) -> Result<Page, ConnError> {
        upcoming.compact();
        let (mut page, mut moved) = (Page::default(), 0);
        while moved < PAGE {
            let Some(front) = self.fronts.pop() else { break };
            let Some(ids) = sources.get_mut(front.place) else { continue };
            if ids.staged.is_empty() && !ids.end {
                let mut staged = std::mem::take(&mut ids.staged);
                let read = ids.page(front.place, line, &mut staged).await;
                ids.staged = staged;
                match read {
                    Ok(read) => {
                        page.markers += read.markers;
                        page.slipped |= read.slipped;
                    }
                    Err(error) => {
                        self.fronts.push(front);
                        return Err(error);
                    }
                }
            }
            let next = self.fronts.peek().copied();
            while let Some(score) = ids.staged.first().map(|entry| entry.score.unwrap_or(front.score)) {
                let here = Front { score, ..front };
                if next.is_some_and(|next| here < next) {
                    self.fronts.push(here);
                    break;
                }
                ids.staged.hand_over(upcoming);
                moved += 1;
            }
            if ids.staged.is_empty() && !ids.end {
                let score = ids.last_score().unwrap_or(front.score);
                self.fronts.push(Front { score, ..front });
            }
        }
        Ok(page)
    }
}
