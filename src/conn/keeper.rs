//! The task that keeps a link: it connects, connects again with back-off, notices a dead peer that
//! nobody asks anything, and finds out when a state of the server is over.

use std::hash::{BuildHasher as _, RandomState};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::mpsc;

use super::dial::Dialed;
use super::request::{Batch, Request, Verb};
use super::single::Shared;
use super::socket::{PATIENCE, Socket};
use super::{ConnError, Kind, LinkState};

/// First and longest pause between attempts.
const PAUSE: Duration = Duration::from_millis(200);
const PAUSE_MAX: Duration = Duration::from_secs(10);
/// The same where nobody watches the link ([`super::Conn::link`]): a program works over it, and has locks
/// that run out.
const PAUSE_UNWATCHED: Duration = Duration::from_secs(2);
/// Longest pause behind an attempt that ran into its deadline.
const PAUSE_AFTER_WAIT: Duration = Duration::from_secs(1);
/// A link that lived shorter than this was no success: the pauses go on growing, up to [`PAUSE_AFTER_UP`].
const STABLE: Duration = Duration::from_secs(5);
/// Longest pause behind a link that was up, however short: the server is there, and those who work are to
/// reach it often enough to keep their locks.
const PAUSE_AFTER_UP: Duration = Duration::from_secs(1);
/// How often the keeper looks, at least.
const LOOK: Duration = Duration::from_secs(1);
/// Quiet of this length is broken with a PING: a server that stopped is to be noticed within two
/// seconds, also while nothing has to be read of it. One PING costs it about a microsecond.
const IDLE: Duration = Duration::from_secs(1);
/// The same where nobody watches the link ([`super::Conn::link`]): a worker asks by itself every few
/// seconds, and is not to cost more than that.
const UNWATCHED: Duration = Duration::from_secs(15);
/// How often the keeper looks, at most.
const GLANCE: Duration = Duration::from_millis(50);
/// Until a silent server is tried on a second connection: one that answers there has lost the
/// first, as behind a firewall that forgot it. A server that only hangs keeps its socket.
const DOUBT: Duration = Duration::from_secs(3);
/// Deadline of the keeper's own PING.
const PING: Duration = Duration::from_secs(1);
/// How often a busy server is asked whether it still is; others every [`LOOK`].
const BUSY: Duration = Duration::from_secs(2);

/// What others tell the keeper.
#[derive(Debug)]
pub(super) enum Nudge {
    /// The user wants a new connection at once.
    Reconnect,
    /// A command was refused for want of a login.
    Refused(ConnError),
}

/// Why a link that was up is no more.
enum Loss {
    /// It broke.
    Broken(ConnError),
    /// The user wants another.
    Wanted,
    /// The login does not hold.
    Refused(ConnError),
    /// Another connection took its place.
    Replaced(Box<Dialed>),
}

/// Keeps the link until the task is aborted.
pub(super) async fn keep(shared: Arc<Shared>, mut nudges: mpsc::UnboundedReceiver<Nudge>) {
    let mut pauses = Pauses::default();
    let mut next = None;
    loop {
        let outcome = match next.take() {
            Some(dialed) => Ok(dialed),
            None => dial(&shared).await,
        };
        let error = match outcome {
            Ok(dialed) => {
                let up_since = Instant::now();
                let loss = serve(&shared, dialed, &mut nudges).await;
                shared.set_socket(None);
                shared.link.send_if_modified(|link| link.waiting_since.take().is_some());
                let stable = up_since.elapsed() >= STABLE;
                if stable {
                    pauses = Pauses::default();
                }
                match loss {
                    Loss::Replaced(dialed) => {
                        next = Some(*dialed);
                        continue;
                    }
                    Loss::Wanted => {
                        shared.set_state(LinkState::Connecting);
                        continue;
                    }
                    // A restart is over in no time: the first attempt comes at once.
                    Loss::Broken(_) if stable || pauses.is_fresh() => {
                        shared.set_state(LinkState::Connecting);
                        pauses.count();
                        continue;
                    }
                    Loss::Broken(error) => {
                        pauses.was_up();
                        error
                    }
                    Loss::Refused(error) => error,
                }
            }
            Err(error) => error,
        };
        if error.kind == Kind::Auth {
            shared.set_state(LinkState::Refused(error));
            if wanted(&mut nudges).await.is_none() {
                return;
            }
            pauses = Pauses::default();
            shared.set_state(LinkState::Connecting);
            continue;
        }
        let watched = shared.link.receiver_count() > 0;
        let pause = pauses.next(&error, if watched { PAUSE_MAX } else { PAUSE_UNWATCHED });
        let retry_at = Instant::now() + pause;
        shared.set_state(LinkState::Down { error, retry_at });
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            wanted = wanted(&mut nudges) => if wanted.is_none() { return },
        }
    }
}

