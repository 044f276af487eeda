//! The flags that say where argo-server is, as argo has them.

use std::path::PathBuf;

use clap::ArgAction;
use clap::builder::{StringValueParser, TypedValueParser};

use crate::cli::access::AccessArgs;
use crate::cli::failure::Failure;
use crate::cluster::{Archived, ArgoServer, ServerAccess};

/// The variable with the header `Authorization`. There is no flag for it: others on this machine can read flags.
const TOKEN: &str = "ARGO_TOKEN";

/// The one value without TLS, and the one without a check, as argo reads them: all others are safe.
const SWITCHED_OFF: &str = "false";
const SWITCHED_ON: &str = "true";

/// Where argo-server is.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Argo's server")]
pub(in crate::cli) struct ServerArgs {
    /// argo-server as HOST:PORT, or its URL
    #[arg(short = 's', long, value_name = "HOST:PORT", env = "ARGO_SERVER", hide_env_values = true)]
    argo_server: Option<String>,

    /// The path below which argo-server is served
    #[arg(long, value_name = "PATH", env = "ARGO_BASE_HREF", hide_env_values = true)]
    argo_base_href: Option<String>,

    /// Whether to connect to argo-server with TLS; if a URL is given, its scheme decides
    #[arg(short = 'e', long, value_name = "true|false", env = "ARGO_SECURE", hide_env_values = true, action = ArgAction::Set, num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value = "true", hide_default_value = true, value_parser = StringValueParser::new().map(|text| text != SWITCHED_OFF), hide_possible_values = true)]
    secure: bool,

    /// Accept any certificate from argo-server, even an invalid one
    #[arg(short = 'k', long, value_name = "true|false", env = "ARGO_INSECURE_SKIP_VERIFY", hide_env_values = true, action = ArgAction::Set, num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value = "false", hide_default_value = true, value_parser = StringValueParser::new().map(|text| text == SWITCHED_ON), hide_possible_values = true)]
    insecure_skip_verify: bool,

    /// A file with the token for argo-server, in place of the variable ARGO_TOKEN; without either, the kubeconfig's token
    /// is used
    #[arg(long, value_name = "FILE")]
    argo_token_file: Option<PathBuf>,
}

impl ServerArgs {
    /// Connects with the namespace and the credentials of these flags. Sends no request yet.
    pub(in crate::cli) async fn connect(&self, access: &AccessArgs) -> Result<ArgoServer, Failure> {
        let choices = ServerAccess {
            server: self.argo_server.clone().unwrap_or_default(),
            base_href: self.argo_base_href.clone().unwrap_or_default(),
            secure: self.secure,
            skip_verify: self.insecure_skip_verify,
            token: std::env::var(TOKEN).ok(),
            token_file: self.argo_token_file.clone(),
            access: access.access(),
        };
        Ok(ArgoServer::connect(&choices).await?)
    }
}

/// Workflows of the archive that the line names: by a uid, a name, or a name as `-o name` prints it.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct ArchivedArgs {
    /// Names or uids of workflows
    #[arg(value_name = "ARCHIVED", required = true)]
    workflows: Vec<String>,

    /// Treat each ARCHIVED as a name, even if it looks like a uid
    #[arg(long, conflicts_with = "uid")]
    name: bool,

    /// Treat each ARCHIVED as a uid
    #[arg(long)]
    uid: bool,
}

impl ArchivedArgs {
    /// What the line names, in its order.
    pub(super) fn all(&self) -> impl Iterator<Item = Archived> {
        self.workflows.iter().map(|word| self.archived(word))
    }

    fn archived(&self, word: &str) -> Archived {
        let plain = word.rsplit_once('/').map_or(word, |(_, name)| name).to_owned();
        match (self.name, self.uid) {
            (true, _) => Archived::Name(plain),
            (_, true) => Archived::Uid(plain),
            _ => Archived::of(&plain),
        }
    }
}
