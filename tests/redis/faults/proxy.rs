//! A proxy that knows commands, and what is to become of each.

use std::collections::VecDeque;
use std::io::{Read as _, Write as _};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use tempfile::TempDir;

use crate::support::Server;

/// What becomes of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It arrives, and so does its reply.
    Pass,
    /// It arrives; its connection hears nothing any more.
    Hold,
    /// It arrives; instead of its reply the connection ends.
    Cut,
    /// Half of its bytes arrive and nothing after them.
    Half,
}

/// A command as it was sent.
#[derive(Debug)]
pub struct Command {
    words: Vec<Vec<u8>>,
    bytes: Vec<u8>,
}

impl Command {
    /// A call of a script.
    pub fn is_script(&self) -> bool {
        matches!(self.words[0].as_slice(), b"EVALSHA" | b"EVAL")
    }

    /// A call of a script that says `text` somewhere.
    pub fn tells(&self, text: &str) -> bool {
        self.is_script() && self.bytes.windows(text.len()).any(|part| part == text.as_bytes())
    }

    /// How many of the ids it names.
    pub fn names(&self, ids: &[String]) -> usize {
        ids.iter().filter(|id| self.tells(id)).count()
    }
}

type Rule = Box<dyn FnMut(&Command) -> Fate + Send>;

/// A socket before a server's.
pub struct Proxy {
    dir: TempDir,
    rule: Arc<Mutex<Rule>>,
    ended: Arc<AtomicBool>,
}

impl Proxy {
    pub fn before(server: &Server) -> Self {
        let dir = tempfile::Builder::new().prefix("toril-proxy-").tempdir().unwrap();
        let pass: Rule = Box::new(|_| Fate::Pass);
        let proxy = Self { dir, rule: Arc::new(Mutex::new(pass)), ended: Arc::default() };
        let listener = UnixListener::bind(proxy.socket()).unwrap();
        let (rule, ended, target) = (proxy.rule.clone(), proxy.ended.clone(), server.socket().to_owned());
        std::thread::spawn(move || {
            for peer in listener.incoming().map_while(Result::ok) {
                if ended.load(Ordering::Relaxed) {
                    return;
                }
                if let Ok(server) = UnixStream::connect(&target) {
                    join(&peer, &server, rule.clone());
                }
            }
        });
        proxy
    }

    pub fn socket(&self) -> PathBuf {
        self.dir.path().join("proxy.sock")
    }

    pub fn url(&self) -> String {
        format!("redis+unix://{}", self.socket().display())
    }

    /// What becomes of commands from now on.
    pub fn rule(&self, rule: impl FnMut(&Command) -> Fate + Send + 'static) {
        *self.rule.lock().unwrap() = Box::new(rule);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
        let _ = UnixStream::connect(self.socket());
    }
}

fn join(client: &UnixStream, server: &UnixStream, rule: Arc<Mutex<Rule>>) {
    let fate = Arc::new(Mutex::new(Fate::Pass));
    let halves = || (client.try_clone().unwrap(), server.try_clone().unwrap());
    let ((from_client, to_server), (to_client, from_server)) = (halves(), halves());
    let told = fate.clone();
    std::thread::spawn(move || requests(from_client, to_server, &rule, &told));
    std::thread::spawn(move || replies(from_server, to_client, &fate));
}

fn requests(mut client: UnixStream, mut server: UnixStream, rule: &Mutex<Rule>, fate: &Mutex<Fate>) {
    let (mut waiting, mut buffer) = (VecDeque::new(), vec![0; 65_536]);
    while let Ok(size @ 1..) = client.read(&mut buffer) {
        waiting.extend(&buffer[..size]);
        while let Some(command) = next_command(&mut waiting) {
            let ruled = (rule.lock().unwrap())(&command);
            if ruled != Fate::Pass {
                *fate.lock().unwrap() = ruled;
            }
            let half = *fate.lock().unwrap() == Fate::Half;
            let bytes = if half { &command.bytes[..command.bytes.len() / 2] } else { &command.bytes[..] };
            if server.write_all(bytes).is_err() {
                let _ = client.shutdown(Shutdown::Both);
                return;
            }
            if half {
                // Until the client is gone: then the server learns that the rest never comes.
                while let Ok(1..) = client.read(&mut buffer) {}
                break;
            }
        }
    }
    let _ = server.shutdown(Shutdown::Both);
}

fn replies(mut server: UnixStream, mut client: UnixStream, fate: &Mutex<Fate>) {
    let mut buffer = vec![0; 65_536];
    while let Ok(size @ 1..) = server.read(&mut buffer) {
        let fate = *fate.lock().unwrap();
        match fate {
            Fate::Pass if client.write_all(&buffer[..size]).is_ok() => {}
            Fate::Pass | Fate::Cut => break,
            Fate::Hold | Fate::Half => {}
        }
    }
    let _ = client.shutdown(Shutdown::Both);
    let _ = server.shutdown(Shutdown::Both);
}

/// The number behind `sign` at `at`, and where it ends.
fn number(bytes: &[u8], at: usize, sign: u8) -> Option<(usize, usize)> {
    let line = bytes.get(at..)?;
    let end = line.windows(2).position(|two| two == b"\r\n")?;
    assert_eq!(line[0], sign, "not a command");
    Some((std::str::from_utf8(&line[1..end]).unwrap().parse().unwrap(), at + end + 2))
}

/// Takes a whole command from the front, if there is one.
fn next_command(waiting: &mut VecDeque<u8>) -> Option<Command> {
    let bytes: &[u8] = waiting.make_contiguous();
    let (count, mut at) = number(bytes, 0, b'*')?;
    let mut words = Vec::with_capacity(count);
    for _ in 0..count {
        let (length, start) = number(bytes, at, b'$')?;
        words.push(bytes.get(start..start + length)?.to_vec());
        at = start + length + 2;
    }
    (at <= bytes.len()).then(|| Command { words, bytes: waiting.drain(..at).collect() })
}
