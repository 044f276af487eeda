//! `exec`.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use jiff::SignedDuration;
use rustix::process::Signal;
use tokio::signal::unix::SignalKind;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use super::failure::Failure;
use super::runtime::block_on;
use super::signals::is_ignored;
use super::store::{self, StoreUrl};
use super::values::{ParameterPair, span};
use crate::argo::duration;
use crate::argo::identity::CacheName;
use crate::argo::status::node_id;
use crate::cache::{CacheKey, LookUp, Prefix};
use crate::exec::{
    Ended, ExecError, Job, KeySource, Maker, OnStoreError, Output, ParameterFile, Policy, Session, Told,
};
use crate::exit::{Exit, chain};
use crate::output::list::age as shown_age;
use crate::output::stream::{result, talk};

const EXAMPLES: &str = "Examples:
  # Build once for each state of the sources
  kubectl runnable exec --store /srv/cache --key-files 'src/**' Makefile --output app=dist/app -- make dist

  # The compiler counts, too; what took less than ten seconds is not worth an entry
  kubectl runnable exec --key-files src --key-env CC --min-duration 10s --output lib=lib -- make lib

  # A value that the command writes to a file is kept with the entry, and restored
  kubectl runnable exec --key-files src --output-parameter version=VERSION -- make version

  # A key of your own: nothing else decides whether the command runs
  kubectl runnable exec --key \"data-$(date +%F)\" --output data=data -- ./download.sh

  # What the key covers, and whether there is an entry; the command does not run
  kubectl runnable exec --key-files src --explain -- make lib

RUNNABLE_STORE names the store where --store is not given. The exit code is the command's; 125 means that the cache failed
and the command did not run, 126 that it cannot be executed, 127 that it does not exist.";

/// Run a command, or restore its outputs and standard output from an earlier run
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES, group = clap::ArgGroup::new("identity").required(true).multiple(false))]
pub(super) struct Args {
    /// The store of entries: a path, file:///PATH, or s3://BUCKET/PREFIX, gs:// or az:// (experimental), with ?endpoint=, region= and path_style=
    #[arg(long, value_name = "URL", env = "RUNNABLE_STORE", hide_env_values = true)]
    store: Option<StoreUrl>,

    /// The cache in the store
    #[arg(long, value_name = "NAME", default_value = "exec")]
    cache: CacheName,

    /// The entry's key, used as given: neither the command nor its outputs or files count. Letters, digits and '-'
    #[arg(long, value_name = "KEY", group = "identity")]
    key: Option<CacheKey>,

    /// The files that the command's result depends on: paths, directories, or patterns with *, **, ?, [] and {}. The key
    /// covers their paths, contents and executability, and always the command line, the names of the outputs, the values
    /// of --key-env, the operating system and the architecture
    #[arg(long, value_name = "GLOB", group = "identity", num_args = 1..)]
    key_files: Vec<String>,

    /// An environment variable whose value is part of the key
    #[arg(long, value_name = "NAME", conflicts_with = "key")]
    key_env: Vec<String>,

    /// A file or directory that the command writes; NAME?=PATH if it may be absent
    #[arg(long, value_name = "NAME=PATH")]
    output: Vec<Output>,

    /// A file that the command writes, whose content is kept as a value: an output parameter of a workflow's node
    #[arg(long, value_name = "NAME=PATH")]
    output_parameter: Vec<ParameterFile>,

    /// The value of an output parameter whose file the command does not write
    #[arg(long, value_name = "NAME=VALUE")]
    output_parameter_default: Vec<ParameterPair>,

    /// Write what happened to the entry to this file, as JSON: hit, cache, key, madeBy
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,

    /// Maximum age of an entry; an older one is replaced
    #[arg(long, value_name = "DURATION", value_parser = age, allow_hyphen_values = true)]
    max_age: Option<SignedDuration>,

    /// Use entries, and make none
    #[arg(long)]
    read_only: bool,

    /// Make no entry if the command took less time
    #[arg(long, value_name = "DURATION", value_parser = span, allow_hyphen_values = true)]
    min_duration: Option<Duration>,

    /// Always run the command, and replace the entry
    #[arg(long, conflicts_with = "read_only")]
    force: bool,

    /// Print what the key covers and whether there is an entry; do not run the command
    #[arg(long)]
    explain: bool,

    /// Maximum time to wait for another process that makes the same entry; after it the command runs here as well
    #[arg(long, value_name = "DURATION", value_parser = span, allow_hyphen_values = true)]
    lease_wait: Option<Duration>,

