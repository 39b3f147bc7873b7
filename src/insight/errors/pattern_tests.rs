use super::pattern;

/// Messages of one line are one cause; each line is another.
const CAUSES: &[&[&str]] = &[
    &["Order 17 not found", "Order 99812 not found", "Order k3x9zq not found", "Order 5f2b9c01 not found"],
    &["Customer cus_NffrFeUfNV2Hib not found", "Customer cus_9s6XKzkNRiz8i3 not found"],
    &[
        "connect ECONNREFUSED 127.0.0.1:5432",
        "connect ECONNREFUSED 10.0.3.17:5432",
        "connect ECONNREFUSED ::1:5432",
    ],
    &["connect ECONNREFUSED 127.0.0.1:6379", "connect ECONNREFUSED 10.12.0.1:6379"],
    &["connect ETIMEDOUT 10.0.0.7:49213", "connect ETIMEDOUT 10.0.0.9:50112"],
    &["read ECONNRESET"],
    &["getaddrinfo ENOTFOUND postgres"],
    &["getaddrinfo ENOTFOUND hooks.example.com", "getaddrinfo ENOTFOUND api.other.org"],
    &["Request failed with status code 404"],
    &["Request failed with status code 500"],
    &["Request failed with status code 503"],
    &["HTTP 429 for https://api.example.com/v1/x/17", "HTTP 429 for https://api.example.com/v1/y/18?z=1"],
    &["HTTP 502 for https://api.example.com/v1/x/17"],
    &["upstream answered 404 Not Found"],
    &["upstream answered 409 Conflict"],
    &["SQLSTATE[23505]: duplicate key 17", "SQLSTATE[23505]: duplicate key 18"],
    &["SQLSTATE[40001]: duplicate key 17"],
    &["query failed (code: '23505')"],
    &["query failed (code: '40P01')"],
    &["Prisma error P2002 on user 7", "Prisma error P2002 on user 8"],
    &["Prisma error P2025 on user 7"],
    &[
        "ERROR 1062 (23000): Duplicate entry '7' for key 'users.email'",
        "ERROR 1062 (23000): Duplicate entry 'x 7' for key 'users.email'",
    ],
    &["ERROR 1213 (40001): Deadlock found"],
    &["column \"email\" of relation \"users\" does not exist"],
    &["column \"phone\" of relation \"users\" does not exist"],
    &["duplicate key value violates unique constraint \"users_email_key\""],
    &["duplicate key value violates unique constraint \"orders_ref_key\""],
    &["Cannot read properties of undefined (reading 'id')"],
    &["Cannot read properties of undefined (reading 'email')"],
    &[
        "Cannot read properties of undefined (reading '0')",
        "Cannot read properties of undefined (reading '12')",
    ],
    &["\"amount\" is required"],
    &["\"currency\" is required"],
    &["user \"kim\" not found", "user \"eve_m\" not found", "user \"Kim B\" not found"],
    &[
        "invalid input syntax for type integer: \"abc\"",
        "invalid input syntax for type integer: \"user_name\"",
    ],
    &[
        "ENOENT: no such file or directory, open '/tmp/upload-3f2a/a.csv'",
        "ENOENT: no such file or directory, open '/var/data/x y/b.csv'",
    ],
    &["EACCES: permission denied, open '/tmp/upload-3f2a/a.csv'"],
    &["Cannot find module '/app/releases/17/mail.js'", "Cannot find module '/srv/x/mail.js'"],
    &["Cannot find module './sms'"],
    &["Cannot find module '@acme/sms'"],
    &["Command failed with exit code 137"],
    &["Command failed with exit code 1"],
    &["timed out after 30000 ms", "timed out after 5 ms", "timed out after 1.5 ms"],
    &["timed out after 30s", "timed out after 5s"],
    &[
        "token expired at 2024-08-01T12:00:00.123Z",
        "token expired at Thu Aug 01 2024 12:00:00 GMT+0000 (Coordinated Universal Time)",
    ],
    &["mail to a.b@example.com bounced", "mail to kim+x@mail.example.co.uk bounced"],
    &["550 5.1.1 User unknown"],
    &["421 4.7.0 Try again later"],
    &[
        "{\"error\":\"insufficient funds\",\"id\":\"ch_17\"}",
        "{\"error\":\"insufficient funds\",\"id\":\"ch_99\"}",
    ],
    &["{\"error\":\"card expired\",\"id\":\"ch_17\"}"],
    &["{\"code\":\"card_declined\"}"],
    &["{\"code\":\"expired_card\"}"],
    &["failed ids: 1, 2, 3", "failed ids: 7", "failed ids: 4,5"],
    &["worker-7f9c5d8b4-x2x9z lost its lock", "worker-5d8f7c9b6-kzqwx lost its lock"],
    &["unknown field 'user_id'"],
    &["unknown field 'order_id'"],
    &["'NoneType' object has no attribute 'email'"],
    &["'NoneType' object has no attribute 'name'"],
    &["'amount'"],
    &["'currency'"],
    &["unsupported digest sha256"],
    &["unsupported digest md5"],
    &[
        "id 550e8400-e29b-41d4-a716-446655440000 is gone",
        "id 6ba7b810-9dad-11d1-80b4-00c04fd430c8 is gone",
        "id 507f1f77bcf86cd799439011 is gone",
        "id 12 is gone",
    ],
    &["bad pointer 0x7ffe12", "bad pointer 0xdeadbeef"],
    &["balance -12.50 too low", "balance 7 too low", "balance 1,204.00 too low"],
    &["can't lock the user's cart 7", "can't lock the user's cart 8"],
    &[
        "E11000 duplicate key error collection: shop.users index: email_1 dup key: { email: \"a@b.c\" }",
        "E11000 duplicate key error collection: shop.users index: email_1 dup key: { email: \"x@y.org\" }",
    ],
    &["E11000 duplicate key error collection: shop.orders index: email_1 dup key: { email: \"a@b.c\" }"],
    &["Unexpected token < in JSON at position 0", "Unexpected token < in JSON at position 17"],
    &["expected 3 of 5 parts", "expected 17 of 1204 parts"],
    &["KeyError: 'user_9'", "KeyError: 'user_17'", "KeyError: 'user_20000'"],
    &["KeyError: 'address2'"],
    &["KeyError: 'address3'"],
    &["http://billing-svc:8080/x/17 did not answer", "http://billing-svc:8080/y/9 did not answer"],
    &["http://mail-svc:8080/x/17 did not answer"],
];

