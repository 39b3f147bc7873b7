//! From an endpoint to a socket that is logged in: one round trip behind TCP (and TLS).
//!
//! `HELLO 2 AUTH user password SETNAME name` does it all at once where the server is 6 or newer.
//! RESP2 on purpose: RESP3 costs the same trip, and all it would bring here, word of a lost link,
//! the reader task has anyway.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio_rustls::rustls::ClientConfig;

use super::request::{Batch, Request, Verb};
use super::socket::{Failure, Socket};
use super::traffic::Counters;
use super::{ConnError, Endpoint, Hello, Kind, Options, Transport, Value, bytes, field};
use crate::text::Clean;

/// Until a server is reached and has logged us in; with TLS.
const CONNECT: Duration = Duration::from_secs(2);
const CONNECT_TLS: Duration = Duration::from_secs(3);
const HANDSHAKE: Duration = Duration::from_millis(2500);

/// A socket that is logged in.
pub(super) struct Dialed {
    pub(super) socket: Socket,
    pub(super) server: Option<Arc<Hello>>,
    /// The state of the server that its answers told of; see [`ConnError::is_server_state`].
    pub(super) state: Option<ConnError>,
}

/// What one connection needs to be made again.
#[derive(Debug)]
pub(super) struct Target {
    pub(super) endpoint: Arc<Endpoint>,
    pub(super) options: Options,
    pub(super) counters: Arc<Counters>,
    /// Kept while it works: sessions are resumed with it.
    tls: std::sync::Mutex<Option<Arc<ClientConfig>>>,
}

impl Target {
    pub(super) fn new(endpoint: Endpoint, mut options: Options) -> Self {
        // Redis refuses a name with spaces, and then there would be no connection.
        options.client_name =
            options.client_name.chars().map(|c| if c.is_ascii_graphic() { c } else { '_' }).collect();
        let endpoint = Arc::new(endpoint);
        Self { endpoint, options, counters: Arc::default(), tls: std::sync::Mutex::default() }
    }

    /// Connects and logs in.
    pub(super) async fn dial(&self) -> Result<Dialed, ConnError> {
        let place = &self.endpoint;
        let (limit, hint) = match &place.transport {
            Transport::Tls { .. } => (CONNECT_TLS, "does this port speak TLS? Without it use redis://"),
            Transport::Tcp { .. } => {
                (CONNECT, "is the address right, and a firewall open? With TLS use rediss://")
            }
            Transport::Unix { .. } => (CONNECT, "is the server stuck?"),
        };
        let dialed = tokio::time::timeout(limit, async {
            let socket = self.reach().await?;
            let (server, state) = self.log_in(&socket).await?;
            Ok::<_, ConnError>(Dialed { socket, server, state })
        });
        match dialed.await {
            Ok(Ok(dialed)) => Ok(dialed),
            Ok(Err(error)) => {
                if error.kind == Kind::Tls {
                    // Files may have been mended since.
                    *self.tls.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = None;
                }
                Err(error)
            }
            Err(_) => Err(ConnError::new(
                Kind::Timeout,
                format!("{place} gave no answer in {} s", limit.as_secs()),
                hint,
            )),
        }
    }

    async fn reach(&self) -> Result<Socket, ConnError> {
        let place = &self.endpoint;
        let (endpoint, counters) = (place.clone(), self.counters.clone());
        match &place.transport {
            Transport::Tcp { host, port } => {
                let stream = tcp(place, host, *port).await?;
                Ok(Socket::start(stream.into_split(), endpoint, counters))
            }
            Transport::Tls { host, port, ca, client } => {
                let config = self.tls_config(ca.as_deref(), client.as_ref())?;
                let name = super::tls::server_name(host)?;
                let stream = tcp(place, host, *port).await?;
                let handshake = tokio_rustls::TlsConnector::from(config).connect(name, stream);
                // A plain Redis may wait for the end of what it takes for a line.
                let stream = match tokio::time::timeout(HANDSHAKE, handshake).await {
                    Ok(stream) => stream.map_err(|error| tls_error(place, &error))?,
                    Err(_) => {
                        return Err(ConnError::new(
                            Kind::Tls,
                            format!("{place} takes the connection but gives no answer in TLS"),
                            "does this port speak TLS? Without it use redis://",
                        ));
                    }
                };
                Ok(Socket::start(tokio::io::split(stream), endpoint, counters))
            }
            #[cfg(unix)]
            Transport::Unix { path } => {
                let stream =
                    tokio::net::UnixStream::connect(path).await.map_err(|error| io_error(place, &error))?;
                Ok(Socket::start(stream.into_split(), endpoint, counters))
            }
            #[cfg(not(unix))]
            Transport::Unix { .. } => {
                Err(ConnError::new(Kind::Unsupported, "this system has no unix sockets", "use TCP"))
            }
        }
    }

