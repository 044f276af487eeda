//! The environment of a container, as the kubelet makes it. Pure.

use std::collections::BTreeMap;

use super::Pod;
use crate::argo::model::{Container, EnvFrom, EnvVar, KeyRef};
use crate::local::resolved::Data;

impl Pod<'_> {
    pub(super) fn env(&self, container: &Container) -> Result<Vec<(String, String)>, String> {
        let mut env = Vec::new();
        for EnvFrom { prefix, config_map_ref, secret_ref } in &container.env_from {
            for (source, objects, kind) in
                [(config_map_ref, &self.plan.config_maps, "configmap"), (secret_ref, &self.plan.secrets, "secret")]
            {
                let Some(source) = source else { continue };
                match objects.get(&source.name) {
                    Some(data) => env.extend(data.iter().map(|(key, value)| (format!("{prefix}{key}"), value.clone()))),
                    None if source.optional => {}
                    None => return Err(format!("envFrom: {kind} {:?} not found in the given files", source.name)),
                }
            }
        }

        // What comes of whole sets of variables is not expanded into the others.
        let of_sets = env.len();
        for variable in &container.env {
            if let Some(value) = self.env_value(container, variable, &env[of_sets..])? {
                env.push((variable.name.clone(), value));
            }
        }
        Ok(env)
    }

    fn env_value(
        &self,
        container: &Container,
        variable: &EnvVar,
        before: &[(String, String)],
    ) -> Result<Option<String>, String> {
        let Some(source) = &variable.value_from else {
            return Ok(Some(expand(variable.value.as_deref().unwrap_or_default(), before)));
        };
        let of = |why: String| format!("env {:?}: {why}", variable.name);
        if let Some(field) = &source.field_ref {
            return self.field(&field.field_path).map(Some).map_err(of);
        }
        if let Some(resource) = &source.resource_field_ref {
            return self.resource(resource, container).map(Some).map_err(of);
        }
        let (key, objects, kind) = match (&source.config_map_key_ref, &source.secret_key_ref) {
            (Some(key), _) => (key, &self.plan.config_maps, "ConfigMap"),
            (None, Some(key)) => (key, &self.plan.secrets, "Secret"),
            (None, None) => return Err(of("valueFrom names no source".to_owned())),
        };
        match value_of(key, objects, kind, self.plan.metadata("namespace")) {
            Ok(value) => Ok(Some(value)),
            Err(_) if key.optional => Ok(None),
            Err(why) => Err(of(why)),
        }
    }
}

/// The value of a key; an error in the words of the kubelet.
fn value_of(key: &KeyRef, objects: &BTreeMap<String, Data>, kind: &str, namespace: &str) -> Result<String, String> {
    let data = objects.get(&key.name);
    let data = data.ok_or_else(|| format!("{} {:?} not found in the given files", kind.to_lowercase(), key.name))?;
    let value = data.get(&key.key).cloned();
    value.ok_or_else(|| format!("couldn't find key {} in {kind} {namespace}/{}", key.key, key.name))
}

/// Puts the values of variables in the place of `$(NAME)`: of two with one name the later one. `$$` is a `$`, and what
/// names no variable stays.
pub(super) fn expand(text: &str, env: &[(String, String)]) -> String {
    let mut expanded = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        expanded.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        let name = rest.strip_prefix('(').and_then(|rest| rest.split_once(')'));
        if let Some((name, after)) = name {
            match env.iter().rev().find(|(known, _)| known == name) {
                Some((_, value)) => expanded.push_str(value),
                None => expanded.extend(["$(", name, ")"]),
            }
            rest = after;
        } else {
            expanded.push('$');
            rest = rest.strip_prefix('$').unwrap_or(rest);
        }
    }
    expanded + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_expanded_as_kubernetes_expands_them() {
        let env = [("A", "old"), ("A", "one"), ("B-1.x", "two"), ("C", "$(A)")];
        let env = env.map(|(name, value)| (name.to_owned(), value.to_owned()));
        for (text, expected) in [
            ("$(A)$(B-1.x)", "onetwo"),
            ("$$(A) $$$(A) $$", "$(A) $one $"),
            ("$(NONE) $A $ $(A", "$(NONE) $A $ $(A"),
            ("$(C)", "$(A)"),
            ("ü$(A)ü$", "üoneü$"),
            ("$()", "$()"),
        ] {
            assert_eq!(expand(text, &env), expected, "{text}");
        }
    }
}
