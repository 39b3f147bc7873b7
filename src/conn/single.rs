//! One server: TCP, TLS or a unix socket.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use redis::aio::MultiplexedConnection;
use tokio::sync::{RwLock, watch};

use super::link::Traffic;
use super::{
    Access, Batch, Class, ConnError, Dedicated, Endpoint, Kind, Link, LinkState, Options, Request, Script,
    Transport, Value,
};

const LIGHT: Duration = Duration::from_secs(3);
const CONNECT: Duration = Duration::from_secs(2);

/// A connection to one server and the task that keeps it.
#[derive(Debug)]
pub(super) struct Single {
    endpoint: Endpoint,
    options: Options,
    shared: Arc<Shared>,
    keeper: tokio::task::JoinHandle<()>,
}

struct Shared {
    socket: RwLock<Option<MultiplexedConnection>>,
    link: watch::Sender<Link>,
    lost: tokio::sync::Notify,
    commands: AtomicU64,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").finish_non_exhaustive()
    }
}

impl Drop for Single {
    fn drop(&mut self) {
        self.keeper.abort();
    }
}

impl Single {
    pub(super) fn start(endpoint: Endpoint, options: Options) -> Self {
        let (link, _) = watch::channel(Link {
            state: LinkState::Connecting,
            round_trip: None,
            waiting_since: None,
            generation: 0,
        });
        let shared = Arc::new(Shared {
            socket: RwLock::new(None),
            link,
            lost: tokio::sync::Notify::new(),
            commands: AtomicU64::new(0),
        });
        let keeper = tokio::spawn(keep(endpoint.clone(), options.clone(), shared.clone()));
        Self { endpoint, options, shared, keeper }
    }

    pub(super) fn link(&self) -> watch::Receiver<Link> {
        self.shared.link.subscribe()
    }

    pub(super) fn access(&self) -> Access {
        self.options.access
    }

    pub(super) fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    pub(super) fn traffic(&self) -> Traffic {
        Traffic { commands: self.shared.commands.load(Ordering::Relaxed), ..Traffic::default() }
    }

    fn gate(&self, class: Class) -> Result<(), ConnError> {
        match class {
            Class::Write if self.options.access == Access::ReadOnly => Err(ConnError::new(
                Kind::ReadOnly,
                "this session is read-only",
                "start with --write to change data",
            )),
            Class::Block => {
                Err(ConnError::new(Kind::Unexpected, "a blocking command needs a connection of its own", ""))
            }
            _ => Ok(()),
        }
    }

    async fn socket(&self) -> Result<MultiplexedConnection, ConnError> {
        if let Some(socket) = &*self.shared.socket.read().await {
            return Ok(socket.clone());
        }
        Err(match &self.shared.link.borrow().state {
            LinkState::Down { error, .. } | LinkState::Refused(error) => error.clone(),
            _ => ConnError::new(Kind::Connect, format!("not connected to {} yet", self.endpoint), ""),
        })
    }

    pub(super) async fn call(&self, request: Request) -> Result<Value, ConnError> {
        self.gate(request.verb.class())?;
        let write = request.verb.class() == Class::Write;
        let mut socket = self.socket().await?;
        self.shared.commands.fetch_add(1, Ordering::Relaxed);
        self.timed(write, async { socket.send_packed_command(&request.cmd).await })
            .await
            .and_then(ConnError::check)
    }

    pub(super) async fn batch(&self, batch: &Batch) -> Result<Vec<Value>, ConnError> {
        let mut write = false;
        for verb in &batch.verbs {
            self.gate(verb.class())?;
            write |= verb.class() == Class::Write;
        }
        let mut socket = self.socket().await?;
        self.shared.commands.fetch_add(batch.len() as u64, Ordering::Relaxed);
        self.timed(write, async { socket.send_packed_commands(&batch.pipeline, 0, batch.len()).await }).await
    }

    pub(super) async fn eval(
        &self,
        script: &Script,
        keys: &[Vec<u8>],
        args: &[Vec<u8>],
    ) -> Result<Value, ConnError> {
        self.gate(script.class)?;
        let mut socket = self.socket().await?;
        self.shared.commands.fetch_add(1, Ordering::Relaxed);
        let mut call = script.inner.prepare_invoke();
        for key in keys {
            call.key(key);
        }
        for arg in args {
            call.arg(arg);
        }
        self.timed(true, async { call.invoke_async::<Value>(&mut socket).await })
            .await
            .and_then(ConnError::check)
    }

