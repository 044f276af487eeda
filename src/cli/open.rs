//! `open`: the page of a run in Argo's own user interface.

use std::io::IsTerminal;
use std::process::{Command, Stdio};

use http::Uri;

use super::failure::Failure;
use super::runtime::block_on;
use super::target::TargetArgs;
use crate::backend::Run;
use crate::exit::Exit;
use crate::mask;
use crate::output::stream::{result, talk};

const EXAMPLES: &str = "Examples:
  # Print the address of a run's page, and open it in a browser on a desktop
  kubectl runnable open @latest --server https://argo.example.org

  # With the variables of the argo command line
  ARGO_SERVER=argo.example.org:443 ARGO_BASE_HREF=/argo kubectl runnable open etl-x2k9f";

/// Print the address of a run's page in Argo's user interface, and open it on a desktop
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// The name of a run, @latest, or a file written by submit --handle
    #[arg(value_name = "RUN")]
    run: String,

    /// The URL of argo-server, or HOST:PORT
    #[arg(long, value_name = "URL", env = "ARGO_SERVER", hide_env_values = true)]
    server: Option<String>,

    /// The path below which argo-server is served
    #[arg(long, value_name = "PATH", env = "ARGO_BASE_HREF", hide_env_values = true)]
    base_href: Option<String>,

    /// Only print the address
    #[arg(long)]
    print: bool,

    #[command(flatten)]
    target: TargetArgs,
}

pub(super) fn run(args: &Args) -> Result<Exit, Failure> {
    let (run, state) = block_on(async {
        let run = args.target.resolve(&args.run).await?;
        let state = run.get().await?;
        Ok((run, state))
    })?;
    if let Run::Local(_) = run {
        let report = run.address().command("report", &["--file", "run.html"]);
        return Err(Failure::usage("a local run has no page of Argo").hint(format!("{report} writes one of ours")));
    }
    let server = args.server.as_deref().filter(|server| !server.is_empty()).ok_or_else(|| {
        Failure::usage("the address of argo-server is not known").hint("set --server, or the variable ARGO_SERVER")
    })?;
    let address = page(server, args.base_href.as_deref().unwrap_or_default(), state.workflow.namespace(), state.name())
        .map_err(Failure::usage)?;
    result(format_args!("{address}\n"))?;
    if !args.print && std::io::stdout().is_terminal() && has_desktop() {
        launch(&address);
    }
    Ok(Exit::Success)
}

/// The address of the page (ui/src/workflows in Argo's source, v4.1.2: `<base>workflows/<namespace>/<name>`).
fn page(server: &str, base_href: &str, namespace: &str, name: &str) -> Result<String, String> {
    let url = if server.contains("://") { server.to_owned() } else { format!("https://{server}") };
    let parsed: Uri = url.parse().map_err(|_| format!("{:?} is no URL of a server", mask::url(server)))?;
    if !matches!(parsed.scheme_str(), Some("http" | "https")) || parsed.authority().is_none() {
        return Err(format!("{:?} is no URL of a server", mask::url(server)));
    }
    let below = [parsed.path(), base_href]
        .iter()
        .flat_map(|path| path.split('/'))
        .filter(|part| !part.is_empty())
        .flat_map(|part| [part, "/"])
        .collect::<String>();
    let scheme = parsed.scheme_str().unwrap_or("https");
    let host = parsed.authority().map(|authority| mask::url(authority.as_str())).unwrap_or_default();
    Ok(format!("{scheme}://{host}/{below}workflows/{namespace}/{name}"))
}

fn has_desktop() -> bool {
    ["DISPLAY", "WAYLAND_DISPLAY"].iter().any(|name| std::env::var_os(name).is_some_and(|value| !value.is_empty()))
}

fn launch(address: &str) {
    let mut opener = Command::new("xdg-open");
    opener.arg(address).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    if let Err(error) = opener.spawn() {
        talk(format_args!("note: no browser was started: xdg-open: {error}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_is_below_the_base_of_the_server() {
        for (server, base, expected) in [
            ("argo.example.org:2746", "", "https://argo.example.org:2746/workflows/ci/w"),
            ("http://localhost:2746/", "/argo/", "http://localhost:2746/argo/workflows/ci/w"),
            ("https://me:secret@argo.example.org/a?token=x", "b", "https://argo.example.org/a/b/workflows/ci/w"),
        ] {
            assert_eq!(page(server, base, "ci", "w").as_deref(), Ok(expected));
        }
        assert!(["", "ftp://x", "a b"].iter().all(|odd| page(odd, "", "ci", "w").is_err()));
    }
}
