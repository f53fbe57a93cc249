//! Tells a server that works from one that is gone without a word: a network that swallows packets, a
//! machine that froze. A statement may rightly take hours in silence, so silence alone says nothing; but then
//! the server still answers somebody who knocks.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Bytes heard so far on a session.
#[derive(Clone, Debug, Default)]
pub struct Heard(Arc<AtomicU64>);

impl Heard {
    /// Notes more bytes.
    pub fn add(&self, bytes: usize) {
        self.0.fetch_add(bytes as u64, Ordering::Relaxed);
    }
}

/// Knocks without an answer, one after the other, after which the server counts as gone.
const KNOCKS_MAX: u32 = 3;
/// Time between two looks, in times the wait for a connection.
const LOOK_EVERY_WAITS: u32 = 3;

/// The GSSENCRequest (PostgreSQL documentation, "Message Formats"): answered with one byte before any login,
/// and a server logs nothing when the asker then goes away.
const KNOCK: [u8; 8] = [0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x30];

/// Ends when nothing more is heard and nobody opens any more. `wait` is the time to open a connection.
pub async fn until_gone(address: SocketAddr, heard: Heard, wait: Duration) {
    let mut before = heard.0.load(Ordering::Relaxed);
    let mut unanswered = 0;
    while unanswered < KNOCKS_MAX {
        tokio::time::sleep(wait * LOOK_EVERY_WAITS).await;
        let now = heard.0.load(Ordering::Relaxed);
        let alive = now != before || matches!(timeout(wait, knock(address)).await, Ok(Ok(())));
        unanswered = if alive { 0 } else { unanswered + 1 };
        before = now;
    }
    tracing::warn!(%address, "the server answers nobody any more: the session is given up");
}

async fn knock(address: SocketAddr) -> std::io::Result<()> {
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(&KNOCK).await?;
    stream.read_u8().await.map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::net::TcpListener;

    const WAIT: Duration = Duration::from_millis(1);

    #[tokio::test]
    async fn a_server_that_swallows_everything_is_gone() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        until_gone(listener.local_addr().unwrap(), Heard::default(), WAIT).await;
    }

    #[tokio::test]
    async fn a_server_that_answers_is_not() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = async {
            for _ in 0..2 * KNOCKS_MAX {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut asked = [0; 8];
                stream.read_exact(&mut asked).await.unwrap();
                assert_eq!(asked, KNOCK);
                stream.write_all(b"N").await.unwrap();
            }
        };
        tokio::select! {
            () = until_gone(address, Heard::default(), Duration::from_secs(1) / 20) => panic!("taken for gone"),
            () = server => {}
        }
    }
}
