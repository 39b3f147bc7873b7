//! How jobs of the demo fail: time-outs, bugs and refusals, with stacks as Node writes them.

use super::rng::Rng;
use crate::engine::JobError;

const WORKER: &[&str] = &[
    "at Worker.processJob (/app/node_modules/bullmq/dist/cjs/classes/worker.js:554:28)",
    "at Worker.retryIfFailed (/app/node_modules/bullmq/dist/cjs/classes/worker.js:801:24)",
    "at process.processTicksAndRejections (node:internal/process/task_queues:95:5)",
];

const TIMEOUT: &[&str] = &[
    "at Timeout._onTimeout (/app/node_modules/undici/lib/core/util.js:412:19)",
    "at listOnTimeout (node:internal/timers:573:17)",
    "at process.processTimers (node:internal/timers:514:7)",
    "at Client.connect (/app/node_modules/undici/lib/dispatcher/client.js:317:11)",
];

const SOCKET: &[&str] = &[
    "at TLSSocket.onConnectEnd (node:_tls_wrap:1732:19)",
    "at TLSSocket.emit (node:events:530:35)",
    "at endReadableNT (node:internal/streams/readable:1698:12)",
    "at RedirectHandler.onError (/app/node_modules/undici/lib/handler/redirect-handler.js:99:17)",
];

const ORM: &[&str] = &[
    "at Connection.parseE (/app/node_modules/pg/lib/connection.js:674:13)",
    "at Connection.parseMessage (/app/node_modules/pg/lib/connection.js:479:19)",
    "at QueryBuilder.execute (/app/node_modules/kysely/dist/cjs/query-executor.js:61:22)",
];

/// A failure: its kind, its message, the frames of its libraries and of the application.
fn error(name: &str, message: String, libraries: &[&'static str], own: &[&'static str]) -> JobError {
    let frames = libraries.iter().chain(own).chain(WORKER);
    JobError::new(message).named(name).with_stack(frames.copied())
}

/// A failure of a job of the queue. Most of a queue's failures are one error, as in life.
pub(super) fn of(queue: &str, rng: &mut Rng) -> JobError {
    let draw = rng.between(0, 99);
    let number = rng.between(10_000, 99_999);
    match (queue, draw) {
        ("payments", 0..85) => error(
            "Error",
            format!("connect ETIMEDOUT: gateway.example:443 did not answer within {} ms", rng.between(29_998, 30_040)),
            TIMEOUT,
            &["at Gateway.connect (/app/src/gateway.ts:88:11)", "at charge (/app/src/payments/charge.ts:41:22)"],
        ),
        ("payments", 85..94) => error(
            "TypeError",
            "Cannot read properties of undefined (reading 'currency')".to_owned(),
            &[],
            &["at toMinorUnits (/app/src/payments/money.ts:17:33)", "at charge (/app/src/payments/charge.ts:29:18)"],
        ),
        ("payments", _) => JobError::fatal(format!("card_declined: insufficient funds for order ord_{number}"))
            .with_stack(["at Gateway.check (/app/src/gateway.ts:132:13)", "at charge (/app/src/payments/charge.ts:47:9)"]),
        ("email", 0..60) => error(
            "SMTPError",
            format!("450 4.7.1 greylisted, try again in {} seconds", rng.between(30, 300)),
            &["at SMTPConnection._actionMAIL (/app/node_modules/nodemailer/lib/smtp-connection/index.js:1330:34)"],
            &["at send (/app/src/email/transport.ts:63:20)"],
        ),
        ("email", _) => JobError::fatal("550 5.1.1 mailbox unavailable").named("SMTPError").with_stack([
            "at SMTPConnection._actionRCPT (/app/node_modules/nodemailer/lib/smtp-connection/index.js:1402:34)",
            "at send (/app/src/email/transport.ts:63:20)",
        ]),
        ("code-generation", 0..70) => error(
            "RateLimitError",
            "429 the model is overloaded, retry later".to_owned(),
            &["at APIError.generate (/app/node_modules/llm-sdk/error.js:44:20)", "at Client.makeRequest (/app/node_modules/llm-sdk/core.js:398:30)"],
            &["at complete (/app/src/codegen/model.ts:112:24)", "at generate (/app/src/codegen/generate.ts:57:17)"],
        ),
        ("code-generation", _) => error(
            "SyntaxError",
            format!("Unexpected token '<' at position {} of the model's answer", rng.between(0, 400)),
            &["at JSON.parse (<anonymous>)"],
            &["at parsePatch (/app/src/codegen/patch.ts:23:15)", "at generate (/app/src/codegen/generate.ts:71:19)"],
        ),
        ("whatsapp-webhook", 0..55) => error(
            "Error",
            "Client network socket disconnected before secure TLS connection was established".to_owned(),
            SOCKET,
            &["at deliver (/app/src/webhook/deliver.ts:38:9)"],
        ),
        ("whatsapp-webhook", 55..85) => error(
            "HTTPError",
            format!("the subscriber answered 503 for wamid {number}"),
            &["at Request.onResponse (/app/node_modules/got/dist/source/core/index.js:513:31)"],
            &["at deliver (/app/src/webhook/deliver.ts:52:13)"],
        ),
        ("whatsapp-webhook", _) => JobError::fatal("the subscriber is gone (410)")
            .named("HTTPError")
            .with_stack(["at deliver (/app/src/webhook/deliver.ts:49:13)"]),
        (_, 0..50) => error(
            "DatabaseError",
            format!("deadlock detected: process {number} waits for ShareLock on transaction {}", number * 3),
            ORM,
            &["at load (/app/src/db/load.ts:31:14)", "at run (/app/src/jobs/run.ts:19:21)"],
        ),
        _ => error(
            "Error",
            "connect ECONNREFUSED 10.0.4.17:5432".to_owned(),
            &["at TCPConnectWrap.afterConnect [as oncomplete] (node:net:1611:16)"],
            &["at load (/app/src/db/load.ts:12:9)"],
        ),
    }
}
