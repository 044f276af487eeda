//! `bundle list`.

use serde_json::{Value, json};

use crate::bundle::Component;
use crate::cli::failure::Failure;
use crate::cli::values::formats;
use crate::exit::Exit;
use crate::output::bundle::table;
use crate::output::format::{Format, rendered};
use crate::output::stream::result;

/// List the components with their settings
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  # Components, settings and their defaults
  kubectl runnable bundle list

  # For a script
  kubectl runnable bundle list -o json")]
pub(super) struct Args {
    /// What to print to standard output
    #[arg(short, long, value_name = "FORMAT", value_parser = formats(
        "The components, one per line",
        "An object for each component, with its settings",
        "The table, as without -o",
    ))]
    output: Option<Format>,
}

pub(super) fn run(args: &Args) -> Result<Exit, Failure> {
    match args.output {
        None | Some(Format::Wide) => result(table(&Component::ALL))?,
        Some(Format::Name) => result(Component::ALL.map(|one| one.to_string()).join("\n") + "\n")?,
        Some(format) => result(rendered(format, &Component::ALL.map(document)))?,
    }
    Ok(Exit::Success)
}

fn document(component: Component) -> Value {
    let settings = component.settings().iter();
    let settings: Vec<Value> = settings
        .map(|setting| json!({"name": setting.name, "default": setting.default, "help": setting.help}))
        .collect();
    json!({
        "component": component.name(),
        "purpose": component.purpose(),
        "needsImage": component.needs_image(),
        "settings": settings,
    })
}
