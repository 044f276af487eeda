//! The programs that `tests/programs/build` makes.

use std::path::{Path, PathBuf};
use std::process::Command;

/// Where the program or the programs of `name` are.
///
/// # Panics
///
/// They are missing: `tests/run` builds them.
pub(crate) fn built(name: &str) -> PathBuf {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/programs/build");
    let output = Command::new(&script).args([name, "--where"]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "run tests/programs/build {name} ({})", said.trim());
    PathBuf::from(String::from_utf8(output.stdout).unwrap().trim())
}
