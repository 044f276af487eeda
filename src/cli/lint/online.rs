//! `--online`: what documents name and no file holds is looked up on a cluster.

use std::collections::HashMap;

use serde_json::Value;

use super::files::Files;
use crate::argo::call::references;
use crate::argo::check::{Finding, Options, config_maps};
use crate::argo::document::{Document, Kind, parse};
use crate::backend::templates_on_cluster;
use crate::cli::access::AccessArgs;
use crate::cli::failure::Failure;
use crate::cluster::{Cluster, ClusterError};
use crate::exit::CommandError;
use crate::output::stream::talk;
use crate::prepare::Templates;

/// What is known beside the documents of a text.
pub(super) struct Online {
    pub(super) templates: Templates,
    /// What was found of each ConfigMap that documents name; none where no cluster was asked.
    pub(super) config_maps: Option<ConfigMaps>,
}

/// ConfigMaps by namespace and name; none where the object does not exist.
pub(super) struct ConfigMaps {
    /// The namespace of documents that name none.
    namespace: String,
    found: HashMap<(String, String), Option<Value>>,
}

/// What the documents of all files name, and what they hold of it.
#[derive(Default)]
struct Named {
    /// Objects that call templates of others.
    callers: Vec<Value>,
    /// ConfigMaps, by namespace and name.
    config_maps: Vec<(String, String)>,
    /// ConfigMaps that the files hold.
    given: HashMap<(String, String), Option<Value>>,
}

impl Online {
    /// Looks up what the files name on the cluster, and sets what follows from it.
    pub(super) async fn look_up(access: &AccessArgs, files: &Files, options: &mut Options) -> Result<Self, Failure> {
        let cluster = Cluster::connect(&access.access()).await?;
        let named = Named::of(files, cluster.namespace());
        let called = templates_on_cluster(&cluster, files.templates(), named.callers).await?;
        let refused: Vec<_> =
            called.unread.iter().filter(|unread| matches!(unread.error, ClusterError::Forbidden { .. })).collect();
        for unread in &refused {
            talk(format_args!("warning: {}", unread.error.message()));
        }
        options.all_known = refused.is_empty();
        let definition = cluster.definition().await;
        if options.version.is_none() {
            options.version = definition.version;
            options.full_definitions = definition.is_full;
        }
        let config_maps = ConfigMaps::look_up(&cluster, named.config_maps, named.given).await?;
        Ok(Self { templates: called.templates, config_maps: Some(config_maps) })
    }

    /// What is wrong with the ConfigMaps that a document names, where a cluster was asked.
    pub(super) fn missing_config_maps(&self, document: &Document) -> Vec<Finding> {
        let Some(known) = &self.config_maps else { return Vec::new() };
        let uses = config_maps(&document.value, document.kind);
        let home = document.namespace().unwrap_or(&known.namespace);
        let found = uses.iter().filter_map(|one| {
            let place = (one.namespace.as_deref().unwrap_or(home).to_owned(), one.name.clone());
            one.finding(known.found.get(&place)?.as_ref())
        });
        found.collect()
    }
}

impl Named {
    fn of(files: &Files, namespace: &str) -> Self {
        let mut named = Self::default();
        let sources = files.texts().iter().filter_map(|text| text.read().ok());
        for document in sources.filter_map(|source| parse(&source).ok()).flat_map(|parsed| parsed.documents) {
            let home = document.namespace().unwrap_or(namespace).to_owned();
            for one in config_maps(&document.value, document.kind) {
                named.config_maps.push((one.namespace.unwrap_or_else(|| home.clone()), one.name));
            }
            if document.kind == Kind::ConfigMap {
                let name = document.name().unwrap_or_default().to_owned();
                named.given.insert((home, name), Some(document.value));
            } else if !references(&document.value).is_empty() {
                named.callers.push(document.value);
            }
        }
        named
    }
}

impl ConfigMaps {
    async fn look_up(
        cluster: &Cluster,
        named: Vec<(String, String)>,
        given: HashMap<(String, String), Option<Value>>,
    ) -> Result<Self, ClusterError> {
        let mut found = given;
        for (namespace, name) in named {
            if found.contains_key(&(namespace.clone(), name.clone())) {
                continue;
            }
            match cluster.within(&namespace).config_map(&name).await {
                Ok(object) => _ = found.insert((namespace, name), object),
                Err(error @ ClusterError::Forbidden { .. }) => talk(format_args!("warning: {}", error.message())),
                Err(error) => return Err(error),
            }
        }
        Ok(Self { namespace: cluster.namespace().to_owned(), found })
    }
}
