//! Is it a word, or something a machine made up?

/// For each letter those that follow it in common words, as bits from `a` on. Counted over the words of
/// documentation and the names in code of some thousand packages; pairs that are rarer are left out.
const FOLLOWS: [u32; 26] = [
    0x1fe_bdef, // a: abcdfghiklmnprstuvwxy
    0x116_4917, // b: abceilorsuy
    0x11e_4d95, // c: acehiklorstuy
    0x016_497b, // d: abdefgilorsu
    0x1ff_fdff, // e: abcdefghiklmnopqrstuvwxy
    0x11e_4931, // f: aefilorstuy
    0x016_79d1, // g: aeghilmnorsu
    0x11a_5111, // h: aeimortuy
    0x2ae_fc7f, // i: abcdefgklmnoprstvxz
    0x010_4011, // j: aeou
    0x004_4911, // k: aeilos
    0x13c_d93d, // l: acdefilmopstuvy
    0x014_d913, // m: abeilmopsu
    0x13e_ed7f, // n: abcdefgiklnoprstuvy
    0x07e_fd7f, // o: abcdefgiklmnoprstuvw
    0x11e_c991, // p: aehiloprstuy
    0x010_0000, // q: u
    0x13e_fd7f, // r: abcdefgiklmnoprstuvy
    0x15c_fdbd, // s: acdefhiklmnopstuwy
    0x15e_f9bd, // t: acdefhilmnoprstuwy
    0x00e_b97f, // u: abcdefgilmnprst
    0x000_4111, // v: aeio
    0x006_6191, // w: aehinors
    0x008_8114, // x: ceipt
    0x00c_b111, // y: aeimnpst
    0x000_0111, // z: aei
];

/// How many neighbours in `letters` no common word has. Where a capital begins a new word of a name
/// (`userName`) there is no pair.
fn odd_pairs(letters: &str) -> usize {
    let bytes = letters.as_bytes();
    let odd = |pair: &&[u8]| {
        let (a, b) = (pair[0], pair[1]);
        if !a.is_ascii_alphabetic()
            || !b.is_ascii_alphabetic()
            || a.is_ascii_lowercase() && b.is_ascii_uppercase()
        {
            return false;
        }
        let (a, b) = (a.to_ascii_lowercase() - b'a', b.to_ascii_lowercase() - b'a');
        FOLLOWS[usize::from(a)] >> b & 1 == 0
    };
    bytes.windows(2).filter(odd).count()
}

/// How often a small letter is followed by a capital, or two capitals by a small letter: the seams of a name.
fn seams(letters: &str) -> usize {
    letters
        .as_bytes()
        .windows(2)
        .filter(|pair| pair[0].is_ascii_lowercase() && pair[1].is_ascii_uppercase())
        .count()
}

/// Whether letters are hardly a word. `named`: what stands around them says that an id is to be expected,
/// so that little evidence is enough.
///
/// Of random letters this finds eight in ten from eight letters on (six, where `named`); of words it takes
/// one in two hundred for an id (one in twenty, where `named`).
pub(super) fn is_random(letters: &str, named: bool) -> bool {
    let len = letters.len();
    if len < 4 || !letters.is_ascii() || letters.bytes().all(|byte| byte.is_ascii_uppercase()) {
        return false;
    }
    let hex = |byte: u8| matches!(byte, b'a'..=b'f');
    if len >= 6 && letters.bytes().all(hex) {
        return true;
    }
    // `dHiBmyT`: more seams than a name of such a length has.
    if len >= 6 && seams(letters) * 3 >= len {
        return true;
    }
    let odd = odd_pairs(letters);
    if named {
        return odd >= if len < 6 { 1 } else { 2 } && !(len < 6 && letters.bytes().any(is_vowel));
    }
    len >= 8 && odd >= 3
}

/// Whether letters may be a word of a person: what stands before a number in `user123`.
pub(super) fn is_word(letters: &str) -> bool {
    letters.len() >= 3
        && (letters.bytes().all(|byte| byte.is_ascii_lowercase())
            || letters.bytes().all(|byte| byte.is_ascii_uppercase())
            || (seams(letters) * 4 <= letters.len()))
        && odd_pairs(letters) <= letters.len() / 8
}

const fn is_vowel(byte: u8) -> bool {
    matches!(byte.to_ascii_lowercase(), b'a' | b'e' | b'i' | b'o' | b'u' | b'y')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_words() {
        for word in [
            "connection",
            "charge",
            "timeout",
            "https",
            "nginx",
            "postgres",
            "readonly",
            "Strengths",
            "userName",
            "processPayment",
            "TypeError",
            "getaddrinfo",
            "ECONNREFUSED",
            "rhythm",
            "WebSocketClient",
            "lookups",
        ] {
            assert!(!is_random(word, false), "{word}");
        }
    }

    #[test]
    fn made_up_letters_are_not() {
        for letters in ["kqzxvbnw", "deadbeef", "dHiBmyT", "xvkjhqwe"] {
            assert!(is_random(letters, false), "{letters}");
        }
        for letters in ["kqzxvb", "xkzqw"] {
            assert!(is_random(letters, true), "{letters}");
        }
        assert!(is_word("user") && is_word("order") && is_word("shard"));
        assert!(!is_word("kqz") && !is_word("id"));
    }
}
