//! What `submit` was asked for, validated and complete: documents, options, names.

use std::collections::BTreeSet;
use std::path::Path;

use jiff::Timestamp;
use serde_json::Value;

use super::args::{Args, INSTANCE};
use super::locks;
use super::resume::Resumed;
use super::subject::{GIVE_OR_ASK, Subject};
use crate::argo::Metadata;
use crate::argo::document::{self, Document, Kind};
use crate::argo::identity::ObjectName;
use crate::backend::Backend;
use crate::cache::{LIMIT, Store};
use crate::cli::failure::Failure;
use crate::cli::values::{AnnotationPair, FromKind, LabelPair, NamePrefix, ParameterPair};
use crate::cli::{files, generate};
use crate::cluster::{Definition, TemplateKind};
use crate::local::given_artifacts::GivenArtifact;
use crate::local::runtime::Choice;
use crate::output::stream::talk;
use crate::prepare::{Detail, Inline, LockForm, Notice, Options, Prepared, Source, Templates, from_source, told};

/// The annotation with the time that a schedule fell due (common.AnnotationKeyCronWfScheduledTime, v4.1.2).
const SCHEDULED_TIME: &str = "workflows.argoproj.io/scheduled-time";

/// What `submit` was asked for.
pub(super) struct Request<'a> {
    pub(super) args: &'a Args,
    /// The workflows to submit, as they were written.
    pub(super) workflows: Vec<Document>,
    /// What stands beside them.
    pub(super) beside: Vec<Document>,
    /// The texts of the documents.
    pub(super) sources: Vec<document::Source>,
    /// Parameters by name; a later one replaces an earlier one.
    pub(super) parameters: Vec<(String, String)>,
    /// Files that are artifacts of the arguments.
    pub(super) given: Vec<GivenArtifact>,
    /// They, as they stand in a document.
    pub(super) artifacts: Vec<Value>,
    /// How locks are written.
    pub(super) lock_form: LockForm,
    /// The name that another submit has reserved for the workflow; it was prepared before under its own.
    pub(super) reserved: Option<ObjectName>,
    /// What the cluster says of its Argo, where it was asked.
    pub(super) definition: Option<Definition>,
    /// The runs that the workflows go on from, in their order; empty without `--resume`.
    resumed: Vec<Option<Resumed>>,
}

impl<'a> Request<'a> {
    pub(super) fn read(args: &'a Args) -> Result<Self, Failure> {
        standard_input_once(args)?;
        let (documents, sources) = if args.given.is_empty() {
            files::with_sources(&files::within_directories(&args.files)?, args.quiet)?
        } else {
            (files::of_sources(&args.given, args.quiet)?, args.given.clone())
        };
        let (workflows, beside): (Vec<_>, Vec<_>) =
            documents.into_iter().partition(|document| document.kind == Kind::Workflow);
        let count = workflows.len() + usize::from(args.from.is_some());
        if args.workflow.name.is_some() && count > 1 {
            return Err(Failure::usage(format!("--name fits one workflow, and there are {count}"))
                .hint("use --generate-name, or submit them one by one"));
        }
        if args.follow_up.handle.is_some() && count > 1 {
            return Err(Failure::usage(format!("--handle fits one workflow, and there are {count}"))
                .hint("submit them one by one"));
        }
        let given = args.artifacts.given(args.local)?;
        Ok(Self {
            args,
            workflows,
            beside,
            sources,
            parameters: parameters(args)?,
            artifacts: args.artifacts.documents(&given, args.local)?,
            given,
            lock_form: LockForm::Plural,
            reserved: None,
            definition: None,
            resumed: Vec::new(),
        })
    }

    /// The templates beside the workflows.
    pub(super) fn templates(&self) -> Templates {
        self.beside.iter().map(|document| document.value.clone()).collect()
    }

    /// The object of `--from` that no file holds. Of templates only references are made, so a cluster is always asked.
    pub(super) fn not_in_files(&self) -> Option<&FromKind> {
        let in_files = |from: &FromKind| {
            from.kind == TemplateKind::CronWorkflow && self.beside(Kind::CronWorkflow, &from.name).is_some()
        };
        self.args.from.as_ref().filter(|from| !in_files(from))
    }

