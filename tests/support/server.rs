//! A private server: on a socket of its own in a folder of its own, gone when dropped.

use std::fs;
use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::thread;
use std::time::{Duration, Instant};

use redis::{Client, Connection};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

/// How long a server may take until it answers; it takes some 30 ms where nothing else runs.
const READY: Duration = Duration::from_secs(15);

/// What kind of server to start; [`Server::builder`] makes one.
#[derive(Clone, Debug, Default)]
pub struct Builder {
    tcp: bool,
    password: Option<String>,
    conf: Vec<(String, String)>,
}

impl Builder {
    /// Listens on a free loopback port too. [`Server::url`] is then that of the port.
    pub fn tcp(mut self) -> Self {
        self.tcp = true;
        self
    }

    /// Wants this password of the default user.
    pub fn password(mut self, password: &str) -> Self {
        self.password = Some(password.to_owned());
        self
    }

    /// Any further setting, as in the server's configuration file.
    pub fn conf(mut self, name: &str, value: &str) -> Self {
        self.conf.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Starts the server and waits until it answers.
    pub fn start(self) -> Server {
        let dir = tempfile::Builder::new().prefix("toril-test-").tempdir().expect("a temporary folder");
        let mut server =
            Server { socket: dir.path().join("redis.sock"), dir, builder: self, port: None, running: None };
        server.start_again();
        server
    }
}

/// A running server that belongs to one test.
pub struct Server {
    dir: TempDir,
    socket: PathBuf,
    builder: Builder,
    port: Option<u16>,
    running: Option<Running>,
}

struct Running {
    child: Child,
    /// A shell that ends the server and removes its folder when the test program's end of the pipe
    /// closes, which it also does when the program is killed and nothing is dropped.
    watchdog: Child,
}

impl Server {
    /// A server on a unix socket.
    pub fn start() -> Self {
        Self::builder().start()
    }

    /// A server that needs more than a socket.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// The unix socket's path.
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// The TCP port, if the server was asked to listen on one.
    pub fn port(&self) -> Option<u16> {
        self.port
    }

    /// Where to find the server: the port if there is one, otherwise the socket; with the password.
    pub fn url(&self) -> String {
        let Some(port) = self.port else {
            return self.socket_url();
        };
        match &self.builder.password {
            Some(password) => format!("redis://:{password}@127.0.0.1:{port}/0"),
            None => format!("redis://127.0.0.1:{port}/0"),
        }
    }

    /// The socket as a URL, with the password.
    pub fn socket_url(&self) -> String {
        let path = self.socket.display();
        match &self.builder.password {
            Some(password) => format!("redis+unix://{path}?pass={password}"),
            None => format!("redis+unix://{path}"),
        }
    }

    /// The server's process id.
    pub fn pid(&self) -> u32 {
        self.running.as_ref().expect("the server was killed").child.id()
    }

    /// Holds the server still, as one that hangs: it accepts connections and answers nothing.
    pub fn stop(&self) {
        self.signal(Signal::STOP);
    }

    /// Lets a held server go on.
    pub fn cont(&self) {
        self.signal(Signal::CONT);
    }

    /// Ends the server as a crash would; its data is lost, its address stays.
    pub fn kill(&mut self) {
        self.running = None;
        let _ = fs::remove_file(&self.socket);
    }

    /// Starts a killed server again, empty, at the same socket and port.
    pub fn start_again(&mut self) {
        self.kill();
        let mut last = String::new();
        for _ in 0..5 {
            let port = match self.port {
                Some(port) => Some(port),
                None if self.builder.tcp => Some(free_port()),
                None => None,
            };
            match self.try_start(port) {
                Ok(running) => {
                    self.running = Some(running);
                    self.port = port;
                    return;
                }
                // Someone may have taken the port between our look and the server's.
                Err(why) => last = why,
            }
        }
        panic!("the server does not start: {last}");
    }

    /// A connection over the socket.
    pub fn connect(&self) -> Connection {
        self.try_connect().expect("a connection to the test server")
    }

    fn try_connect(&self) -> redis::RedisResult<Connection> {
        Client::open(self.socket_url())?.get_connection()
    }

    fn try_start(&self, port: Option<u16>) -> Result<Running, String> {
        let log = self.dir.path().join("redis.log");
        let mut command = Command::new(program());
        command
            // Debian's redis-tools holds the server under another name; it goes by its own argv[0].
            .arg0("redis-server")
            .args(["--port", &port.unwrap_or(0).to_string()])
            .args(["--bind", "127.0.0.1"])
            .args(["--unixsocket".as_ref(), self.socket.as_os_str()])
            .args(["--unixsocketperm", "700"])
            .args(["--dir".as_ref(), self.dir.path().as_os_str()])
            .args(["--save", "", "--appendonly", "no", "--daemonize", "no"]);
        if let Some(password) = &self.builder.password {
            command.args(["--requirepass", password]);
        }
        for (name, value) in &self.builder.conf {
            command.arg(format!("--{name}"));
            command.args(value.split(' '));
        }
        let out = fs::File::create(&log).expect("a log file");
        let child = command
            .stdin(Stdio::null())
            .stderr(out.try_clone().expect("a second handle"))
            .stdout(out)
            .spawn()
            .map_err(|error| format!("{}: {error}", program().display()))?;
        let watchdog = watch(&child, self.dir.path());
        let mut running = Running { child, watchdog };
        let began = Instant::now();
        loop {
            if running.child.try_wait().expect("the child's state").is_some() {
                return Err(fs::read_to_string(&log).unwrap_or_default());
            }
            let answer =
                self.try_connect().and_then(|mut link| redis::cmd("PING").query::<String>(&mut link));
            if answer.is_ok() {
                return Ok(running);
            }
            if began.elapsed() > READY {
                let log = fs::read_to_string(&log).unwrap_or_default();
                return Err(format!("no answer in {READY:?}: {answer:?}\n{log}"));
            }
            thread::sleep(Duration::from_millis(5));
        }
    }

    fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.pid()).ok().and_then(Pid::from_raw);
        kill_process(pid.expect("a process id"), signal).expect("the server takes signals");
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // The watchdog first, so that it cannot aim at a process id that was given out again.
        let _ = self.watchdog.kill();
        let _ = self.watchdog.wait();
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn watch(child: &Child, dir: &Path) -> Child {
    Command::new("sh")
        .args(["-c", "read -r _; kill -9 \"$0\"; rm -rf \"$1\""])
        .arg(child.id().to_string())
        .arg(dir)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("a shell")
}

fn free_port() -> u16 {
    loop {
        let port = TcpListener::bind("127.0.0.1:0")
            .and_then(|listener| listener.local_addr())
            .expect("a free loopback port")
            .port();
        // The port where a person's own server would be is never ours.
        if port != 6379 {
            return port;
        }
    }
}

/// The server's program: `TORIL_TEST_REDIS`, or a server on the PATH, or the one under another name.
fn program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        if let Some(path) = std::env::var_os("TORIL_TEST_REDIS") {
            return path.into();
        }
        let path = std::env::var_os("PATH").unwrap_or_default();
        ["redis-server", "valkey-server", "redis-check-rdb"]
            .iter()
            .flat_map(|name| std::env::split_paths(&path).map(move |dir| dir.join(name)))
            .find(|program| program.is_file())
            .expect("a redis-server or valkey-server on the PATH; scripts/setup sees to it")
    })
}
