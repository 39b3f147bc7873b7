//! Our own connections.

use toril::conn::{Access, Conn, Endpoint, Options};

use super::Server;

/// A connection of ours that may write.
pub async fn writer(server: &Server) -> Conn {
    let options = Options { access: Access::ReadWrite, ..Options::default() };
    Conn::open(Endpoint::unix(server.socket()), options).await.expect("a connection")
}
