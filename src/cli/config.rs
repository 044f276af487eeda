//! `config`: the user's defaults for flags, and where they come from.

use clap::Subcommand;
use serde_json::{Value, json};

use super::failure::Failure;
use super::home;
use super::settings::{Key, Origin, Settings, settings};
use crate::exit::Exit;
use crate::output::settings::{Shown, table};
use crate::output::stream::{result, stdout_width};

/// Show the defaults for flags: from the environment (RUNNABLE_*) and a file
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  # Show which settings hold and where each comes from
  kubectl runnable config view

  # Let runs be local unless a flag says otherwise
  echo 'backend: local' >> \"$(kubectl runnable config path)\"

A flag counts more than the environment, and the environment more than the file. docs/configuration.md describes the settings.")]
pub(super) struct Args {
    #[command(subcommand)]
    pub(super) command: Command,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    View(ViewArgs),
    Path(PathArgs),
}

/// Show all settings: the value of each, and where it comes from
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  # As a table
  kubectl runnable config view

  # For a script
  kubectl runnable config view -o json")]
pub(super) struct ViewArgs {
    /// What to print to standard output
    #[arg(short, long, value_name = "FORMAT")]
    output: Option<Format>,
}

/// Print the path of the file, which need not exist
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  # Edit the file
  $EDITOR \"$(kubectl runnable config path)\"")]
pub(super) struct PathArgs {}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// An object: the file, and for each setting its value and where it comes from.
    Json,
}

pub(super) fn run(args: &Args) -> Result<Exit, Failure> {
    let path = home::config().ok_or_else(|| {
        Failure::new(Exit::Tool, "no place for a file of settings: HOME is not set").hint("set XDG_CONFIG_HOME")
    })?;
    match &args.command {
        Command::Path(_) => result(format_args!("{}\n", path.display()))?,
        Command::View(view) if view.output == Some(Format::Json) => {
            let settings: serde_json::Map<String, Value> =
                Key::ALL.into_iter().map(|key| (key.name().to_owned(), document(settings(), key))).collect();
            let exists = path.exists();
            result(format_args!("{:#}\n", json!({"file": path, "exists": exists, "settings": settings})))?;
        }
        Command::View(_) => result(table(&Key::ALL.map(|key| shown(settings(), key)), stdout_width()))?,
    }
    Ok(Exit::Success)
}

fn shown(settings: &Settings, key: Key) -> Shown {
    let chosen = settings.chosen(key);
    Shown {
        name: key.name(),
        value: chosen.map(|chosen| chosen.text.clone()),
        origin: match chosen.map(|chosen| chosen.origin) {
            Some(Origin::Environment) => key.variable(),
            Some(Origin::File) => "file".to_owned(),
            None => "default".to_owned(),
        },
    }
}

fn document(settings: &Settings, key: Key) -> Value {
    let Shown { value, origin, .. } = shown(settings, key);
    json!({"value": value, "from": origin, "variable": key.variable()})
}
