//! A proxy between `exec` and the S3 server shows what a real server cannot be made to show.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use crate::rig::Rig;
use crate::server::{SECRET, Server};

/// What becomes of a request.
#[derive(Clone, Copy)]
enum Act {
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
fn proxy(decide: impl Fn(&str, &str, usize) -> Act + Send + Sync + 'static) -> (u16, Arc<AtomicUsize>) {
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

fn is_manifest(path: &str) -> bool {
    path.contains("/manifest.json")
}

const SCRIPT: &str = "echo x >>ran; echo content >out; echo made";
const ARGUMENTS: [&str; 4] = ["--key", "k", "--output", "o=out"];

#[test]
fn an_error_before_the_command_ends_it_and_nothing_runs() {
    for (status, code, said) in [
        (403, "AccessDenied", "s3:ListBucket"),
        (500, "InternalError", "the server answered 500"),
        (503, "SlowDown", "SlowDown"),
    ] {
        let (port, requests) = proxy(move |_, _, _| Act::Answer(status, code));
        let rig = Rig::s3(port);
        let output = rig.exec(&ARGUMENTS, SCRIPT);
        assert!(!output.stderr.contains(SECRET), "{output}");
        output.fails(125, &["error: the cache cannot be used", said]);
        assert_eq!(rig.runs(), 0);
        let tries = requests.load(Ordering::Relaxed);
        assert!(if status == 403 { tries == 1 } else { (2..10).contains(&tries) }, "{status}: {tries}");
        let uncached = rig.exec(&[&ARGUMENTS[..], &["--on-store-error", "run"]].concat(), SCRIPT);
        let _ = uncached.prints(0, "made\n").says("the command runs without the cache");
        assert_eq!(rig.runs(), 1);
    }
}

#[test]
fn a_server_that_is_away_or_knows_other_keys_ends_it() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let rig = Rig::s3(free);
    rig.exec(&ARGUMENTS, SCRIPT).fails(125, &["error: the cache cannot be used", "refused"]);
    let rig = Rig::s3(Server::shared().port);
    let mut command = rig.command(&ARGUMENTS, SCRIPT);
    command.env("AWS_SECRET_ACCESS_KEY", "wrong-secret-text");
    let output = rig.environment.finish(&mut command);
    assert!(!output.stderr.contains("wrong-secret-text") && !output.stderr.contains("testaccess"), "{output}");
    output.fails(125, &["SignatureDoesNotMatch"]);
    assert_eq!(rig.runs(), 0);
}

#[test]
fn an_error_after_the_command_costs_the_entry_alone() {
    let (port, _) = proxy(|method, path, _| match method {
        "PUT" if is_manifest(path) => Act::Answer(403, "AccessDenied"),
        _ => Act::Pass,
    });
    let rig = Rig::s3(port);
    let _ = rig.exec(&ARGUMENTS, SCRIPT).prints(0, "made\n").says("warning: the command leaves no cache entry");
    assert!(!rig.entry("k").join("manifest.json").exists());
    rig.assert_whole();
}

#[test]
fn what_a_server_cannot_do_for_a_moment_is_repeated() {
    let (port, _) = proxy(|_, _, number| match number % 3 {
        0 => Act::Answer(503, "SlowDown"),
        1 => Act::Late(Duration::from_millis(200)),
        _ => Act::Pass,
    });
    let rig = Rig::s3(port);
    let _ = rig.exec(&ARGUMENTS, SCRIPT).prints(0, "made\n");
    let _ = rig.exec(&ARGUMENTS, SCRIPT).prints(0, "made\n").says("cached");
    assert_eq!(rig.runs(), 1);
}

#[test]
fn uploads_that_are_cut_leave_no_entry_or_a_whole_one() {
    for every in [2, 3, 5] {
        let (port, _) = proxy(move |method, path, number| match method {
            "PUT" if path.contains("/blobs/") && number % every == 0 => Act::Cut,
            _ => Act::Pass,
        });
        let rig = Rig::s3(port);
        let script = "echo x >>ran; head -c 30000000 /dev/urandom >out; echo made";
        let _ = rig.exec(&ARGUMENTS, script).prints(0, "made\n");
        rig.assert_whole();
    }
}

#[test]
fn a_store_without_conditional_writes_is_refused_unless_the_user_takes_it() {
    let deaf = |_: &str, _: &str, _| Act::Unconditional;
    let unable = |method: &str, _: &str, _| match method {
        "PUT" => Act::Answer(501, "NotImplemented"),
        _ => Act::Pass,
    };
    let (port, _) = proxy(deaf);
    let rig = Rig::s3(port);
    rig.exec(&ARGUMENTS, SCRIPT).fails(125, &["ignores the conditions", "--no-lease"]);
    assert_eq!(rig.runs(), 0);
    let _ = rig.exec(&[&ARGUMENTS[..], &["--no-lease"]].concat(), SCRIPT).prints(0, "made\n");
    let _ = rig.exec(&[&ARGUMENTS[..], &["--no-lease"]].concat(), SCRIPT).prints(0, "made\n").says("cached");
    assert_eq!(rig.runs(), 1);
    let (port, _) = proxy(unable);
    Rig::s3(port).exec(&ARGUMENTS, SCRIPT).fails(125, &["501 NotImplemented", "--no-lease"]);
}

#[test]
fn a_hit_of_a_megabyte_takes_three_requests() {
    let (port, requests) = proxy(|_, _, _| Act::Pass);
    let rig = Rig::s3(port);
    let script = "head -c 1000000 /dev/urandom >out";
    let _ = rig.exec(&ARGUMENTS, script).exits(0);
    let before = requests.load(Ordering::Relaxed);
    let _ = rig.exec(&ARGUMENTS, script).exits(0).says("cached");
    let made = requests.load(Ordering::Relaxed) - before;
    assert!(made <= 3, "{made}");
}
