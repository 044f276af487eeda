//! The hidden verb of an init container: brings this program, and the certificates of its image, to a directory that the
//! other containers of the pod see.

use std::ffi::OsString;
use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::failure::Failure;
use crate::exit::Exit;
use crate::prepare::MORE_CERTIFICATES;

/// The first word of the command line.
pub(super) use crate::prepare::BRING as VERB;

/// Where images keep the certificates of authorities.
const BUNDLES: [&str; 4] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

/// Copies them to the directory that the words name.
pub(super) fn bring(mut words: impl Iterator<Item = OsString>) -> Result<Exit, Failure> {
    let (Some(directory), None) = (words.next(), words.next()) else {
        return Err(Failure::usage(format!("{VERB} takes a directory")));
    };
    let directory = PathBuf::from(directory);
    let failed = |error: io::Error| {
        Failure::new(Exit::Tool, format!("cannot bring the program to {}: {error}", directory.display()))
    };
    bring_to(&directory).map_err(failed)?;
    Ok(Exit::Success)
}

fn bring_to(directory: &Path) -> io::Result<()> {
    let program = directory.join("kubectl-runnable");
    fs::copy("/proc/self/exe", &program)?;
    // Whoever main runs as may execute it.
    fs::set_permissions(&program, Permissions::from_mode(0o755))?;
    let mut certificates = Vec::new();
    for bundle in BUNDLES {
        match fs::read(bundle) {
            Ok(text) => {
                certificates = text;
                break;
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    if let Some(more) = std::env::var_os(MORE_CERTIFICATES) {
        certificates.push(b'\n');
        certificates.extend_from_slice(more.as_encoded_bytes());
    }
    let path = directory.join("ca.pem");
    fs::write(&path, certificates)?;
    fs::set_permissions(&path, Permissions::from_mode(0o644))
}
