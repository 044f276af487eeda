//! Where a shell looks for its completions, and writing them there.

use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use clap_complete::Shell;

use super::{KUBECTL_COMPLETE, PROGRAM};
use crate::cli::failure::Failure;
use crate::cli::home;
use crate::exit::Exit;

/// Where the script of a shell belongs.
pub(super) struct Place {
    pub(super) path: PathBuf,
    /// What is left for the user to do.
    pub(super) notes: Option<String>,
}

impl Place {
    pub(super) fn of(shell: Shell) -> Result<Self, Failure> {
        let data = || home::base("XDG_DATA_HOME", ".local/share").ok_or_else(no_home);
        let config = || home::base("XDG_CONFIG_HOME", ".config").ok_or_else(no_home);
        Ok(match shell {
            Shell::Zsh => {
                let directory = data()?.join("zsh/site-functions");
                let line = format!("fpath=({} $fpath)", directory.display());
                Self {
                    path: directory.join(format!("_{PROGRAM}")),
                    notes: Some(format!("zsh finds it if ~/.zshrc says before compinit: {line}")),
                }
            }
            Shell::Fish => {
                Self { path: config()?.join("fish/completions").join(format!("{PROGRAM}.fish")), notes: None }
            }
            Shell::Elvish => Self {
                path: config()?.join("elvish/lib").join(format!("{PROGRAM}.elv")),
                notes: Some(format!("elvish reads it if rc.elv says: use {PROGRAM}")),
            },
            Shell::PowerShell => {
                let path = config()?.join("powershell").join(format!("{PROGRAM}.ps1"));
                let notes = format!("PowerShell reads it if your $PROFILE says: . {}", path.display());
                Self { path, notes: Some(notes) }
            }
            _ => {
                // As bash-completion's __load_completion looks for them.
                let directory = home::set("BASH_COMPLETION_USER_DIR")
                    .map_or_else(|| data().map(|data| data.join("bash-completion")), Ok)?;
                Self {
                    path: directory.join("completions").join(PROGRAM),
                    notes: Some("bash reads it if the package bash-completion is installed".to_owned()),
                }
            }
        })
    }
}

fn no_home() -> Failure {
    Failure::new(Exit::Tool, "no directory for completions: HOME is not set").hint("print the script without --install")
}

/// The shell that the user has.
pub(super) fn shell_of_user() -> Result<Shell, Failure> {
    let shell = home::set("SHELL").unwrap_or_default();
    let name = shell.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let name = if name == "pwsh" { "powershell" } else { name };
    <Shell as ValueEnum>::from_str(name, false).map_err(|_| {
        let shells: Vec<String> = Shell::value_variants().iter().map(ToString::to_string).collect();
        Failure::usage(format!("no completion for the shell {:?} of SHELL", shell.display().to_string()))
            .hint(format!("name one of {}", shells.join(", ")))
    })
}

/// Where `kubectl_complete-runnable` goes: beside this program, else where a user has programs.
pub(super) fn beside_program() -> Result<PathBuf, Failure> {
    let program = std::env::current_exe().map_err(anyhow::Error::from)?;
    let beside = program.parent().filter(|directory| tempfile::tempfile_in(directory).is_ok());
    let directory = match beside {
        Some(directory) => directory.to_owned(),
        None => home::of_user().ok_or_else(no_home)?.join(".local/bin"),
    };
    Ok(directory.join(KUBECTL_COMPLETE))
}

/// What keeps kubectl from finding the program.
pub(super) fn note_of_path(program: &Path) -> Option<String> {
    let directory = program.parent()?;
    let path = std::env::var_os("PATH").unwrap_or_default();
    let is_on_path = std::env::split_paths(&path).any(|place| place == directory);
    (!is_on_path).then(|| format!("kubectl finds it only if {} is on the PATH", directory.display()))
}

/// What a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    Script,
    Program,
}

/// Replaces the file in one step: a shell may read it at any time.
pub(super) fn write(path: &Path, text: &str, mode: Mode) -> Result<(), Failure> {
    let directory = path.parent().unwrap_or(Path::new("/"));
    let bits = if mode == Mode::Program { 0o755 } else { 0o644 };
    let written = std::fs::create_dir_all(directory).and_then(|()| {
        let mut file =
            tempfile::Builder::new().permissions(std::fs::Permissions::from_mode(bits)).tempfile_in(directory)?;
        file.write_all(text.as_bytes())?;
        file.persist(path).map_err(|error| error.error)
    });
    written.map(drop).map_err(|error| Failure::new(Exit::Tool, format!("cannot write {}: {error}", path.display())))
}
