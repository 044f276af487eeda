//! Words that users of argo and kubectl try here, and what does the same.

use clap::error::{ContextKind, ContextValue, ErrorKind};

/// Verbs of argo and kubectl that are called otherwise here, or are left to another program.
const VERBS: &[(&[&str], &str)] = &[
    (&["get", "describe", "show", "inspect"], "kubectl runnable status RUN shows a run, -o yaml its object"),
    (
        &["resubmit", "rerun", "restart"],
        "kubectl runnable retry RUN runs again what did not succeed; --memoized as argo resubmit --memoized does",
    ),
    (
        &["create", "apply", "run", "start"],
        "kubectl runnable submit FILE submits workflows; kubectl apply -f FILE creates templates and schedules",
    ),
    (
        &["update", "edit", "patch", "replace"],
        "kubectl edit and kubectl apply change objects; kubectl runnable retry RUN --file FILE continues with an edited workflow",
    ),
    (&["log"], "kubectl runnable logs RUN prints logs"),
    (&["ls", "ps"], "kubectl runnable list lists runs"),
    (&["rm", "remove"], "kubectl runnable delete RUN deletes runs"),
    (&["kill", "abort"], "kubectl runnable terminate RUN ends a run at once, stop after its exit handlers"),
    (&["auth", "can-i"], "kubectl runnable doctor tells what this user may do; argo auth token prints the token"),
    (&["sync", "lock", "mutex"], "kubectl runnable semaphore lists and sets limits of semaphores"),
    (&["wftmpl", "workflowtemplate", "workflowtemplates", "templates"], "kubectl runnable template list"),
    (&["cwft", "cwftmpl", "clusterworkflowtemplate", "clustertemplate"], "kubectl runnable cluster-template list"),
    (&["cronwf", "cwf", "cronworkflow", "cronworkflows"], "kubectl runnable cron list"),
    (&["wf", "workflow", "workflows"], "kubectl runnable list lists runs, status RUN shows one"),
    (&["archived"], "kubectl runnable archive list lists what argo-server keeps of workflows that are gone"),
    (&["server"], "argo server starts Argo's server; this program needs none"),
    (&["convert"], "kubectl runnable lint --fix rewrites fields of older versions and keeps comments"),
    (&["executor-plugin"], "argo executor-plugin build makes the ConfigMap of a plugin"),
    (
        &["attach", "port-forward", "debug"],
        "kubectl attach, port-forward and debug work on the pods that status names; shell --local on what a failed task left",
    ),
    (&["ssh", "bash", "sh", "enter"], "kubectl runnable shell RUN NODE --local opens a shell where a task failed"),
    (&["explain", "api-resources"], "kubectl explain workflow.spec describes fields"),
    (&["settings", "configure", "configuration"], "kubectl runnable config view shows the defaults for flags"),
    (&["check", "validate"], "kubectl runnable lint checks documents, doctor the cluster and this machine"),
];

/// Flags of argo and kubectl; of any verb where none is named.
const FLAGS: &[(&str, &str, &str)] = &[
    ("submit", "--server-dry-run", "--dry-run=server"),
    ("submit", "--watch", "--wait shows the nodes as they change"),
    ("submit", "--node-field-selector", "kubectl runnable watch RUN --node-field-selector follows a part of the nodes"),
    ("submit", "--status", "kubectl runnable watch RUN --phase follows a part of the nodes"),
    ("retry", "--log", "kubectl runnable logs RUN -f follows the new attempt"),
    ("retry", "--watch", "--wait shows the nodes as they change"),
    ("logs", "--selector", "kubectl runnable logs RUN NODE chooses a node; kubectl logs -l takes labels of pods"),
    ("", "--argo-server", "the verbs of kubectl runnable archive ask argo-server; all others the Kubernetes API"),
    ("", "--token", "the kubeconfig holds the credentials; --as impersonates a user"),
    ("", "--server", "the kubeconfig names the server; --context chooses one"),
    ("", "--cluster", "--context chooses a cluster with its user"),
    ("", "--user", "--context chooses a user with its cluster; --as impersonates one"),
    ("", "--instanceid", "-l workflows.argoproj.io/controller-instanceid=ID selects by it; submit sets it"),
    ("", "--loglevel", "-v and -vv, or RUNNABLE_LOG"),
    ("", "--gloglevel", "-vv, or RUNNABLE_LOG"),
    ("", "--no-color", "NO_COLOR=1 in the environment"),
    ("", "--no-utf8", "TERM=dumb in the environment"),
    ("", "--force", "this verb has nothing to force"),
    ("", "--filename", "name the FILE without a flag"),
];

