//! Asking first, by severity (decisions, section 8).

use crate::cli::args::Confirm;
use crate::cli::failure::{Failure, exit};
use crate::cli::output::ask;
use crate::operate::Severity;
use crate::operate::journal::Confirmed;
use crate::text::Clean;
use crate::wire::QueueName;

/// Returns once the act is confirmed. Whoever cannot be asked has confirmed nothing.
pub async fn confirm(
    severity: Severity,
    flags: &Confirm,
    question: &str,
    name: Option<&QueueName>,
) -> Result<Confirmed, Failure> {
    // A wrong name is a mistake at any severity.
    if let (Some(given), Some(name)) = (&flags.confirm, name) {
        if !names(given, name) {
            return Err(Failure::usage(
                format!("--confirm names \"{given}\", and the queue is {}", name.clean()),
                "nothing was done; check which queue is meant",
            ));
        }
        return Ok(Confirmed::Named);
    }
    match (severity, name) {
        (Severity::Run, _) => Ok(Confirmed::NotAsked),
        (Severity::Ask, _) | (Severity::Type, None) => {
            if flags.yes {
                return Ok(Confirmed::Yes);
            }
            let answer = answer(format!("{question} [y/N]")).await?;
            let yes = answer.ok_or_else(|| {
                Failure::usage(
                    format!("{question} Nobody can be asked, nothing was done"),
                    "confirm with --yes",
                )
            })?;
            if matches!(yes.as_str(), "y" | "Y" | "yes") { Ok(Confirmed::Asked) } else { Err(declined()) }
        }
        (Severity::Type, Some(name)) => {
            let shown = name.clean();
            let answer = answer(format!("{question} Type the queue's name to go on:")).await?;
            let typed = answer.ok_or_else(|| {
                Failure::usage(
                    format!("{question} Nobody can be asked, nothing was done"),
                    format!("confirm with --confirm {shown}"),
                )
            })?;
            if names(&typed, name) { Ok(Confirmed::Typed) } else { Err(declined()) }
        }
    }
}

/// Byte for byte, or in the escaped form where the name holds hidden characters.
fn names(text: &str, name: &QueueName) -> bool {
    let shown = name.clean();
    text.as_bytes() == name.as_bytes() || (shown.hidden() > 0 && text == shown.as_str())
}

fn declined() -> Failure {
    Failure::not_done("usage", "not confirmed, nothing was done", "").with_code(exit::USAGE)
}

/// Asks without holding up the runtime, so that Ctrl-C is heard.
async fn answer(question: String) -> Result<Option<String>, Failure> {
    let asked =
        async { tokio::task::spawn_blocking(move || ask(&Clean::line(question))).await.unwrap_or(None) };
    // Ctrl-C first: it is listened for before the question stands there.
    tokio::select! {
        biased;
        _ = tokio::signal::ctrl_c() => Err(Failure::Code(exit::INTERRUPTED)),
        answer = asked => Ok(answer),
    }
}
