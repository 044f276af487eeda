//! A proxy between the program and the S3 server: shows what a real server cannot be made to show, and acts between two requests.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use crate::server::Server;

/// What becomes of a request.
#[derive(Clone, Copy)]
pub(crate) enum Act {
    Pass,
    /// It is answered so.
    Answer(u16, &'static str),
    /// It is passed on after a while.
    Late(Duration),
    /// A condition that does not hold is answered as if it had not been looked at.
    Unconditional,
    /// The connection ends in the middle of its body.
    Cut,
}

/// Passes requests on, one a connection, as `decide` says: by the method, the path and how many came before.
pub(crate) fn proxy(decide: impl Fn(&str, &str, usize) -> Act + Send + Sync + 'static) -> (u16, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let target = Server::shared().port;
    let decide = Arc::new(decide);
    let count = Arc::new(AtomicUsize::new(0));
    let seen = Arc::clone(&count);
    thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let (decide, seen) = (Arc::clone(&decide), Arc::clone(&seen));
            thread::spawn(move || {
                let number = seen.fetch_add(1, Ordering::Relaxed);
                let _ = exchange(client, target, |method, path| decide(method, path, number));
            });
        }
    });
    (port, count)
}

fn exchange(mut client: TcpStream, target: u16, decide: impl Fn(&str, &str) -> Act) -> std::io::Result<()> {
    let mut reader = BufReader::new(client.try_clone()?);
    let mut head = Vec::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Ok(());
        }
        if line == "\r\n" {
            break;
        }
        head.push(line);
    }
    let mut words = head[0].split(' ');
    let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let act = decide(method, path);
    let header = |name: &str| {
        let line = head.iter().find(|line| line.to_ascii_lowercase().starts_with(&format!("{name}:")))?;
        Some(line.split_once(':')?.1.trim().to_owned())
    };
    let length: u64 = header("content-length").and_then(|length| length.parse().ok()).unwrap_or_default();
    let mut body = Vec::new();
    if let Act::Cut = act {
        let _ = reader.by_ref().take(length / 2).read_to_end(&mut body);
        return Ok(());
    }
    reader.by_ref().take(length).read_to_end(&mut body)?;
    match act {
        Act::Answer(status, code) => {
            let text = format!("<Error><Code>{code}</Code><Message>as the test asks</Message></Error>");
            let text = if method == "HEAD" { String::new() } else { text };
            let length = text.len();
            write!(client, "HTTP/1.1 {status} X\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{text}")?;
            return Ok(());
        }
        Act::Late(time) => thread::sleep(time),
        Act::Pass | Act::Cut | Act::Unconditional => {}
    }
    head.retain(|line| !line.to_ascii_lowercase().starts_with("connection:"));
    let mut server = TcpStream::connect(("127.0.0.1", target))?;
    server.write_all(head.concat().as_bytes())?;
    server.write_all(b"Connection: close\r\n\r\n")?;
    server.write_all(&body)?;
    let mut answer = Vec::new();
    server.read_to_end(&mut answer)?;
    if matches!(act, Act::Unconditional) && answer.starts_with(b"HTTP/1.1 412") {
        answer = b"HTTP/1.1 200 OK\r\nETag: \"1\"\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".to_vec();
    }
    client.write_all(&answer)
}
