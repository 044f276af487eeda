//! Reaching a cluster, and what is said when it cannot be reached.

use std::path::PathBuf;

use assert_fs::TempDir;
use kubectl_runnable::testing::cluster::{Access, Cluster, ClusterError};
use kubectl_runnable::testing::exit::{CommandError, Exit};
use serde_json::{Value, json};

use crate::kubernetes::namespace::Namespace;
use crate::kubernetes::ports::free_port;
use crate::kubernetes::server::{Server, User};
use crate::workflow;

struct Files(TempDir);

impl Files {
    fn new() -> Self {
        Self(TempDir::new().unwrap())
    }

    fn write(&self, name: &str, content: &str) -> PathBuf {
        let path = self.0.path().join(name);
        std::fs::write(&path, content).unwrap();
        path
    }

    fn access(&self, kubeconfig: &Value) -> Access {
        Access { kubeconfig: Some(self.write("config", &kubeconfig.to_string())), ..Access::default() }
    }
}

async fn refusal(access: &Access) -> ClusterError {
    match Cluster::connect(access).await {
        Ok(cluster) => cluster.workflow("any").await.unwrap_err(),
        Err(error) => error,
    }
}

#[tokio::test]
async fn the_namespace_is_the_flags_then_the_contexts_then_default() {
    let files = Files::new();
    let mut access = files.access(&Server::argo().kubeconfig(User::Admin, "from-context"));
    assert_eq!(Cluster::connect(&access).await.unwrap().namespace(), "from-context");
    access.namespace = Some("from-flag".into());
    assert_eq!(Cluster::connect(&access).await.unwrap().namespace(), "from-flag");
    let mut kubeconfig = Server::argo().kubeconfig(User::Admin, "unused");
    kubeconfig["contexts"][0]["context"].as_object_mut().unwrap().remove("namespace");
    assert_eq!(Cluster::connect(&files.access(&kubeconfig)).await.unwrap().namespace(), "default");
}

#[tokio::test]
async fn an_unknown_context_lists_those_that_exist() {
    let files = Files::new();
    let access =
        Access { context: Some("prod".into()), ..files.access(&Server::argo().kubeconfig(User::Admin, "default")) };
    let error = refusal(&access).await;
    assert_eq!(error.to_string(), "context \"prod\" is not in the kubeconfig");
    assert_eq!(error.hint().unwrap(), "the kubeconfig has: test");
    assert_eq!(error.exit(), Exit::Usage);
}

#[tokio::test]
async fn a_kubeconfig_without_current_context_asks_for_one() {
    let files = Files::new();
    let mut kubeconfig = Server::argo().kubeconfig(User::Admin, "default");
    kubeconfig["current-context"] = json!("");
    let error = refusal(&files.access(&kubeconfig)).await;
    assert_eq!(error.to_string(), "the kubeconfig has no current context");
    assert_eq!(error.hint().unwrap(), "choose one with --context: test");
}

#[tokio::test]
async fn a_missing_or_malformed_kubeconfig_is_named() {
    let files = Files::new();
    let missing = Access { kubeconfig: Some(files.0.path().join("absent")), ..Access::default() };
    let error = refusal(&missing).await;
    assert!(error.to_string().ends_with("absent: it does not exist"), "{error}");
    let malformed = files.write("bad", "users:\n- user: {token: [hunter2\n");
    let error = refusal(&Access { kubeconfig: Some(malformed), ..Access::default() }).await;
    assert!(error.to_string().contains("bad: it is malformed at line "), "{error}");
    assert!(!format!("{error}{error:?}").contains("hunter2"));
    assert_eq!(error.exit(), Exit::Tool);
}

#[tokio::test]
async fn a_server_that_is_not_there_is_named_at_once() {
    let files = Files::new();
    let mut kubeconfig = Server::argo().kubeconfig(User::Admin, "default");
    let server = format!("https://127.0.0.1:{}", free_port());
    kubeconfig["clusters"][0]["cluster"]["server"] = json!(server);
    let error = refusal(&files.access(&kubeconfig)).await;
    assert_eq!(error.to_string(), format!("cannot reach the API server at {server}: connection refused"));
    assert_eq!(error.exit(), Exit::Tool);
}

#[tokio::test]
async fn the_kubeconfigs_proxy_is_used_and_named_without_its_password() {
    let files = Files::new();
    let mut kubeconfig = Server::argo().kubeconfig(User::Admin, "default");
    let proxy = format!("127.0.0.1:{}", free_port());
    kubeconfig["clusters"][0]["cluster"]["proxy-url"] = json!(format!("http://me:hunter2@{proxy}"));
    let error = refusal(&files.access(&kubeconfig)).await;
    let Server { url, .. } = Server::argo();
    assert_eq!(
        error.to_string(),
        format!("cannot reach the API server at {url}: connection refused (through the proxy {proxy})")
    );
    assert!(!format!("{error:?}").contains("hunter2"));
}

#[tokio::test]
async fn a_host_without_address_is_named() {
    let files = Files::new();
    let mut kubeconfig = Server::argo().kubeconfig(User::Admin, "default");
    kubeconfig["clusters"][0]["cluster"]["server"] = json!("https://no-such-host.invalid:6443");
    let error = refusal(&files.access(&kubeconfig)).await;
    assert_eq!(error.to_string(), "cannot reach the API server at https://no-such-host.invalid:6443: no such host");
}

