//! The writing side of a socket.
//!
//! A request that is alone goes out from its caller's own task; requests that come while others are
//! under way go through the writer's task, which joins them into one write.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::io::{AsyncWrite, AsyncWriteExt as _};
use tokio::sync::{Mutex, Notify, mpsc};

use super::state::{Outgoing, State};

/// How much is joined into one write.
const JOIN: usize = 64 * 1024;

/// The writing half of a stream, and what a caller could not write of it at once.
pub(super) struct Writer {
    half: Mutex<Half>,
    /// There is something left for the task.
    left: Notify,
}

struct Half {
    stream: Box<dyn AsyncWrite + Send + Unpin>,
    left: Vec<u8>,
}

impl Writer {
    pub(super) fn new(stream: impl AsyncWrite + Send + Unpin + 'static) -> Self {
        let half = Half { stream: Box::new(stream), left: Vec::new() };
        Self { half: Mutex::new(half), left: Notify::new() }
    }

    /// Writes a request without waiting, if no other is under way; gives it back otherwise. What the
    /// stream does not take is left to the task, before all that comes later.
    pub(super) fn write_now(&self, outgoing: Outgoing, state: &State) -> Option<Outgoing> {
        if !state.is_idle() {
            return Some(outgoing);
        }
        let Ok(mut half) = self.half.try_lock() else { return Some(outgoing) };
        if !half.left.is_empty() {
            return Some(outgoing);
        }
        let mut out = Vec::new();
        state.accept(outgoing, &mut out);
        if out.is_empty() {
            return None;
        }
        // Nobody needs to be woken for this attempt: the task makes the next one.
        let mut context = Context::from_waker(Waker::noop());
        let stream = Pin::new(&mut *half.stream);
        let written = match stream.poll_write(&mut context, &out) {
            Poll::Ready(Ok(written)) => written,
            // The task meets the same error and knows what to do with it.
            Poll::Ready(Err(_)) | Poll::Pending => 0,
        };
        let flushed = written == out.len()
            && matches!(Pin::new(&mut *half.stream).poll_flush(&mut context), Poll::Ready(Ok(())));
        if !flushed {
            half.left = out.split_off(written);
            drop(half);
            self.left.notify_one();
        }
        None
    }
}

/// The writer's task.
pub(super) async fn write(
    writer: Arc<Writer>,
    mut inbox: mpsc::UnboundedReceiver<Outgoing>,
    state: Arc<State>,
) {
    loop {
        let first = tokio::select! {
            biased;
            () = writer.left.notified() => None,
            first = inbox.recv() => match first {
                Some(first) => Some(first),
                None => return,
            },
        };
        let mut half = writer.half.lock().await;
        let mut out = std::mem::take(&mut half.left);
        let accept = |outgoing, out: &mut Vec<u8>| {
            state.accept(outgoing, out);
            state.queued.fetch_sub(1, Ordering::AcqRel);
        };
        let flushes = first.is_none();
        if let Some(first) = first {
            accept(first, &mut out);
        }
        while out.len() < JOIN
            && let Ok(next) = inbox.try_recv()
        {
            accept(next, &mut out);
        }
        if out.is_empty() && !flushes {
            continue;
        }
        let written = async {
            half.stream.write_all(&out).await?;
            half.stream.flush().await
        };
        if let Err(error) = written.await {
            // The reader may be about to find out why the server hung up; it says so better.
            tokio::time::sleep(Duration::from_millis(50)).await;
            state.end(&crate::conn::dial::io_error(&state.place, &error));
        }
    }
}
