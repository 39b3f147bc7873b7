//! Redis URLs.

use std::path::PathBuf;

use super::failure::Failure;
use crate::conn::{Endpoint, Secret, Transport};

const FORMS: &str = "write redis://host:6379/0, rediss://host:6380/0 or redis+unix:///path/to.sock?db=0";

/// Parameters that other clients know, without a meaning here: they are passed over.
const PASSED_OVER: &[&str] = &["protocol", "family", "timeout", "ssl_cert_reqs"];

/// An endpoint, and whether the URL carried a password.
#[derive(Debug)]
pub struct Parsed {
    /// Where to.
    pub endpoint: Endpoint,
    /// The URL held a password: on a command line it can be seen by others.
    pub has_password: bool,
}

/// Reads a URL. Errors never repeat it: it may hold a password.
pub fn parse(url: &str) -> Result<Parsed, Failure> {
    let Some((scheme, rest)) = url.split_once("://") else {
        return Err(Failure::usage("the server's address is not a URL", FORMS));
    };
    if rest.contains('#') {
        return Err(Failure::usage(
            "a URL of a server has no part after '#'; certificates are always verified",
            "give your own authority with --tls-ca",
        ));
    }
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    let query = Query::read(query)?;
    let mut endpoint = match scheme {
        "redis" | "rediss" => over_tcp(rest, scheme == "rediss")?,
        "redis+unix" | "unix" => over_socket(rest)?,
        "redis+sentinel" | "redis-sentinel" => {
            return Err(Failure::unsupported(
                "redis+sentinel:// is not in this version",
                "name the master's own address",
            ));
        }
        "redis+cluster" | "redis-cluster" => {
            return Err(Failure::unsupported(
                "redis+cluster:// is not in this version",
                "it works on a server that is not part of a cluster",
            ));
        }
        _ => return Err(Failure::usage("no such kind of server URL", FORMS)),
    };
    if let Some(db) = query.db {
        endpoint.db = db;
    }
    if query.user.is_some() {
        endpoint.user = query.user;
    }
    if let Some(password) = query.password {
        endpoint.password = Some(Secret::new(password));
    }
    let has_password = endpoint.password.is_some();
    Ok(Parsed { endpoint, has_password })
}

fn over_tcp(rest: &str, tls: bool) -> Result<Endpoint, Failure> {
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    let (login, address) = authority.rsplit_once('@').map_or((None, authority), |(l, a)| (Some(l), a));
    let (host, port) = host_and_port(address)?;
    let transport = if tls {
        Transport::Tls { host, port, ca: None, client: None }
    } else {
        Transport::Tcp { host, port }
    };
    let db = match path.trim_end_matches('/') {
        "" => 0,
        digits => database(digits)?,
    };
    let (user, password) = match login.map(|login| login.split_once(':').unwrap_or((login, ""))) {
        None => (None, None),
        Some((user, password)) => (some(decode(user)?), some(decode(password)?)),
    };
    Ok(Endpoint { transport, db, user, password: password.map(Secret::new) })
}

fn over_socket(rest: &str) -> Result<Endpoint, Failure> {
    // `unix://user:pass@/path` as some clients write it; a path itself may hold an `@`.
    let (login, path) = match rest.find('/') {
        Some(at) if at > 0 => (rest[..at].strip_suffix('@'), &rest[at..]),
        _ => (None, rest),
    };
    if !path.starts_with('/') {
        return Err(Failure::usage("the path of a unix socket begins with '/'", FORMS));
    }
    let mut endpoint = Endpoint::unix(PathBuf::from(decode(path)?));
    if let Some((user, password)) = login.map(|login| login.split_once(':').unwrap_or((login, ""))) {
        endpoint.user = some(decode(user)?);
        endpoint.password = some(decode(password)?).map(Secret::new);
    }
    Ok(endpoint)
}