    /// Use a store that has no conditional writes: several processes may then make one entry at the same time
    #[arg(long, conflicts_with = "lease_wait")]
    no_lease: bool,

    /// What to do if the store fails before the command runs
    #[arg(long, value_name = "ACTION", default_value = "fail")]
    on_store_error: OnStoreError,

    #[command(flatten)]
    node: NodeArgs,

    /// The command and its arguments
    #[arg(last = true, required = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

/// The node of a workflow that the command is.
#[derive(Debug, clap::Args)]
struct NodeArgs {
    /// The workflow's name
    #[arg(long, value_name = "NAME", hide = true)]
    workflow: Option<String>,

    /// The workflow's uid
    #[arg(long, value_name = "UID", hide = true, requires = "workflow")]
    workflow_uid: Option<String>,

    /// The node's full name
    #[arg(long, value_name = "NAME", hide = true, requires = "workflow")]
    node: Option<String>,

    /// The template that the node calls
    #[arg(long, value_name = "NAME", hide = true, requires = "node")]
    template: Option<String>,
}

fn age(text: &str) -> Result<SignedDuration, String> {
    duration::parse(text).map_err(|error| error.to_string())
}

/// Ends as the command does.
pub(super) fn run(args: &Args) -> ExitCode {
    let ended = args.job().and_then(|(job, lines)| {
        if args.explain {
            return explain(args, &job, &lines).map(|()| Ok(Ended::Code(0)));
        }
        block_on(execute(args, job))
    });
    match ended {
        Ok(Ok(Ended::Code(code))) => ExitCode::from(u8::try_from(code).unwrap_or(u8::MAX)),
        Ok(Ok(Ended::Signal(signal))) => {
            ::supervisor::end_by(signal);
            ExitCode::from(u8::try_from(128 + signal).unwrap_or(u8::MAX))
        }
        Ok(Err(error)) => {
            let failure = Failure::new(Exit::Tool, chain(&error));
            fault(
                &match error.hint() {
                    Some(hint) => failure.hint(hint),
                    None => failure,
                },
                error.code(),
            )
        }
        Err(failure) if failure.exit() == Exit::Usage => failure.report().into(),
        Err(failure) => fault(&failure, 125),
    }
}

/// A fault of this tool or of the command line that it was given.
fn fault(failure: &Failure, code: u8) -> ExitCode {
    failure.report();
    if let Some(path) = termination_log() {
        // In a pod Argo shows what stands there; without the file the pod's log tells.
        let file = std::fs::OpenOptions::new().write(true).truncate(true).open(path);
        let _ = file.and_then(|mut file| file.write_all(failure.message().as_bytes()));
    }
    ExitCode::from(code)
}

/// The file that a pod's message is read from.
fn termination_log() -> Option<PathBuf> {
    let named = std::env::var_os("RUNNABLE_TERMINATION_LOG").filter(|path| !path.is_empty()).map(PathBuf::from);
    let in_pod = || std::env::var_os("KUBERNETES_SERVICE_HOST").map(|_| PathBuf::from("/dev/termination-log"));
    named.or_else(in_pod)
}

impl Args {
    /// What is asked for, and what the key covers.
    fn job(&self) -> Result<(Job, Vec<String>), Failure> {
        let names: BTreeSet<&str> = self.output.iter().map(|output| output.name.as_str()).collect();
        if names.len() < self.output.len() {
            return Err(Failure::usage("two outputs have the same name"));
        }
        let (key, lines) = if let Some(key) = &self.key {
            (key.clone(), vec!["the key alone".to_owned()])
        } else {
            let values = self.output_parameter.iter().map(|parameter| parameter.name.as_str());
            self.derived_key(names.into_iter().chain(values).collect())?
        };
        let policy = Policy {
            max_age: self.max_age,
            read_only: self.read_only,
            min_duration: self.min_duration,
            force: self.force,
            lease: !self.no_lease,
            lease_wait: self.lease_wait,
            on_store_error: self.on_store_error,
        };
        let (cache, outputs, command) = (self.cache.clone(), self.output.clone(), self.command.clone());
        let (parameters, report) = (self.parameters()?, self.report.clone());
        Ok((Job { cache, key, outputs, parameters, report, command, policy }, lines))
    }

