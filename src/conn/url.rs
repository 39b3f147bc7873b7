//! URLs of Redis servers, read by hand: what a URL holds is a secret, and an error must not show it.

use std::path::PathBuf;

use super::{ConnError, Endpoint, Kind, Secret, Transport};

const FORMS: &str = "use redis://host:port/db, rediss://host:port/db or redis+unix:///path?db=N";

pub(super) fn parse(url: &str) -> Result<Endpoint, ConnError> {
    let (scheme, rest) = url.trim().split_once("://").ok_or_else(|| usage("the URL has no scheme"))?;
    match scheme {
        "redis" => network(rest, false),
        "rediss" => network(rest, true),
        "unix" | "redis+unix" => unix(rest),
        "redis+sentinel" | "redis+cluster" => Err(ConnError::new(
            Kind::Unsupported,
            format!("{scheme}:// is not in this version"),
            "give the address of one server: redis://host:port/db",
        )),
        _ => Err(usage("the URL has an unknown scheme")),
    }
}

fn usage(message: &str) -> ConnError {
    ConnError::new(Kind::Usage, message, FORMS)
}

/// `[user[:password]@]host[:port][/db][?db=N]`
fn network(rest: &str, tls: bool) -> Result<Endpoint, ConnError> {
    // At the last `@`, and first: a password may hold an `@`, `/`, `?` or `#` that nobody encoded.
    let (login, place) = rest.rsplit_once('@').unwrap_or(("", rest));
    let place = place.split_once('#').map_or(place, |(place, _)| place);
    let (place, query) = place.split_once('?').unwrap_or((place, ""));
    let (place, path) = place.split_once('/').unwrap_or((place, ""));
    let (host, port) = host_and_port(place)?;
    let transport = if tls {
        Transport::Tls { host, port, ca: None, client: None }
    } else {
        Transport::Tcp { host, port }
    };
    let mut endpoint = Endpoint { transport, db: 0, user: None, password: None };
    read_login(&mut endpoint, login)?;
    if !path.is_empty() {
        endpoint.db = database(path)?;
    }
    read_query(&mut endpoint, query)?;
    Ok(endpoint)
}

/// `[user[:password]@]/path[?db=N&user=U&pass=P]`
fn unix(rest: &str) -> Result<Endpoint, ConnError> {
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (login, path) = match rest.find('/') {
        Some(0) | None => ("", rest),
        Some(slash) => {
            let (login, path) = rest.split_at(slash);
            (login.strip_suffix('@').ok_or_else(|| usage("the path of a unix socket starts with /"))?, path)
        }
    };
    if !path.starts_with('/') {
        return Err(usage("the path of a unix socket starts with /"));
    }
    let mut endpoint = Endpoint::unix(path_of(decode(path)?)?);
    read_login(&mut endpoint, login)?;
    read_query(&mut endpoint, query)?;
    Ok(endpoint)
}

#[cfg(unix)]
fn path_of(bytes: Vec<u8>) -> Result<PathBuf, ConnError> {
    use std::os::unix::ffi::OsStringExt as _;
    if bytes.contains(&0) {
        return Err(usage("the path of the unix socket holds a NUL"));
    }
    Ok(PathBuf::from(std::ffi::OsString::from_vec(bytes)))
}

#[cfg(not(unix))]
fn path_of(bytes: Vec<u8>) -> Result<PathBuf, ConnError> {
    Ok(PathBuf::from(text(bytes, "path")?))
}

fn host_and_port(place: &str) -> Result<(String, u16), ConnError> {
    let (host, port) = match place.strip_prefix('[') {
        Some(rest) => {
            let (host, port) = rest.split_once(']').ok_or_else(|| usage("the address lacks its ]"))?;
            if host.parse::<std::net::Ipv6Addr>().is_err() {
                return Err(usage("what stands in [] is not an IPv6 address"));
            }
            let port = match port {
                "" => None,
                port => Some(port.strip_prefix(':').ok_or_else(|| usage("the port cannot be read"))?),
            };
            (host.to_owned(), port)
        }
        None => match place.split_once(':') {
            Some((host, port)) => (text(decode(host)?, "host")?, Some(port)),
            None => (text(decode(place)?, "host")?, None),
        },
    };
    let port = match port {
        None | Some("") => 6379,
        Some(port) => port.parse().map_err(|_| usage("the port cannot be read"))?,
    };
    Ok((if host.is_empty() { "127.0.0.1".to_owned() } else { host }, port))
}

