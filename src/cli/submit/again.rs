//! The next attempt of a local run: carried out as `submit --local` does it, once it is prepared.

use std::path::Path;

use clap::Parser;

use super::args::Args;
use super::local;
use super::request::Request;
use crate::argo::document::Document;
use crate::cli::failure::Failure;
use crate::cli::follow_up::FollowUp;
use crate::exit::Exit;
use crate::output::format::Format;
use crate::prepare::Prepared;

/// A command line of `submit`.
#[derive(Debug, Parser)]
struct Line {
    #[command(flatten)]
    args: Args,
}

/// How the attempt is carried out.
#[derive(Debug)]
pub(in crate::cli) struct Again<'a> {
    pub(in crate::cli) root: &'a Path,
    pub(in crate::cli) prepared: Prepared,
    /// The document that it was prepared from, if it is a file's.
    pub(in crate::cli) edited: Option<Document>,
    pub(in crate::cli) beside: Vec<Document>,
    pub(in crate::cli) follow_up: FollowUp,
    pub(in crate::cli) output: Option<Format>,
    pub(in crate::cli) quiet: bool,
}

impl Again<'_> {
    /// Runs the attempt to its end.
    pub(in crate::cli) async fn run(self) -> Result<Exit, Failure> {
        let line =
            Line::try_parse_from(["submit", "--local", "-"]).map_err(|error| Failure::usage(error.to_string()))?;
        let args =
            Args { follow_up: self.follow_up, output: self.output, quiet: self.quiet, files: Vec::new(), ..line.args };
        let request = Request::prepared(self.edited, self.beside, &args)?;
        local::carry_out(&args, &request, &[self.prepared], self.root.to_owned()).await
    }
}
