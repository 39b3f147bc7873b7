//! Reads failures for the Errors screen.

use std::time::{Duration, Instant};

use tokio::sync::mpsc;

use crate::app::Msg;
use crate::app::effect::{Answer, FetchId};
use crate::app::screen::errors::{News, Wanted};
use crate::conn::{Conn, ConnError};
use crate::engine::read::failures::{self, Failures, Span, present, recent};
use crate::insight::errors::{Causes, Failure, MEMBERS};
use crate::text::Mask;
use crate::wire::QueueId;

/// What was read is told so often.
const TOLD: Duration = Duration::from_millis(100);
/// And whenever it is so many failures: the screen takes them in between two keys.
const MANY: usize = 2000;

/// Reads what is wanted; progress goes to `messages`, what came last is returned.
pub(super) async fn read(
    conn: &Conn,
    mask: &Mask,
    wanted: Wanted,
    id: FetchId,
    messages: &mpsc::Sender<Msg>,
) -> Result<Answer, ConnError> {
    let news = match wanted {
        Wanted::All(queues, most) => {
            let mut reader = Failures::new(conn, &queues, most);
            let mut causes = Causes::new(mask.clone());
            let (mut failures, mut told) = (Vec::new(), Instant::now());
            while let Some(page) = reader.next().await? {
                failures.extend(page.jobs().map(|failed| causes.failure(failed)));
                if told.elapsed() >= TOLD || failures.len() >= MANY {
                    told = Instant::now();
                    let news = progress(&reader, std::mem::take(&mut failures));
                    let _ = messages.send(Msg::Fetched(id, Ok(Answer::Errors(Box::new(news))))).await;
                }
            }
            News { complete: true, ..progress(&reader, failures) }
        }
        Wanted::Recent(since) => {
            let (mut failures, mut causes) = (Vec::new(), Causes::new(mask.clone()));
            recent(conn, &since, |failed| failures.push(causes.failure(failed))).await?;
            News { failures, complete: true, ..News::default() }
        }
        Wanted::Present(queue, at) => {
            let there = present(conn, &queue, MEMBERS).await?;
            let present = there.map(|there| (queue, there, at));
            News { present, complete: true, ..News::default() }
        }
    };
    Ok(Answer::Errors(Box::new(news)))
}

/// A few failures of a queue, to tell when an error began.
pub(super) async fn onset(
    conn: &Conn,
    mask: &Mask,
    queue: &QueueId,
    span: Span,
) -> Result<Answer, ConnError> {
    let (mut failures, mut causes) = (Vec::new(), Causes::new(mask.clone()));
    failures::onset(conn, queue, span, |part, failed| failures.push((part, causes.failure(failed)))).await?;
    Ok(Answer::Onsets(failures))
}

fn progress(reader: &Failures, failures: Vec<Failure>) -> News {
    let coverage = Some(reader.coverage());
    News { failures, coverage, per_second: reader.cost().per_second, ..News::default() }
}