#[tokio::test]
async fn a_server_of_an_unknown_authority_is_not_trusted() {
    let files = Files::new();
    let mut kubeconfig = Server::argo().kubeconfig(User::Admin, "default");
    kubeconfig["clusters"][0]["cluster"]["certificate-authority"] = json!(Server::bare().authority);
    let error = refusal(&files.access(&kubeconfig)).await;
    let Server { url, .. } = Server::argo();
    assert_eq!(
        error.to_string(),
        format!("cannot reach the API server at {url}: its certificate is signed by an unknown authority")
    );
}

#[tokio::test]
async fn a_wrong_token_is_a_matter_of_credentials() {
    let namespace = Namespace::new().await;
    let error = refusal(&namespace.access(User::Stranger)).await;
    let Server { url, .. } = Server::argo();
    assert_eq!(
        error.to_string(),
        format!("the API server at {url} does not accept the credentials of context \"test\"")
    );
    assert!(error.hint().unwrap().contains("expired"));
    assert_eq!(error.exit(), Exit::Tool);
}

#[tokio::test]
async fn a_credential_plugin_gives_the_token() {
    let namespace = Namespace::new().await;
    namespace.create("workflows", &workflow("there", "r1")).await;
    let credential = json!({
        "apiVersion": "client.authentication.k8s.io/v1",
        "kind": "ExecCredential",
        "status": { "token": "admin-token" },
    });
    let access = with_plugin(&namespace, "sh", &["-c", &format!("echo '{credential}'")]);
    let found = Cluster::connect(&access).await.unwrap().workflow("there").await.unwrap();
    assert_eq!(found["metadata"]["name"], "there");
}

#[tokio::test]
async fn a_credential_plugin_that_is_not_installed_is_named_with_its_install_hint() {
    let namespace = Namespace::new().await;
    let error = refusal(&with_plugin(&namespace, "no-such-plugin", &[])).await;
    assert_eq!(error.to_string(), "credential plugin \"no-such-plugin\" is not installed");
    assert_eq!(error.hint().unwrap(), "brew install it");
}

#[tokio::test]
async fn a_credential_plugin_that_fails_says_its_last_word_and_no_secret() {
    let namespace = Namespace::new().await;
    let error =
        refusal(&with_plugin(&namespace, "sh", &["-c", "echo hunter2; echo session expired >&2; exit 3"])).await;
    assert_eq!(error.to_string(), "credential plugin \"sh\" failed (exit status: 3): session expired");
    let error = refusal(&with_plugin(&namespace, "sh", &["-c", "echo hunter2"])).await;
    assert_eq!(error.to_string(), "credential plugin \"sh\" printed no credential");
    assert!(!format!("{error:?}").contains("hunter2"));
}

#[tokio::test]
async fn a_credential_plugin_that_fails_later_is_still_named() {
    let namespace = Namespace::new().await;
    let expired = json!({
        "apiVersion": "client.authentication.k8s.io/v1",
        "kind": "ExecCredential",
        "status": { "token": "admin-token", "expirationTimestamp": "2020-01-01T00:00:00Z" },
    });
    let once = namespace.kubeconfig(User::Admin).with_extension("once");
    let script = format!("mkdir '{}' 2>&- || {{ echo logged out >&2; exit 1; }}; echo '{expired}'", once.display());
    let error = refusal(&with_plugin(&namespace, "sh", &["-c", &script])).await;
    assert_eq!(error.to_string(), "credential plugin \"sh\" failed (exit status: 1): logged out");
}

#[tokio::test]
async fn no_credential_at_all_is_a_matter_of_credentials() {
    let files = Files::new();
    let mut kubeconfig = Server::argo().kubeconfig(User::Admin, "default");
    kubeconfig["users"] = json!([]);
    let error = refusal(&files.access(&kubeconfig)).await;
    assert!(matches!(error, ClusterError::Unauthorized { .. }), "{error:?}");
}

fn with_plugin(namespace: &Namespace, command: &str, arguments: &[&str]) -> Access {
    let mut kubeconfig = Server::argo().kubeconfig(User::Admin, &namespace.name);
    kubeconfig["users"][0]["user"] = json!({ "exec": {
        "apiVersion": "client.authentication.k8s.io/v1",
        "command": command,
        "args": arguments,
        "interactiveMode": "Never",
        "installHint": "brew install it",
    } });
    let path = namespace.kubeconfig(User::Admin).with_extension("plugin");
    std::fs::write(&path, kubeconfig.to_string()).unwrap();
    Access { kubeconfig: Some(path), ..Access::default() }
}

#[tokio::test]
async fn another_user_is_acted_as() {
    let namespace = Namespace::new().await;
    let access =
        Access { as_user: Some("eve".into()), as_groups: vec!["readers".into()], ..namespace.access(User::Admin) };
    let error = refusal(&access).await;
    let name = &namespace.name;
    assert_eq!(error.to_string(), format!("eve may not get workflows.argoproj.io in namespace \"{name}\""));
    let groups = Access { as_user: None, ..access };
    assert_eq!(refusal(&groups).await.exit(), Exit::Usage);
}
