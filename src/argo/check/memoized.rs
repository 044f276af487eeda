//! Memoized templates whose entries cannot be found, or stand for something else than their next run would give.

use hashbrown::HashSet;
use serde_json::Value;

use super::checker::{At, Checker};
use super::finding::Rule;
use super::read::{get, items, text};
use crate::argo::call::Target;
use crate::argo::duration;
use crate::argo::template::Template;

/// The longest key of a ConfigMap's data.
const MAX_KEY: usize = 253;
/// Variables that are another one in each run: what is kept under such a key is not found by the next.
const OF_A_RUN: [&str; 4] = ["workflow.name", "workflow.uid", "workflow.creationTimestamp", "run_id"];

impl Checker<'_> {
    /// (workflow/controller/cache/cache.go, the pattern of keys; operator.go, the maximum age)
    pub(super) fn memoize(&mut self, template: &Value, place: &At) {
        let Some(memoize) = get(template, "memoize") else { return };
        let at = place.field("memoize");
        let key = text(memoize, "key");
        self.memoize_key(key, &at.field("key"));
        let age = text(memoize, "maxAge");
        if !age.is_empty() && !age.contains("{{") && duration::parse(age).is_err() {
            self.warn(Rule::Memoize, &at.field("maxAge"), format!("`{age}` is no duration such as 24h"), None);
        }
        self.uncovered_inputs(template, key, &at.field("key"));
        if !OF_A_RUN.iter().any(|variable| key.contains(variable)) && self.waits(template, place.base) {
            let message =
                "a later run finds the entry and does not wait at the suspend template: there is nothing to resume";
            let hint = "leave it out, or put `{{workflow.uid}}` into the key";
            self.warn(Rule::Memoize, &at, message, Some(hint));
        }
    }

    fn memoize_key(&mut self, key: &str, at: &At) {
        let legal = key.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') && !key.starts_with('-');
        if !key.contains("{{") && (!legal || key.is_empty() || key.len() > MAX_KEY) {
            let message = format!("`{key}` is no key of a cache: expected letters, digits and `-`, at most {MAX_KEY}");
            self.warn(Rule::Memoize, at, message, Some("the node would end in Error"));
        }
    }

    /// An entry is found by its key alone. What a call gives in the key's place is not looked at.
    fn uncovered_inputs(&mut self, template: &Value, key: &str, at: &At) {
        if key.contains("inputs.") || key.is_empty() {
            return;
        }
        let parameters = items(template, &["inputs", "parameters"]).iter().map(|input| ("parameter", input));
        let artifacts = items(template, &["inputs", "artifacts"]).iter().map(|input| ("artifact", input));
        let given = parameters.chain(artifacts.filter(|(_, artifact)| get(artifact, "raw").is_none()));
        let given: Vec<String> = given.map(|(what, input)| format!("{what} `{}`", text(input, "name"))).collect();
        if !given.is_empty() {
            let message = format!("the key does not depend on {}", given.join(", "));
            let hint =
                "put the inputs into it: `{{inputs.parameters.…}}`; of an artifact, a parameter that tells its content";
            self.warn(Rule::Memoize, at, message, Some(hint));
        }
    }

    /// Whether a template, or one that it calls, waits to be resumed.
    fn waits(&self, template: &Value, base: usize) -> bool {
        let mut seen: HashSet<&str> = HashSet::new();
        let mut pending = vec![Template::new(template)];
        while let Some(template) = pending.pop() {
            // One with a duration goes on by itself.
            if get(template.value(), "suspend").is_some_and(|suspend| get(suspend, "duration").is_none()) {
                return true;
            }
            for call in template.calls() {
                match call.target {
                    Target::Inline(inline) => pending.push(inline),
                    Target::Local(name) if seen.insert(name) => {
                        pending.extend(self.template_of(base, name).map(|(template, _)| Template::new(template)));
                    }
                    _ => {}
                }
            }
        }
        false
    }
}
