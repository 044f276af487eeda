//! An environment with a store of one kind.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;

use serde_json::Value;

use crate::server::{ACCESS, REGION, SECRET, Server};
use crate::support::environment::Environment;
use crate::support::output::Output;

/// The kinds of stores.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Directory,
    S3,
}

/// An environment, and a store that only its test uses.
pub(crate) struct Rig {
    pub(crate) environment: Environment,
    /// `--store`.
    pub(crate) url: String,
    /// Where the store's files are on this machine.
    pub(crate) files: PathBuf,
}

impl Rig {
    pub(crate) fn new(kind: Kind) -> Self {
        match kind {
            Kind::Directory => {
                let environment = Environment::new();
                let files = environment.path("store");
                Self { url: files.to_str().unwrap().to_owned(), environment, files }
            }
            Kind::S3 => Self::s3(Server::shared().port),
        }
    }

    /// A bucket that is reached at a port of this machine.
    pub(crate) fn s3(port: u16) -> Self {
        let (bucket, files) = Server::shared().bucket();
        let environment = Environment::new()
            .variable("AWS_ACCESS_KEY_ID", ACCESS)
            .variable("AWS_SECRET_ACCESS_KEY", SECRET)
            .variable("RUNNABLE_STORE_ENDPOINT", format!("http://127.0.0.1:{port}"))
            .variable("RUNNABLE_STORE_REGION", REGION);
        Self { environment, url: format!("s3://{bucket}/team/ci"), files: files.join("team/ci") }
    }

    /// The same store, from another machine with a fresh home.
    pub(crate) fn elsewhere(&self) -> Self {
        self.through(Server::shared().port)
    }

    /// The same, which reaches the store at another port of this machine.
    pub(crate) fn through(&self, port: u16) -> Self {
        let environment = Environment::new()
            .variable("AWS_ACCESS_KEY_ID", ACCESS)
            .variable("AWS_SECRET_ACCESS_KEY", SECRET)
            .variable("RUNNABLE_STORE_ENDPOINT", format!("http://127.0.0.1:{port}"))
            .variable("RUNNABLE_STORE_REGION", REGION);
        Self { environment, url: self.url.clone(), files: self.files.clone() }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.environment.path(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    /// `exec --store URL ARGUMENTS -- sh -c SCRIPT`.
    pub(crate) fn command(&self, arguments: &[&str], script: &str) -> Command {
        let fixed = ["exec", "--store", &self.url];
        let command = ["--", "sh", "-c", script];
        self.environment.command(fixed.iter().chain(arguments).chain(&command))
    }

    pub(crate) fn exec(&self, arguments: &[&str], script: &str) -> Output {
        self.environment.finish(&mut self.command(arguments, script))
    }

    pub(crate) fn run(&self, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Output {
        self.environment.run(arguments)
    }

    /// How often a script that appends to the file `ran` has run.
    pub(crate) fn runs(&self) -> usize {
        fs::read_to_string(self.path("ran")).map(|text| text.lines().count()).unwrap_or_default()
    }

    /// The directory of an entry of the cache `exec`, as the store's machine has it.
    pub(crate) fn entry(&self, key: &str) -> PathBuf {
        self.files.join("cache/exec").join(key)
    }

    pub(crate) fn manifest(&self, key: &str) -> Value {
        serde_json::from_slice(&fs::read(self.entry(key).join("manifest.json")).unwrap()).unwrap()
    }

    /// Makes all blobs older than a day: nobody waits so long.
    pub(crate) fn age_blobs(&self) {
        let past = SystemTime::from(jiff::Timestamp::now() - jiff::SignedDuration::from_hours(30));
        for blob in self.blobs() {
            // A prune may have removed it.
            let _ = fs::File::options().write(true).open(blob).map(|file| file.set_modified(past).unwrap());
        }
    }

    /// The files of all blobs.
    pub(crate) fn blobs(&self) -> Vec<PathBuf> {
        files(&self.files.join("blobs/b3"))
    }

    /// Checks that each manifest of the store has all of its blobs, of the size that it says.
    #[track_caller]
    pub(crate) fn assert_whole(&self) {
        for path in files(&self.files.join("cache")) {
            if !path.ends_with("manifest.json") {
                continue;
            }
            // One that a prune removes meanwhile is none.
            let Ok(text) = fs::read(&path) else { continue };
            let manifest: Value = serde_json::from_slice(&text).unwrap();
            for artifact in manifest["artifacts"].as_array().unwrap() {
                let Some(digest) = artifact["blob"]["digest"].as_str() else { continue };
                let hex = digest.strip_prefix("b3:").unwrap();
                let blob = self.files.join("blobs/b3").join(&hex[..2]).join(&hex[2..]);
                let size = blob.metadata().map(|found| found.len()).ok();
                assert_eq!(size, artifact["blob"]["size"].as_u64(), "{} of {}", blob.display(), path.display());
            }
        }
    }
}

fn files(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten().map(|entry| entry.path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}
