//! `submit --local`: runs the workflows on this machine, one after another.

use std::collections::BTreeMap;
use std::io::{IsTerminal, Read, Seek, SeekFrom};
use std::path::Path;

use base64::Engine;
use jiff::Timestamp;
use serde_json::Value;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;

use super::Args;
use super::request::Request;
use crate::argo::document::{Document, Kind, any_string};
use crate::argo::identity::ObjectName;
use crate::argo::status::{Node, NodeType, Phase};
use crate::cli::failure::Failure;
use crate::cli::mint;
use crate::cli::target::root;
use crate::exit::Exit;
use crate::local::engine::{self, Ended, Interrupt};
use crate::local::executor::Executor;
use crate::local::plan::{Data, Plan, TemplateScope};
use crate::local::scheduler::Scheduler;
use crate::local::store::{self, Store};
use crate::local::support;
use crate::local::view::View;
use crate::output::format::{Format, name, serialized};
use crate::output::live::Live;
use crate::output::summary;
use crate::output::tree::{self, Look, printable};
use crate::prepare::Prepared;

/// Siblings shown in the tree of a run that has ended.
const FOLD: usize = 20;
/// Lines shown of the log of a task that failed.
const LOG_LINES: usize = 10;
/// No more of a log is read for its last lines.
const LOG_TAIL: u64 = 16 * 1024;

pub(super) async fn run(args: &Args, request: Request) -> Result<Exit, Failure> {
    let prepared = request.prepare(&request.templates(), None)?;
    let root = root()?;
    let mut runs = Vec::new();
    for prepared in &prepared {
        runs.push(Ready::new(args, &request, prepared, &root)?);
    }
    let executable = std::env::current_exe().map_err(|error| anyhow::anyhow!("cannot find this program: {error}"))?;
    std::fs::create_dir_all(&root).map_err(|error| anyhow::anyhow!("cannot write {}: {error}", root.display()))?;
    let view = View::detect(&executable, &root);
    if let (View::Plain(why), false) = (&view, args.quiet) {
        eprintln!("warning: tasks share this machine's file system, for a view of their own is not to be had: {why}");
    }
    let mut interrupts = interrupts(args.timeout)?;
    let mut exit = Exit::Success;
    let mut objects = Vec::new();
    for ready in runs {
        let (ended, timed_out) = ready.run(args, &root, &view, &executable, &mut interrupts).await?;
        args.notify.tell(&ended.workflow).await;
        let own = match ended.finished.phase {
            _ if timed_out => Exit::TimedOut,
            _ if ended.interrupted => Exit::Interrupted,
            Phase::Succeeded => Exit::Success,
            Phase::Error => Exit::Errored,
            _ => Exit::Failed,
        };
        exit = exit.max(own);
        objects.push(ended.workflow);
        if ended.interrupted {
            break;
        }
    }
    match args.output {
        Some(Format::Wide) => print!("{}", summary::table(&objects, Timestamp::now())),
        Some(format) => print!("{}", serialized(format, &objects).unwrap_or_default()),
        None => {}
    }
    Ok(exit)
}

/// A run that nothing keeps from starting.
struct Ready {
    plan: Plan,
    namespace: ObjectName,
    name: ObjectName,
    run_id: String,
}

impl Ready {
    fn new(args: &Args, request: &Request, prepared: &Prepared, root: &Path) -> Result<Self, Failure> {
        let mut workflow = prepared.workflow.clone();
        let metadata = &mut workflow["metadata"];
        let namespace: ObjectName = metadata["namespace"].as_str().unwrap_or("default").parse()?;
        let name: ObjectName = metadata["name"].as_str().unwrap_or_default().parse()?;
        metadata["namespace"] = namespace.as_str().into();
        metadata["uid"] = mint::uid().into();
        metadata["creationTimestamp"] = now().into();
        let limit = args.max_tasks.map_or_else(default_limit, usize::from);
        let mut plan = Plan::new(workflow, store::directory(root, &namespace, &name), limit);
        for document in &request.beside {
            add(&mut plan, document)?;
        }
        check(args, request, &plan)?;
        let run_id = prepared.run.run_id.as_ref().map(ToString::to_string).unwrap_or_default();
        Ok(Self { plan, namespace, name, run_id })
    }

