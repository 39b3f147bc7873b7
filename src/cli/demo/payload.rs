//! Names, data and results that look like those of real jobs. People and hosts are made up
//! (`example.org`, RFC 2606).

use serde_json::{Value, json};

use super::catalog::{DEAD_LETTER, PAUSED, SCHEDULED, TIMED};
use super::rng::Rng;

const PEOPLE: &[&str] = &["ada", "grace", "linus", "zoë", "josé", "márta", "yuki", "amara", "olga", "søren"];
const TENANTS: &[&str] = &["acme", "globex", "initech", "umbrella", "hooli", "salon-42", "nordwind"];
const LANGUAGES: &[&str] = &["typescript", "rust", "python", "go", "sql"];

/// A job's name and data.
pub(super) fn job(queue: &str, rng: &mut Rng) -> (&'static str, Value) {
    let person = rng.word(PEOPLE);
    let tenant = rng.word(TENANTS);
    let number = rng.between(10_000, 99_999);
    match queue {
        "payments" => (
            rng.word(&["charge-card", "charge-card", "charge-card", "refund", "capture"]),
            json!({
                "orderId": format!("ord_{number}"), "tenant": tenant,
                "amount": { "value": rng.between(490, 98_000), "currency": rng.word(&["EUR", "USD", "BRL"]) },
                "card": { "brand": rng.word(&["visa", "mastercard", "amex"]), "last4": format!("{:04}", rng.between(0, 9_999)) },
                "idempotencyKey": rng.uuid(),
            }),
        ),
        "email" => (
            rng.word(&["welcome", "password-reset", "receipt", "receipt", "digest", "invite"]),
            json!({
                "to": format!("{person}@{tenant}.example.org"), "template": "v3", "locale": rng.word(&["en", "de", "pt-BR", "ja"]),
                "tenant": tenant, "vars": { "firstName": person, "ticket": number },
            }),
        ),
        PAUSED => (
            rng.word(&["monthly-revenue", "churn", "inventory", "payouts"]),
            json!({
                "tenant": tenant, "from": "2026-10-01", "to": "2026-10-31", "format": rng.word(&["pdf", "xlsx", "csv"]),
                "requestedBy": format!("{person}@{tenant}.example.org"), "columns": ["day", "gross", "net", "refunds"],
            }),
        ),
        "code-generation" => (
            rng.word(&["generate", "generate", "refactor", "explain", "write-tests"]),
            json!({
                "project": format!("{tenant}/app-{}", number % 40), "language": rng.word(LANGUAGES),
                "plan": rng.word(&["free", "pro", "team"]),
                "prompt": "Add pagination to the orders endpoint and keep the response shape.",
                "files": ["src/orders/list.ts", "src/orders/list.test.ts"], "maxTokens": 8_000,
            }),
        ),
        "thumbnails" => (
            "resize",
            json!({
                "key": format!("uploads/{tenant}/{}.jpg", rng.uuid()), "sizes": [[64, 64], [320, 240], [1280, 960]],
                "quality": rng.between(70, 92),
            }),
        ),
        "whatsapp-webhook" => (
            rng.word(&["message", "message", "message", "status", "template-approved"]),
            json!({
                "wabaId": format!("1{number}07"), "from": format!("+49151{number}"),
                "message": { "id": format!("wamid.{}", rng.uuid()), "type": "text", "text": { "body": "Is my order 🚚 on its way?" } },
                "tenant": tenant,
            }),
        ),
        SCHEDULED => (
            rng.word(&["issue", "issue", "remind", "dunning"]),
            json!({ "invoice": format!("INV-2026-{number}"), "tenant": tenant, "net": rng.between(900, 90_000), "dueDays": 14 }),
        ),
        TIMED => (
            "sweep",
            json!({ "olderThanDays": 30, "tables": ["sessions", "carts", "uploads"], "dryRun": false }),
        ),
        DEAD_LETTER => (
            "dead",
            json!({ "queue": rng.word(&["payments", "email", "whatsapp-webhook"]), "jobId": number.to_string(), "reason": "retries exhausted" }),
        ),
        "audit" => (
            rng.word(&["login", "permission-change", "export", "api-key-used"]),
            json!({ "actor": format!("{person}@{tenant}.example.org"), "ip": format!("203.0.113.{}", number % 250), "tenant": tenant }),
        ),
        "search-index" => (
            rng.word(&["upsert", "upsert", "upsert", "delete"]),
            json!({ "index": "products", "ids": [number, number + 1, number + 7], "tenant": tenant }),
        ),
        _ => (
            "send",
            json!({ "to": format!("+4917{number}1"), "text": "Your code is on its way.", "tenant": tenant }),
        ),
    }
}

/// What a job of the queue returns.
pub(super) fn result(queue: &str, took_ms: u64, rng: &mut Rng) -> Value {
    match queue {
        "payments" => json!({ "authorization": format!("auth_{:08x}", rng.next() as u32), "ms": took_ms }),
        "email" => json!({ "messageId": format!("<{}@mx.example.org>", rng.uuid()), "accepted": 1 }),
        PAUSED => {
            json!({ "file": format!("reports/{}.pdf", rng.uuid()), "pages": rng.between(2, 48), "ms": took_ms })
        }
        "code-generation" => {
            json!({ "filesChanged": rng.between(1, 9), "tokens": rng.between(900, 7_900), "ms": took_ms })
        }
        "thumbnails" => json!({ "written": 3, "bytes": rng.between(9_000, 240_000) }),
        TIMED => json!({ "deleted": { "sessions": rng.between(0, 900), "carts": rng.between(0, 80) } }),
        "audit" | "search-index" => Value::Null,
        _ => json!({ "ok": true }),
    }
}

/// A log line of step `step` of `steps`.
pub(super) fn log(queue: &str, step: u64, steps: u64, rng: &mut Rng) -> String {
    let what = match queue {
        "payments" => rng.word(&[
            "POST https://gateway.example/v2/charges",
            "3-D Secure not required",
            "risk score 12 of 100",
        ]),
        "email" => rng.word(&[
            "rendered receipt.mjml in 14 ms",
            "MAIL FROM:<no-reply@example.org>",
            "250 2.0.0 queued",
        ]),
        PAUSED => rng.word(&["aggregating 1,204,331 rows", "writing page", "uploading to reports/"]),
        "code-generation" => rng.word(&[
            "planning",
            "reading src/orders/list.ts",
            "streaming tokens",
            "running tsc --noEmit",
            "2 tests failed, fixing",
        ]),
        TIMED => rng.word(&["scanning sessions", "scanning carts", "deleting in batches of 500"]),
        _ => rng.word(&["loading", "posting to the ledger", "writing"]),
    };
    format!("[{step}/{steps}] {what}")
}
