//! What prepare tells about its work: what it left out and why, and what the user should look at.

use std::fmt;

use super::reason::Reason;
use super::reuse::Impure;

/// So many templates are named in a brief list.
const NAMED: usize = 5;

/// Something prepare did, or did not do, that its user should know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// A template is not memoized.
    NotMemoized {
        /// The template; for an inline one, that of the template it stands in.
        template: String,
        /// Why.
        reason: Reason,
    },
    /// A `memoize` that the user wrote got the cache it lacked.
    CacheAdded {
        /// The template.
        template: String,
    },
    /// The user's key does not tell this template's entries from another's in the same cache.
    SharedKey {
        /// The template.
        template: String,
        /// The key as it is written.
        key: String,
    },
    /// The user's key is that of other templates too: template and call were added to it.
    KeyExtended {
        /// The template.
        template: String,
        /// The key as the user wrote it.
        key: String,
    },
    /// A memoized template reads values that differ in each attempt; its key leaves them out.
    DiffersEachAttempt {
        /// The template.
        template: String,
        /// The values, such as `workflow.name`.
        values: Vec<String>,
    },
    /// A template got the input `runnable_result`, for only some of its callers read its result.
    ResultInput {
        /// The template.
        template: String,
    },
    /// Other runs may use the entries of a template.
    Reused {
        /// The template.
        template: String,
    },
    /// A template was declared a pure function, and its entries are of use in its own run only.
    NotReused {
        /// The template.
        template: String,
        /// Why.
        why: Impure,
    },
    /// The document's `run_id` was no fixed text and was replaced.
    RunIdReplaced {
        /// What it was.
        value: String,
    },
    /// The document names a cache, which is used in place of the one that was asked for.
    CacheNameKept {
        /// The cache that was asked for.
        asked: String,
        /// The cache in use.
        kept: String,
    },
    /// With the run's own, there are more parameters than Argo's schema allows.
    TooManyParameters {
        /// How many there are.
        count: usize,
    },
    /// A template takes the semaphore that its workflow holds a place of.
    LockWithinItself {
        /// The template.
        template: String,
        /// The lock.
        lock: String,
    },
    /// The locks of the referenced object are not known, and those of the workflow take their place.
    LocksUnknown {
        /// The WorkflowTemplate or ClusterWorkflowTemplate.
        name: String,
    },
    /// A part of a template has no files of its own.
    NotIsolated {
        /// The template.
        template: String,
        /// The part.
        what: String,
    },
    /// The workflow has an exit handler of its own, so that its worktrees are not removed.
    TreesStay,
    /// The templates stand in another object, so that they are neither memoized nor given variables here.
    ByReference {
        /// The WorkflowTemplate or ClusterWorkflowTemplate.
        name: String,
    },
}

impl Notice {
    /// Whether something may go otherwise than the user expects.
    pub(crate) fn is_warning(&self) -> bool {
        match self {
            Self::SharedKey { .. }
            | Self::KeyExtended { .. }
            | Self::DiffersEachAttempt { .. }
            | Self::RunIdReplaced { .. }
            | Self::CacheNameKept { .. }
            | Self::TooManyParameters { .. }
            | Self::LockWithinItself { .. }
            | Self::LocksUnknown { .. }
            | Self::NotIsolated { .. }
            | Self::TreesStay
            | Self::NotReused { .. }
            | Self::ByReference { .. } => true,
            Self::NotMemoized { .. } | Self::CacheAdded { .. } | Self::ResultInput { .. } | Self::Reused { .. } => {
                false
            }
        }
    }
}

impl Notice {
    /// The template it is about; for some there is none.
    fn template(&self) -> Option<&str> {
        match self {
            Self::NotMemoized { template, .. }
            | Self::CacheAdded { template }
            | Self::SharedKey { template, .. }
            | Self::KeyExtended { template, .. }
            | Self::DiffersEachAttempt { template, .. }
            | Self::LockWithinItself { template, .. }
            | Self::NotIsolated { template, .. }
            | Self::Reused { template }
            | Self::NotReused { template, .. }
            | Self::ResultInput { template } => Some(template),
            Self::RunIdReplaced { .. }
            | Self::CacheNameKept { .. }
            | Self::TooManyParameters { .. }
            | Self::LocksUnknown { .. }
            | Self::TreesStay
            | Self::ByReference { .. } => None,
        }
    }

    /// Whether it says no more than the user knows: what the document itself decides.
    fn is_known(&self) -> bool {
        matches!(self, Self::NotMemoized { reason: Reason::UserMemoized | Reason::Inline, .. })
    }