    async fn run(
        self,
        args: &Args,
        root: &Path,
        view: &View,
        executable: &Path,
        interrupts: &mut Interrupts,
    ) -> Result<(Ended, bool), Failure> {
        let store = Store::create(root, &self.namespace, &self.name, &self.plan.workflow)?;
        let directory = store.directory().to_owned();
        if !args.quiet {
            eprintln!("running workflow {} on this machine, run id {}", self.name, self.run_id);
        }
        let executor = Executor::new(&directory, view.clone(), executable).hide(root);
        let scheduler = Scheduler::new(self.plan);
        let mut live = Live::new(args.quiet);
        let ended = engine::run(scheduler, executor, store, &mut interrupts.receiver, |scheduler, changed| {
            live.show(scheduler.nodes(), changed.iter().map(|&node| scheduler.node(node)));
        })
        .await;
        live.finish();
        let ended = ended?;
        let timed_out = interrupts.timed_out.load(std::sync::atomic::Ordering::Relaxed);
        if timed_out {
            eprintln!("workflow {} did not end in time and was stopped", self.name);
        }
        tell_end(args, &ended, &directory);
        Ok((ended, timed_out))
    }
}

/// The time as Kubernetes writes it, in whole seconds.
fn now() -> String {
    let now = Timestamp::now();
    Timestamp::from_second(now.as_second()).unwrap_or(now).to_string()
}

/// Enough for tasks that wait more than they compute.
fn default_limit() -> usize {
    std::thread::available_parallelism().map_or(16, |cores| cores.get().saturating_mul(8).max(16))
}

fn add(plan: &mut Plan, document: &Document) -> Result<(), Failure> {
    let name = document.name().unwrap_or_default().to_owned();
    match document.kind {
        Kind::WorkflowTemplate => plan.add_templates(TemplateScope::Namespaced(name), &document.value["spec"]),
        Kind::ClusterWorkflowTemplate => plan.add_templates(TemplateScope::Cluster(name), &document.value["spec"]),
        Kind::ConfigMap => {
            plan.config_maps.insert(name, data(&document.value["data"]));
        }
        Kind::Secret => {
            let mut all = decoded(document)?;
            all.extend(data(&document.value["stringData"]));
            plan.secrets.insert(name, all);
        }
        Kind::Workflow | Kind::CronWorkflow => {}
    }
    Ok(())
}

fn data(map: &Value) -> Data {
    let fields = map.as_object().into_iter().flatten();
    fields.map(|(key, value)| (key.clone(), any_string(value).unwrap_or_default())).collect()
}

fn decoded(document: &Document) -> Result<Data, Failure> {
    let mut all = BTreeMap::new();
    for (key, value) in document.value["data"].as_object().into_iter().flatten() {
        let text = value.as_str().unwrap_or_default().split_whitespace().collect::<String>();
        let bytes = base64::engine::general_purpose::STANDARD.decode(text);
        let text = bytes.ok().and_then(|bytes| String::from_utf8(bytes).ok());
        let text = text.ok_or_else(|| {
            let problem = document.problem(&format!("/data/{key}"), "expected text in base64");
            Failure::usage(problem.to_string()).hint("plain text goes into stringData")
        })?;
        all.insert(key.clone(), text);
    }
    Ok(all)
}

/// Says what is passed over, and refuses what would change the result.
fn check(args: &Args, request: &Request, plan: &Plan) -> Result<(), Failure> {
    let support = support::survey(plan);
    let mut refused: Vec<String> = support.refused.iter().map(|refusal| explained(request, plan, refusal)).collect();
    for (program, template) in &support.image_programs {
        if !on_path(program) {
            refused.push(format!(
                "template {template:?}: its container has no command, and no program {program:?} on the PATH stands in for the image"
            ));
        }
    }
    if !refused.is_empty() {
        let message = format!("workflow {} cannot run on this machine", plan.name());
        return Err(Failure::usage(format!("{message}\n  {}", refused.join("\n  "))));
    }
    if !args.quiet && !support.passed_over.is_empty() {
        let fields: Vec<&str> = support.passed_over.iter().map(String::as_str).collect();
        eprintln!("note: only a cluster heeds {}; passed over", fields.join(", "));
    }
    Ok(())
}