/// Connects. A first attempt that takes long is silence too, and shown as such.
async fn dial(shared: &Arc<Shared>) -> Result<Dialed, ConnError> {
    let started = Instant::now();
    let mut attempt = std::pin::pin!(shared.target.dial());
    if let Ok(outcome) = tokio::time::timeout(PATIENCE, &mut attempt).await {
        return outcome;
    }
    if shared.link.borrow().state == LinkState::Connecting {
        shared.link.send_modify(|link| link.waiting_since = Some(started));
    }
    let outcome = attempt.await;
    shared.link.send_if_modified(|link| link.waiting_since.take().is_some());
    outcome
}

fn on_silence(shared: &Arc<Shared>) -> super::socket::OnSilence {
    // A socket must not keep its keeper alive.
    let shared = Arc::downgrade(shared);
    Box::new(move |since| {
        if let Some(shared) = shared.upgrade() {
            shared.link.send_modify(|link| link.waiting_since = since);
        }
    })
}

/// Waits until the user wants a connection; `None` when nobody is there any more.
async fn wanted(nudges: &mut mpsc::UnboundedReceiver<Nudge>) -> Option<()> {
    loop {
        if let Nudge::Reconnect = nudges.recv().await? {
            return Some(());
        }
    }
}

/// Puts a socket to work and watches it until it is lost.
async fn serve(shared: &Arc<Shared>, dialed: Dialed, nudges: &mut mpsc::UnboundedReceiver<Nudge>) -> Loss {
    let Dialed { socket, server, state } = dialed;
    let socket = Arc::new(socket);
    socket.on_silence(on_silence(shared));
    shared.set_socket(Some(socket.clone()));
    shared.link.send_modify(|link| {
        link.generation += 1;
        link.server = server;
    });
    shared.set_state(state.map_or(LinkState::Up, LinkState::Impaired));

    let loss = watch(shared, &socket, nudges).await;
    // Callers may still hold it; they hear now that it is over and not at their deadline.
    socket.end(&match &loss {
        Loss::Broken(error) | Loss::Refused(error) => error.clone(),
        Loss::Wanted => ConnError::new(Kind::Connect, "the connection was made anew", ""),
        Loss::Replaced(_) => ConnError::new(Kind::Connect, "the connection was lost without a word", ""),
    });
    loss
}

async fn watch(shared: &Arc<Shared>, socket: &Socket, nudges: &mut mpsc::UnboundedReceiver<Nudge>) -> Loss {
    let mut asked_at = Instant::now();
    let mut doubt = Doubt::default();
    loop {
        let nap = match &shared.link.borrow().state {
            LinkState::Up if socket.silent_since().is_none() => {
                IDLE.saturating_sub(socket.quiet_for()).clamp(GLANCE, LOOK)
            }
            _ => LOOK,
        };
        tokio::select! {
            error = socket.ended() => return Loss::Broken(error),
            nudge = nudges.recv() => match nudge {
                Some(Nudge::Reconnect) => return Loss::Wanted,
                Some(Nudge::Refused(error)) => return Loss::Refused(error),
                None => return Loss::Broken(ConnError::closed()),
            },
            () = tokio::time::sleep(nap) => {}
        }
        if let Some(since) = socket.silent_since() {
            if doubt.is_due(since)
                && let Some(loss) = second_opinion(shared, socket, nudges).await
            {
                return loss;
            }
            continue;
        }
        doubt = Doubt::default();
        let due = match &shared.link.borrow().state {
            LinkState::Impaired(error) if error.kind == Kind::Busy => asked_at.elapsed() >= BUSY,
            LinkState::Impaired(_) => true,
            _ if shared.link.receiver_count() == 0 => socket.quiet_for() >= UNWATCHED,
            _ => socket.quiet_for() >= IDLE,
        };
        if due {
            asked_at = Instant::now();
            let ping = Batch::from(Request::new(Verb::Ping));
            // What it answers is noted on the way; what goes wrong shows at the socket.
            let _ = shared.ask(ping.packed, ping.shapes, None, PING).await;
        }
    }
}

