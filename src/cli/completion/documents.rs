//! Templates and parameters of the files that are named on the line. Nothing is fetched.

use std::collections::BTreeSet;
use std::path::PathBuf;

use clap::ArgMatches;

use super::candidates::Names;
use crate::argo::Workflow;
use crate::argo::document::{Document, MAX_BYTES, Source, parse};
use crate::argo::template::Template;
use crate::argo::workflow_spec;
use crate::cli::values::ParameterPair;
use crate::prepare::RUN_PARAMETERS;

/// The names of the templates.
pub(super) fn templates(verb: &ArgMatches) -> Option<Names> {
    let documents = documents(verb)?;
    let names: BTreeSet<String> = documents
        .iter()
        .flat_map(|document| {
            Workflow::view(&document.value).templates().map(|template| Template::name(template).to_owned())
        })
        .filter(|name| !name.is_empty())
        .collect();
    Some(names.into_iter().map(|name| (name, None)).collect())
}

/// `NAME=` for each parameter that has not been given yet, and `NAME=VALUE` for those that have a choice of values.
pub(super) fn parameters(verb: &ArgMatches) -> Option<Names> {
    let documents = documents(verb)?;
    let given = verb.try_get_many::<ParameterPair>("parameters").ok().flatten();
    let given: BTreeSet<&str> = given.into_iter().flatten().map(|ParameterPair(name, _)| name.as_str()).collect();
    let mut found = BTreeSet::new();
    for document in &documents {
        for parameter in workflow_spec::parameters(&document.value["spec"]) {
            let Some(name) = parameter["name"].as_str() else { continue };
            if given.contains(name) || RUN_PARAMETERS[1..].contains(&name) {
                continue;
            }
            found.insert(format!("{name}="));
            let choice = parameter["enum"].as_array().into_iter().flatten();
            found.extend(choice.filter_map(|value| value.as_str()).map(|value| format!("{name}={value}")));
        }
    }
    Some(found.into_iter().map(|name| (name, None)).collect())
}

/// What the files hold; a file that cannot be read holds nothing, and standard input is not touched.
fn documents(verb: &ArgMatches) -> Option<Vec<Document>> {
    let files = verb.try_get_many::<PathBuf>("files").ok().flatten()?;
    let mut documents = Vec::new();
    for path in files.filter(|path| path.is_file()) {
        let Ok(text) = std::fs::read(path) else { continue };
        if text.len() > MAX_BYTES {
            continue;
        }
        let source = Source { name: path.display().to_string(), text };
        documents.extend(parse(&source).map(|parsed| parsed.documents).unwrap_or_default());
    }
    Some(documents)
}
