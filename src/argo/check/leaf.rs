//! Templates that do work: containers, scripts, resources and the like. (validateLeaf)

use std::collections::{BTreeMap, HashMap};

use serde_json::Value;

use super::checker::{At, Checker};
use super::finding::{Holder, Rule};
use super::names::Names;
use super::nearest::nearest_of_few;
use super::read::{at, get, items, list, text};
use super::steps::has_main;
use super::substitute::is_placeholder;
use crate::argo::document::{Source, parse_map};

/// Containers of the controller. (workflow/common/common.go, IsArgoSidecar)
const RESERVED: [&str; 2] = ["wait", "supervisor"];
const RESERVED_PREFIX: &str = "artifact-plugin-";
const ACTIONS: [&str; 6] = ["get", "create", "apply", "delete", "replace", "patch"];

impl Checker<'_> {
    pub(super) fn leaf(&mut self, template: &Value, processed: &Value, kind: &str, at: &At, names: &Names) {
        self.resolve(processed, at, names, &|_| false);
        self.pod_metadata(template, at, names);
        match kind {
            "container" => {
                self.mounts(processed, at);
                self.image(processed, "container", at);
            }
            "script" => self.image(processed, "script", at),
            "containerSet" => self.container_set(processed, at),
            "resource" => self.resource(processed, at),
            "plugin" => self.plugin(processed, at),
            _ => {}
        }
        for (index, sidecar) in list(processed, "sidecars").iter().enumerate() {
            self.reserved(sidecar, &at.field("sidecars").index(index));
        }
        self.deadline(processed, at);
        if get(processed, "parallelism").is_some() {
            let message = format!("a {kind} template has no parallelism: it is for steps and dag templates");
            self.error(Rule::Parallelism, &at.field("parallelism"), message);
        }
    }

    /// Labels and annotations of all pods stand in each template. (templateresolution/context.go, addPodMetadata)
    fn pod_metadata(&mut self, template: &Value, place: &At, names: &Names) {
        if text(template, "name").is_empty() {
            return;
        }
        let spec = self.bases[place.base].spec;
        for side in ["labels", "annotations"] {
            let all = at(spec, &["podMetadata", side]).and_then(Value::as_object);
            for (key, value) in all.into_iter().flatten() {
                if at(template, &["metadata", side, key]).is_none() {
                    let at = self.spec_at(place.base).path(&["podMetadata", side, key]);
                    self.resolve(value, &at, names, &|_| false);
                }
            }
        }
    }

    /// Nothing is mounted where something else is.
    fn mounts(&mut self, template: &Value, place: &At) {
        let mut taken: HashMap<&str, String> = HashMap::new();
        let mounts = items(template, &["container", "volumeMounts"]).iter().enumerate();
        let mounts =
            mounts.map(|(index, mount)| (mount, "mountPath", place.path(&["container", "volumeMounts"]).index(index)));
        let artifacts = items(template, &["inputs", "artifacts"]).iter().enumerate();
        let artifacts = artifacts.map(|(index, one)| (one, "path", place.path(&["inputs", "artifacts"]).index(index)));
        for (holder, field, at) in mounts.chain(artifacts) {
            let path = text(holder, field);
            let what = if field == "path" { "input artifact" } else { "volume" };
            if let Some(before) = taken.insert(path, format!("{what} `{}`", text(holder, "name"))) {
                self.error(Rule::Mount, &at.field(field), format!("`{path}` is taken by {before} already"));
            }
        }
    }

    fn image(&mut self, template: &Value, kind: &str, place: &At) {
        let default = || {
            let base = &self.bases[place.base];
            let defaults = at(base.spec, &["templateDefaults", kind]).map(|default| text(default, "image"));
            !matches!(base.holder, Holder::ClusterTemplate(_)) && defaults.is_some_and(|image| !image.is_empty())
        };
        if at(template, &[kind]).is_some_and(|container| text(container, "image").is_empty()) && !default() {
            self.error(Rule::Image, &place.field(kind), format!("the {kind} has no image"));
        }
    }

    /// (container_set_template_types.go, Validate)
    fn container_set(&mut self, template: &Value, place: &At) {
        let set = place.field("containerSet");
        let containers = items(template, &["containerSet", "containers"]);
        let at_containers = set.field("containers");
        if containers.is_empty() {
            return self.error(Rule::Container, &set, "a containerSet has at least one container");
        }
        self.field_names(containers, "container", &at_containers);
        let mut mounts = HashMap::new();
        for (index, mount) in items(template, &["containerSet", "volumeMounts"]).iter().enumerate() {
            let path = text(mount, "mountPath");
            if let Some(before) = mounts.insert(path, text(mount, "name")) {
                let at = set.field("volumeMounts").index(index).field("mountPath");
                self.error(Rule::Mount, &at, format!("`{path}` is taken by volume `{before}` already"));
            }
        }
        self.container_graph(containers, &at_containers);
        let needs_main = !items(template, &["inputs", "artifacts"]).is_empty()
            || !items(template, &["outputs", "parameters"]).is_empty()
            || !items(template, &["outputs", "artifacts"]).is_empty();
        if needs_main && !has_main(template) {
            let message = "a containerSet with input artifacts or outputs has a container named `main`";
            self.error(Rule::Container, &at_containers, message);
        }
        for (index, container) in containers.iter().enumerate() {
            self.reserved(container, &at_containers.index(index));
        }
    }

    fn container_graph(&mut self, containers: &[Value], place: &At) {
        let needs: BTreeMap<&str, Vec<&str>> = containers
            .iter()
            .map(|one| (text(one, "name"), list(one, "dependencies").iter().filter_map(Value::as_str).collect()))
            .collect();
        for (index, container) in containers.iter().enumerate() {
            for name in
                needs.get(text(container, "name")).into_iter().flatten().filter(|name| !needs.contains_key(*name))
            {
                let near = nearest_of_few(name, needs.keys().copied()).map(|near| format!("did you mean `{near}`?"));
                let at = place.index(index).field("dependencies");
                self.error_with(Rule::Depends, &at, format!("`{name}` is no container of this set"), near);
            }
        }
        let mut left: Vec<&str> = needs.keys().copied().collect();
        while let Some(free) = left.iter().position(|name| needs[name].iter().all(|need| !left.contains(need))) {
            left.swap_remove(free);
        }
        if let Some(first) = left.iter().min() {
            let index = containers.iter().position(|one| text(one, "name") == *first).unwrap_or_default();
            let mut circle = left.clone();
            circle.sort_unstable();
            let message = format!("the containers wait for each other in a circle: {}", circle.join(", "));
            self.error(Rule::Cycle, &place.index(index).field("dependencies"), message);
        }
    }

    fn reserved(&mut self, container: &Value, at: &At) {
        let name = text(container, "name");
        if RESERVED.contains(&name) || name.starts_with(RESERVED_PREFIX) {
            self.error(
                Rule::Container,
                &at.field("name"),
                format!("`{name}` is the name of a container of Argo's own"),
            );
        }
    }

    fn resource(&mut self, template: &Value, place: &At) {
        let Some(resource) = get(template, "resource") else { return };
        let place = place.field("resource");
        let action = text(resource, "action");
        if !is_placeholder(action) && !ACTIONS.contains(&action) {
            let near = nearest_of_few(action, ACTIONS.into_iter()).map(|near| format!("did you mean `{near}`?"));
            let message = format!("`{action}` is no action: expected one of {}", ACTIONS.join(", "));
            let at = if get(resource, "action").is_some() { place.field("action") } else { place.clone() };
            self.error_with(Rule::Resource, &at, message, near);
        }
        let manifest = text(resource, "manifest");
        let from = get(resource, "manifestFrom");
        if !manifest.is_empty() && from.is_some() {
            self.error(
                Rule::Resource,
                &place.field("manifestFrom"),
                "`manifest` and `manifestFrom` exclude each other",
            );
        }
        if matches!(action, "delete" | "get") {
            return;
        }
        if manifest.is_empty() && from.is_none() {
            self.error(Rule::Resource, &place, "the resource needs a `manifest` or `manifestFrom`");
        }
        if let Some(artifact) = from.and_then(|from| get(from, "artifact")) {
            let name = text(artifact, "name");
            if !items(template, &["inputs", "artifacts"]).iter().any(|input| text(input, "name") == name) {
                let message = format!("the template has no input artifact `{name}`");
                self.error(Rule::Resource, &place.path(&["manifestFrom", "artifact", "name"]), message);
            }
        }
        if !manifest.is_empty() && !is_placeholder(manifest) && !is_yaml(manifest) {
            self.error(Rule::Resource, &place.field("manifest"), "the manifest is no YAML");
        }
    }

    /// (plugin_types.go, UnmarshalJSON)
    fn plugin(&mut self, template: &Value, at: &At) {
        if get(template, "plugin").and_then(Value::as_object).is_none_or(|plugin| plugin.len() != 1) {
            self.error(Rule::Type, &at.field("plugin"), "expected an object with one field, which names the plugin");
        }
    }

    fn deadline(&mut self, template: &Value, at: &At) {
        let Some(deadline) = get(template, "activeDeadlineSeconds") else { return };
        let legal = match deadline {
            Value::String(text) => match text.parse::<i64>() {
                Ok(seconds) => seconds >= 0,
                Err(_) => text.starts_with("{{") && text.ends_with("}}") || is_placeholder(text),
            },
            number => number.as_i64().is_none_or(|seconds| seconds >= 0),
        };
        if !legal {
            let message = "activeDeadlineSeconds is a whole number that is not negative, or a tag";
            self.error(Rule::Deadline, &at.field("activeDeadlineSeconds"), message);
        }
    }
}

/// Whether a manifest can be read once its expressions have become texts. (SubstituteResourceManifestExpressions)
fn is_yaml(manifest: &str) -> bool {
    let mut text = String::new();
    let mut rest = manifest;
    while let Some((before, tag, after)) = super::substitute::next_tag(rest) {
        text.push_str(before);
        if tag.trim_start().starts_with('=') {
            text.push_str("expression");
        } else {
            text.push_str(&rest[before.len()..rest.len() - after.len()]);
        }
        rest = after;
    }
    text.push_str(rest);
    let text = text.split("\n---").next().unwrap_or_default().as_bytes().to_vec();
    let first = parse_map(&Source { name: "manifest".to_owned(), text });
    !matches!(first, Err(crate::argo::document::DocumentError::Syntax(_)))
}
