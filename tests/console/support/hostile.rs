//! Text that wants to do something to a terminal (reliability, part 1).

/// One of each kind, as bytes: not all of it is UTF-8.
pub fn texts() -> Vec<Vec<u8>> {
    let mut texts: Vec<Vec<u8>> = [
        "A\x1b[31mB",
        "q\x1b[2J",
        "\x1b]0;title\x07",
        "\x1b]52;c;ZXZpbA==\x07",
        "\x1b[?1049l",
        "\x1bc",
        "A\0B",
        "bell\x07",
        "back\x08\x08space",
        "line\nfeed",
        "carriage\rreturn",
        "tab\tbed",
        "\x0b\x0c\x0e\x0f",
        "del\x7f",
        "c1\u{85}\u{9b}31m\u{9c}\u{9d}",
        "pay\u{202e}stnem",
        "\u{2066}iso\u{2069}late",
        "zero\u{200b}width",
        "\u{feff}bom",
        "soft\u{ad}hyphen",
        "jo\u{200d}iner",
        "non\u{200c}joiner",
        "tag\u{e0041}\u{e0042}",
        "sep\u{2028}ara\u{2029}tor",
        "fill\u{3164}er",
        "nonchar\u{fffe}\u{fdd0}",
        "e\u{301}\u{301}\u{301}\u{301}\u{301}\u{301}",
        "\u{301}leads",
        "日本語のキュー",
        "한국어",
        "ไทย",
        "हिन्दी",
        "👩\u{200d}👩\u{200d}👧\u{200d}👦",
        "🇸🇪🇯🇵",
        "❤\u{fe0f}",
        "1\u{fe0f}\u{20e3}",
        "ｆｕｌｌ",
        "\u{1100}\u{1161}\u{11a8}",
        "أهلا",
        "",
        " ",
        "{tag}:with:colons",
        "*?[a-z]",
        "$(reboot)",
    ]
    .iter()
    .map(|text| text.as_bytes().to_vec())
    .collect();
    texts.push(b"bad\xff\xfeutf8".to_vec());
    texts.push(b"cut\xe6\x97".to_vec());
    texts.push(format!("zalgo{}", "\u{301}".repeat(500)).into_bytes());
    texts.push("long-".repeat(2000).into_bytes());
    texts.push("長".repeat(300).into_bytes());
    texts
}