    fn parameters(&self) -> Result<Vec<ParameterFile>, Failure> {
        let mut parameters = self.output_parameter.clone();
        let names: BTreeSet<&str> = self.output_parameter.iter().map(|parameter| parameter.name.as_str()).collect();
        if names.len() < parameters.len() {
            return Err(Failure::usage("two output parameters have the same name"));
        }
        for ParameterPair(name, value) in &self.output_parameter_default {
            let own = parameters.iter_mut().find(|parameter| parameter.name == *name);
            let own = own.ok_or_else(|| Failure::usage(format!("there is no output parameter {name:?}")))?;
            own.default = Some(value.clone());
        }
        Ok(parameters)
    }

    fn derived_key(&self, outputs: Vec<&str>) -> Result<(CacheKey, Vec<String>), Failure> {
        let source = KeySource::new(&self.command, outputs, &self.key_env, &self.key_files)?;
        let key = source.key().expect("hexadecimal digits are a key");
        Ok((key, source.lines()))
    }

    fn prefix(&self, job: &Job) -> Result<Prefix, Failure> {
        let address = match &self.store {
            Some(store) => store.address()?.clone(),
            None => store::usual()?.ok_or_else(|| {
                Failure::usage("no store is named").hint("use --store, RUNNABLE_STORE or the setting store")
            })?,
        };
        Ok(store::open(&address, !self.no_lease)?.prefix(&job.cache, &job.key))
    }
}

fn explain(args: &Args, job: &Job, lines: &[String]) -> Result<(), Failure> {
    let found = match args.prefix(job)?.look_up()?.found {
        LookUp::Whole(manifest) => format!(
            "made {} ago by {}",
            shown_age(jiff::Timestamp::now().duration_since(manifest.created_at)),
            manifest.node_name
        ),
        LookUp::Missing => "none".to_owned(),
        LookUp::Broken(why) => format!("broken: {why}"),
        LookUp::OtherVersion => "of another version of this tool".to_owned(),
    };
    result(format_args!("key: {}\ncache: {}\n{}\nentry: {found}\n", job.key, job.cache, lines.join("\n")))?;
    Ok(())
}

async fn execute(args: &Args, job: Job) -> Result<Result<Ended, ExecError>, Failure> {
    let prefix = args.prefix(&job)?;
    let signals = signals()?;
    Ok(Session::new(job, prefix, args.node.maker(), signals, tell).run().await)
}

impl NodeArgs {
    /// Who this process is: a node of a workflow, where the command line or the environment says so.
    fn maker(&self) -> Maker {
        let told = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let host = || rustix::system::uname().nodename().to_string_lossy().into_owned();
        // Of a node with attempts, each attempt is told the name of the whole.
        let named = self.workflow.as_deref().zip(self.node.as_deref());
        let node_id = named.map(|(workflow, node)| node_id(workflow, node)).or_else(|| told("ARGO_NODE_ID"));
        Maker {
            node_name: self.node.clone().or_else(|| node_id.clone()).unwrap_or_else(host),
            node_id: node_id.unwrap_or_else(|| "exec".to_owned()),
            template: self.template.clone().unwrap_or_default(),
            workflow_uid: self.workflow_uid.clone().unwrap_or_default(),
            run_id: told("RUNNABLE_RUN_ID").unwrap_or_default(),
        }
    }
}

fn tell(told: Told) {
    match told {
        Told::Hit { maker, age } => talk(format_args!("cached: made {} ago by {maker}", shown_age(age))),
        Told::Warning(text) => talk(format_args!("warning: {text}")),
        Told::Waiting { holder, waited } => {
            let waited = shown_age(SignedDuration::try_from(waited).unwrap_or_default());
            match holder {
                Some(holder) => {
                    let age = shown_age(jiff::Timestamp::now().duration_since(holder.since));
                    talk(format_args!("waiting for {}, which makes the entry since {age} ({waited})", holder.holder));
                }
                None => talk(format_args!("waiting for another process that makes the entry ({waited})")),
            }
        }
    }
}

/// The signals that a command may be sent; one that this process was started to ignore stays ignored.
fn signals() -> Result<UnboundedReceiver<Signal>, Failure> {
    let (sender, receiver) = unbounded_channel();
    for signal in [Signal::INT, Signal::TERM, Signal::HUP, Signal::QUIT, Signal::USR1, Signal::USR2] {
        let kind = SignalKind::from_raw(signal.as_raw());
        if is_ignored(kind) {
            continue;
        }
        let mut heard =
            tokio::signal::unix::signal(kind).map_err(|error| anyhow::anyhow!("cannot listen for signals: {error}"))?;
        let sender = sender.clone();
        tokio::spawn(async move { while heard.recv().await.is_some() && sender.send(signal).is_ok() {} });
    }
    Ok(receiver)
}
