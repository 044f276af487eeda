//! What `submit` was asked for, validated and complete: documents, options, names.

use std::str::FromStr;

use jiff::Timestamp;
use serde_json::Value;

use super::{Args, MemoizeArg};
use crate::argo::document::{Document, Kind};
use crate::argo::identity::ObjectName;
use crate::cli::failure::Failure;
use crate::cli::{files, mint};
use crate::cluster::TemplateKind;
use crate::exit::Exit;
use crate::output::format::{Format, serialized};
use crate::prepare::{
    Memoize, Notice, Options, Prepared, Source, Templates, from_source, missing_parameters, prepare, prepare_template,
};

/// `--from KIND/NAME`.
#[derive(Debug, Clone)]
pub(super) struct FromKind {
    pub(super) kind: TemplateKind,
    pub(super) name: ObjectName,
}

impl FromStr for FromKind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (kind, name) = text.split_once('/').ok_or("expected KIND/NAME, such as workflowtemplate/etl")?;
        let kind = kind.parse().map_err(|error: crate::cluster::TemplateKindError| error.to_string())?;
        let name = name.parse().map_err(|error: crate::argo::identity::IdentityError| error.to_string())?;
        Ok(Self { kind, name })
    }
}

/// A label: a key, and a value of at most 63 letters, digits, `-`, `_` and `.`.
#[derive(Debug, Clone)]
pub(super) struct LabelPair(pub(super) String, pub(super) String);

impl FromStr for LabelPair {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (key, value) = super::parameter(text).map_err(|_| "expected KEY=VALUE".to_owned())?;
        let is_edge = |byte: Option<&u8>| byte.is_none_or(u8::is_ascii_alphanumeric);
        let bytes = value.as_bytes();
        let legal = bytes.len() <= 63
            && bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(byte))
            && is_edge(bytes.first())
            && is_edge(bytes.last());
        if legal {
            Ok(Self(key, value))
        } else {
            Err(format!("label value {value:?}: expected at most 63 letters, digits, '-', '_' or '.'"))
        }
    }
}

/// What `submit` was asked for.
#[derive(Debug)]
pub(super) struct Request {
    /// The workflows to submit, as they were written.
    pub(super) workflows: Vec<Document>,
    /// What stands beside them.
    pub(super) beside: Vec<Document>,
    pub(super) from: Option<FromKind>,
    pub(super) options: Options,
    pub(super) generate_name: Option<String>,
    quiet: bool,
}

impl Request {
    pub(super) fn read(args: &Args) -> Result<Self, Failure> {
        let documents = files::documents(&args.files)?;
        let (workflows, beside): (Vec<_>, Vec<_>) =
            documents.into_iter().partition(|document| document.kind == Kind::Workflow);
        let mut parameters = Vec::new();
        for path in &args.workflow.parameter_file {
            parameters.extend(files::parameters(path)?);
        }
        parameters.extend(args.workflow.parameters.iter().cloned());
        if args.workflow.name.is_some() && workflows.len() + usize::from(args.from.is_some()) > 1 {
            let count = workflows.len() + usize::from(args.from.is_some());
            return Err(Failure::usage(format!("--name fits one workflow, and there are {count}"))
                .hint("use --generate-name, or submit them one by one"));
        }
        let memoize = match args.run.memoize {
            Some(MemoizeArg::Off) => Memoize::Off,
            Some(MemoizeArg::Auto) | None => Memoize::Auto,
        };
        let options = Options {
            run_id: args.run.run_id.clone(),
            memoize,
            cache_name: args.run.cache_name.clone(),
            max_age: args.run.max_age.clone(),
            parameters,
            labels: args.workflow.labels.iter().map(|LabelPair(key, value)| (key.clone(), value.clone())).collect(),
            annotations: args.workflow.annotations.clone(),
            name: args.workflow.name.clone(),
            namespace: args.access.namespace.as_ref().map(ToString::to_string),
            entrypoint: args.workflow.entrypoint.clone(),
            service_account: args.workflow.serviceaccount.as_ref().map(ToString::to_string),
            priority: args.workflow.priority,
            inline: args.run.inline || args.local,
            ..Options::new(mint::run_id(Timestamp::now())?, mint::cache_name())
        };
        Ok(Self {
            workflows,
            beside,
            from: args.from.clone(),
            options,
            generate_name: args.workflow.generate_name.clone(),
            quiet: args.quiet,
        })
    }

