//! The doctor's round: both looks at the queues, and a look at the server.

use crate::conn::{Conn, ConnError, Kind, Request, Verb};
use crate::engine::read::doctor::{Progress, Scope, examine};
use crate::engine::read::overview::server_time;
use crate::engine::read::workers::roster;
pub use crate::insight::doctor::Survey;
use crate::insight::doctor::{Doctor, Host, server, sort};
use crate::monitor::{Clock, redis};
use crate::text::Mask;
use crate::wire::QueueId;

/// Makes a round. It may be dropped at any moment: it only reads. `whole`: the server is looked at, too. What
/// is found comes with what `mask` leaves of its evidence.
pub async fn survey(
    conn: &Conn,
    queues: &[QueueId],
    scope: Scope,
    whole: bool,
    clock: Clock,
    mask: &Mask,
    tell: impl FnMut(Progress) + Send,
) -> Result<Survey, ConnError> {
    let mut survey = Survey::default();
    let mut complete = true;
    if whole {
        match redis::once(conn).await {
            Ok((health, _)) => survey.findings = server(&health, &host(conn, clock).await?),
            Err(error) if error.kind == Kind::Permission => complete = false,
            Err(error) => return Err(error),
        }
    }
    let examined = examine(conn, queues, scope, &Doctor, tell).await?;
    survey.findings.extend(examined.findings);
    survey.more = sort(&mut survey.findings);
    survey.findings = survey.findings.into_iter().map(|finding| finding.masked(mask)).collect();
    survey.progress = examined.progress;
    survey.complete = complete && examined.complete;
    Ok(survey)
}

async fn host(conn: &Conn, clock: Clock) -> Result<Host, ConnError> {
    let hoarder = match roster(conn).await {
        Ok(roster) => roster.hoarder().cloned(),
        Err(error) if matches!(error.kind, Kind::Permission | Kind::Reply) => None,
        Err(error) => return Err(error),
    };
    let mut host = Host { ahead_ms: None, hoarder };
    // The quickest of three answers says most of the clocks.
    let mut best = i64::MAX;
    for _ in 0..3 {
        let before = clock.now_ms();
        let reply = conn.call(Request::new(Verb::Time)).await?;
        let after = clock.now_ms();
        if let Some(at) = server_time(&reply)
            && after - before < best
        {
            best = after - before;
            host.ahead_ms = Some(i64::midpoint(before, after) - at);
        }
    }
    // What a slow answer cannot tell is not told.
    if best > 500 {
        host.ahead_ms = None;
    }
    Ok(host)
}
