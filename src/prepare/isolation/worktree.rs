//! The worktree in the volume: the init container that makes it, its path, and what removes it.

use serde_json::{Value, json};

use super::{Checkout, Isolation, TreeScope, VOLUME};
use crate::argo::template::{Template, field, list, text};
use crate::argo::workflow_spec::templates;
use crate::prepare::call_identity::CallIdentity;
use crate::prepare::warnings::Notice;

/// The init container that makes the worktree.
pub(in crate::prepare) const INIT_CONTAINER: &str = "runnable-worktree";
/// The template that removes the worktrees of a run, and the one that does so after a success only.
const REMOVE: &str = "runnable-remove-trees";
const AFTER_SUCCESS: &str = "runnable-after-success";
/// The task of a run, of which a call's begins with.
const RUN_TASK: &str = "run-{{workflow.parameters.run_id}}";
/// Characters of the hash that tells the calls of a run apart.
const CALL_LENGTH: usize = 12;

/// The variables of the init container.
const REPOSITORY: &str = "RUNNABLE_REPOSITORY";
const REVISION: &str = "RUNNABLE_REF";
const TASK: &str = "RUNNABLE_TASK";

impl TreeScope {
    /// The task, the same in each attempt. A run id may begin with a character that a task may not.
    pub(super) fn task(self) -> String {
        match self {
            Self::Run => RUN_TASK.to_owned(),
            Self::Call => format!("{RUN_TASK}{}", call_suffix()),
        }
    }
}

/// What tells the calls of a run apart: the node's name, as in memoize keys.
fn call_suffix() -> String {
    let call = CallIdentity::default().expression();
    format!("-{{{{=sprig.trunc({CALL_LENGTH}, sprig.sha256sum({call}))}}}}")
}

/// Whether a text is the task or the path of a call's worktree. It says where the files are, not what they are, so that
/// no key depends on it.
pub(in crate::prepare) fn names_tree(text: &str) -> bool {
    match text.rsplit_once(RUN_TASK) {
        Some((directory, suffix)) => {
            (directory.is_empty() || directory.ends_with("/trees/")) && suffix == call_suffix()
        }
        None => false,
    }
}

/// Whether the templates of a spec work in one worktree: then a node's files are others' too.
pub(in crate::prepare) fn shares_tree(spec: &Value) -> bool {
    let containers = |template: Template<'_>| {
        list(field(template.value(), "initContainers")).iter().any(|container| {
            let env = list(field(container, "env")).iter();
            text(container, "name") == INIT_CONTAINER
                && env.filter(|entry| text(entry, "name") == TASK).any(|entry| text(entry, "value") == RUN_TASK)
        })
    };
    templates(spec).any(containers)
}

/// The path of the worktree.
pub(super) fn path(isolation: &Isolation, checkout: &Checkout) -> String {
    format!("{}/trees/{}", isolation.work_dir.trim_end_matches('/'), checkout.tree.task())
}

/// The container that makes the worktree, or goes on in the one that is there. It runs as the same user as those that
/// work in the worktree, or else lets every user write it.
pub(super) fn init_container(isolation: &Isolation, checkout: &Checkout, security: Security<'_>) -> Value {
    let variable = |name: &str| format!("$({name})");
    let mut args = vec![
        "--root".to_owned(),
        isolation.work_dir.clone(),
        "--url".to_owned(),
        variable(REPOSITORY),
        "--ref".to_owned(),
        variable(REVISION),
        "--task-id".to_owned(),
        variable(TASK),
        "--keep".to_owned(),
    ];
    if !security.names_user {
        args.extend(["--umask".to_owned(), "000".to_owned()]);
    }
    let mut env = vec![
        json!({"name": REPOSITORY, "value": checkout.url}),
        json!({"name": REVISION, "value": checkout.revision}),
        json!({"name": TASK, "value": checkout.tree.task()}),
    ];
    if let Some(secret) = &checkout.secret {
        // By both names: which one counts depends on the forge.
        for name in ["GITHUB_TOKEN", "GITLAB_TOKEN"] {
            env.push(json!({"name": name, "valueFrom": {"secretKeyRef": {"name": secret.name, "key": secret.key}}}));
        }
    }
    let mut container = json!({
        "name": INIT_CONTAINER,
        "image": checkout.image,
        "command": [checkout.program, "worktree", "init"],
        "args": args,
        "env": env,
        "volumeMounts": [{"name": VOLUME, "mountPath": isolation.work_dir}],
    });
    if let Some(context) = security.context {
        container["securityContext"] = context.clone();
    }
    container
}

/// As whom the container works.
#[derive(Clone, Copy)]
pub(super) struct Security<'a> {
    /// The security context of the main container.
    pub(super) context: Option<&'a Value>,
    /// Whether it, or the pod's, names a user.
    pub(super) names_user: bool,
}

/// Removes the worktrees of a run from a claim when the run has succeeded. After a failure they stay for the retry.
pub(super) fn remove_after_success(
    spec: &mut Value,
    isolation: &Isolation,
    checkout: &Checkout,
    notices: &mut Vec<Notice>,
) {
    let handler = text(spec, "onExit");
    let has_hook = spec.pointer("/hooks/exit").is_some_and(Value::is_object);
    if (!handler.is_empty() && handler != AFTER_SUCCESS) || has_hook {
        notices.push(Notice::TreesStay);
        return;
    }
    let args = ["--root", &isolation.work_dir, "--run-id", "{{workflow.parameters.run_id}}", "--force"];
    let remove = json!({
        "name": REMOVE,
        "container": {
            "image": checkout.image,
            "command": [checkout.program, "worktree", "cleanup"],
            "args": args,
            "volumeMounts": [{"name": VOLUME, "mountPath": isolation.work_dir}],
        },
    });
    let step = json!({"name": "remove", "template": REMOVE, "when": "{{workflow.status}} == Succeeded"});
    let after = json!({"name": AFTER_SUCCESS, "steps": [[step]]});
    let Some(fields) = spec.as_object_mut() else { return };
    fields.insert("onExit".to_owned(), json!(AFTER_SUCCESS));
    if let Some(templates) = fields.get_mut("templates").and_then(Value::as_array_mut) {
        templates.retain(|template| ![REMOVE, AFTER_SUCCESS].contains(&text(template, "name")));
        templates.extend([after, remove]);
    }
}