/// Arguments that were not given, and where to find one.
const MISSING: &[(&str, &str)] = &[
    ("<RUN>", "kubectl runnable list lists runs, with --local those of this machine; @latest is the newest one"),
    ("<RUN>...", "kubectl runnable list lists runs, with --local those of this machine; @latest is the newest one"),
    ("<FILE>...", "name a FILE, a directory or a URL; - reads standard input"),
];

/// What the user may have meant by a word that is no verb, or a flag that the verb does not have.
pub(super) fn pointer(error: &clap::Error, words: &[String]) -> Option<&'static str> {
    match error.kind() {
        ErrorKind::InvalidSubcommand => {
            let Some(ContextValue::String(word)) = error.get(ContextKind::InvalidSubcommand) else { return None };
            // Only the first word is one of the program's own verbs.
            (verb_of(words) == Some(word)).then(|| verb(word)).flatten()
        }
        ErrorKind::UnknownArgument => {
            let Some(ContextValue::String(flag)) = error.get(ContextKind::InvalidArg) else { return None };
            let known = verb_of(words).map(String::as_str).unwrap_or_default();
            let flag = flag.split('=').next().unwrap_or(flag);
            let found = FLAGS.iter().find(|(of, name, _)| *name == flag && (*of == known || of.is_empty()));
            found.map(|(_, _, pointer)| *pointer)
        }
        ErrorKind::MissingRequiredArgument => {
            let Some(ContextValue::Strings(missing)) = error.get(ContextKind::InvalidArg) else { return None };
            MISSING.iter().find(|(name, _)| missing.iter().any(|one| one == name)).map(|(_, pointer)| *pointer)
        }
        _ => None,
    }
}

/// The error without the advice to pass a flag as a value, which helps with a slip in a flag to nobody but those who give a
/// command of their own.
pub(super) fn without_misleading_tips(mut error: clap::Error) -> clap::Error {
    if error.kind() == ErrorKind::UnknownArgument
        && let Some(ContextValue::StyledStrs(tips)) = error.get(ContextKind::Suggested)
    {
        let kept: Vec<_> = tips.iter().filter(|tip| !tip.to_string().starts_with("to pass ")).cloned().collect();
        let kept = if kept.is_empty() { ContextValue::None } else { ContextValue::StyledStrs(kept) };
        error.insert(ContextKind::Suggested, kept);
    }
    error
}

fn verb(word: &str) -> Option<&'static str> {
    let word = word.to_ascii_lowercase();
    VERBS.iter().find(|(words, _)| words.contains(&word.as_str())).map(|(_, pointer)| *pointer)
}

fn verb_of(words: &[String]) -> Option<&String> {
    words.iter().find(|word| !word.starts_with('-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A pointer is for what is not there, and no word has two.
    #[test]
    fn no_verb_of_ours_is_pointed_away_from() {
        let command = crate::cli::command();
        let words: Vec<&str> = VERBS.iter().flat_map(|(words, _)| words.iter().copied()).collect();
        for word in &words {
            assert!(command.find_subcommand(word).is_none(), "{word} is a verb");
            assert_eq!(words.iter().filter(|other| *other == word).count(), 1, "{word}");
        }
        for (verb, flag, _) in FLAGS.iter().filter(|(verb, ..)| !verb.is_empty()) {
            let verb = command.find_subcommand(verb).expect("the verb is there");
            let name = flag.trim_start_matches("--");
            assert!(verb.get_arguments().all(|arg| arg.get_long() != Some(name)), "{flag} is a flag of {verb}");
        }
    }
}
