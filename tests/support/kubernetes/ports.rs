//! Ports for servers that get their port as a flag.

use std::net::TcpListener;

use rand::RngExt;

/// Below the kernel's range for outgoing connections: one of these could use the port before the server binds it, or
/// while the server is down.
const RANGE: std::ops::Range<u16> = 20_000..32_000;

/// A TCP port that is currently free.
pub(crate) fn free_port() -> u16 {
    let mut random = rand::rng();
    std::iter::repeat_with(|| random.random_range(RANGE))
        .find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok())
        .unwrap()
}
