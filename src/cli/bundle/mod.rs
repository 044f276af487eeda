//! `bundle`: what a team installs into a namespace, so that workflows with worktrees and semaphores run there.

mod bake;
mod diff;
mod install;
mod list;
mod show;
mod uninstall;

use std::str::FromStr;

use clap::Subcommand;
use serde_json::Value;

use super::failure::Failure;
use super::isolation::{image, image_or_release};
use crate::argo::Metadata;
use crate::bundle::{Component, OWNED, Values, objects};
use crate::exit::Exit;

/// Install what workflows need in a namespace: rights, limits, templates, schedules
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  # What there is, with its settings
  kubectl runnable bundle list

  # From an empty namespace to a running flow
  kubectl runnable bundle install semaphores rbac coderun -n ci --image registry.example.org/runnable:v1
  kubectl runnable submit --from workflowtemplate/coderun-template -n ci -p owner=exampleorg -p repo=sample --wait

  # An account that may submit and wait, and nothing else
  kubectl runnable bundle install rbac -n ci --verbs submit,wait

  # The same for GitOps
  kubectl runnable bundle show semaphores rbac coderun -n ci --image registry.example.org/runnable:v1 > bundle.yaml")]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    List(list::Args),
    Show(show::Args),
    Install(install::Args),
    Diff(diff::Args),
    Uninstall(uninstall::Args),
    Bake(Box<bake::Args>),
}

pub(super) fn run(args: &Args) -> Result<Exit, Failure> {
    match &args.command {
        Command::List(args) => list::run(args),
        Command::Show(args) => show::run(args),
        Command::Install(args) => install::run(args),
        Command::Diff(args) => diff::run(args),
        Command::Uninstall(args) => uninstall::run(args),
        Command::Bake(args) => bake::run(args),
    }
}

/// Whether this program has installed an object.
fn is_ours(live: &Value) -> bool {
    Metadata::of(live).label(OWNED.0) == Some(OWNED.1)
}

/// `--set NAME=VALUE`.
#[derive(Debug, Clone)]
struct SettingPair(String, String);

impl FromStr for SettingPair {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        let (name, value) = text.split_once('=').ok_or("expected NAME=VALUE")?;
        Ok(Self(name.to_owned(), value.to_owned()))
    }
}

/// The components and their settings.
#[derive(Debug, clap::Args)]
struct ComponentArgs {
    /// semaphores, rbac, coderun, cleanup or sensor
    #[arg(value_name = "COMPONENT", required = true)]
    components: Vec<Component>,

    /// A setting; bundle list shows them
    #[arg(long, value_name = "NAME=VALUE")]
    set: Vec<SettingPair>,

    /// For rbac: verbs of this program, such as submit,wait; their users get a Role with the least rights, for the
    /// account runnable-user
    #[arg(long, value_name = "VERB,…", value_delimiter = ',')]
    verbs: Vec<String>,

    /// The image with this program and git; a release has a default
    #[arg(long, value_name = "IMAGE", value_parser = image)]
    image: Option<String>,
}

impl ComponentArgs {
    /// Their objects, in the order in which they are created.
    fn objects(&self, namespace: Option<&str>) -> Result<Vec<Value>, Failure> {
        self.filled(namespace, &[], || image_or_release(self.image.as_deref(), "--image"))
    }

    /// The same, where only the objects' names count: what has to be given for an install may be missing.
    fn named(&self, namespace: Option<&str>) -> Result<Vec<Value>, Failure> {
        let needed = self.components.iter().flat_map(|component| component.settings());
        let needed = needed.filter(|setting| setting.default.is_none());
        let needed = needed.map(|setting| (setting.name, "unnamed"));
        // With these settings there are more objects, and without them none that there are not with them.
        let most = self.components.iter().flat_map(|component| component.most()).copied();
        let stand_ins: Vec<_> = needed.chain(most).map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        self.filled(namespace, &stand_ins, || Ok(self.image.clone().unwrap_or_default()))
    }

    /// The objects; `defaults` count where nothing is set.
    fn filled(
        &self,
        namespace: Option<&str>,
        defaults: &[(String, String)],
        image: impl Fn() -> Result<String, Failure>,
    ) -> Result<Vec<Value>, Failure> {
        let mut components = self.components.clone();
        components.sort_unstable();
        components.dedup();
        let set = self.set.iter().map(|SettingPair(name, value)| (name.clone(), value.clone()));
        let verbs = (!self.verbs.is_empty()).then(|| ("verbs".to_owned(), self.verbs.join(",")));
        let given: Vec<(String, String)> = defaults.iter().cloned().chain(set).chain(verbs).collect();
        Values::known(&components, &given)?;
        let mut all = Vec::new();
        for component in components {
            let mut values = Values::of(component, &given)?;
            if component.needs_image() {
                values.image = image()?;
            }
            values.namespace = namespace.map(str::to_owned);
            all.extend(objects(component, &values)?);
        }
        Ok(all)
    }
}
