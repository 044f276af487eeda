//! Encodings and sums.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha512};

use crate::argo::expression::arguments::Arguments;
use crate::argo::expression::operators::Outcome;

/// The functions of this family.
pub(super) const NAMES: &[&str] =
    &["b64enc", "b64dec", "b32enc", "b32dec", "sha1sum", "sha256sum", "sha512sum", "adler32sum"];

/// Calls a function of [`NAMES`].
pub(super) fn call(name: &str, arguments: Arguments) -> Outcome {
    arguments.count(1, 1)?;
    let text = arguments.text(0)?;
    Ok(match name {
        "b64enc" => STANDARD.encode(text),
        // sprig yields the text of the error in place of what cannot be decoded.
        "b64dec" => decoded(STANDARD.decode(text).ok(), "illegal base64 data at input byte 0"),
        "b32enc" => base32(text.as_bytes()),
        "b32dec" => decoded(from_base32(text), "illegal base32 data at input byte 0"),
        "sha1sum" => hex(&Sha1::digest(text)),
        "sha256sum" => hex(&Sha256::digest(text)),
        "sha512sum" => hex(&Sha512::digest(text)),
        _ => adler32(text.as_bytes()).to_string(),
    }
    .into())
}

fn decoded(bytes: Option<Vec<u8>>, otherwise: &str) -> String {
    match bytes {
        Some(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        None => otherwise.to_owned(),
    }
}

fn hex(bytes: &[u8]) -> String {
    let digit = |value: u8| b"0123456789abcdef"[usize::from(value)];
    let mut digits = vec![0; 2 * bytes.len()];
    for (pair, byte) in digits.chunks_exact_mut(2).zip(bytes) {
        pair.copy_from_slice(&[digit(byte >> 4), digit(byte & 0xf)]);
    }
    String::from_utf8(digits).unwrap_or_default()
}

fn adler32(bytes: &[u8]) -> u32 {
    const MODULUS: u32 = 65_521;
    let (low, high) = bytes.iter().fold((1, 0), |(low, high), byte| {
        let low = (low + u32::from(*byte)) % MODULUS;
        (low, (high + low) % MODULUS)
    });
    high << 16 | low
}

const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

fn base32(bytes: &[u8]) -> String {
    let mut text = String::new();
    for chunk in bytes.chunks(5) {
        let mut group = [0_u8; 8];
        group[3..3 + chunk.len()].copy_from_slice(chunk);
        let bits = u64::from_be_bytes(group);
        let written = (chunk.len() * 8).div_ceil(5);
        for index in 0..8 {
            let digit = usize::try_from(bits >> (35 - 5 * index) & 31).unwrap_or(0);
            text.push(if index < written { char::from(BASE32[digit]) } else { '=' });
        }
    }
    text
}

fn from_base32(text: &str) -> Option<Vec<u8>> {
    let digits = text.trim_end_matches('=');
    let padding = text.len() - digits.len();
    if !text.len().is_multiple_of(8) || !matches!(padding, 0 | 1 | 3 | 4 | 6) {
        return None;
    }
    let (mut bytes, mut bits, mut count) = (Vec::new(), 0_u32, 0);
    for digit in digits.bytes() {
        let value = BASE32.iter().position(|known| *known == digit)?;
        bits = bits << 5 | u32::try_from(value).ok()?;
        count += 5;
        if count >= 8 {
            count -= 8;
            bytes.push(u8::try_from(bits >> count & 255).ok()?);
        }
    }
    Some(bytes)
}
