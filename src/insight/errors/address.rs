//! Addresses: of the web, of mail, of hosts and their ports.

use super::chunk::{FILES, pieces};
use super::pattern::{Scanner, one_of};

/// Words before the name of a host.
pub(super) const HOSTS: &[&str] = &["eai_again", "enotfound", "getaddrinfo", "host", "hostname"];
/// The ends of names that only one's own network knows.
const INSIDE: &[&str] =
    &[".internal", ".local", ".svc", ".lan", ".consul", ".docker", ".cluster", ".home", ".corp"];
/// Ports that say which service does not answer. Others are as good as random.
const PORTS: &[u32] = &[
    21, 22, 25, 53, 80, 110, 143, 389, 443, 465, 587, 636, 993, 995, 1025, 1433, 1521, 1883, 2181, 2379,
    3000, 3001, 3306, 4222, 4317, 4318, 5000, 5432, 5433, 5671, 5672, 6379, 6380, 6432, 7687, 8000, 8080,
    8081, 8086, 8123, 8443, 8500, 9000, 9042, 9090, 9092, 9200, 9300, 11211, 15672, 26379, 27017, 27018,
];

/// An address with a scheme; its length, where there is one.
pub(super) fn url<'a>(scanner: &mut Scanner<'a>, rest: &'a str) -> Option<usize> {
    let scheme = rest.bytes().take_while(|b| b.is_ascii_alphanumeric() || b"+-.".contains(b)).count();
    let behind = rest[scheme..].strip_prefix("://").filter(|_| scheme > 0)?;
    let end = |c: char| c.is_whitespace() || "\"'`<>()[]{},;|”’»".contains(c);
    let length = behind.find(end).unwrap_or(behind.len());
    let address = behind[..length].trim_end_matches(['.', ':', '!', '?', '…']);
    if scheme >= 4 && rest.starts_with("file") {
        scanner.out.value("path");
    } else {
        let host = address.split(['/', '?', '#']).next().unwrap_or_default();
        let host = host.rsplit('@').next().unwrap_or_default();
        let (name, port) = host.split_once(':').unwrap_or((host, ""));
        if is_inside(name) && v4(name).is_none() {
            pieces(scanner, name);
            put_port(scanner, port.parse().ok());
            scanner.out.literal("/");
        }
        scanner.out.value("url");
    }
    Some(scheme + 3 + address.len())
}

pub(super) fn is_email(run: &str) -> bool {
    let Some((who, host)) = run.split_once('@') else { return false };
    let made_of = |text: &str, more: &[u8]| {
        !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || more.contains(&b) || b >= 0x80)
    };
    made_of(who, b"._%+-'/=") && made_of(host, b".-") && host.contains('.')
}

/// Whether a run is an address of IP 6, maybe with a port behind it: `::1:6379`.
pub(super) fn is_v6(run: &str) -> bool {
    let colons = run.bytes().filter(|b| *b == b':').count();
    let shape = run.bytes().all(|b| b.is_ascii_hexdigit() || b":.%".contains(&b));
    let long = run.contains("::") || colons >= 7;
    shape && colons >= 2 && long && !run.bytes().all(|b| b == b':')
}

/// The port behind such an address, where it is one that says which service it is.
pub(super) fn v6_port(run: &str) -> Option<u32> {
    run.rsplit(':').next().and_then(|port| port.parse().ok()).filter(|port| PORTS.contains(port))
}

/// The length of an address of IP 4 that a text begins with.
pub(super) fn v4(text: &str) -> Option<usize> {
    let (mut at, bytes) = (0, text.as_bytes());
    for part in 0..4 {
        if part > 0 {
            if bytes.get(at) != Some(&b'.') {
                return None;
            }
            at += 1;
        }
        let digits = bytes[at..].iter().take_while(|b| b.is_ascii_digit()).count();
        if !(1..=3).contains(&digits) {
            return None;
        }
        at += digits;
    }
    let more = bytes.get(at) == Some(&b'.') && bytes.get(at + 1).is_some_and(u8::is_ascii_digit);
    (!more).then_some(at)
}

pub(super) fn host_and_port(run: &str) -> Option<(&str, u32)> {
    let (host, port) = run.rsplit_once(':')?;
    let port = port.parse().ok().filter(|port| (1..=65_535).contains(port))?;
    let made_of = host.bytes().all(|b| b.is_ascii_alphanumeric() || b".-_".contains(&b));
    let dotted = host.contains('.') && v4(host).is_none();
    let last = host.rsplit('.').next().unwrap_or_default();
    let named = dotted && last.bytes().any(|b| b.is_ascii_alphabetic()) && !one_of(last, FILES);
    (made_of && (named || host.eq_ignore_ascii_case("localhost"))).then_some((host, port))
}

/// Whether a name is one of one's own network: which of them it is is a cause, and there are few.
fn is_inside(host: &str) -> bool {
    !host.contains('.') || INSIDE.iter().any(|end| host.ends_with(end))
}

pub(super) fn put_host<'a>(scanner: &mut Scanner<'a>, host: &'a str) {
    if is_inside(host) {
        pieces(scanner, host);
    } else {
        scanner.out.value("host");
    }
}

pub(super) fn put_port(scanner: &mut Scanner<'_>, port: Option<u32>) {
    let Some(port) = port else { return };
    scanner.out.literal(":");
    if PORTS.contains(&port) {
        scanner.out.literal(&port.to_string());
    } else {
        scanner.out.value("port");
    }
}

pub(super) fn uuid(text: &str) -> Option<usize> {
    const PARTS: [usize; 5] = [8, 4, 4, 4, 12];
    let bytes = text.as_bytes();
    let mut at = 0;
    for (i, part) in PARTS.into_iter().enumerate() {
        if i > 0 {
            if bytes.get(at) != Some(&b'-') {
                return None;
            }
            at += 1;
        }
        if bytes[at..].iter().take_while(|b| b.is_ascii_hexdigit()).count() != part {
            return None;
        }
        at += part;
    }
    (!bytes.get(at).is_some_and(u8::is_ascii_alphanumeric)).then_some(at)
}
