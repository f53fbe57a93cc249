//! Compression in pieces: plaintext goes in, what the codec has ready comes out.

use crate::error::{Error, Result, code};
use crate::model::desired::{Codec, Compression};
use std::io::Write;
use std::ops::RangeInclusive;

/// The levels that a codec knows; `None` when it has none.
pub fn level_range(codec: Codec) -> Option<RangeInclusive<i32>> {
    match codec {
        Codec::Zstd => Some(1..=22),
        Codec::Gzip => Some(1..=9),
        Codec::Xz => Some(0..=9),
        Codec::Lz4 | Codec::None => None,
    }
}

/// One compressed stream in the making. Equal input, codec and level make
/// equal output, however the input is cut into calls.
pub struct Encoder(Inner);

enum Inner {
    Zstd(zstd::stream::write::Encoder<'static, Vec<u8>>),
    Gzip(flate2::write::GzEncoder<Vec<u8>>),
    Lz4(Box<lz4_flex::frame::FrameEncoder<Vec<u8>>>),
    Xz(liblzma::write::XzEncoder<Vec<u8>>),
    None,
}

impl Encoder {
    /// A new stream of the codec, at the level or the codec's default.
    ///
    /// # Errors
    /// `DBB-CONFIG-VALUE` when the codec has no such level
    pub fn new(compression: Compression) -> Result<Self> {
        let Compression { codec, level } = compression;
        if let (Some(range), Some(level)) = (level_range(codec), level)
            && !range.contains(&level)
        {
            return Err(Error::new(code::CONFIG_VALUE, format!("{codec:?} has no compression level {level}"))
                .fix(format!("Choose a level from {} to {}.", range.start(), range.end())));
        }
        Ok(Encoder(match codec {
            Codec::Zstd => {
                let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), level.unwrap_or(3)).map_err(failed)?;
                encoder.include_checksum(true).map_err(failed)?;
                Inner::Zstd(encoder)
            }
            Codec::Gzip => {
                let level = flate2::Compression::new(level.unwrap_or(6).unsigned_abs());
                Inner::Gzip(flate2::write::GzEncoder::new(Vec::new(), level))
            }
            Codec::Lz4 => {
                let frame = lz4_flex::frame::FrameInfo::new()
                    .block_size(lz4_flex::frame::BlockSize::Max256KB)
                    .content_checksum(true);
                Inner::Lz4(Box::new(lz4_flex::frame::FrameEncoder::with_frame_info(frame, Vec::new())))
            }
            Codec::Xz => {
                // CRC64 as the xz tool does, so that any xz can read and check it
                let level = level.unwrap_or(6).unsigned_abs();
                let stream = liblzma::stream::Stream::new_easy_encoder(level, liblzma::stream::Check::Crc64)
                    .map_err(|error| failed(error.into()))?;
                Inner::Xz(liblzma::write::XzEncoder::new_stream(Vec::new(), stream))
            }
            Codec::None => Inner::None,
        }))
    }

    /// Takes more plaintext; appends to `out` what is ready.
    ///
    /// # Errors
    /// `DBB-BUG` when the codec fails, which writing to memory does not
    pub fn write(&mut self, plain: &[u8], out: &mut Vec<u8>) -> Result<()> {
        match &mut self.0 {
            Inner::Zstd(encoder) => {
                encoder.write_all(plain).map_err(failed)?;
                out.append(encoder.get_mut());
            }
            Inner::Gzip(encoder) => {
                encoder.write_all(plain).map_err(failed)?;
                out.append(encoder.get_mut());
            }
            Inner::Lz4(encoder) => {
                encoder.write_all(plain).map_err(failed)?;
                out.append(encoder.get_mut());
            }
            Inner::Xz(encoder) => {
                encoder.write_all(plain).map_err(failed)?;
                out.append(encoder.get_mut());
            }
            Inner::None => out.extend_from_slice(plain),
        }
        Ok(())
    }

    /// Ends the stream; appends to `out` all that is left.
    ///
    /// # Errors
    /// As `write`.
    pub fn finish(self, out: &mut Vec<u8>) -> Result<()> {
        let mut rest = match self.0 {
            Inner::Zstd(encoder) => encoder.finish().map_err(failed)?,
            Inner::Gzip(encoder) => encoder.finish().map_err(failed)?,
            Inner::Lz4(encoder) => encoder.finish().map_err(|error| failed(std::io::Error::other(error)))?,
            Inner::Xz(encoder) => encoder.finish().map_err(failed)?,
            Inner::None => Vec::new(),
        };
        out.append(&mut rest);
        Ok(())
    }
}

fn failed(error: std::io::Error) -> Error {
    Error::bug("compressing failed").cause(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::decoder;
    use proptest::prelude::*;
    use std::io::Read;

    const CODECS: [Codec; 5] = [Codec::Zstd, Codec::Gzip, Codec::Lz4, Codec::Xz, Codec::None];

    fn pack(codec: Codec, plain: &[u8], piece: usize) -> Vec<u8> {
        let mut encoder = Encoder::new(Compression { codec, level: None }).unwrap();
        let mut out = Vec::new();
        for piece in plain.chunks(piece) {
            encoder.write(piece, &mut out).unwrap();
        }
        encoder.finish(&mut out).unwrap();
        out
    }

    fn unpack(codec: Codec, stored: &[u8], limit: u64) -> std::io::Result<Vec<u8>> {
        let mut plain = Vec::new();
        decoder(codec, stored, limit)?.read_to_end(&mut plain)?;
        Ok(plain)
    }

    fn text(bytes: usize) -> Vec<u8> {
        (0..).flat_map(|n: u32| format!("{n}\tline {}\n", n % 97).into_bytes()).take(bytes).collect()
    }

    #[test]
    fn what_goes_in_comes_out() {
        for codec in CODECS {
            for size in [0, 1, 100_000, 1 << 20] {
                let plain = text(size);
                let stored = pack(codec, &plain, 70_000);
                assert_eq!(unpack(codec, &stored, plain.len() as u64).unwrap(), plain, "{codec:?} {size}");
            }
        }
    }

    #[test]
    fn cut_streams_are_refused() {
        let plain = text(300_000);
        for codec in [Codec::Zstd, Codec::Gzip, Codec::Lz4, Codec::Xz] {
            let stored = pack(codec, &plain, plain.len());
            for keep in [0, 1, stored.len() / 2, stored.len() - 1] {
                let result = unpack(codec, &stored[..keep], plain.len() as u64);
                assert!(result.as_ref().map_or(true, |found| found.len() < plain.len()), "{codec:?} {keep}");
            }
        }
    }

    #[test]
    fn bombs_stop_at_the_limit() {
        let plain = vec![0; 4 << 20];
        for codec in CODECS {
            let stored = pack(codec, &plain, plain.len());
            let error = unpack(codec, &stored, 100_000).unwrap_err();
            assert!(error.to_string().contains("100000"), "{codec:?}: {error}");
        }
    }

    #[test]
    fn unknown_levels_are_refused() {
        let error = Encoder::new(Compression { codec: Codec::Zstd, level: Some(40) }).err().unwrap();
        assert_eq!(error.code(), code::CONFIG_VALUE);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn pieces_do_not_matter(plain in proptest::collection::vec(any::<u8>(), 0..5000), piece in 1usize..5000) {
            for codec in CODECS {
                let stored = pack(codec, &plain, piece);
                prop_assert_eq!(unpack(codec, &stored, plain.len() as u64).unwrap(), plain.clone());
            }
        }
    }
}
