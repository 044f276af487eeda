//! Certificates and keys of one API server, created at its start.

use std::path::{Path, PathBuf};

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};

/// Writes `tls.crt`, `tls.key` and the service accounts' key pair into `directory`; returns the certificate file of
/// their authority.
pub(crate) fn write(directory: &Path) -> PathBuf {
    let mut authority = CertificateParams::new([]).unwrap();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority_key = KeyPair::generate().unwrap();
    let authority_certificate = authority.self_signed(&authority_key).unwrap();

    let key = KeyPair::generate().unwrap();
    let names = ["127.0.0.1".to_owned(), "localhost".to_owned()];
    let issuer = Issuer::new(authority, authority_key);
    let certificate = CertificateParams::new(names).unwrap().signed_by(&key, &issuer).unwrap();

    let accounts = KeyPair::generate().unwrap();
    for (name, content) in [
        ("ca.crt", authority_certificate.pem()),
        ("tls.crt", certificate.pem()),
        ("tls.key", key.serialize_pem()),
        ("accounts.key", accounts.serialize_pem()),
        ("accounts.pub", accounts.public_key_pem()),
    ] {
        std::fs::write(directory.join(name), content).unwrap();
    }
    directory.join("ca.crt")
}
