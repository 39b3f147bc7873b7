//! Jobs of a flow.

use crate::app::effect::{FlowPart, FlowQuery};
use crate::conn::{Conn, ConnError};
use crate::engine::read::flow::{self, Member};
use crate::text::Mask;

/// Reads what was asked for; texts come masked.
pub(super) async fn read(conn: &Conn, mask: &Mask, query: FlowQuery) -> Result<FlowPart, ConnError> {
    let masked = |members: Vec<Member>| members.into_iter().map(|member| member.masked(mask)).collect();
    Ok(match query {
        FlowQuery::Line(queue, id) => {
            let mut line = flow::above(conn, &queue, &id).await?;
            line.push((queue, id));
            FlowPart::Line(masked(flow::members(conn, &line).await?))
        }
        FlowQuery::Children(node, queue, id, from) => {
            FlowPart::Children(node, flow::offspring(conn, &queue, &id, from).await?)
        }
        FlowQuery::Members(jobs) => FlowPart::Members(masked(flow::members(conn, &jobs).await?)),
        FlowQuery::Survey(queue, id, most) => FlowPart::Survey(flow::survey(conn, &queue, &id, most).await?),
    })
}
