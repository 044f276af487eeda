//! The words that make a container. Pure.

use std::path::{Path, PathBuf};

use super::Choice;
use crate::local::task::{Process, Security};

/// A directory or file of the host at a path of a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Bind {
    pub(super) source: PathBuf,
    pub(super) target: PathBuf,
    pub(super) read_only: bool,
}

/// What is known of a container beside its process.
pub(super) struct Setting<'a> {
    /// The container's name.
    pub(super) name: &'a str,
    /// `LABEL=…`.
    pub(super) label: &'a str,
    /// The file of its variables.
    pub(super) variables: &'a Path,
    pub(super) binds: &'a [Bind],
    /// Where its script is.
    pub(super) script: &'a str,
}

/// The arguments of `create`.
pub(super) fn create(choice: &Choice, process: &Process, of: &Setting<'_>) -> Result<Vec<String>, String> {
    let mut words: Vec<String> =
        ["create", "--network=host", "--name", of.name, "--label", of.label].map(str::to_owned).into();
    words.push(format!("--env-file={}", text(of.variables)?));
    if let Some(directory) = &process.working_directory {
        words.push(format!("--workdir={}", text(directory)?));
    }
    if let Some(user) = &process.user {
        words.push(format!("--user={user}"));
    }
    words.extend(security(&process.security));
    for bind in of.binds {
        words.push(mount(bind)?);
    }
    words.extend(choice.of_containers.iter().cloned());

    let script = process.script.as_ref().map(|_| of.script.to_owned());
    let (first, rest) = process.command.split_first().ok_or("a container without a command")?;
    if !process.stands_for_image {
        words.push(format!("--entrypoint={first}"));
    }
    words.push(process.image.clone());
    words.extend(rest.iter().cloned().chain(script));
    Ok(words)
}

fn security(security: &Security) -> Vec<String> {
    let mut words = Vec::new();
    if security.privileged {
        words.push("--privileged".to_owned());
    }
    words.extend(security.add.iter().map(|right| format!("--cap-add={right}")));
    words.extend(security.drop.iter().map(|right| format!("--cap-drop={right}")));
    if security.no_new_privileges {
        words.push("--security-opt=no-new-privileges".to_owned());
    }
    words
}

fn mount(bind: &Bind) -> Result<String, String> {
    let (source, target) = (text(&bind.source)?, text(&bind.target)?);
    if source.contains(',') || target.contains(',') {
        return Err(format!("a runtime mounts no path with a comma: {source} at {target}"));
    }
    let read_only = if bind.read_only { ",readonly" } else { "" };
    Ok(format!("--mount=type=bind,source={source},target={target}{read_only}"))
}

fn text(path: &Path) -> Result<&str, String> {
    path.to_str().ok_or_else(|| format!("{} is no text", path.display()))
}

#[cfg(test)]
mod tests {
    use super::super::Program;
    use super::*;

    fn process(command: &[&str]) -> Process {
        Process {
            name: "main".to_owned(),
            command: command.iter().map(|&word| word.to_owned()).collect(),
            script: None,
            env: Vec::new(),
            working_directory: Some("/work".into()),
            dependencies: Vec::new(),
            security: Security { drop: vec!["ALL".to_owned()], ..Security::default() },
            image: "busybox".to_owned(),
            user: Some("1000:100".to_owned()),
            stands_for_image: false,
            pull: super::super::Pull::default(),
        }
    }

    fn words(process: &Process) -> String {
        let choice = Choice {
            program: Program::Podman,
            arguments: Vec::new(),
            of_containers: vec!["--ulimit=nofile=10".to_owned()],
        };
        let binds = [Bind { source: "/host/a".into(), target: "/in/a".into(), read_only: true }];
        let of = Setting { name: "n", label: "l=x", variables: Path::new("/v"), binds: &binds, script: "/s" };
        create(&choice, process, &of).map_or_else(|why| why, |words| words.join(" "))
    }

    #[test]
    fn a_container_has_what_its_process_asks_for() {
        assert_eq!(
            words(&process(&["sh", "-c", "true"])),
            "create --network=host --name n --label l=x --env-file=/v --workdir=/work --user=1000:100 --cap-drop=ALL \
             --mount=type=bind,source=/host/a,target=/in/a,readonly --ulimit=nofile=10 --entrypoint=sh busybox -c true"
        );
    }

    #[test]
    fn the_images_own_entrypoint_gets_the_arguments() {
        let of_image = Process { stands_for_image: true, ..process(&["busybox", "arg"]) };
        assert!(words(&of_image).ends_with("--ulimit=nofile=10 busybox arg"));
    }
}
