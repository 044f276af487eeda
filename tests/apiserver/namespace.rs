//! The namespace that the other tests of this folder work in.

use crate::kubernetes::namespace::Namespace;
use crate::kubernetes::server::User;

/// A program that was just started reads its kubeconfig while the test asks for the file again.
#[tokio::test]
async fn a_kubeconfig_is_whole_whenever_it_is_read() {
    let namespace = Namespace::new().await;
    let path = namespace.kubeconfig(User::Admin);
    let whole = std::fs::read(&path).unwrap();
    std::thread::scope(|scope| {
        let asking = scope.spawn(|| (0..2_000).for_each(|_| drop(namespace.kubeconfig(User::Admin))));
        while !asking.is_finished() {
            assert_eq!(std::fs::read(&path).unwrap(), whole);
        }
    });
}