    /// The same said of the templates `who`.
    fn of(&self, who: &str) -> String {
        match self {
            Self::NotMemoized { reason: Reason::Inline, .. } => format!("not memoized: inline templates of {who}"),
            Self::NotMemoized { reason, .. } => format!("not memoized: {who} ({reason})"),
            Self::CacheAdded { .. } => format!("the run's cache was added to the memoize of {who}, which had none"),
            Self::SharedKey { key, .. } => {
                format!("{who} may be given another's outputs: the memoize key {key:?} does not tell templates apart")
            }
            Self::KeyExtended { key, .. } => format!(
                "the memoize key {key:?} of {who} is not one template's own: template and call were added to it, so that \
                 none gets another's outputs (--memoize=keep keeps it)"
            ),
            Self::DiffersEachAttempt { values, .. } => {
                format!("{} differs in each attempt and is not in the memoize key of {who}", values.join(", "))
            }
            Self::ResultInput { .. } => {
                format!("the input \"runnable_result\" was added to {who}: only some callers read its result")
            }
            Self::Reused { .. } => {
                format!(
                    "any run that uses the cache may use the entries of {who}: their keys are of content and inputs alone"
                )
            }
            Self::NotReused { why, .. } => format!("not reused by other runs: {who} ({why})"),
            Self::RunIdReplaced { value } => {
                format!("the parameter run_id was {value:?}, which is no fixed run id, and was replaced")
            }
            Self::CacheNameKept { asked, kept } => {
                format!("the document names the cache {kept:?}; {asked:?} is not used")
            }
            Self::TooManyParameters { count } => format!(
                "with the run's own three there are {count} parameters: from version 4 on, Argo takes 500 at most"
            ),
            Self::LockWithinItself { lock, .. } => {
                format!(
                    "{who} takes a second place of {lock}, one of which its workflow already holds: with a limit of 1 it waits forever"
                )
            }
            Self::LocksUnknown { name } => format!(
                "the locks that {name:?} names itself are not known here; of the same kind, those of the workflow take their place"
            ),
            Self::NotIsolated { what, .. } => format!("not isolated in {who}: {what}"),
            Self::TreesStay => {
                "the workflow has an exit handler of its own: after a success, worktree cleanup --run-id removes \
                                its worktrees"
                    .to_owned()
            }
            Self::ByReference { name } => format!(
                "the templates of {name:?} are taken as they are on the cluster: nothing is memoized and no variable is set there"
            ),
        }
    }
}

impl fmt::Display for Notice {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.of(&self.template().map(named).unwrap_or_default()))
    }
}

/// How much is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Detail {
    /// What the user may not expect; of many templates the first few.
    Brief,
    /// Everything.
    Full,
}

/// What several notices say, each saying once with all templates it is about.
pub(crate) fn told(notices: &[Notice], detail: Detail) -> Vec<String> {
    let mut sayings: Vec<(String, &Notice, Vec<String>)> = Vec::new();
    for notice in notices.iter().filter(|notice| detail == Detail::Full || !notice.is_known()) {
        let saying = notice.of("");
        let template = notice.template().map(named);
        match sayings.iter_mut().find(|(other, ..)| *other == saying) {
            Some((.., templates)) => templates.extend(template.filter(|name| !templates.contains(name))),
            None => sayings.push((saying, notice, template.into_iter().collect())),
        }
    }
    let line = |(_, notice, templates): (String, &Notice, Vec<String>)| {
        let more = if detail == Detail::Full { 0 } else { templates.len().saturating_sub(NAMED) };
        let mut who = templates[..templates.len() - more].join(", ");
        if more > 0 {
            who = format!("{who} and {more} more");
        }
        format!("{}: {}", if notice.is_warning() { "warning" } else { "note" }, notice.of(&who))
    };
    sayings.into_iter().map(line).collect()
}

/// A template's name as it stands in a list.
fn named(name: &str) -> String {
    let plain = |next: char| next.is_ascii_alphanumeric() || matches!(next, '-' | '_' | '.');
    if !name.is_empty() && name.chars().all(plain) { name.to_owned() } else { format!("{name:?}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn left(template: &str, reason: Reason) -> Notice {
        Notice::NotMemoized { template: template.to_owned(), reason }
    }

    #[test]
    fn what_holds_for_many_templates_is_said_once() {
        let volume = || Reason::VolumeClaim { volume: "work".to_owned() };
        let notices = [
            left("a", Reason::Suspend),
            left("b", volume()),
            left("c", Reason::Suspend),
            Notice::DiffersEachAttempt { template: "d".to_owned(), values: vec!["workflow.uid".to_owned()] },
            left("a", Reason::Suspend),
        ];
        let expected = [
            "note: not memoized: a, c (suspend)",
            "note: not memoized: b (the files on volume \"work\" go with each workflow)",
            "warning: workflow.uid differs in each attempt and is not in the memoize key of d",
        ];
        assert_eq!(told(&notices, Detail::Brief), expected);
    }

    #[test]
    fn a_long_list_is_cut_and_what_the_user_wrote_is_kept_back_unless_all_is_asked_for() {
        let names = ["a", "b", "c", "d", "e", "f", "g"];
        let mut notices: Vec<Notice> = names.iter().map(|name| left(name, Reason::Daemon)).collect();
        notices.extend([left("mine", Reason::UserMemoized), left("in it", Reason::Inline)]);
        assert_eq!(told(&notices, Detail::Brief), ["note: not memoized: a, b, c, d, e and 2 more (daemon)"]);
        let expected = [
            "note: not memoized: a, b, c, d, e, f, g (daemon)",
            "note: not memoized: mine (has a memoize of its own)",
            "note: not memoized: inline templates of \"in it\"",
        ];
        assert_eq!(told(&notices, Detail::Full), expected);
    }
}
