//! The tabs of a queue: which one it opens on, and what is offered where there is nothing.

use toril::app::Msg;
use toril::app::effect::{Answer, Effect, Query};
use toril::engine::read::page::Page;
use toril::wire::{Counts, State};

use crate::support::{Console, queue, snapshot};

#[test]
fn a_queue_opens_where_its_jobs_are() {
    for (state, set) in [
        (State::WaitingChildren, (|counts, n| counts.waiting_children = n) as fn(&mut Counts, u64)),
        (State::Delayed, |counts, n| counts.delayed = n),
        (State::Failed, |counts, n| counts.failed = n),
        (State::Completed, |counts, n| counts.completed = n),
    ] {
        let mut row = queue("film");
        row.counts = Counts::default();
        set(&mut row.counts, 1);
        let mut console = Console::showing(snapshot(vec![row]), 80, 24);
        console.keys("Enter");
        let asked = console.asked().into_iter().find_map(|effect| match effect {
            Effect::Fetch(_, id, Query::Page(_, query)) => Some((id, query)),
            _ => None,
        });
        let (id, query) = asked.expect("a page is read");
        assert_eq!(query.state, state);
        assert!(console.draw().contains("y copy"), "{state:?}: {}", console.draw().text());
        // The last of them went meanwhile: no act on a job is offered.
        let page = Page { query, total: 0, rows: Vec::new() };
        console.send(Msg::Fetched(id, Ok(Answer::Page(page))));
        let grid = console.draw();
        assert!(!grid.contains("y copy") && !grid.contains("d remove"), "{state:?}: {}", grid.text());
        assert!(grid.contains("p pause"), "{state:?}: {}", grid.text());
    }
}