    /// All objects that may refer to templates.
    pub(super) fn callers(&self, live: Option<&Value>) -> Result<Vec<Value>, Failure> {
        let beside = self.beside.iter().filter(|document| is_template(document.kind));
        let mut callers: Vec<Value> =
            self.workflows.iter().chain(beside).map(|document| document.value.clone()).collect();
        if let Some(from) = &self.args.from {
            callers.push(self.made_from(from, live)?);
        }
        Ok(callers)
    }

    /// The workflow that `--from` asks for. `live` is the object on the cluster, unless a file holds it.
    pub(super) fn made_from(&self, from: &FromKind, live: Option<&Value>) -> Result<Value, Failure> {
        let kind = match from.kind {
            TemplateKind::WorkflowTemplate => return Ok(from_source(Source::WorkflowTemplate(from.name.as_str()))?),
            TemplateKind::ClusterWorkflowTemplate => {
                return Ok(from_source(Source::ClusterWorkflowTemplate(from.name.as_str()))?);
            }
            TemplateKind::CronWorkflow => Kind::CronWorkflow,
        };
        let document = self.beside(kind, &from.name).map(|document| &document.value).or(live);
        let document = document.ok_or_else(|| not_given(from))?;
        let now = self.args.workflow.scheduled_time.unwrap_or_else(Timestamp::now).to_string();
        Ok(from_source(Source::CronWorkflow { document, scheduled_at: &now })?)
    }

    /// An object in the files.
    pub(super) fn beside(&self, kind: Kind, name: &ObjectName) -> Option<&Document> {
        self.beside.iter().find(|document| document.kind == kind && document.name() == Some(name.as_str()))
    }

    /// Refuses files that hold nothing to submit.
    pub(super) fn has_workflow(&self) -> Result<(), Failure> {
        if !self.workflows.is_empty() || self.args.from.is_some() {
            return Ok(());
        }
        Err(self.only_a_schedule().unwrap_or_else(|| {
            Failure::usage("the files hold no Workflow").hint(
                "use --from workflowtemplate/NAME for one of their templates, or --dry-run=client to print these prepared",
            )
        }))
    }

    /// The refusal of files in which a CronWorkflow was taken for a workflow.
    fn only_a_schedule(&self) -> Option<Failure> {
        let held = self.beside.iter().find(|document| document.kind == Kind::CronWorkflow)?;
        let refusal = Failure::usage("the files hold no Workflow, but a CronWorkflow");
        Some(
            refusal
                .hint(format!("use --from cronworkflow/{} for a workflow of it, or check it with lint", held.name()?)),
        )
    }

    /// Everything that is to be submitted, prepared; nothing is created before all of it is sound.
    pub(super) fn prepare(&self, templates: &Templates, live: Option<&Value>) -> Result<Vec<Prepared>, Failure> {
        self.check(templates, live)?;
        let written = self.workflows.iter().enumerate();
        let written = written.map(|(place, document)| self.prepared(place, Subject::written(document), templates));
        let mut prepared = written.collect::<Result<Vec<_>, _>>()?;
        if let Some(from) = &self.args.from {
            let object = self.made_from(from, live)?;
            prepared.push(self.prepared(prepared.len(), Subject { object: &object, document: None }, templates)?);
        }
        differ(&prepared)?;
        Ok(prepared)
    }

    /// Looks for the runs that the workflows go on from, where that is asked for.
    pub(super) async fn find_resumed(&mut self, backend: &Backend, live: Option<&Value>) -> Result<(), Failure> {
        let Some(run) = &self.args.resume else { return Ok(()) };
        let made = self.args.from.as_ref().map(|from| self.made_from(from, live)).transpose()?;
        let made = made.iter().map(|object| Subject { object, document: None });
        let subjects: Vec<Subject<'_>> = self.workflows.iter().map(Subject::written).chain(made).collect();
        if !run.is_empty() && subjects.len() > 1 {
            let message = format!("--resume={run} fits one workflow, and there are {}", subjects.len());
            return Err(Failure::usage(message).hint("submit them one by one, or leave out the run"));
        }
        let mut resumed = Vec::new();
        for subject in subjects {
            resumed.push(Resumed::find(self.args, backend, subject).await?);
        }
        self.resumed = resumed;
        Ok(())
    }

