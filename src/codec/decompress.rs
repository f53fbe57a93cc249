//! Decompression within a limit: a stream that holds more than it should is refused.

use crate::model::desired::Codec;
use std::io::{self, Read};

/// Reads the plaintext of `stored`, at most `plain_bytes_max` bytes of it. Blocks as `stored` does.
///
/// # Errors
/// When the codec cannot be set up; reading fails when the stream is broken
/// (`UnexpectedEof`, `InvalidData` and such) or holds more than the limit (`InvalidData`).
pub fn decoder<'a>(
    codec: Codec,
    stored: impl Read + Send + 'a,
    plain_bytes_max: u64,
) -> io::Result<Box<dyn Read + Send + 'a>> {
    let limit = |reader| Limited { reader, left: plain_bytes_max, max: plain_bytes_max };
    Ok(match codec {
        Codec::Zstd => {
            let mut decoder = zstd::stream::read::Decoder::new(stored)?;
            // the highest levels use windows of 128 MiB; anything beyond is not ours
            decoder.window_log_max(27)?;
            Box::new(limit(Box::new(decoder) as Box<dyn Read + Send + 'a>))
        }
        Codec::Gzip => Box::new(limit(Box::new(flate2::read::MultiGzDecoder::new(stored)))),
        Codec::Lz4 => Box::new(limit(Box::new(lz4_flex::frame::FrameDecoder::new(stored)))),
        Codec::Xz => {
            // 128 MiB covers the dictionary of level 9; a header that asks for more is not ours
            let stream = liblzma::stream::Stream::new_stream_decoder(128 << 20, liblzma::stream::CONCATENATED)
                .map_err(io::Error::from)?;
            Box::new(limit(Box::new(liblzma::read::XzDecoder::new_stream(stored, stream))))
        }
        Codec::None => Box::new(limit(Box::new(stored))),
    })
}

struct Limited<'a> {
    reader: Box<dyn Read + Send + 'a>,
    left: u64,
    max: u64,
}

impl Read for Limited<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        if self.left == 0 {
            // one byte more tells the end of the stream from a stream that goes on
            let mut beyond = [0u8; 1];
            return match self.reader.read(&mut beyond)? {
                0 => Ok(0),
                _ => Err(io::Error::new(
                    io::ErrorKind::InvalidData,
                    format!("it unpacks to more than the {} bytes it should hold", self.max),
                )),
            };
        }
        let wanted = buffer.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
        let read = self.reader.read(&mut buffer[..wanted])?;
        self.left -= read as u64;
        Ok(read)
    }
}
