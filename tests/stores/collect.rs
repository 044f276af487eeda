//! A prune beside those who make entries of old contents: no entry loses one, at whatever request the other comes between.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::proxy::{Act, proxy};
use crate::rig::{Kind, Rig};
use crate::support::process::Running;

const CONTENT: &str = "echo x >>ran; echo content >out";

/// A bucket with an entry, and with an old blob that no entry names.
fn with_an_old_blob() -> Arc<Rig> {
    let rig = Rig::new(Kind::S3);
    let _ = rig.exec(&["--key", "other", "--output", "o=out"], "echo other >out").exits(0);
    let _ = rig.exec(&["--key", "gone", "--output", "o=out"], CONTENT).exits(0);
    let _ = rig.run(["cache", "delete", "exec", "--key", "gone", "--yes", "--store", &rig.url]).exits(0);
    rig.age_blobs();
    Arc::new(rig)
}

fn prune(rig: &Rig) -> crate::support::output::Output {
    rig.run(["cache", "prune", "exec", "--keep", "9", "--yes", "--store", &rig.url])
}

/// Prunes while an entry of the old content is made before the first request of this method for a blob.
fn an_entry_is_made_at(method: &'static str) -> Arc<Rig> {
    let rig = with_an_old_blob();
    let (beside, came) = (Arc::clone(&rig), AtomicBool::new(false));
    let (port, _) = proxy(move |asked, path, _| {
        if asked == method && path.contains("/blobs/b3/") && !came.swap(true, Ordering::SeqCst) {
            let _ = beside.exec(&["--key", "new", "--output", "o=out"], CONTENT).exits(0);
        }
        Act::Pass
    });
    let _ = prune(&rig.through(port)).exits(0);
    assert_eq!(rig.runs(), 2);
    rig.assert_whole();
    rig
}

#[test]
fn an_old_blob_that_is_stored_again_while_a_prune_looks_stays() {
    let rig = an_entry_is_made_at("HEAD");
    let _ = rig.exec(&["--key", "new", "--output", "o=out"], CONTENT).exits(0).says("cached");
}

#[test]
fn an_entry_that_comes_while_its_blob_is_removed_goes_too() {
    let rig = an_entry_is_made_at("DELETE");
    let _ = rig.exec(&["--key", "new", "--output", "o=out"], CONTENT).exits(0);
    let _ = rig.exec(&["--key", "new", "--output", "o=out"], CONTENT).exits(0).says("cached");
    assert_eq!(rig.runs(), 3);
    rig.assert_whole();
}

#[test]
fn an_entry_whose_blob_goes_before_its_manifest_comes_is_taken_back() {
    let rig = Arc::new(Rig::new(Kind::S3));
    let beside = Arc::clone(&rig);
    let (port, _) = proxy(move |method, path, _| {
        if method == "PUT" && path.contains("/manifest.json") {
            for blob in beside.blobs() {
                fs::remove_file(blob).unwrap();
            }
        }
        Act::Pass
    });
    let other = rig.through(port);
    let _ = other.exec(&["--key", "k", "--output", "o=out"], CONTENT).exits(0).says("leaves no cache entry");
    rig.assert_whole();
    assert!(!rig.entry("k").join("manifest.json").exists());
}

#[test]
fn prunes_and_makers_at_once_leave_no_entry_without_its_content() {
    let rig = Arc::new(Rig::new(Kind::S3));
    let _ = rig.exec(&["--key", "first", "--output", "o=out"], "echo 0 >out").exits(0);
    let until = Instant::now() + Duration::from_secs(15);
    let prunes = [(); 2].map(|()| {
        let rig = Arc::clone(&rig);
        std::thread::spawn(move || {
            while Instant::now() < until {
                rig.age_blobs();
                let _ = rig.run(["cache", "prune", "exec", "--keep", "2", "--yes", "--store", &rig.url]).exits(0);
            }
        })
    });
    // A few contents, again and again under other keys.
    let makers = [0, 1].map(|maker| {
        let rig = Arc::clone(&rig);
        std::thread::spawn(move || {
            for round in 0.. {
                if Instant::now() >= until {
                    break;
                }
                let (key, file) = (format!("m{maker}-{}", round % 5), format!("out{maker}"));
                let script = format!("echo {} >{file}", round % 3);
                let _ = rig.exec(&["--key", &key, "--output", &format!("o={file}")], &script).exits(0);
            }
        })
    });
    for thread in makers.into_iter().chain(prunes) {
        thread.join().unwrap();
    }
    rig.assert_whole();
}

#[test]
fn a_prune_that_is_killed_at_any_instant_leaves_whole_entries() {
    let rig = Rig::new(Kind::S3);
    let script = |number: usize| format!("echo {number} >out; echo more {number} >more");
    let make = |number: usize| {
        let key = format!("k{number}");
        rig.exec(&["--key", &key, "--output", "o=out", "--output", "m=more"], &script(number)).exits(0)
    };
    for round in 0..6_u32 {
        for number in 0..6 {
            let _ = make(number);
        }
        rig.age_blobs();
        let words = ["cache", "prune", "exec", "--keep", "2", "--yes", "--store", &rig.url];
        let mut running = Running::start(rig.environment.command(words), rig.environment.directory());
        std::thread::sleep(Duration::from_millis(60) * round);
        running.dies();
        rig.assert_whole();
    }
    let _ = rig.run(["cache", "prune", "exec", "--keep", "2", "--yes", "--store", &rig.url]).exits(0);
    rig.assert_whole();
    for number in 0..6 {
        let _ = make(number);
    }
    rig.assert_whole();
}