    fn tls_config(
        &self,
        ca: Option<&std::path::Path>,
        client: Option<&(std::path::PathBuf, std::path::PathBuf)>,
    ) -> Result<Arc<ClientConfig>, ConnError> {
        let mut kept = self.tls.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(config) = &*kept {
            return Ok(config.clone());
        }
        let config = super::tls::config(ca, client.map(|(cert, key)| (cert.as_path(), key.as_path())))?;
        *kept = Some(config.clone());
        Ok(config)
    }

    /// Logs in, names the connection and chooses the database in one round trip. A refused login is
    /// an error of [`Kind::Auth`]: nothing is ever done as another user than the one asked for.
    async fn log_in(&self, socket: &Socket) -> Result<(Option<Arc<Hello>>, Option<ConnError>), ConnError> {
        let mut steps = Steps::default();
        if let (None, Some(password)) = (&self.endpoint.user, &self.endpoint.password) {
            // Not within HELLO: as user `default` that would take any password where none is set.
            steps.add(Step::Auth, &["AUTH", password.expose()]);
        }
        let mut hello = vec!["HELLO", "2"];
        if let Some(user) = &self.endpoint.user {
            let password = self.endpoint.password.as_ref().map_or("", super::Secret::expose);
            hello.extend(["AUTH", user, password]);
        }
        let name = &self.options.client_name;
        if !name.is_empty() {
            hello.extend(["SETNAME", name]);
        }
        steps.add(Step::Hello, &hello);
        if self.endpoint.db != 0 {
            steps.add(Step::Select, &["SELECT", &self.endpoint.db.to_string()]);
        }
        // Known at once: a server that loads, is busy or cannot persist says so to a PING.
        steps.add(Step::Ping, &["PING"]);

        let (mut server, mut state) = (None, None);
        let mut old = false;
        for (step, value) in steps.ask(socket, &self.endpoint).await? {
            match (step, ConnError::check(value)) {
                (Step::Hello, Ok(value)) => {
                    let hello = read_hello(&value);
                    self.counters.set_version(hello.version.as_str());
                    server = Some(Arc::new(hello));
                }
                (Step::Hello, Err(error)) if is_unknown_command(&error) => old = true,
                // The login holds; only the answer to what comes next tells.
                (Step::Ping, Err(error)) if error.kind != Kind::Auth => {
                    state = error.is_server_state().then_some(error);
                }
                (_, Err(error)) => return Err(self.explain(&error)),
                (_, Ok(_)) => {}
            }
        }
        if old {
            self.log_in_before_6(socket).await?;
        }
        if server.as_ref().is_some_and(|server| server.mode.as_str() == "sentinel") {
            return Err(ConnError::new(
                Kind::Unsupported,
                format!("{} is a Sentinel and holds no queues", self.endpoint),
                "give the address of the server that it watches",
            ));
        }
        Ok((server, state))
    }

    /// Servers older than 6 (and some proxies) know no `HELLO` and no users.
    async fn log_in_before_6(&self, socket: &Socket) -> Result<(), ConnError> {
        if self.endpoint.user.is_some() {
            return Err(ConnError::new(
                Kind::Auth,
                format!("{} knows no users: it does not know HELLO", self.endpoint),
                "log in with the password alone",
            ));
        }
        if !self.options.client_name.is_empty() {
            let mut steps = Steps::default();
            steps.add(Step::Name, &["CLIENT", "SETNAME", &self.options.client_name]);
            steps.ask(socket, &self.endpoint).await?;
        }
        Ok(())
    }