/// A refusal with the place of its field, in the file that holds it.
fn explained(request: &Request, plan: &Plan, refusal: &support::Refusal) -> String {
    let holder = match refusal.scope.split_once(' ') {
        None => request.workflows.iter().find(|document| belongs(document, plan)),
        Some((_, name)) => {
            let name = name.trim_matches('"');
            let kind = if refusal.scope.starts_with("cluster") {
                Kind::ClusterWorkflowTemplate
            } else {
                Kind::WorkflowTemplate
            };
            request.beside.iter().find(|document| document.kind == kind && document.name() == Some(name))
        }
    };
    // Without a place in a file: the workflow was made by --from, or merged with its template.
    let merged = holder.is_some_and(|document| document.value.pointer("/spec/workflowTemplateRef").is_some());
    match holder.filter(|_| !merged) {
        Some(document) => document.problem(&refusal.pointer, refusal.why.clone()).to_string(),
        None => {
            format!("{}: {}: {}", refusal.scope, refusal.pointer.trim_start_matches('/').replace('/', "."), refusal.why)
        }
    }
}

fn belongs(document: &Document, plan: &Plan) -> bool {
    match (document.name(), document.generate_name()) {
        (Some(name), _) if name == plan.name() => true,
        (_, Some(prefix)) if plan.name().starts_with(prefix) => true,
        // The name was given on the command line.
        _ => document.value.pointer("/spec/entrypoint") == plan.spec.get("entrypoint"),
    }
}

fn on_path(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|directory| directory.join(program).is_file())
}

/// Signals and the timeout, on their way to the run.
struct Interrupts {
    receiver: mpsc::UnboundedReceiver<Interrupt>,
    timed_out: std::sync::Arc<std::sync::atomic::AtomicBool>,
}

fn interrupts(timeout: Option<std::time::Duration>) -> Result<Interrupts, Failure> {
    let (sender, receiver) = mpsc::unbounded_channel();
    let timed_out = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let mut interrupt = signal(SignalKind::interrupt()).map_err(anyhow::Error::from)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(anyhow::Error::from)?;
    let too_late = std::sync::Arc::clone(&timed_out);
    tokio::spawn(async move {
        let deadline = async {
            match timeout {
                Some(timeout) => tokio::time::sleep(timeout).await,
                None => std::future::pending().await,
            }
        };
        tokio::pin!(deadline);
        let mut asked = Interrupt::Terminate;
        loop {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
                () = &mut deadline, if !too_late.load(std::sync::atomic::Ordering::Relaxed) => {
                    too_late.store(true, std::sync::atomic::Ordering::Relaxed);
                }
            }
            if asked == Interrupt::Terminate {
                eprintln!("stopping the run; once more kills its tasks");
            }
            if sender.send(asked).is_err() {
                return;
            }
            asked = Interrupt::Kill;
        }
    });
    Ok(Interrupts { receiver, timed_out })
}

/// The tree on standard output unless another format was asked for; why tasks failed on standard error.
fn tell_end(args: &Args, ended: &Ended, directory: &Path) {
    let nodes = nodes(&ended.workflow);
    if !args.quiet {
        for node in nodes.iter().filter(|node| node.kind == NodeType::Pod && node.phase.is_unsuccessful()).take(3) {
            tell_log(node, directory);
        }
    }
    if args.output.is_some() {
        return;
    }
    let color = std::io::stdout().is_terminal() && console::colors_enabled();
    let look = Look { color, fold: Some(FOLD), lines: None, now: Timestamp::now() };
    print!("{}", tree::draw(&nodes, look));
    let message = printable(&ended.finished.message);
    let duration = summary::duration(&ended.workflow, Timestamp::now()).unwrap_or_default();
    let line = format!("{} {} in {duration}: {message}", name(&ended.workflow), ended.finished.phase.as_str());
    println!("{}", line.trim_end_matches(": "));
    if !args.quiet {
        eprintln!("logs in {}", directory.join("nodes").display());
    }
}

fn nodes(workflow: &Value) -> Vec<Node> {
    let nodes = workflow.pointer("/status/nodes").and_then(Value::as_object).into_iter().flatten();
    nodes.filter_map(|(_, node)| serde_json::from_value(node.clone()).ok()).collect()
}

/// The last lines that a failed task wrote.
fn tell_log(node: &Node, directory: &Path) {
    let path = directory.join("nodes").join(&node.id).join("main.log");
    let tail = std::fs::File::open(&path).and_then(|mut file| {
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(LOG_TAIL)))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    });
    let lines: Vec<String> = tail.unwrap_or_default().lines().map(printable).collect();
    if lines.is_empty() {
        return;
    }
    eprintln!("the end of the log of {}:", printable(&node.name));
    for line in &lines[lines.len().saturating_sub(LOG_LINES)..] {
        eprintln!("  {line}");
    }
}
