//! What a proxy makes of requests: refused, late, cut, without conditions.

use std::net::TcpListener;
use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::proxy::{Act, proxy};
use crate::rig::Rig;
use crate::server::{SECRET, Server};

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
fn doctor_asks_the_store_of_the_settings_for_conditional_writes() {
    let doctor = |port: u16| {
        let rig = Rig::s3(port);
        let mut command = rig.environment.command(["doctor", "--local"]);
        let done = rig.environment.finish(command.env("RUNNABLE_STORE", &rig.url));
        assert!(!done.stdout.contains(SECRET), "{done}");
        assert!(!rig.files.join("blobs").exists() || rig.files.join("blobs").read_dir().unwrap().count() == 0);
        done.stdout
    };
    let whole = doctor(Server::shared().port);
    assert!(whole.contains("can be read and written, and knows conditional writes"), "{whole}");
    let deaf = doctor(proxy(|_, _, _| Act::Unconditional).0);
    assert!(deaf.contains("ignores the conditions") && deaf.contains("--no-lease"), "{deaf}");
    let reader = proxy(|method, _, _| if method == "PUT" { Act::Answer(403, "AccessDenied") } else { Act::Pass }).0;
    let reader = doctor(reader);
    assert!(reader.contains("can be read: ") && reader.contains("AccessDenied"), "{reader}");
    let silent = doctor(proxy(|_, _, _| Act::Answer(403, "AccessDenied")).0);
    assert!(silent.contains("s3:ListBucket"), "{silent}");
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
