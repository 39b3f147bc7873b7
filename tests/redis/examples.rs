//! The programs of `examples/` do what they say.

#[path = "../../examples/dead_letter.rs"]
#[allow(dead_code, reason = "its `main` is for the shell")]
mod dead_letter;
#[path = "../../examples/flow.rs"]
#[allow(dead_code, reason = "its `main` is for the shell")]
mod flow;
#[path = "../../examples/producer_worker.rs"]
#[allow(dead_code, reason = "its `main` is for the shell")]
mod producer_worker;

use crate::support::{Server, writer};

#[tokio::test]
async fn a_producer_hears_what_became_of_its_jobs() {
    let server = Server::start();
    let outcomes = producer_worker::run(writer(&server).await).await.unwrap();
    assert_eq!(outcomes[..2], ["sent to ada@example.org", "sent to busy@example.org"]);
    assert!(outcomes[2].contains("there is no such address"), "{}", outcomes[2]);
}

#[tokio::test]
async fn a_film_is_as_long_as_its_scenes() {
    let server = Server::start();
    assert_eq!(flow::run(writer(&server).await).await.unwrap(), 60);
}

#[tokio::test]
async fn dead_jobs_come_back_and_are_done() {
    let server = Server::start();
    assert_eq!(dead_letter::run(writer(&server).await).await.unwrap(), (3, 3));
}
