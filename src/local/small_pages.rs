//! Memory in small pages. A huge page costs more than all that a short program does in it: the kernel clears two megabytes for
//! the first byte, and workers and their copies have many memories. The engine alone has twenty megabytes less.

use std::sync::OnceLock;

use crate::platform::{has_small_pages, set_small_pages};

static HUGE_WERE_ALLOWED: OnceLock<bool> = OnceLock::new();

/// From now on this process, and what it starts, has small pages; whether huge ones were allowed before.
pub(crate) fn begin() -> bool {
    *HUGE_WERE_ALLOWED.get_or_init(|| {
        let allowed = !has_small_pages();
        set_small_pages(true);
        allowed
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_allowed_is_told_again() {
        let before = begin();
        assert_eq!(begin(), before);
        assert!(has_small_pages());
    }
}
