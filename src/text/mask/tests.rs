use super::*;

fn shown(value: &str) -> String {
    let mask = Mask::default();
    String::from_utf8(mask.value(value.as_bytes()).into_owned()).unwrap()
}

#[track_caller]
fn same(value: &str) {
    assert_eq!(shown(value), value);
}

#[test]
fn keys_are_compared_as_a_whole_and_in_any_case() {
    let mask = Mask::default();
    for key in [
        "password",
        "PASSWORD",
        "Api-Key",
        "apiKey",
        "X-Api-Key",
        "db.password",
        "set-cookie",
        "smtpPassword",
    ] {
        assert!(mask.hides(key), "{key}");
    }
    for key in
        ["tokenizer", "passwordHint", "cards", "tokens", "secretary", "key", "", "p", "discard", "sessions"]
    {
        assert!(!mask.hides(key), "{key}");
    }
}

#[test]
fn json_is_masked_wherever_it_is_nested() {
    assert_eq!(
        shown(
            r#"{"a":[{"PASSWORD":"x","n":1.10}],"tokenizer":"t","token":12,"secret":{"a":"b"},"cvv":[1,2]}"#
        ),
        r#"{"a":[{"PASSWORD":"***","n":1.10}],"tokenizer":"t","token":"***","secret":"***","cvv":"***"}"#
    );
    same(r#"{"password":null,"token":"","secret":false,"card":{},"note":"nothing here"}"#);
    same(r#"{"password" : "***"}"#);
    assert_eq!(shown(r#"{"pass\u0077ord":"hunter2","a":1}"#), r#"{"pass\u0077ord":"***","a":1}"#);
    assert_eq!(shown(r#"{"token":"a","token":"b"}"#), r#"{"token":"***","token":"***"}"#);
}

#[test]
fn lists_of_headers_are_masked() {
    assert_eq!(
        shown(r#"[["Authorization","Bearer abc"],["Host","x"]]"#),
        r#"[["Authorization","***"],["Host","x"]]"#
    );
    assert_eq!(
        shown(r#"{"rawHeaders":["Host","x","Cookie","a=b","authorization","Basic zzz","Accept","*/*"]}"#),
        r#"{"rawHeaders":["Host","x","Cookie","***","authorization","***","Accept","*/*"]}"#
    );
    assert_eq!(
        shown(
            r#"[{"name":"Authorization","value":"Bearer abc"},{"value":{"x":1},"name":"token"},{"name":"a","value":"b"}]"#
        ),
        r#"[{"name":"Authorization","value":"***"},{"value":"***","name":"token"},{"name":"a","value":"b"}]"#
    );
    assert_eq!(
        shown(r#"["Authorization: Bearer abc.def","x: y"]"#),
        r#"["Authorization: Bearer ***","x: y"]"#
    );
}

#[test]
fn json_in_strings_is_masked_and_stays_json() {
    let inner = r#"{"password":"hun\"ter2","pin":1,"token":123456,"z":"\u00e9\n"}"#;
    let once = serde_json::to_string(&serde_json::json!({ "body": inner })).unwrap();
    let twice = serde_json::to_string(&serde_json::json!({ "b": once })).unwrap();
    let thrice = serde_json::to_string(&twice).unwrap();
    for (value, deep) in [(once, 1), (twice, 2), (thrice, 3)] {
        let masked = shown(&value);
        assert!(!masked.contains("ter2") && !masked.contains("123456"), "{masked}");
        let mut parsed: serde_json::Value = serde_json::from_str(&masked).unwrap();
        if deep == 3 {
            parsed = serde_json::from_str(parsed.as_str().unwrap()).unwrap();
        }
        if deep >= 2 {
            parsed = serde_json::from_str(parsed["b"].as_str().unwrap()).unwrap();
        }
        assert_eq!(parsed["body"], r#"{"password":"***","pin":1,"token":"***","z":"\u00e9\n"}"#);
    }
}

#[test]
fn texts_are_masked() {
    for (text, masked) in [
        ("login failed: password=hunter2 for ann", "login failed: password=*** for ann"),
        ("Authorization: Bearer abc.def\nnext", "Authorization: Bearer ***\nnext"),
        ("authorization: Digest username=\"a\", response=\"b\"\nx", "authorization: ***\nx"),
        (
            "headers { Authorization: 'Basic dTpw', Cookie: 'a=b; c=d' }",
            "headers { Authorization: 'Basic ***', Cookie: '***' }",
        ),
        ("Cookie: a=b; c=d\nx", "Cookie: ***\nx"),
        ("GET https://api/x?token=abc&page=2 401", "GET https://api/x?token=***&page=2 401"),
        ("postgres://app:p@ss@db:5432/x down", "postgres://***@db:5432/x down"),
        ("redis://:pa/ss@host:6379", "redis://***@host:6379"),
        ("https://ghp_abc@github.com/a", "https://***@github.com/a"),
        ("{'password': 'hun ter2', 'a': 1}", "{'password': '***', 'a': 1}"),
        (
            "body {\\\"password\\\":\\\"x y\\\",\\\"a\\\":1}",
            "body {\\\"password\\\":\\\"***\\\",\\\"a\\\":1}",
        ),
        ("\"secret\" => \"x\"", "\"secret\" => \"***\""),
        ("mysql --password hunter2 -h db --password=x", "mysql --password *** -h db --password=***"),
        ("<Password>hunter2</Password><a>b</a>", "<Password>***</Password><a>b</a>"),
        ("Server=x;Password=a&b!c;User=y", "Server=x;Password=***;User=y"),
        ("user[password]=x&user[name]=y", "user[password]=***&user[name]=y"),
        ("sent Bearer eyJhbGciOi.abc to", "sent Bearer *** to"),
        ("db.password = x", "db.password = ***"),
        ("secret: {\"a\": \"}\", \"b\": 1} end", "secret: *** end"),
        ("{\"password\":\"x", "{\"password\":\"***"),
    ] {
        assert_eq!(shown(text), masked);
    }
    for text in [
        "Unexpected token < in JSON at position 0",
        "Unexpected token: }",
        ".card:hover{color:red}",
        "tokenizer=abc tokens: 5",
        "connect ECONNREFUSED 127.0.0.1:6379",
        "https://example.com:8080/@user?page=2",
        "http://[::1]:80/a@b",
        "if (token == x) session::start()",
        "at Session.open (/app/session.js:10:5)",
        "Bearer of bad news",
        "password: null, token=undefined",
    ] {
        same(text);
    }
}

#[test]
fn error_texts_in_json_are_masked() {
    assert_eq!(
        shown(r#"["Error: password=hunter2\n    at x (a.js:1:2)"]"#),
        r#"["Error: password=***\n    at x (a.js:1:2)"]"#
    );
    assert_eq!(shown("\"a: \\\"token\\\": 5\""), "\"a: \\\"token\\\": ***\"");
}

#[test]
fn what_is_not_json_or_not_utf8_is_masked_as_a_text() {
    let mask = Mask::default();
    assert_eq!(&*mask.value(b"{\"password\":\"x\",oops \xff"), b"{\"password\":\"***\",oops \xff");
    assert_eq!(
        &*mask.value(b"{\"a\":\"\xff\x1b\",\"token\":\"\xfe\"}"),
        b"{\"a\":\"\xff\x1b\",\"token\":\"***\"}"
    );
}

#[test]
fn a_field_counts_as_a_key() {
    let mask = Mask::default();
    assert_eq!(&*mask.field(b"token", b"abc"), b"\"***\"");
    assert_eq!(&*mask.field(b"data", b"{\"a\":1}"), b"{\"a\":1}");
}

#[test]
fn a_list_changes_the_names() {
    let mask = Mask::of_list(&["IBAN", "*_pin", "pin_*", "!card"]).unwrap();
    for (key, hidden) in
        [("iban", true), ("userPin", true), ("pin_code", true), ("card", false), ("password", true)]
    {
        assert_eq!(mask.hides(key), hidden, "{key}");
    }
    let mask = Mask::of_list(&["!*", "iban"]).unwrap();
    assert!(mask.hides("iban") && !mask.hides("password"));
    for wrong in ["", "*", "a*b", "!", "--"] {
        assert!(Mask::of_list(&[wrong]).is_err(), "{wrong}");
    }
    assert!(!Mask::none().hides("password"));
    assert_eq!(&*Mask::none().value(b"password=x"), b"password=x");
}

#[test]
fn one_can_be_shown() {
    let mask = Mask::default();
    let value = br#"{"token":"a","n":1,"password":"hunter2","x":{"secret":55}}"#;
    let places = mask.places(value);
    assert_eq!(places.len(), 3);
    let one = places.apply_but(value, Some(1));
    assert_eq!(&*one, br#"{"token":"***","n":1,"password":"hunter2","x":{"secret":"***"}}"#);
    let find = |text: &[u8], word: &str| String::from_utf8_lossy(text).find(word).unwrap();
    let masked = places.apply(value);
    let at = find(&masked, "password");
    assert_eq!(places.covering(at, at + 16, None), Some(1));
    assert_eq!(places.covering(0, 3, None), None);
    let at = find(&one, "secret");
    assert_eq!(places.covering(at, one.len(), Some(1)), Some(2));
}

#[test]
fn edited_values_get_their_secrets_back() {
    let mask = Mask::default();
    let value = br#"{"token":12,"b":"{\"secret\":7}","password":"hunter2","keep":"***1***"}"#;
    let hidden = mask.hide(value);
    assert_eq!(hidden.len(), 3);
    assert!(!String::from_utf8_lossy(hidden.text()).contains("hunter2"));
    assert!(!format!("{hidden:?}").contains("hunter2"));
    assert_eq!(hidden.restore(hidden.text()).unwrap(), value);
    let edited = String::from_utf8_lossy(hidden.text()).replace("\"***2***\"", "13");
    assert_eq!(
        hidden.restore(edited.as_bytes()).unwrap(),
        br#"{"token":13,"b":"{\"secret\":7}","password":"hunter2","keep":"***1***"}"#
    );
    let edited = String::from_utf8_lossy(hidden.text()).replace("\"***2***\"", "***2***");
    assert_eq!(hidden.restore(edited.as_bytes()), Err(RestoreError::Changed(2)));
    assert_eq!(hidden.restore(b"{\"a\":\"***9***\"}"), Err(RestoreError::Unknown(9)));
    // Zeros make a mask longer than it ever was.
    for edited in ["{\"a\":\"***00002***\"}", "***000000002***", "\"***02***\""] {
        assert_eq!(hidden.restore(edited.as_bytes()), Err(RestoreError::Changed(2)), "{edited}");
    }
}

#[test]
fn size_and_depth_cost_one_pass() {
    // What is quadratic anywhere takes hours for these.
    let mask = Mask::default();
    let mib = 1 << 20;
    for piece in [
        "[",
        "{\"a\":",
        "password=\"",
        "password='\\\"",
        "://",
        "a://:b",
        "token: {",
        "\\",
        "\"",
        "\\\"",
        "a&",
        "password=a&",
        "***1",
        "Bearer ",
    ] {
        let text = piece.repeat(mib / piece.len());
        let masked = mask.value(text.as_bytes());
        assert!(masked.len() <= text.len() * 2, "{piece}");
        let json = serde_json::to_vec(&serde_json::json!({ "body": text })).unwrap();
        let _ = mask.value(&json);
        let _ = mask.hide(text.as_bytes()).restore(text.as_bytes());
    }
    let row =
        r#"{"id":123456,"password":"hunter2","body":"{\"token\":\"abc\"}","text":"some words = here"},"#;
    let many = format!("[{}1]", row.repeat(mib / row.len()));
    let masked = mask.value(many.as_bytes());
    assert!(!String::from_utf8_lossy(&masked).contains("hunter2"));
    assert!(serde_json::from_slice::<serde::de::IgnoredAny>(&masked).is_ok());
}