    /// The run that the workflow at a place goes on from.
    pub(super) fn resumed(&self, place: usize) -> Option<&Resumed> {
        self.resumed.get(place).and_then(Option::as_ref)
    }

    /// The store of the caches of the runs that are gone on from, on this machine.
    pub(super) fn store(&self) -> Option<&Store> {
        self.resumed.iter().flatten().find_map(Resumed::store)
    }

    /// What runs the containers of each workflow of a local run.
    pub(super) fn runtimes(&self, workflows: usize) -> Result<Vec<Option<Choice>>, Failure> {
        let of = |place: usize| match self.resumed.get(place) {
            Some(Some(resumed)) => Ok(resumed.runtime.clone()),
            Some(None) | None => self.args.runtime.choice(None),
        };
        Ok((0..workflows).map(of).collect::<Result<_, _>>()?)
    }

    /// Does what must be done before the next attempts of runs begin.
    pub(super) async fn make_way(&self) -> Result<(), Failure> {
        for resumed in self.resumed.iter().flatten() {
            resumed.make_way().await?;
        }
        Ok(())
    }

    /// Remembers the numbers of the attempts that were created.
    pub(super) async fn note_attempts(&self, prepared: &[Prepared]) {
        for (resumed, prepared) in self.resumed.iter().zip(prepared) {
            if let Some(resumed) = resumed {
                resumed.note(prepared).await;
            }
        }
    }

    fn prepared(&self, place: usize, subject: Subject<'_>, templates: &Templates) -> Result<Prepared, Failure> {
        let workflow = &self.args.workflow;
        let resumed = self.resumed(place);
        // The name is fixed before anything is sent, so that a repeated request finds its own object.
        let given = self.reserved.as_ref().or(workflow.name.as_ref());
        let name = match (resumed, given, &workflow.generate_name) {
            (Some(resumed), ..) => resumed.name()?,
            (None, Some(name), _) => name.clone(),
            (None, None, Some(NamePrefix(prefix))) => generate::name(prefix)?,
            (None, None, None) => subject.name()?,
        };
        let mut options = self.options(Some(name))?;
        if let Some(resumed) = resumed {
            options = resumed.options(options);
        }
        let mut prepared = subject.prepared(templates, &options)?;
        if let Some(resumed) = resumed {
            resumed.mark(&mut prepared);
            if !self.args.quiet {
                resumed.tell(&prepared, templates);
            }
        }
        // What is prepared under another's name has been told under its own.
        if self.reserved.is_none() {
            self.tell(&prepared.notices);
            if !self.args.quiet {
                subject.tell_undeclared(&options);
            }
        }
        Ok(prepared)
    }

    fn tell(&self, notices: &[Notice]) {
        if self.args.quiet {
            return;
        }
        let detail = if self.args.verbose { Detail::Full } else { Detail::Brief };
        for line in told(notices, detail) {
            talk(line);
        }
    }

    /// What would be created, without asking a cluster; of files that hold no workflow, their templates prepared.
    pub(super) fn objects(&self) -> Result<Vec<Value>, Failure> {
        let templates = self.templates();
        let prepared = if self.workflows.is_empty() && self.args.from.is_none() {
            self.prepare_templates(&templates)?
        } else {
            self.prepare(&templates, None)?
        };
        Ok(prepared.into_iter().map(|prepared| prepared.workflow).collect())
    }

