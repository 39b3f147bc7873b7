//! What stands between two spaces: words, and values that are known by their look.

use super::address::{HOSTS, host_and_port, is_email, is_v6, put_host, put_port, url, uuid, v4, v6_port};
use super::likely;
use super::moment;
use super::number;
use super::pattern::{Scanner, one_of};
use super::quoted::{CODES, is_code};

/// Words with digits that are words.
const WORDS: &[&str] = &[
    "aes128",
    "aes192",
    "aes256",
    "argon2",
    "base32",
    "base58",
    "base64",
    "ec2",
    "es5",
    "es6",
    "ed25519",
    "float32",
    "float64",
    "gpt3",
    "gpt4",
    "h264",
    "h265",
    "http1",
    "http2",
    "http3",
    "i18n",
    "int16",
    "int32",
    "int64",
    "int8",
    "ipv4",
    "ipv6",
    "iso8601",
    "k8s",
    "l10n",
    "latin1",
    "lz4",
    "md5",
    "mp3",
    "mp4",
    "mysql2",
    "neo4j",
    "oauth1",
    "oauth2",
    "p12",
    "rfc3339",
    "rs256",
    "s3",
    "s3client",
    "secp256k1",
    "sha1",
    "sha256",
    "sha384",
    "sha512",
    "sqlite3",
    "tls1",
    "uint16",
    "uint32",
    "uint64",
    "uint8",
    "utf16",
    "utf8",
    "uuid4",
    "win32",
    "x509",
    "x64",
    "x86",
];
/// What stands behind a number without a space.
const UNITS: &[&str] = &[
    "b", "bytes", "d", "days", "gb", "gib", "h", "hours", "k", "kb", "kib", "m", "mb", "mib", "min", "mins",
    "ms", "ns", "nd", "px", "rd", "s", "sec", "secs", "seconds", "st", "tb", "th", "us", "x",
];
/// What the code of an error begins with.
const CODE_HEADS: &[&str] = &[
    "AADSTS", "CS", "DB", "DPI", "DPY", "E", "ER", "ERR", "HTTP", "NJS", "ORA", "P", "PGRST", "S", "SQL",
    "TS",
];
/// Ends of file names: what stands before a colon and a number is no host then.
pub(super) const FILES: &[&str] = &[
    "cjs", "css", "csv", "go", "html", "java", "js", "json", "jsx", "log", "mjs", "pdf", "php", "png", "jpg",
    "py", "rb", "rs", "sql", "toml", "ts", "tsx", "txt", "vue", "xml", "yaml", "yml", "zip", "gz", "xlsx",
    "mts", "cts",
];

/// The longest part of a name that is taken for made up only because the one before it is.
const SHORT: usize = 6;

/// Whether a run of text begins with this character.
pub(super) fn begins(c: char) -> bool {
    c.is_alphanumeric() || "/\\.-+~@#:_$%&*".contains(c)
}

fn ends(c: char) -> bool {
    c.is_whitespace() || "()[]{}<>\"`,;|=“”‘’«»„".contains(c)
}

/// Takes the run of text that begins here.
pub(super) fn take(scanner: &mut Scanner<'_>) {
    let rest = scanner.after(scanner.at);
    if let Some(length) = moment::at(rest) {
        scanner.out.value("time");
        scanner.at += length;
        return;
    }
    if let Some(length) = url(scanner, rest) {
        scanner.at += length;
        return;
    }
    let mut length = 0;
    for (i, c) in rest.char_indices() {
        // An apostrophe belongs to a word (`can't`) or ends it.
        let apostrophe = c == '\'' && !rest[i + 1..].chars().next().is_some_and(char::is_alphanumeric);
        if ends(c) || apostrophe {
            break;
        }
        length = i + c.len_utf8();
    }
    let run = &rest[..length];
    let bare = run.trim_end_matches(['.', ':', '!', '?', '…', '\'']);
    if !bare.is_empty() {
        whole(scanner, bare);
    }
    scanner.out.literal(&run[bare.len()..]);
    scanner.at += length;
}

fn whole<'a>(scanner: &mut Scanner<'a>, run: &'a str) {
    if is_email(run) {
        scanner.out.value("email");
    } else if is_v6(run) {
        scanner.out.value("ip");
        put_port(scanner, v6_port(run));
    } else if let Some((host, port)) = host_and_port(run) {
        put_host(scanner, host);
        put_port(scanner, Some(port));
    } else if one_of(scanner.near(), HOSTS)
        && run.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b))
    {
        put_host(scanner, run);
    } else if is_path(run) {
        scanner.out.value("path");
    } else {
        pieces(scanner, run);
    }
}

/// Whether a run is the path of a file, or of an address without its host.
fn is_path(run: &str) -> bool {
    let drive = run.as_bytes();
    if drive.len() > 2
        && drive[0].is_ascii_alphabetic()
        && drive[1] == b':'
        && (drive[2] == b'\\' || drive[2] == b'/')
    {
        return true;
    }
    let rooted = ["/", "./", "../", "~/", "\\\\", ".\\", "..\\"].iter().any(|root| {
        run.strip_prefix(root).is_some_and(|rest| {
            rest.chars().next().is_some_and(|c| c.is_alphanumeric() || "._-@:~*".contains(c))
        })
    });
    if rooted {
        return true;
    }
    if run.starts_with('@') {
        return false;
    }
    let slashes = run.bytes().filter(|b| *b == b'/').count() + run.bytes().filter(|b| *b == b'\\').count();
    let last = run.rsplit(['/', '\\']).next().unwrap_or_default();
    let ending = last
        .split(':')
        .next()
        .and_then(|name| name.rsplit_once('.'))
        .is_some_and(|(_, ending)| one_of(ending, FILES));
    slashes >= 2 || (slashes == 1 && ending)
}