/// `user:password`, `:password` or `user`; an empty user is the default one.
fn read_login(endpoint: &mut Endpoint, login: &str) -> Result<(), ConnError> {
    let (user, password) = match login.split_once(':') {
        Some((user, password)) => (user, Some(password)),
        None => (login, None),
    };
    if !user.is_empty() {
        endpoint.user = Some(text(decode(user)?, "user")?);
    }
    if let Some(password) = password.filter(|password| !password.is_empty()) {
        endpoint.password = Some(Secret::new(text(decode(password)?, "password")?));
    }
    Ok(())
}

fn read_query(endpoint: &mut Endpoint, query: &str) -> Result<(), ConnError> {
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        match name {
            "db" => endpoint.db = database(value)?,
            "user" => endpoint.user = Some(text(decode(value)?, "user")?),
            "pass" | "password" => {
                endpoint.password = Some(Secret::new(text(decode(value)?, "password")?));
            }
            // ioredis and others name the version of the protocol; ours is always 2.
            "protocol" => {}
            // A slip such as `?bd=3` must not end in another database. Its value may be a secret.
            _ => return Err(usage(&unknown(name))),
        }
    }
    Ok(())
}

fn unknown(name: &str) -> String {
    let plain = name.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-".contains(&b)) && name.len() <= 32;
    let shown = if plain && !name.is_empty() { format!(" `{name}`") } else { String::new() };
    format!("the URL has a parameter{shown} that is not known: there are db, user, pass and protocol")
}

fn database(digits: &str) -> Result<i64, ConnError> {
    digits
        .trim_end_matches('/')
        .parse::<i64>()
        .ok()
        .filter(|db| *db >= 0)
        .ok_or_else(|| usage("the database of the URL is not a number"))
}

fn decode(part: &str) -> Result<Vec<u8>, ConnError> {
    let mut bytes = part.bytes();
    let mut out = Vec::with_capacity(part.len());
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            out.push(byte);
            continue;
        }
        let mut digit = || bytes.next().and_then(|b| char::from(b).to_digit(16));
        match (digit(), digit()) {
            (Some(high), Some(low)) => out.push((high * 16 + low) as u8),
            _ => {
                return Err(ConnError::new(
                    Kind::Usage,
                    "a % in the URL is not followed by two hexadecimal digits",
                    "write a % that is part of a user or password as %25",
                ));
            }
        }
    }
    Ok(out)
}

