//! A connection whose other side takes nothing in for too long is at an end: an answer that nobody reads must not keep its
//! memory for ever. By HTTP/2 a client can leave single answers unread while the connection itself goes on.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use axum::body::Body;
use bytes::Bytes;
use futures_util::stream;
use http_body_util::BodyExt as _;
use hyper::body::Body as _;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    sync::mpsc,
    time::{Instant, Sleep, sleep, timeout},
};

/// The largest answer that is left to HTTP/2 as it is, and the size of the pieces that it takes of a larger one, in bytes.
const PIECE: usize = 16 << 10;

/// An answer on a connection of HTTP/2: given in pieces, and let go if the next one is not taken in time.
pub(super) fn bounded(mut body: Body, idle: Duration) -> Body {
    if body.size_hint().upper().is_some_and(|size| size <= PIECE as u64) {
        return body;
    }
    // `None` is the end. Without it the answer is broken off, and must not look whole.
    let (give, take) = mpsc::channel::<Option<Bytes>>(1);
    // A task of its own: what stands still is not asked for anything.
    tokio::spawn(async move {
        while let Some(frame) = body.frame().await {
            let Ok(frame) = frame else { return };
            let Ok(mut bytes) = frame.into_data() else { continue };
            while !bytes.is_empty() {
                // A copy: a part would keep the whole.
                let piece = Bytes::copy_from_slice(&bytes.split_to(PIECE.min(bytes.len())));
                if !matches!(timeout(idle, give.send(Some(piece))).await, Ok(Ok(()))) {
                    return;
                }
            }
        }
        // Who does not take the end needs none.
        let _ = timeout(idle, give.send(None)).await;
    });
    Body::from_stream(stream::unfold(take, |mut take| async move {
        let next = match take.recv().await {
            Some(Some(piece)) => Ok(piece),
            Some(None) => return None,
            None => Err(io::Error::new(io::ErrorKind::TimedOut, "the answer broke off, or was not taken in")),
        };
        Some((next, take))
    }))
}

/// A stream with a bound on how long a write may stand still. Reading has no bound here: a long poll is silent, and
/// heads and bodies have bounds of their own.
pub(super) struct Stalling<S> {
    stream: S,
    idle: Duration,
    /// Counts while a write waits.
    waiting: Option<Pin<Box<Sleep>>>,
}

impl<S> Stalling<S> {
    pub(super) fn new(stream: S, idle: Duration) -> Self {
        Self { stream, idle, waiting: None }
    }

    fn bounded<T>(&mut self, polled: Poll<io::Result<T>>, context: &mut Context<'_>) -> Poll<io::Result<T>> {
        if polled.is_ready() {
            self.waiting = None;
            return polled;
        }
        let idle = self.idle;
        let waiting = self.waiting.get_or_insert_with(|| Box::pin(sleep(idle)));
        ready!(waiting.as_mut().poll(context));
        waiting.as_mut().reset(Instant::now() + idle);
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the other side takes nothing in")))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Stalling<S> {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, into)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Stalling<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.bounded(polled, context)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut self.stream).poll_flush(context);
        self.bounded(polled, context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut self.stream).poll_shutdown(context);
        self.bounded(polled, context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.bounded(polled, context)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::convert::Infallible;

    use futures_util::StreamExt as _;
    use tokio::io::AsyncWriteExt as _;
    use tokio_util::sync::CancellationToken;

    #[tokio::test]
    async fn an_answer_of_which_the_rest_is_not_read_is_let_go() {
        let gone = CancellationToken::new();
        let held = gone.clone().drop_guard();
        let answer = stream::iter([Bytes::from(vec![7; 10 * PIECE])]).map(move |bytes| {
            let _held = &held;
            Ok::<_, Infallible>(bytes)
        });
        let mut body = bounded(Body::from_stream(answer), Duration::from_millis(50));
        assert_eq!(body.frame().await.unwrap().unwrap().into_data().unwrap().len(), PIECE);
        timeout(Duration::from_secs(10), gone.cancelled()).await.expect("it is let go");
        assert!(body.collect().await.is_err(), "half an answer must not look whole");
    }

    #[tokio::test]
    async fn an_answer_that_is_read_is_whole() {
        for length in [0, PIECE, PIECE + 1, 5 * PIECE] {
            let answer: Vec<u8> = (0..length).map(|at| (at % 251) as u8).collect();
            let body = bounded(Body::from(answer.clone()), Duration::from_secs(10));
            assert!(body.collect().await.unwrap().to_bytes() == answer, "{length}");
        }
    }

    #[tokio::test]
    async fn a_reader_that_stands_still_is_given_up() {
        let (ours, _theirs) = tokio::io::duplex(16);
        let mut stream = Stalling::new(ours, Duration::from_millis(50));
        stream.write_all(&[0; 16]).await.unwrap();
        let error = stream.write_all(&[0; 16]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }

    #[tokio::test]
    async fn a_slow_reader_is_not() {
        let (ours, mut theirs) = tokio::io::duplex(16);
        let mut stream = Stalling::new(ours, Duration::from_secs(10));
        let reading = tokio::spawn(async move {
            for _ in 0..10 {
                tokio::task::yield_now().await;
                tokio::io::AsyncReadExt::read_exact(&mut theirs, &mut [0; 16]).await.unwrap();
            }
        });
        stream.write_all(&[0; 160]).await.unwrap();
        reading.await.unwrap();
    }
}