    /// The options for one workflow: each is a run of its own.
    fn options(&self, name: Option<ObjectName>) -> Result<Options, Failure> {
        let args = self.args;
        let pairs = |key: &String, value: &String| (key.clone(), value.clone());
        let instance = args.workflow.instanceid.as_ref().map(|id| (INSTANCE.to_owned(), id.clone()));
        let labels = args.workflow.labels.iter().map(|LabelPair(key, value)| pairs(key, value));
        let time = args.workflow.scheduled_time.map(|time| (SCHEDULED_TIME.to_owned(), time.to_string()));
        let annotations = args.workflow.annotations.iter().map(|AnnotationPair(key, value)| pairs(key, value));
        Ok(Options {
            run_id: args.run.run_id.clone(),
            memoize: args.memoize(),
            room: (!args.local).then_some(LIMIT / 2),
            cache_name: args.run.cache_name.clone(),
            max_age: args.run.max_age.clone(),
            parameters: self.parameters.clone(),
            artifacts: self.artifacts.clone(),
            labels: instance.into_iter().chain(labels).collect(),
            annotations: time.into_iter().chain(annotations).collect(),
            name,
            namespace: args.access.namespace().map(ToString::to_string),
            entrypoint: args.workflow.entrypoint.clone(),
            service_account: args.workflow.serviceaccount.as_ref().map(ToString::to_string),
            priority: args.workflow.priority,
            parallelism: args.workflow.parallelism,
            locks: locks::of(args, self.lock_form),
            isolation: args.isolation.isolation(args.local)?,
            inline: match (args.run.inline, args.local) {
                (true, _) => Inline::All,
                (false, true) => Inline::Whole,
                (false, false) => Inline::No,
            },
            reuse: args.run.reuse.iter().cloned().collect(),
            exec_cache: args.exec_cache.caching(args.local)?,
            ..Options::new(generate::run_id(Timestamp::now())?, generate::cache_name())
        })
    }

    fn prepare_templates(&self, templates: &Templates) -> Result<Vec<Prepared>, Failure> {
        self.check(templates, None)?;
        let written = self.beside.iter().filter(|document| is_template(document.kind));
        let prepared = written.map(|document| {
            let prepared = Subject::written(document)
                .prepared_template(templates, &self.options(self.args.workflow.name.clone())?)?;
            self.tell(&prepared.notices);
            Ok(prepared)
        });
        let all = prepared.collect::<Result<Vec<_>, Failure>>()?;
        if all.is_empty() {
            let nothing = || Failure::usage("the files hold no Workflow and no template");
            return Err(self.only_a_schedule().unwrap_or_else(nothing));
        }
        Ok(all)
    }
}

/// What the flags and files give; the flags count more.
fn parameters(args: &Args) -> Result<Vec<(String, String)>, Failure> {
    let mut parameters = Vec::new();
    for path in &args.workflow.parameter_file {
        parameters.extend(files::parameters(path, args.quiet)?);
    }
    parameters.extend(args.workflow.parameters.iter().map(|ParameterPair(name, value)| (name.clone(), value.clone())));
    Ok(parameters)
}

fn standard_input_once(args: &Args) -> Result<(), Failure> {
    let paths = args.files.iter().chain(&args.workflow.parameter_file);
    match paths.filter(|path| *path == Path::new("-")).count() {
        0 | 1 => Ok(()),
        count => Err(Failure::usage(format!("standard input can be read once, and - is given {count} times"))),
    }
}

/// Two workflows of one name would be one.
fn differ(prepared: &[Prepared]) -> Result<(), Failure> {
    let mut names = BTreeSet::new();
    for one in prepared {
        let metadata = Metadata::of(&one.workflow);
        let name = metadata.name();
        if !names.insert((metadata.own_namespace(), name)) {
            return Err(Failure::usage(format!("two workflows are named {name:?}")).hint("use --generate-name"));
        }
    }
    Ok(())
}

/// Whether documents of this kind hold templates.
pub(super) fn is_template(kind: Kind) -> bool {
    matches!(kind, Kind::WorkflowTemplate | Kind::ClusterWorkflowTemplate)
}

fn not_given(from: &FromKind) -> Failure {
    Failure::usage(format!("{} {:?} is not in the files", from.kind, from.name.as_str())).hint(GIVE_OR_ASK)
}