    fn explain(&self, error: &ConnError) -> ConnError {
        let message = format!("{}: {}", self.endpoint, error.message);
        ConnError::new(error.kind, message, error.hint)
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Step {
    Auth,
    Hello,
    Select,
    Name,
    Ping,
}

/// The commands of the login. They are not in [`Verb`]: nobody else may send them.
#[derive(Default)]
struct Steps {
    packed: Vec<u8>,
    steps: Vec<Step>,
}

impl Steps {
    fn add(&mut self, step: Step, words: &[&str]) {
        let mut cmd = redis::Cmd::new();
        for word in words {
            cmd.arg(word);
        }
        cmd.write_packed_command(&mut self.packed);
        self.steps.push(step);
    }

    async fn ask(self, socket: &Socket, place: &Endpoint) -> Result<Vec<(Step, Value)>, ConnError> {
        let shapes = Batch::from(Request::new(Verb::Ping)).shapes.repeat(self.steps.len());
        // The caller holds the clock.
        match socket.ask(self.packed, shapes, CONNECT_TLS).await {
            Ok(values) => Ok(self.steps.into_iter().zip(values).collect()),
            Err(Failure::Lost { error, .. }) => Err(cut_off(place, error)),
            Err(Failure::Late { .. }) => {
                Err(ConnError::new(Kind::Timeout, format!("{place} gave no answer to the login"), ""))
            }
        }
    }
}

/// A connection that ends before the first answer was often meant for TLS.
fn cut_off(place: &Endpoint, error: ConnError) -> ConnError {
    match (&place.transport, error.kind) {
        (Transport::Tcp { .. }, Kind::Connect) => ConnError::new(
            Kind::Connect,
            format!("{place} hung up on a plain connection"),
            "does this port speak TLS? Then use rediss://",
        ),
        _ => error,
    }
}

fn is_unknown_command(error: &ConnError) -> bool {
    error.kind == Kind::Reply && error.message.as_str().to_ascii_lowercase().contains("unknown command")
}

fn read_hello(value: &Value) -> Hello {
    let get = |name: &str| field(value, name).and_then(bytes).map(Clean::line).unwrap_or_default();
    Hello { version: get("version"), mode: get("mode"), role: get("role") }
}

async fn tcp(place: &Endpoint, host: &str, port: u16) -> Result<TcpStream, ConnError> {
    let stream = TcpStream::connect((host, port)).await.map_err(|error| io_error(place, &error))?;
    // Requests are small and each is waited for.
    stream.set_nodelay(true).map_err(|error| io_error(place, &error))?;
    Ok(stream)
}

fn tls_error(place: &Endpoint, error: &io::Error) -> ConnError {
    super::tls::classify(place, error).unwrap_or_else(|| {
        ConnError::new(
            Kind::Tls,
            format!("{place} broke off the TLS handshake: {}", reason(place, error)),
            "does this port speak TLS? Without it use redis://",
        )
    })
}

/// An error of the stream, in our words.
pub(super) fn io_error(place: &Endpoint, error: &io::Error) -> ConnError {
    use io::ErrorKind;
    if let Some(error) = super::tls::classify(place, error) {
        return error;
    }
    let (text, hint) = match error.kind() {
        ErrorKind::ConnectionRefused => {
            (format!("{place} refuses the connection"), "is Redis running there, and is the port right?")
        }
        ErrorKind::NotFound => {
            (format!("{place} does not exist"), "is Redis running, and is the path right?")
        }
        ErrorKind::PermissionDenied => (format!("{place} may not be opened by this user"), ""),
        ErrorKind::ConnectionReset
        | ErrorKind::BrokenPipe
        | ErrorKind::ConnectionAborted
        | ErrorKind::UnexpectedEof => (format!("{place} closed the connection"), ""),
        ErrorKind::TimedOut | ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable => (
            format!("{place} cannot be reached: {}", reason(place, error)),
            "is the address right, and a firewall open?",
        ),
        _ if error.to_string().contains("lookup address") => {
            (format!("the host name of {place} is not known"), "is it spelt right?")
        }
        _ => (format!("cannot reach {place}: {}", reason(place, error)), "is the address right?"),
    };
    ConnError::new(Kind::Connect, text, hint)
}

fn reason(place: &Endpoint, error: &io::Error) -> String {
    place.scrub(&error.to_string())
}
