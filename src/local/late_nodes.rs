//! The nodes of a run that has ended, read by a thread of their own while what needs none of them goes on.

use std::ops::Deref;
use std::sync::{Arc, LazyLock};
use std::thread;

use serde_json::Value;

use super::head;
use crate::argo::{Nodes, Workflow};

/// Nodes for which the first who asks waits until they are read.
pub(crate) struct LateNodes(LazyLock<Nodes, Box<dyn FnOnce() -> Nodes + Send>>);

impl LateNodes {
    /// Begins to read those in the text of an object, of which this is the rest.
    pub(super) fn begin(head: Value, text: Vec<u8>) -> Self {
        let of = Arc::new((Workflow::from(head), text));
        let read = move || nodes(&of.0, &of.1);
        // Where no thread can begin, or it fails, whoever asks reads them.
        let reading = thread::Builder::new().name("nodes".to_owned()).spawn(read.clone()).ok();
        Self(LazyLock::new(Box::new(move || reading.and_then(|thread| thread.join().ok()).unwrap_or_else(read))))
    }
}

impl Deref for LateNodes {
    type Target = Nodes;

    fn deref(&self) -> &Nodes {
        &self.0
    }
}

/// A malformed node is read as far as it goes.
fn nodes(head: &Workflow, text: &[u8]) -> Nodes {
    match head::nodes(text) {
        Ok(nodes) => Nodes::beside(head, nodes),
        Err(_) => Workflow::from(serde_json::from_slice::<Value>(text).unwrap_or_default()).nodes(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn they_are_those_of_the_whole_object() {
        let node = |id: &str, phase: &str| json!({"id": id, "name": format!("w.{id}"), "displayName": id, "type": "Pod", "phase": phase});
        for phase in ["Failed", "Odd"] {
            let nodes = json!({"b": node("b", phase), "a": node("a", "Succeeded")});
            let object = json!({"metadata": {"name": "w"}, "status": {"phase": "Failed", "nodes": nodes}});
            let text = object.to_string().into_bytes();
            let late = LateNodes::begin(head::read(&text).unwrap(), text);
            assert_eq!(*late, Workflow::view(&object).nodes(), "{phase}");
        }
    }
}
