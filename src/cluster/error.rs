//! Errors of requests to a cluster, each with its message; `remedy` has their hints and exit codes.

use std::path::PathBuf;

use super::template::Elsewhere;

/// Why a request failed. No variant contains a credential.
#[derive(Debug, thiserror::Error)]
pub enum ClusterError {
    /// There is neither a kubeconfig nor a pod's service account.
    #[error("no cluster is configured: there is no kubeconfig at {}", .path.display())]
    NoKubeconfig {
        /// The last searched path.
        path: PathBuf,
    },
    /// A kubeconfig cannot be read or is malformed.
    #[error("cannot use kubeconfig {}: {cause}", .path.display())]
    Kubeconfig {
        /// The file.
        path: PathBuf,
        /// The problem.
        cause: String,
    },
    /// The kubeconfig has no current context and none was requested.
    #[error("the kubeconfig has no current context")]
    NoContext {
        /// The contexts in the kubeconfig.
        known: Vec<String>,
    },
    /// The kubeconfig has no context of this name.
    #[error("context {context:?} is not in the kubeconfig")]
    UnknownContext {
        /// The name.
        context: String,
        /// The contexts in the kubeconfig.
        known: Vec<String>,
    },
    /// The context's cluster or user is not usable.
    #[error("cannot use context {context:?}: {cause}")]
    Context {
        /// The context.
        context: String,
        /// The problem.
        cause: String,
    },
    /// Groups cannot be impersonated without a user.
    #[error("--as-group needs --as")]
    GroupsWithoutUser,
    /// The kubeconfig's credential plugin failed.
    #[error("credential plugin {command:?} {cause}")]
    Plugin {
        /// The program.
        command: String,
        /// How it failed.
        cause: String,
        /// The kubeconfig's install hint.
        install: Option<String>,
    },
    /// The server cannot be reached, or the connection broke.
    #[error("cannot reach the API server at {server}: {cause}")]
    Unreachable {
        /// Its URL.
        server: String,
        /// The cause.
        cause: String,
        /// Whether a changing request may have arrived nevertheless.
        unsure: bool,
    },
    /// The server is overloaded.
    #[error("the API server at {server} is overloaded: {message}")]
    Overloaded {
        /// Its URL.
        server: String,
        /// The server's message.
        message: String,
        /// Whether a changing request may have taken effect nevertheless.
        unsure: bool,
    },
    /// The credential is missing, wrong or expired.
    #[error("the API server at {server} does not accept the credentials{}", of_context(.context.as_ref()))]
    Unauthorized {
        /// Its URL.
        server: String,
        /// The kubeconfig's context.
        context: Option<String>,
    },
    /// The user may not do this.
    #[error("{user} may not {verb} {resource} {}", place(.namespace.as_deref()))]
    Forbidden {
        /// The user as the server knows it.
        user: String,
        /// The forbidden verb.
        verb: &'static str,
        /// The kind of object, as in `workflows.argoproj.io`.
        resource: String,
        /// The namespace; `None` for the whole cluster.
        namespace: Option<String>,
    },
    /// The cluster does not know Argo's kinds.
    #[error("Argo Workflows is not installed in this cluster ({server} does not serve {resource})")]
    NotInstalled {
        /// The server's URL.
        server: String,
        /// The requested kind of object, as in `workflows.argoproj.io`.
        resource: String,
    },
    /// The namespace does not exist.
    #[error("namespace {namespace:?} does not exist")]
    NamespaceMissing {
        /// Its name.
        namespace: String,
    },
    /// The document's namespace differs from the requested one.
    #[error("the workflow's namespace is {document:?}, but {asked:?} was requested")]
    OtherNamespace {
        /// The namespace in the document.
        document: String,
        /// The namespace on the command line.
        asked: String,
    },
    /// The template does not exist.
    #[error("{kind} {name:?} does not exist{}", in_namespace(.namespace.as_deref()))]
    TemplateMissing {
        /// Its kind.
        kind: &'static str,
        /// Its name.
        name: String,
        /// The searched namespace; `None` for a cluster-scoped template.
        namespace: Option<String>,
        /// Suggestions where it may be.
        elsewhere: Box<Elsewhere>,
    },
    /// The workflow does not exist.
    #[error("workflow {name:?} does not exist{}", in_namespace(Some(.namespace)))]
    WorkflowMissing {
        /// Its name.
        name: String,
        /// The searched namespace.
        namespace: String,
        /// Similar names in the namespace.
        similar: Vec<String>,
    },
    /// The ConfigMap does not exist.
    #[error("ConfigMap {name:?} does not exist{}", in_namespace(Some(.namespace)))]
    ConfigMapMissing {
        /// Its name.
        name: String,
        /// The searched namespace.
        namespace: String,
    },
    /// The namespace has no workflow.
    #[error("there is no workflow in namespace {namespace:?}")]
    NoWorkflow {
        /// The searched namespace.
        namespace: String,
    },
    /// The workflow was deleted while the command waited for it.
    #[error("workflow {name:?} was deleted before it ended")]
    Deleted {
        /// Its name.
        name: String,
    },
    /// The program does not install objects of this kind.
    #[error("objects of kind {kind:?} are not installed by this program")]
    UnknownKind {
        /// The kind.
        kind: String,
    },
    /// The claim does not exist.
    #[error("claim {name:?} does not exist{}", in_namespace(Some(.namespace)))]
    ClaimMissing {
        /// Its name.
        name: String,
        /// The searched namespace.
        namespace: String,
    },
    /// The document has no name.
    #[error("the workflow has no metadata.name")]
    Unnamed,
    /// Another run already has this name.
    #[error("workflow {name:?} already exists{}", in_namespace(Some(.namespace)))]
    Exists {
        /// Its name.
        name: String,
        /// Its namespace.
        namespace: String,
    },
    /// The server rejects the document as invalid.
    #[error("the API server rejects {kind} {name:?} as invalid: {}", .causes.join("; "))]
    Invalid {
        /// Its kind.
        kind: &'static str,
        /// Its name.
        name: String,
        /// The problems, one for each field.
        causes: Vec<String>,
    },
    /// The document is larger than the server accepts.
    #[error("{kind} {name:?} is too large for the API server ({bytes} bytes)")]
    TooLarge {
        /// Its kind.
        kind: &'static str,
        /// Its name.
        name: String,
        /// Its size.
        bytes: usize,
    },
    /// A policy of the cluster refuses the request.
    #[error("the cluster refuses to {verb} {kind} {name:?}: {message}")]
    Denied {
        /// The requested verb.
        verb: &'static str,
        /// Its kind.
        kind: &'static str,
        /// Its name.
        name: String,
        /// The policy's message.
        message: String,
    },
    /// The object, or a quota that counts it, was changed at the same time.
    #[error("the API server cannot {verb} {kind} {name:?} because of a conflict: {message}")]
    Conflict {
        /// The requested verb.
        verb: &'static str,
        /// The kind of the object.
        kind: &'static str,
        /// The name of the object.
        name: String,
        /// The server's message.
        message: String,
    },
    /// A pod that blocks a retry cannot be deleted.
    #[error("cannot delete pod {name:?}: {message}")]
    Pod {
        /// Its name.
        name: String,
        /// The server's message.
        message: String,
    },
    /// The object was changed by others during each attempt.
    #[error("cannot change {what}: it changed during each of {attempts} attempts")]
    Unsettled {
        /// The object, with its kind.
        what: String,
        /// The number of attempts.
        attempts: usize,
    },
    /// Any other error of the server.
    #[error("the API server cannot {verb} {kind} {name:?}: {message}")]
    Api {
        /// The requested verb.
        verb: &'static str,
        /// The kind of the object.
        kind: &'static str,
        /// The name of the object.
        name: String,
        /// The server's message.
        message: String,
    },
}

fn of_context(context: Option<&String>) -> String {
    context.map(|context| format!(" of context {context:?}")).unwrap_or_default()
}

fn in_namespace(namespace: Option<&str>) -> String {
    namespace.map(|namespace| format!(" in namespace {namespace:?}")).unwrap_or_default()
}

fn place(namespace: Option<&str>) -> String {
    namespace.map_or_else(|| "in the whole cluster".to_owned(), |namespace| format!("in namespace {namespace:?}"))
}
