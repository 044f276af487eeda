//! Nodes as the controller compresses them: base64 of gzip, zstd or brotli (`util/file/fileutil.go`, v4.1.2).

use std::io::{Read, Write};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;

/// More than this is no list of nodes but an attack.
const LARGEST: u64 = 512 * 1024 * 1024;

/// What base64 of gzip, zstd or brotli stands for. Brotli alone has no mark of its own.
pub(super) fn decompressed(text: &str) -> Result<Vec<u8>, String> {
    let bytes = STANDARD.decode(text).map_err(|error| error.to_string())?;
    let mut plain = Vec::new();
    let read = match bytes.as_slice() {
        [0x1f, 0x8b, ..] => MultiGzDecoder::new(&*bytes).take(LARGEST).read_to_end(&mut plain),
        [0x28, 0xb5, 0x2f, 0xfd, ..] => {
            let decoder = ruzstd::decoding::StreamingDecoder::new(&*bytes).map_err(|error| error.to_string())?;
            decoder.take(LARGEST).read_to_end(&mut plain)
        }
        _ => brotli_decompressor::Decompressor::new(&*bytes, 4096).take(LARGEST).read_to_end(&mut plain),
    };
    read.map_err(|error| error.to_string())?;
    Ok(plain)
}

/// Base64 of gzip, which every controller reads, whatever it is told to write.
pub(crate) fn compressed(text: &str) -> String {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    // Writing to memory does not fail.
    let _ = encoder.write_all(text.as_bytes());
    STANDARD.encode(encoder.finish().unwrap_or_default())
}