    pub(super) async fn dedicated(&self) -> Result<Dedicated, ConnError> {
        Ok(Dedicated::new(dial(&self.endpoint, &self.options).await?))
    }

    async fn timed<T>(
        &self,
        write: bool,
        work: impl Future<Output = redis::RedisResult<T>>,
    ) -> Result<T, ConnError> {
        let started = Instant::now();
        let error = match tokio::time::timeout(LIGHT, work).await {
            Ok(Ok(value)) => {
                let took = started.elapsed();
                self.shared.link.send_if_modified(|link| {
                    link.round_trip = Some(took);
                    false
                });
                return Ok(value);
            }
            Ok(Err(error)) => classify(&self.endpoint, &error),
            Err(_) => ConnError::new(Kind::Timeout, format!("{} gave no answer", self.endpoint), ""),
        };
        if error.is_link() {
            self.shared.lost.notify_one();
            if write {
                return Err(ConnError::new(
                    Kind::UnknownOutcome,
                    "a write was sent and no answer came",
                    "it may have happened: look before you repeat it",
                ));
            }
        }
        Err(error)
    }
}

/// Connects, and again whenever the link is lost, until the login is refused.
async fn keep(endpoint: Endpoint, options: Options, shared: Arc<Shared>) {
    let mut delay = Duration::from_millis(200);
    loop {
        match dial(&endpoint, &options).await {
            Ok(socket) => {
                *shared.socket.write().await = Some(socket);
                delay = Duration::from_millis(200);
                shared.link.send_modify(|link| {
                    link.state = LinkState::Up;
                    link.generation += 1;
                });
                shared.lost.notified().await;
                *shared.socket.write().await = None;
                shared.link.send_modify(|link| link.state = LinkState::Connecting);
            }
            Err(error) if error.kind == Kind::Auth => {
                shared.link.send_modify(|link| link.state = LinkState::Refused(error));
                return;
            }
            Err(error) => {
                let retry_at = Instant::now() + delay;
                shared.link.send_modify(|link| link.state = LinkState::Down { error, retry_at });
                tokio::time::sleep(delay).await;
                delay = (delay * 2).min(Duration::from_secs(10));
            }
        }
    }
}

async fn dial(endpoint: &Endpoint, options: &Options) -> Result<MultiplexedConnection, ConnError> {
    use redis::IntoConnectionInfo as _;
    let addr = match &endpoint.transport {
        Transport::Tcp { host, port } => redis::ConnectionAddr::Tcp(host.clone(), *port),
        Transport::Unix { path } => redis::ConnectionAddr::Unix(path.clone()),
        Transport::Tls { .. } => return Err(ConnError::new(Kind::Tls, "TLS", "")),
    };
    let mut settings = redis::RedisConnectionInfo::default().set_db(endpoint.db).set_skip_set_lib_name();
    if let Some(user) = &endpoint.user {
        settings = settings.set_username(user);
    }
    if let Some(password) = &endpoint.password {
        settings = settings.set_password(password.expose());
    }
    let info = addr.into_connection_info().map_err(|e| classify(endpoint, &e))?.set_redis_settings(settings);
    let client = redis::Client::open(info).map_err(|e| classify(endpoint, &e))?;
    let config =
        redis::AsyncConnectionConfig::new().set_connection_timeout(Some(CONNECT)).set_response_timeout(None);
    let mut socket = client
        .get_multiplexed_async_connection_with_config(&config)
        .await
        .map_err(|e| classify(endpoint, &e))?;
    if !options.client_name.is_empty() {
        let name = redis::cmd("CLIENT").arg("SETNAME").arg(&options.client_name).to_owned();
        let _ = socket.send_packed_command(&name).await;
    }
    Ok(socket)
}

pub(super) fn classify(endpoint: &Endpoint, error: &redis::RedisError) -> ConnError {
    if let Some(code) = error.code() {
        return ConnError::from_reply(&format!("{code} {}", error.detail().unwrap_or_default()));
    }
    if error.is_timeout() {
        return ConnError::new(Kind::Timeout, format!("{endpoint} gave no answer"), "");
    }
    ConnError::new(
        Kind::Connect,
        format!("cannot reach {endpoint}: {error}"),
        "is Redis running there, and is the address right?",
    )
}