fn host_and_port(address: &str) -> Result<(String, u16), Failure> {
    let bad = || Failure::usage("the port in the server's URL is not a number up to 65535", FORMS);
    let (host, port) = match address.strip_prefix('[') {
        Some(rest) => match rest.split_once(']') {
            Some((host, "")) => (host, None),
            Some((host, tail)) => (host, Some(tail.strip_prefix(':').ok_or_else(bad)?)),
            None => return Err(Failure::usage("the server's URL lacks a ']'", FORMS)),
        },
        None => match address.rsplit_once(':') {
            Some((host, _)) if host.contains(':') => {
                return Err(Failure::usage(
                    "an IPv6 address in a URL stands in brackets",
                    "write redis://[::1]:6379/0",
                ));
            }
            Some((host, port)) => (host, Some(port)),
            None => (address, None),
        },
    };
    let host = if host.is_empty() { "127.0.0.1".to_owned() } else { decode(host)? };
    let port = match port {
        None | Some("") => 6379,
        Some(port) => port.parse().map_err(|_| bad())?,
    };
    Ok((host, port))
}

fn database(digits: &str) -> Result<i64, Failure> {
    digits
        .parse()
        .ok()
        .filter(|db| *db >= 0)
        .ok_or_else(|| Failure::usage("the database in the server's URL is not a number", FORMS))
}

#[derive(Default)]
struct Query {
    db: Option<i64>,
    user: Option<String>,
    password: Option<String>,
}

impl Query {
    fn read(text: &str) -> Result<Self, Failure> {
        let mut query = Self::default();
        for part in text.split('&').filter(|part| !part.is_empty()) {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            match name {
                "db" => query.db = Some(database(value)?),
                "user" | "username" => query.user = some(decode(value)?),
                "pass" | "password" => query.password = some(decode(value)?),
                _ if PASSED_OVER.contains(&name) => {}
                _ => {
                    // A mistyped `db` must not silently mean database 0.
                    return Err(Failure::usage(
                        "the server's URL has a parameter that is not known",
                        "parameters are db, user and pass",
                    ));
                }
            }
        }
        Ok(query)
    }
}

fn some(text: String) -> Option<String> {
    (!text.is_empty()).then_some(text)
}

/// Takes percent-encoding out.
fn decode(text: &str) -> Result<String, Failure> {
    let bad =
        || Failure::usage("the server's URL has a '%' that encodes nothing", "write a '%' itself as %25");
    if !text.contains('%') {
        return Ok(text.to_owned());
    }
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, tail)) = rest.split_first() {
        rest = tail;
        if byte != b'%' {
            out.push(byte);
            continue;
        }
        let (digits, tail) = rest.split_at_checked(2).ok_or_else(bad)?;
        let digit = |byte: u8| char::from(byte).to_digit(16).ok_or_else(bad);
        out.push(u8::try_from(digit(digits[0])? * 16 + digit(digits[1])?).map_err(|_| bad())?);
        rest = tail;
    }
    String::from_utf8(out).map_err(|_| bad())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(url: &str) -> String {
        parse(url).map_or_else(|error| format!("{error:?}"), |parsed| parsed.endpoint.to_string())
    }

    #[test]
    fn addresses_are_read() {
        assert_eq!(shown("redis://"), "127.0.0.1:6379/0");
        assert_eq!(shown("redis://h:7000/3"), "h:7000/3");
        assert_eq!(shown("rediss://me:p%40ss@h"), "me@h:6379/0");
        assert_eq!(shown("redis://[::1]:7/"), "::1:7/0");
        assert_eq!(shown("redis+unix:///run/a b.sock?db=2"), "/run/a b.sock/2");
        assert_eq!(shown("unix://u:p@/run/x?db=1"), "u@/run/x/1");
        assert!(parse("redis://:p@h").is_ok_and(|parsed| parsed.has_password));
        assert!(parse("redis://h").is_ok_and(|parsed| !parsed.has_password));
    }

    #[test]
    fn errors_never_repeat_the_password() {
        for url in [
            "canary",
            "http://u:canary@h",
            "redis://u:canary@h:port/",
            "redis://u:canary@h/db",
            "redis://u:canary@h/0?bd=3",
            "redis://u:can%ary@h",
            "redis://u:canary@::1",
            "rediss://u:canary@h/#insecure",
            "redis+sentinel://u:canary@h/m/0",
        ] {
            let shown = shown(url);
            assert!(shown.contains("code: 2"), "{url}: {shown}");
            assert!(!shown.contains("canary") && !shown.contains("can%ary"), "{shown}");
        }
    }
}