/// Reads a run piece by piece.
pub(super) fn pieces<'a>(scanner: &mut Scanner<'a>, run: &'a str) {
    let made_up = run.bytes().any(|byte| byte.is_ascii_digit());
    let base = run.as_ptr() as usize - scanner.text.as_ptr() as usize;
    let mut at = 0;
    let mut begins = true;
    // Where a made up part of a name ended: short parts behind it are made up, too (`worker-7f9c5d8b4-xkzqw`).
    let mut made = None;
    while let Some(c) = run[at..].chars().next() {
        let rest = &run[at..];
        if !c.is_alphanumeric() {
            let signed = matches!(c, '-' | '+') && begins && at == 0;
            let behind = &rest[c.len_utf8()..];
            let digit = behind.starts_with(|c: char| c.is_ascii_digit());
            if !(signed && digit && !number::kept(scanner, behind, base + at + 1)) {
                scanner.out.literal(&rest[..c.len_utf8()]);
            }
            at += c.len_utf8();
            begins = true;
            continue;
        }
        let length = rest.find(|c: char| !c.is_alphanumeric()).unwrap_or(rest.len());
        let piece = &rest[..length];
        begins = false;
        let behind = made.is_some_and(|end| end + 1 == at && matches!(run.as_bytes()[end], b'-' | b'_'));
        if behind && length <= SHORT && piece.is_ascii() && uuid(rest).is_none() {
            scanner.out.value("id");
            at += length;
            made = Some(at);
            continue;
        }
        if length >= 5 && piece.bytes().any(|b| b.is_ascii_digit()) {
            made = Some(at + length);
        }
        if let Some(length) = uuid(rest) {
            scanner.out.value("uuid");
            at += length;
        } else if c.is_ascii_digit()
            && let Some(length) = moment::at(rest)
        {
            scanner.out.value("time");
            at += length;
        } else if c.is_ascii_digit()
            && let Some(length) = v4(rest)
        {
            scanner.out.value("ip");
            at += length;
            let port = rest[length..].strip_prefix(':').map(|rest| &rest[..digits(rest)]);
            if let Some(port) = port.filter(|port| !port.is_empty()) {
                put_port(scanner, port.parse().ok());
                at += 1 + port.len();
            }
        } else if piece.bytes().all(|b| b.is_ascii_digit()) {
            at += number::take(scanner, rest, base + at);
        } else if piece.bytes().any(|b| b.is_ascii_digit()) {
            mixed(scanner, piece);
            at += length;
        } else {
            let named = made_up || one_of(scanner.words[0], &["id", "ids", "key", "token", "ref", "request"]);
            if likely::is_random(piece, named) {
                scanner.out.value("id");
            } else {
                scanner.word(piece);
            }
            at += length;
        }
    }
}

/// How many digits a text begins with.
pub(super) fn digits(text: &str) -> usize {
    text.bytes().take_while(u8::is_ascii_digit).count()
}

/// A piece of letters and digits.
fn mixed<'a>(scanner: &mut Scanner<'a>, piece: &'a str) {
    let head = piece.bytes().take_while(u8::is_ascii_alphabetic).count();
    let tail = &piece[head..];
    let ends_in_digits = tail.bytes().all(|b| b.is_ascii_digit());
    let first = digits(piece);
    let hex = |text: &str| text.bytes().all(|b| b.is_ascii_hexdigit());
    let sqlstate = piece.len() == 5 && one_of(scanner.near(), CODES) && is_code(piece);
    let code = ends_in_digits && (1..=6).contains(&tail.len()) && CODE_HEADS.contains(&&piece[..head]);
    if sqlstate || one_of(piece, WORDS) || (code && (tail.len() >= 3 || head > 3)) || is_name(piece) {
        scanner.word(piece);
    } else if piece.len() > 2 && (piece.starts_with("0x") || piece.starts_with("0X")) && hex(&piece[2..]) {
        scanner.out.value("hex");
    } else if first > 0 && one_of(&piece[first..], UNITS) && !(first >= 6 && hex(piece)) {
        scanner.out.value("n");
        scanner.out.literal(&piece[first..]);
    } else if ends_in_digits
        && (likely::is_word(&piece[..head]) && !hex(piece) || head == 1 && tail.len() <= 2)
    {
        scanner.word(&piece[..head]);
        scanner.out.value("n");
    } else if hex(piece) {
        scanner.out.value("hex");
    } else {
        scanner.out.value("id");
    }
}

/// Whether a piece is a name of code with a digit in it: `Sha256Hash`, `getS3Object`, `Http2Session`.
fn is_name(piece: &str) -> bool {
    let bytes = piece.as_bytes();
    let digits = bytes.iter().filter(|b| b.is_ascii_digit()).count();
    let mut seam = true;
    for pair in bytes.windows(2) {
        if pair[0].is_ascii_digit() && pair[1].is_ascii_alphabetic() {
            seam &= pair[1].is_ascii_uppercase();
        }
    }
    let words = piece.split(|c: char| c.is_ascii_digit()).filter(|part| !part.is_empty());
    let long = piece.split(|c: char| c.is_ascii_digit()).any(|part| part.len() >= 4);
    bytes[0].is_ascii_alphabetic()
        && bytes.last().is_some_and(u8::is_ascii_alphabetic)
        && digits <= 3
        && seam
        && long
        && words.clone().all(|part| part.len() < 3 || likely::is_word(part))
}
