//! Notes the pid that the server announces at login (`BackendKeyData`) as the
//! bytes go by; tokio-postgres keeps it to itself, and comparing it with
//! `pg_backend_pid()` tells a pooler. Counts them all: silence is looked into (`alive`).

use crate::engine::postgres::alive::Heard;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_postgres::tls::{ChannelBinding, TlsStream};

/// The pid as it was announced; 0 when it was not.
#[derive(Clone, Debug, Default)]
pub struct AnnouncedPid(Arc<AtomicI32>);

impl AnnouncedPid {
    /// The pid, if one was announced.
    pub fn get(&self) -> Option<i32> {
        Some(self.0.load(Ordering::Relaxed)).filter(|pid| *pid != 0)
    }
}

/// A stream that is read over the shoulder until the login is done.
#[derive(Debug)]
pub struct Sniff<S> {
    inner: S,
    pid: AnnouncedPid,
    heard: Heard,
    parser: Option<Parser>,
}

impl<S> Sniff<S> {
    /// Watches `inner`; `negotiated` when a one-byte answer to a TLS request comes first.
    pub fn new(inner: S, pid: AnnouncedPid, negotiated: bool) -> Self {
        Sniff {
            inner,
            pid,
            heard: Heard::default(),
            parser: Some(Parser { skip: u32::from(negotiated), head: [0; 9], filled: 0 }),
        }
    }

    /// Stops watching: what follows is not the protocol in the clear.
    pub fn off(mut self) -> Self {
        self.parser = None;
        self
    }

    /// What is heard, as it is heard.
    pub fn heard(&self) -> Heard {
        self.heard.clone()
    }

    /// The same note to write to.
    pub fn pid(&self) -> AnnouncedPid {
        self.pid.clone()
    }
}

/// Reads messages (PostgreSQL documentation, "Message Formats"): a type byte, a length that
/// counts itself, the body. Only the first four bytes of a `K` body are kept.
#[derive(Debug)]
struct Parser {
    /// Bytes to pass over before the next message begins.
    skip: u32,
    head: [u8; 9],
    filled: usize,
}

enum Seen {
    Pid(i32),
    LoginOver,
}

impl Parser {
    fn feed(&mut self, mut bytes: &[u8]) -> Option<Seen> {
        while !bytes.is_empty() {
            if self.skip > 0 {
                let passed = bytes.len().min(self.skip as usize);
                self.skip -= passed as u32;
                bytes = &bytes[passed..];
                continue;
            }
            self.head[self.filled] = bytes[0];
            self.filled += 1;
            bytes = &bytes[1..];
            let kind = self.head[0];
            let number = |at: usize| {
                i32::from_be_bytes([self.head[at], self.head[at + 1], self.head[at + 2], self.head[at + 3]])
            };
            match (kind, self.filled) {
                (b'K', 9) => return Some(Seen::Pid(number(5))),
                (b'Z', 5) => return Some(Seen::LoginOver),
                (b'K', _) => {}
                (_, 5) => {
                    self.skip = u32::try_from(number(1)).unwrap_or(4).saturating_sub(4);
                    self.filled = 0;
                }
                _ => {}
            }
        }
        None
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Sniff<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let before = buf.filled().len();
        let result = Pin::new(&mut this.inner).poll_read(cx, buf);
        this.heard.add(buf.filled().len() - before);
        if let Some(parser) = &mut this.parser
            && let Some(seen) = parser.feed(&buf.filled()[before..])
        {
            if let Seen::Pid(pid) = seen {
                this.pid.0.store(pid, Ordering::Relaxed);
            }
            this.parser = None;
        }
        result
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Sniff<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

impl<S: TlsStream + Unpin> TlsStream for Sniff<S> {
    fn channel_binding(&self) -> ChannelBinding {
        self.inner.channel_binding()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(kind: u8, body: &[u8]) -> Vec<u8> {
        let mut bytes = vec![kind];
        bytes.extend((body.len() as u32 + 4).to_be_bytes());
        bytes.extend(body);
        bytes
    }

    #[test]
    fn the_pid_is_found_however_the_bytes_are_cut() {
        let mut bytes = vec![b'N'];
        bytes.extend(message(b'R', &[0, 0, 0, 0]));
        bytes.extend(message(b'S', b"server_version\x0015\x00"));
        bytes.extend(message(b'K', &[0, 0, 0x12, 0x34, 9, 9, 9, 9]));
        bytes.extend(message(b'Z', b"I"));
        for piece in [1, 2, 7, bytes.len()] {
            let mut parser = Parser { skip: 1, head: [0; 9], filled: 0 };
            let seen = bytes.chunks(piece).find_map(|part| parser.feed(part));
            assert!(matches!(seen, Some(Seen::Pid(0x1234))), "pieces of {piece}");
        }
    }
}