/// Tries a second connection while the first is silent.
async fn second_opinion(
    shared: &Arc<Shared>,
    socket: &Socket,
    nudges: &mut mpsc::UnboundedReceiver<Nudge>,
) -> Option<Loss> {
    tokio::select! {
        error = socket.ended() => Some(Loss::Broken(error)),
        nudge = nudges.recv() => match nudge {
            Some(Nudge::Reconnect) => Some(Loss::Wanted),
            Some(Nudge::Refused(error)) => Some(Loss::Refused(error)),
            None => Some(Loss::Broken(ConnError::closed())),
        },
        outcome = shared.target.dial() => match outcome {
            // It may have woken up meanwhile, and then the first is as good as the second.
            _ if socket.silent_since().is_none() => None,
            Ok(dialed) => Some(Loss::Replaced(Box::new(dialed))),
            // It hangs for everybody: the first socket is where it will answer first.
            Err(error) if error.kind == Kind::Timeout => None,
            // Full, or unreachable by a cut that may heal: no reason to give up what there is.
            Err(error) if error.kind == Kind::MaxClients => None,
            Err(error) => Some(Loss::Broken(error)),
        },
    }
}

/// When to doubt a silent connection: after [`DOUBT`], then ever more rarely.
#[derive(Default)]
struct Doubt {
    tried: u32,
    tried_at: Option<Instant>,
}

impl Doubt {
    fn is_due(&mut self, since: Instant) -> bool {
        let pause = (DOUBT * 2_u32.saturating_pow(self.tried.min(3))).min(PAUSE_MAX);
        let due = self.tried_at.unwrap_or(since).elapsed() >= pause;
        if due {
            self.tried += 1;
            self.tried_at = Some(Instant::now());
        }
        due
    }
}

/// The pauses between attempts: they double, with jitter so that many clients do not come at once.
#[derive(Default)]
struct Pauses {
    count: u32,
}

impl Pauses {
    fn is_fresh(&self) -> bool {
        self.count == 0
    }

    /// The attempt before this pause had a link.
    fn was_up(&mut self) {
        while self.count > 0 && PAUSE * 2_u32.saturating_pow(self.count) > PAUSE_AFTER_UP {
            self.count -= 1;
        }
    }

    fn count(&mut self) {
        self.count += 1;
    }

    fn next(&mut self, error: &ConnError, longest: Duration) -> Duration {
        let grown = PAUSE.saturating_mul(2_u32.saturating_pow(self.count.min(16))).min(longest);
        let base = match error.kind {
            Kind::MaxClients => PAUSE_MAX,
            // The attempt itself has waited long, and a server that hung is there at once.
            Kind::Timeout => grown.min(PAUSE_AFTER_WAIT),
            _ => grown,
        };
        self.count();
        base.mul_f64(0.7 + 0.6 * chance())
    }
}

/// A number in `0.0..1.0` that differs between processes.
fn chance() -> f64 {
    // The standard library seeds each of these at random; nothing here needs better.
    let bits = RandomState::new().hash_one(0_u8);
    (bits >> 11) as f64 / (1_u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_with_jitter_up_to_ten_seconds() {
        let error = ConnError::closed();
        let mut pauses = Pauses::default();
        for expected in [200, 400, 800, 1600, 3200, 6400, 10_000, 10_000, 10_000] {
            let pause = pauses.next(&error, PAUSE_MAX).as_millis() as f64 / f64::from(expected);
            assert!((0.69..1.31).contains(&pause), "{expected}: {pause}");
        }
        pauses.was_up();
        let flapping = (0..20).map(|_| {
            pauses.was_up();
            pauses.next(&error, PAUSE_MAX)
        });
        let unwatched = (0..20).map(|_| Pauses { count: 9 }.next(&error, PAUSE_UNWATCHED)).max();
        assert!(unwatched.unwrap() < PAUSE_UNWATCHED.mul_f64(1.31));
        assert!(flapping.max().unwrap() < PAUSE_AFTER_UP.mul_f64(1.31));
        let full = ConnError::from_reply("ERR max number of clients reached");
        assert!(Pauses::default().next(&full, PAUSE_MAX) >= Duration::from_secs(7));
        let all: Vec<f64> = (0..1000).map(|_| chance()).collect();
        assert!(all.iter().all(|x| (0.0..1.0).contains(x)));
        assert!(all.iter().any(|x| *x < 0.2) && all.iter().any(|x| *x > 0.8));
    }
}
