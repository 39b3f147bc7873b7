//! Waiting for the link.

use tokio::sync::watch;

use crate::conn::Link;

/// Waits until there is a connection. Ends never when the connection is given up for good: whoever
/// waits is a task that ends with its monitor.
pub(super) async fn up(link: &mut watch::Receiver<Link>) {
    if link.wait_for(|link| link.state.is_connected()).await.is_err() {
        std::future::pending::<()>().await;
    }
}