fn text(bytes: Vec<u8>, what: &str) -> Result<String, ConnError> {
    String::from_utf8(bytes).map_err(|_| usage(&format!("the {what} of the URL is not UTF-8")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tcp(host: &str, port: u16) -> Transport {
        Transport::Tcp { host: host.into(), port }
    }

    fn password(endpoint: &Endpoint) -> Option<&str> {
        endpoint.password.as_ref().map(Secret::expose)
    }

    #[test]
    fn reads_the_forms() {
        for (url, transport, db, user, pass) in [
            ("redis://127.0.0.1:6380/3", tcp("127.0.0.1", 6380), 3, None, None),
            ("redis://localhost", tcp("localhost", 6379), 0, None, None),
            ("redis://", tcp("127.0.0.1", 6379), 0, None, None),
            ("redis://h/", tcp("h", 6379), 0, None, None),
            ("redis://h/2?protocol=3", tcp("h", 6379), 2, None, None),
            ("redis://h?db=4", tcp("h", 6379), 4, None, None),
            ("redis://:s3cret@h:1/0", tcp("h", 1), 0, None, Some("s3cret")),
            ("redis://ann:p%40s%3As@h", tcp("h", 6379), 0, Some("ann"), Some("p@s:s")),
            ("redis://ann@h", tcp("h", 6379), 0, Some("ann"), None),
            ("redis://ann:a@b/c?d#e@h:7", tcp("h", 7), 0, Some("ann"), Some("a@b/c?d#e")),
            ("redis://[::1]:6390/1", tcp("::1", 6390), 1, None, None),
            ("redis://[fe80::1]", tcp("fe80::1", 6379), 0, None, None),
            ("unix:///run/r.sock", Transport::Unix { path: "/run/r.sock".into() }, 0, None, None),
            (
                "redis+unix:///a%20b?db=2&user=u&pass=p%23",
                Transport::Unix { path: "/a b".into() },
                2,
                Some("u"),
                Some("p#"),
            ),
            ("redis+unix://u:p@/r.sock", Transport::Unix { path: "/r.sock".into() }, 0, Some("u"), Some("p")),
        ] {
            let endpoint = parse(url).unwrap_or_else(|e| panic!("{url}: {e}"));
            assert_eq!(endpoint.transport, transport, "{url}");
            assert_eq!(
                (endpoint.db, endpoint.user.as_deref(), password(&endpoint)),
                (db, user, pass),
                "{url}"
            );
        }
        assert!(matches!(parse("rediss://h:6").unwrap().transport, Transport::Tls { port: 6, .. }));
    }

    #[test]
    fn refuses_without_telling_the_secret() {
        for url in [
            "s3cret",
            "http://u:s3cret@h",
            "redis://u:s3cret@h:port",
            "redis://u:s3cret@h/x",
            "redis://u:s3cret@h/-1",
            "redis://u:s3cret%zz@h",
            "redis://u:s3cret@[::1",
            "redis://u:s3cret@[h]:1",
            "redis://u:s3cret@h:70000",
            "redis+unix://u:s3cret@path",
            "redis+sentinel://u:s3cret@h1,h2/mymaster/0",
            "redis+cluster://u:s3cret@h1",
            "redis://u:s3cret@h?bd=3",
            "redis://h?passwd=s3cret",
            "redis://h?a:s3cret=1",
            "redis://h?=s3cret",
        ] {
            let error = parse(url).expect_err(url);
            assert!(!format!("{error} {error:?} {}", error.hint).contains("s3cret"), "{error}");
        }
        let slip = parse("redis://h?bd=3").unwrap_err();
        assert!(slip.message.as_str().contains("`bd`"), "{slip}");
        assert_eq!(parse("redis+cluster://h").unwrap_err().kind, Kind::Unsupported);
        assert!(parse("redis+sentinel://h").unwrap_err().message.as_str().contains("not in this version"));
    }

    #[test]
    fn shows_the_place_and_not_the_secret() {
        let shown = |url: &str| parse(url).unwrap().to_string();
        assert_eq!(shown("redis://ann:s3cret@h:1/2"), "ann@h:1/2");
        assert_eq!(shown("redis://:s3cret@[::1]:1"), "[::1]:1/0");
        assert_eq!(shown("unix:///a%1bb"), "/a^[b/0");
        assert!(!format!("{:?}", parse("redis://ann:s3cret@h").unwrap()).contains("s3cret"));
    }

    #[test]
    fn tls_needs_both_halves() {
        let plain = || parse("redis://h").unwrap();
        assert!(plain().with_tls(None, Some("c".into()), None).is_err());
        assert!(plain().with_tls(None, None, Some("k".into())).is_err());
        assert!(parse("unix:///s").unwrap().with_tls(None, None, None).is_err());
        let tls = plain().with_tls(Some("ca".into()), Some("c".into()), Some("k".into())).unwrap();
        assert!(matches!(&tls.transport, Transport::Tls { ca: Some(_), client: Some(_), .. }));
        assert!(
            !tls.is_exposed() && plain().is_exposed() && !parse("redis://localhost").unwrap().is_exposed()
        );
    }

    proptest::proptest! {
        #[test]
        fn never_panics(url in "(redis|rediss|unix|redis\\+unix)://\\PC{0,40}") {
            let _ = parse(&url);
        }
    }
}
