//! Checking documents, against `argo lint` where argo is installed.

use std::process::{Command, Stdio};

use assert_fs::TempDir;

use crate::documents::pipeline;
use crate::measure::{medians, program, row, succeed};

/// What checking adds to `submit --dry-run=client` of 200 templates.
pub(crate) fn added() {
    let directory = files(1, 199);
    let submit = |check: &[&str]| {
        let mut submit = program();
        submit
            .args(["submit", "--dry-run=client", "-q", "-o", "name"])
            .args(check)
            .arg(directory.path().join("0.yaml"));
        submit
    };
    let (ours, peer) = medians(|| succeed(&mut submit(&[])), || succeed(&mut submit(&["--no-check"])));
    row("submit of 200 templates, against --no-check", ours, peer);
}

/// One large file.
pub(crate) fn large() {
    against_argo("lint a file of 200 templates, against argo lint", &files(1, 199));
}

/// Many small files.
pub(crate) fn many() {
    against_argo("lint 1,000 files, against argo lint", &files(1_000, 5));
}

fn against_argo(what: &str, directory: &TempDir) {
    let lint = || succeed(program().arg("lint").arg(directory.path()));
    let argo = || {
        let mut argo = Command::new("argo");
        argo.args(["lint", "--offline", "--kinds=workflows"]).arg(directory.path());
        argo.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        argo
    };
    if argo().status().is_ok_and(|status| status.success()) {
        let (ours, peer) = medians(lint, || succeed(&mut argo()));
        row(what, ours, peer);
    } else {
        let (ours, peer) = medians(lint, || succeed(program().arg("--version")));
        row(&format!("{what} (not here: --version)"), ours, peer);
    }
}

/// Files of a workflow with so many templates each.
fn files(count: usize, templates: usize) -> TempDir {
    let directory = TempDir::new().unwrap_or_else(|error| panic!("no directory: {error}"));
    let text = pipeline(templates);
    for number in 0..count {
        let text = text.replace("generateName: bench-", &format!("generateName: bench-{number}-"));
        std::fs::write(directory.path().join(format!("{number}.yaml")), text)
            .unwrap_or_else(|error| panic!("no file: {error}"));
    }
    directory
}
