//! The image with the program and git, for the pods of a test: `RUNNABLE_E2E_IMAGE` names one that the cluster has; else
//! one is made of this machine's files, and `RUNNABLE_E2E_IMPORT`, a command, is given its archive.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use assert_fs::TempDir;
use serde_json::json;
use sha2::{Digest as _, Sha256};

use crate::support::PROGRAM;

const NAMED: &str = "RUNNABLE_E2E_IMAGE";
const IMPORT: &str = "RUNNABLE_E2E_IMPORT";
/// What pods of the tests run, beside the program.
const TOOLS: [&str; 13] =
    ["sh", "git", "cat", "ls", "sleep", "true", "false", "test", "env", "touch", "mkdir", "id", "date"];
const GIT_CORE: &str = "/usr/lib/git-core";
const CERTIFICATES: &str = "/etc/ssl/certs/ca-certificates.crt";
const PASSWD: &str = "root:x:0:0:root:/root:/usr/bin/sh\nrunnable:x:65532:65532:runnable:/tmp:/usr/bin/sh\n";

/// The name of the image. Its pods run as root unless they say otherwise.
pub(crate) fn image() -> &'static str {
    static IMAGE: OnceLock<String> = OnceLock::new();
    IMAGE.get_or_init(|| std::env::var(NAMED).unwrap_or_else(|_| imported()))
}

fn imported() -> String {
    let import = std::env::var(IMPORT).unwrap_or_else(|_| {
        panic!("set {NAMED} to an image of the cluster, or {IMPORT} to a command that imports one")
    });
    let directory = TempDir::new().unwrap();
    let name = write(directory.path());
    let mut words = import.split_whitespace();
    let archive = directory.path().join("image.tar");
    let done = Command::new(words.next().unwrap()).args(words).arg(archive).output().unwrap();
    assert!(done.status.success(), "{import}: {done:?}");
    name
}

/// Writes `image.tar`, a docker archive, and gives the image's name.
fn write(directory: &Path) -> String {
    let root = directory.join("root");
    fill(&root);
    tar(&root, &directory.join("layer.tar"), &["."]);
    let digest = hex(&fs::read(directory.join("layer.tar")).unwrap());
    let name = format!("kubectl-runnable:e2e-{}", &digest[..12]);
    let config = json!({
        "architecture": if cfg!(target_arch = "aarch64") { "arm64" } else { "amd64" },
        "os": "linux",
        "config": {"Env": ["PATH=/usr/bin"], "Cmd": ["sh"]},
        "rootfs": {"type": "layers", "diff_ids": [format!("sha256:{digest}")]},
    });
    let manifest = json!([{"Config": "config.json", "RepoTags": [name], "Layers": ["layer.tar"]}]);
    fs::write(directory.join("config.json"), config.to_string()).unwrap();
    fs::write(directory.join("manifest.json"), manifest.to_string()).unwrap();
    tar(directory, &directory.join("image.tar"), &["layer.tar", "config.json", "manifest.json"]);
    name
}

/// The files of the image: the program, git and a few tools, with their libraries.
fn fill(root: &Path) {
    for (path, mode) in [("usr/bin", 0o755), ("etc", 0o755), ("tmp", 0o1777), ("work", 0o777)] {
        fs::create_dir_all(root.join(path)).unwrap();
        fs::set_permissions(root.join(path), fs::Permissions::from_mode(mode)).unwrap();
    }
    symlink("usr/bin", root.join("bin")).unwrap();
    fs::write(root.join("etc/passwd"), PASSWD).unwrap();
    if Path::new(CERTIFICATES).exists() {
        copy(Path::new(CERTIFICATES), root);
    }

    let program = root.join("usr/bin/kubectl-runnable");
    let stripped = Command::new("strip").arg("--strip-debug").arg("-o").arg(&program).arg(PROGRAM).status().unwrap();
    assert!(stripped.success());
    let mut libraries = needs(&program);
    let tools = TOOLS.map(|tool| PathBuf::from("/usr/bin").join(tool));
    // Most of git's commands are links to one file.
    let commands = fs::read_dir(GIT_CORE).unwrap().map(|entry| entry.unwrap().path()).filter(|path| !path.is_dir());
    for path in tools.into_iter().chain(commands) {
        let target = fs::read_link(&path).ok().filter(|_| path.starts_with(GIT_CORE));
        if let Some(target) = target {
            fs::create_dir_all(root.join(relative(Path::new(GIT_CORE)))).unwrap();
            symlink(target, root.join(relative(&path))).unwrap();
        } else {
            copy(&path, root);
            libraries.extend(needs(&path));
        }
    }
    for library in &libraries {
        copy(library, root);
    }
}

/// The libraries of a program, and its loader; none of a script.
fn needs(program: &Path) -> BTreeSet<PathBuf> {
    let output = Command::new("ldd").arg(program).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let words = text.lines().filter_map(|line| line.split_whitespace().find(|word| word.starts_with('/')));
    words.map(PathBuf::from).collect()
}

fn copy(path: &Path, root: &Path) {
    let copy = root.join(relative(path));
    fs::create_dir_all(copy.parent().unwrap()).unwrap();
    fs::copy(path, copy).unwrap();
}

fn relative(path: &Path) -> &Path {
    path.strip_prefix("/").unwrap()
}

/// Packs files of a directory, always to the same bytes.
fn tar(directory: &Path, archive: &Path, names: &[&str]) {
    let same = ["--owner=0", "--group=0", "--numeric-owner", "--sort=name", "--mtime=@0"];
    let status =
        Command::new("tar").arg("-C").arg(directory).args(same).arg("-cf").arg(archive).args(names).status().unwrap();
    assert!(status.success());
}

fn hex(data: &[u8]) -> String {
    let digits = |byte: u8| [byte >> 4, byte & 15].map(|digit| char::from_digit(u32::from(digit), 16).unwrap());
    Sha256::digest(data).iter().flat_map(|&byte| digits(byte)).collect()
}
