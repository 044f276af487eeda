//! Who holds a lock: a workflow as a whole, or one of its nodes.

use std::fmt;

use serde::{Serialize, Serializer};

/// A holder: `NAMESPACE/WORKFLOW` or `NAMESPACE/WORKFLOW/NODE`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Holder {
    /// The workflow's namespace.
    pub(crate) namespace: String,
    /// The workflow's name.
    pub(crate) workflow: String,
    /// The node's id; none where the workflow holds as a whole.
    pub(crate) node: Option<String>,
}

impl Holder {
    /// Reads a holder from the status of a workflow. Controllers before 3.6 wrote the last part alone, a workflow's name
    /// or a node's id: the latter is the former, `-` and a number.
    pub(crate) fn read(text: &str, namespace: &str, workflow: &str) -> Option<Self> {
        let holder = |namespace: &str, workflow: &str, node: Option<&str>| {
            let plain = !namespace.is_empty() && !workflow.is_empty() && node != Some("");
            let node = node.map(str::to_owned);
            plain.then(|| Self { namespace: namespace.to_owned(), workflow: workflow.to_owned(), node })
        };
        match text.split('/').collect::<Vec<_>>()[..] {
            [namespace, workflow, node] => holder(namespace, workflow, Some(node)),
            [namespace, workflow] => holder(namespace, workflow, None),
            [name] if name == workflow => holder(namespace, workflow, None),
            [name] => match name.rsplit_once('-').filter(|(_, hash)| is_hash(hash)) {
                Some((workflow, _)) => holder(namespace, workflow, Some(name)),
                None => holder(namespace, name, None),
            },
            _ => None,
        }
    }
}

/// Whether the text may be the hash that ends a node's id. A workflow's own name may end so too, which cannot be told.
fn is_hash(text: &str) -> bool {
    text.len() <= 10 && text.parse::<u32>().is_ok() && !text.starts_with('+')
}

impl fmt::Display for Holder {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.namespace, self.workflow)?;
        self.node.iter().try_for_each(|node| write!(formatter, "/{node}"))
    }
}

impl Serialize for Holder {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_holder_is_read_in_the_form_of_any_controller() {
        let read = |text: &str| Holder::read(text, "argo", "tsem").map(|holder| holder.to_string());
        assert_eq!(read("ci/sem-hqvrn"), Some("ci/sem-hqvrn".to_owned()));
        assert_eq!(read("argo/tsem/tsem-3332060374"), Some("argo/tsem/tsem-3332060374".to_owned()));
        assert_eq!(read("tsem"), Some("argo/tsem".to_owned()));
        assert_eq!(read("tsem-3332060374"), Some("argo/tsem/tsem-3332060374".to_owned()));
        assert_eq!(read("sem-hqvrn"), Some("argo/sem-hqvrn".to_owned()));
        assert_eq!(["", "a//b", "/b", "a/b/c/d"].map(read), [None, None, None, None]);
    }
}