    /// What is prepared already, with the documents it came from.
    pub(super) fn prepared(workflow: Option<Document>, beside: Vec<Document>, args: &Args) -> Result<Self, Failure> {
        let mut request = Self::read(args)?;
        request.workflows.extend(workflow);
        request.beside = beside;
        Ok(request)
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

    /// Everything that is to be submitted, prepared; nothing is created before all of it is sound.
    pub(super) fn prepare(&self, templates: &Templates, live: Option<&Value>) -> Result<Vec<Prepared>, Failure> {
        let mut prepared = Vec::new();
        for document in &self.workflows {
            prepared.push(self.prepare_one(&document.value, templates, document.source())?);
        }
        if let Some(from) = &self.from {
            let workflow = self.made_from(from, live)?;
            prepared.push(self.prepare_one(&workflow, templates, "--from")?);
        }
        if prepared.is_empty() {
            return Err(Failure::usage("the files hold no Workflow").hint(
                "use --from workflowtemplate/NAME for one of their templates, or --dry-run=client to print these prepared",
            ));
        }
        Ok(prepared)
    }

    fn prepare_one(&self, workflow: &Value, templates: &Templates, source: &str) -> Result<Prepared, Failure> {
        let named = self.named(workflow, source)?;
        let options = Options { name: Some(named), ..self.options.clone() };
        let prepared = prepare(workflow.clone(), templates, &options)?;
        let missing = missing_parameters(&prepared.workflow, templates);
        if !missing.is_empty() {
            let name = prepared.workflow["metadata"]["name"].as_str().unwrap_or_default();
            let give: Vec<String> = missing.iter().map(|name| format!("-p {name}=VALUE")).collect();
            return Err(Failure::usage(format!("workflow {name:?} needs a value for {}", missing.join(", ")))
                .hint(format!("add {}", give.join(" "))));
        }
        self.tell(&prepared.notices);
        Ok(prepared)
    }

    /// The name is fixed before anything is sent, so that a repeated request finds its own object.
    fn named(&self, workflow: &Value, source: &str) -> Result<ObjectName, Failure> {
        if let Some(name) = &self.options.name {
            return Ok(name.clone());
        }
        if let Some(prefix) = &self.generate_name {
            return Ok(mint::name(prefix)?);
        }
        let text = |field: &str| workflow["metadata"][field].as_str().filter(|text| !text.is_empty());
        match (text("name"), text("generateName")) {
            (Some(name), _) => Ok(name.parse()?),
            (None, Some(prefix)) => Ok(mint::name(prefix)?),
            (None, None) => Err(Failure::usage(format!("{source}: field `metadata`: the workflow has no name"))
                .hint("give it metadata.generateName, or use --name or --generate-name")),
        }
    }

    fn tell(&self, notices: &[Notice]) {
        if self.quiet {
            return;
        }
        for notice in notices {
            eprintln!("{}: {notice}", if notice.is_warning() { "warning" } else { "note" });
        }
    }

    /// Prints what would be created, and asks no cluster.
    pub(super) fn show(&self, output: Option<Format>) -> Result<Exit, Failure> {
        let templates = self.templates();
        let objects: Vec<Value> = if self.workflows.is_empty() && self.from.is_none() {
            let documents = self.beside.iter().filter(|document| is_template(document.kind));
            let prepared: Result<Vec<_>, Failure> = documents
                .map(|document| Ok(prepare_template(document.value.clone(), &templates, &self.options)?))
                .collect();
            let prepared = prepared?;
            for prepared in &prepared {
                self.tell(&prepared.notices);
            }
            if prepared.is_empty() {
                return Err(Failure::usage("the files hold no Workflow and no template"));
            }
            prepared.into_iter().map(|prepared| prepared.workflow).collect()
        } else {
            self.prepare(&templates, None)?.into_iter().map(|prepared| prepared.workflow).collect()
        };
        let format = match output {
            None | Some(Format::Text | Format::Wide) => Format::Yaml,
            Some(format) => format,
        };
        print!("{}", serialized(format, &objects).unwrap_or_default());
        Ok(Exit::Success)
    }
}

/// Whether documents of this kind hold templates.
pub(super) fn is_template(kind: Kind) -> bool {
    matches!(kind, Kind::WorkflowTemplate | Kind::ClusterWorkflowTemplate)
}

fn not_given(from: &FromKind) -> Failure {
    Failure::usage(format!("{} {:?} is not in the files", from.kind, from.name.as_str()))
        .hint("give the file that holds it, or leave --local and --dry-run=client out to ask the cluster")
}
