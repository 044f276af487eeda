//! Generates names. Only this module uses random numbers.

use jiff::Timestamp;
use rand::RngExt;

use crate::argo::identity::{ALPHABET, CACHE_SUFFIX_LENGTH, CacheName, IdentityError, ObjectName, RunId};

/// A run id from the time and six random characters: `20261121-103000-a1b2c3`.
pub(super) fn run_id(now: Timestamp) -> Result<RunId, IdentityError> {
    format!("{}-{}", now.strftime("%Y%m%d-%H%M%S"), random(ALPHABET, 6)).parse()
}

/// `runnable-` and six random characters.
pub(super) fn cache_name() -> CacheName {
    let alphabet = u8::try_from(ALPHABET.len()).unwrap_or(u8::MAX);
    let mut rng = rand::rng();
    CacheName::generated([0; CACHE_SUFFIX_LENGTH].map(|_: u8| rng.random_range(0..alphabet)))
}

/// Expands a `generateName` as the API server does.
pub(super) fn name(prefix: &str) -> Result<ObjectName, IdentityError> {
    ObjectName::generated(prefix, rand::rng().random())
}

/// A random UUID (version 4).
pub(super) fn uid() -> String {
    let bits = rand::rng().random::<u128>() & !(0xf << 76) & !(0x3 << 62) | 0x4 << 76 | 0x2 << 62;
    let hex = format!("{bits:032x}");
    [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
}

fn random(alphabet: &[u8], length: usize) -> String {
    let mut rng = rand::rng();
    (0..length).map(|_| char::from(alphabet[rng.random_range(0..alphabet.len())])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generated_names_are_legal_and_differ() -> Result<(), IdentityError> {
        let first = run_id(Timestamp::UNIX_EPOCH)?;
        assert!(first.as_str().starts_with("19700101-000000-"), "{first}");
        assert_ne!(first, run_id(Timestamp::UNIX_EPOCH)?);
        assert_ne!(cache_name(), cache_name());
        let name = name(&"n".repeat(100))?;
        assert_eq!(name.as_str().len(), 63);
        Ok(())
    }

    #[test]
    fn a_uid_is_a_uuid_of_version_four() {
        let uid = uid();
        assert_eq!(uid.len(), 36);
        assert_eq!(uid.as_bytes()[14], b'4');
        assert!(matches!(uid.as_bytes()[19], b'8' | b'9' | b'a' | b'b'));
    }
}
