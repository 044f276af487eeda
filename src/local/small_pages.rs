//! Memory in small pages. A huge page costs more than all that a short program does in it: the kernel clears two megabytes for
//! the first byte, and workers and their copies have many memories. The engine alone has twenty megabytes less.

use std::sync::OnceLock;

use rustix::thread::{disable_transparent_huge_pages, transparent_huge_pages_are_disabled};

static HUGE_WERE_ALLOWED: OnceLock<bool> = OnceLock::new();

/// From now on this process, and what it starts, has small pages; whether huge ones were allowed before.
pub(crate) fn begin() -> bool {
    *HUGE_WERE_ALLOWED.get_or_init(|| {
        let allowed = transparent_huge_pages_are_disabled().is_ok_and(|disabled| !disabled);
        set(true);
        allowed
    })
}

/// Allows huge pages again for a program that is about to begin in this process, or not any more.
pub(crate) fn set(small: bool) {
    // A kernel that does not know them has small ones.
    let _ = disable_transparent_huge_pages(small);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_allowed_is_told_again() {
        let before = begin();
        assert_eq!(begin(), before);
        assert!(transparent_huge_pages_are_disabled().is_ok_and(|disabled| disabled));
    }
}