#[test]
fn one_cause_is_one_pattern_and_two_are_two() {
    let mut wrong = Vec::new();
    let keys: Vec<Vec<String>> =
        CAUSES.iter().map(|cause| cause.iter().map(|text| pattern(text).key).collect()).collect();
    for (cause, keys) in CAUSES.iter().zip(&keys) {
        for (text, key) in cause.iter().zip(keys).skip(1) {
            if *key != keys[0] {
                wrong.push(format!(
                    "split: {} | {} : {:?} {:?}",
                    cause[0],
                    text,
                    pattern(cause[0]).shown,
                    pattern(text).shown
                ));
            }
        }
    }
    for (i, a) in keys.iter().enumerate() {
        for (j, b) in keys.iter().enumerate().skip(i + 1) {
            if a[0] == b[0] {
                wrong.push(format!("merged: {} | {} : {:?}", CAUSES[i][0], CAUSES[j][0], a[0]));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_is_shown_names_the_kinds() {
    let shown = |text: &str| pattern(text).shown;
    assert_eq!(shown("Order 17 of a@b.org at 12:00:00"), "Order <n> of <email> at <time>");
    assert_eq!(shown("GET /v1/users/17 gave 0xff"), "GET <path> gave <hex>");
    assert_eq!(shown("  two\n  lines\tand 3 "), "two lines and <n>");
    assert_eq!(shown(""), "");
    assert_eq!(shown("user 'x y' of \"column\" `id`"), "user <str> of <str> `id`");
}

#[test]
fn any_text_is_taken_and_the_pattern_is_bounded() {
    for text in [
        "'",
        "\"'`",
        "a'b",
        "\u{202e}x 5",
        "::",
        ":::1",
        "-",
        "+5",
        "5-",
        "é5é",
        "“x”",
        "«",
        "//",
        "日本 17 語",
        "'\\",
        "a/",
        "@",
        "1.",
        "1:",
    ] {
        let _ = pattern(text);
    }
    let long = "word ".repeat(5000);
    assert!(pattern(&long).key.len() <= 1000);
    let nested = "\"".repeat(3000);
    let _ = pattern(&nested);
    let quotes = "'a \"b `c".repeat(300);
    let _ = pattern(&quotes);
}

proptest::proptest! {
    #[test]
    fn hostile_text_never_panics(text in "\\PC{0,200}", ascii in "[ -~\n]{0,300}") {
        let _ = pattern(&text);
        let found = pattern(&ascii);
        proptest::prop_assert!(found.key.len() <= 1000);
    }

    #[test]
    fn ids_of_any_make_are_one_cause(n in 0u64.., hex in "[0-9a-f]{24}", s in "[0-9][a-z0-9]{9}[0-9]") {
        let keys = [
            pattern(&format!("job {n} of order failed")).key,
            pattern(&format!("job {hex} of order failed")).key,
            pattern(&format!("job {s} of order failed")).key,
        ];
        proptest::prop_assert!(keys.iter().all(|key| *key == keys[0]), "{:?}", keys);
    }
}
