//! What `submit` was asked for, validated and complete: documents, options, names.

use std::collections::BTreeSet;
use std::path::Path;

use jiff::Timestamp;
use serde_json::Value;

use super::args::Args;
use super::locks;
use super::subject::Subject;
use crate::argo::check;
use crate::argo::document::{self, Document, Kind};
use crate::argo::identity::ObjectName;
use crate::cli::failure::Failure;
use crate::cli::values::{AnnotationPair, FromKind, LabelPair, NamePrefix, ParameterPair};
use crate::cli::{files, generate};
use crate::cluster::TemplateKind;
use crate::output::stream::talk;
use crate::prepare::{Detail, Memoize, Notice, Options, Prepared, Source, Templates, from_source, told};

/// What to do about an object that is not in the files.
pub(super) const GIVE_OR_ASK: &str =
    "give the file that holds it, or leave --local and --dry-run=client out to ask the cluster";

/// What `submit` was asked for.
#[derive(Debug)]
pub(super) struct Request {
    /// The workflows to submit, as they were written.
    pub(super) workflows: Vec<Document>,
    /// What stands beside them.
    pub(super) beside: Vec<Document>,
    pub(super) from: Option<FromKind>,
    pub(super) options: Options,
    pub(super) generate_name: Option<NamePrefix>,
    pub(super) quiet: bool,
    /// How documents are checked; none with `--no-check`.
    pub(super) check: Option<check::Options>,
    /// The texts of the documents.
    pub(super) sources: Vec<document::Source>,
    detail: Detail,
}

impl Request {
    pub(super) fn read(args: &Args) -> Result<Self, Failure> {
        standard_input_once(args)?;
        let (documents, sources) = files::with_sources(&args.files, args.quiet)?;
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
        Ok(Self {
            workflows,
            beside,
            from: args.from.clone(),
            options: options(args)?,
            generate_name: args.workflow.generate_name.clone(),
            quiet: args.quiet,
            check: (!args.check.no_check).then(|| args.check.options(args.local)),
            sources,
            detail: if args.verbose { Detail::Full } else { Detail::Brief },
        })
    }

    /// The templates beside the workflows.
    pub(super) fn templates(&self) -> Templates {
        let mut templates = Templates::default();
        for document in self.beside.iter().filter(|document| is_template(document.kind)) {
            templates.insert(document.value.clone());
        }
        templates
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
        let now = Timestamp::now().to_string();
        Ok(from_source(Source::CronWorkflow { document, scheduled_at: &now })?)
    }

    /// An object in the files.
    pub(super) fn beside(&self, kind: Kind, name: &ObjectName) -> Option<&Document> {
        self.beside.iter().find(|document| document.kind == kind && document.name() == Some(name.as_str()))
    }

    /// Refuses files that hold nothing to submit.
    pub(super) fn has_workflow(&self) -> Result<(), Failure> {
        if !self.workflows.is_empty() || self.from.is_some() {
            return Ok(());
        }
        Err(Failure::usage("the files hold no Workflow").hint(
            "use --from workflowtemplate/NAME for one of their templates, or --dry-run=client to print these prepared",
        ))
    }

    /// Everything that is to be submitted, prepared; nothing is created before all of it is sound.
    pub(super) fn prepare(&self, templates: &Templates, live: Option<&Value>) -> Result<Vec<Prepared>, Failure> {
        self.check(templates, live)?;
        let written = self.workflows.iter().map(|document| Subject::written(document).prepared(self, templates));
        let mut prepared = written.collect::<Result<Vec<_>, _>>()?;
        if let Some(from) = &self.from {
            let object = self.made_from(from, live)?;
            prepared.push(Subject { object: &object, document: None }.prepared(self, templates)?);
        }
        differ(&prepared)?;
        Ok(prepared)
    }

    /// The options for one workflow: each is a run of its own.
    pub(super) fn options(&self) -> Result<Options, Failure> {
        let generated_run_id = generate::run_id(Timestamp::now())?;
        Ok(Options { generated_run_id, generated_cache_name: generate::cache_name(), ..self.options.clone() })
    }

    pub(super) fn tell(&self, notices: &[Notice]) {
        if self.quiet {
            return;
        }
        for line in told(notices, self.detail) {
            talk(line);
        }
    }

    /// What would be created, without asking a cluster; of files that hold no workflow, their templates prepared.
    pub(super) fn objects(&self) -> Result<Vec<Value>, Failure> {
        let templates = self.templates();
        let prepared = if self.workflows.is_empty() && self.from.is_none() {
            self.prepare_templates(&templates)?
        } else {
            self.prepare(&templates, None)?
        };
        Ok(prepared.into_iter().map(|prepared| prepared.workflow).collect())
    }

    fn prepare_templates(&self, templates: &Templates) -> Result<Vec<Prepared>, Failure> {
        self.check(templates, None)?;
        let written = self.beside.iter().filter(|document| is_template(document.kind));
        let all = written.map(|document| Subject::written(document).prepared_template(self, templates));
        let all = all.collect::<Result<Vec<_>, _>>()?;
        if all.is_empty() { Err(Failure::usage("the files hold no Workflow and no template")) } else { Ok(all) }
    }
}

/// What the flags ask of the preparation.
fn options(args: &Args) -> Result<Options, Failure> {
    let mut parameters = Vec::new();
    for path in &args.workflow.parameter_file {
        parameters.extend(files::parameters(path, args.quiet)?);
    }
    parameters.extend(args.workflow.parameters.iter().map(|ParameterPair(name, value)| (name.clone(), value.clone())));
    let labels = args.workflow.labels.iter().map(|LabelPair(key, value)| (key.clone(), value.clone()));
    let annotations = args.workflow.annotations.iter().map(|AnnotationPair(key, value)| (key.clone(), value.clone()));
    Ok(Options {
        run_id: args.run.run_id.clone(),
        memoize: if args.memoizes() { Memoize::Auto } else { Memoize::Off },
        cache_name: args.run.cache_name.clone(),
        max_age: args.run.max_age.clone(),
        parameters,
        labels: labels.collect(),
        annotations: annotations.collect(),
        name: args.workflow.name.clone(),
        namespace: args.access.namespace().map(ToString::to_string),
        entrypoint: args.workflow.entrypoint.clone(),
        service_account: args.workflow.serviceaccount.as_ref().map(ToString::to_string),
        priority: args.workflow.priority,
        parallelism: args.workflow.parallelism,
        locks: locks::of(args),
        inline: args.run.inline || args.local,
        ..Options::new(generate::run_id(Timestamp::now())?, generate::cache_name())
    })
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
        let metadata = &one.workflow["metadata"];
        let name = metadata["name"].as_str().unwrap_or_default();
        if !names.insert((metadata["namespace"].as_str(), name)) {
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
