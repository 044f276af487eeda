//! What a user reads when the cluster cannot be reached, is not the right one, or does not allow it.

use serde_json::{Value, json};

use super::{Output, Program, document, template};
use crate::kubernetes::namespace::Namespace;
use crate::kubernetes::ports::free_port;
use crate::kubernetes::server::{Server, User};

/// Submits with a kubeconfig of one's own.
fn with_kubeconfig(program: &Program, kubeconfig: &Value, arguments: &[&str]) -> Output {
    let file = program.file("w.yaml", &[document("build")]);
    let kubeconfig = program.text("config", &kubeconfig.to_string());
    program.submit(&[&[file.as_str()], arguments].concat()).env("KUBECONFIG", kubeconfig).output().unwrap().into()
}

#[tokio::test]
async fn what_is_forbidden_names_the_role_that_allows_it() {
    let namespace = Namespace::new().await;
    let program = Program::of(&namespace, User::Restricted);
    let file = program.file("w.yaml", &[document("build")]);
    let name = &namespace.name;
    let ran = program.run(&[&file]).prints(1, "");
    let ran = ran.says(&format!("error: restricted may not create workflows.argoproj.io in namespace \"{name}\"\n"));
    let _ = ran.says(&format!(
        "kubectl create role runnable-create-workflows --verb=create --resource=workflows.argoproj.io -n {name}"
    ));
    namespace.allow(&["create"], "workflows").await;
    let _ = program.run(&[&file]).exits(0);
    let ran = program.run(&[&file, "--name", "other", "--wait"]).exits(1);
    let _ = ran.says("restricted may not get workflows.argoproj.io");
}

#[tokio::test]
async fn a_template_that_may_not_be_read_leaves_its_callers_unmemoized_but_not_uncreated() {
    let namespace = Namespace::new().await;
    let program = Program::of(&namespace, User::Restricted);
    namespace.create("workflowtemplates", &template("shared")).await;
    namespace.allow(&["create"], "workflows").await;
    let mut caller = document("build");
    caller["spec"]["templates"][0]["steps"] =
        json!([[{ "name": "call", "templateRef": { "name": "shared", "template": "say" } }]]);
    let file = program.file("w.yaml", &[caller]);
    let _ = program.run(&[&file]).exits(0).says("the called template \"shared/say\" is not known");
    let ran = program.run(&["--from", "wftmpl/shared", "-p", "date=d"]).exits(1);
    let _ = ran.says("restricted may not get workflowtemplates.argoproj.io");
}

#[tokio::test]
async fn a_cluster_without_argo_says_so() {
    let namespace = Namespace::new().await;
    let program = Program::new(&namespace);
    let ran = with_kubeconfig(&program, &Server::bare().kubeconfig(User::Admin, "default"), &[]);
    let _ =
        ran.prints(1, "").says("error: Argo Workflows is not installed in this cluster (").says("hint: install it (");
}

#[tokio::test]
async fn a_wrong_token_is_a_matter_of_credentials() {
    let namespace = Namespace::new().await;
    let program = Program::of(&namespace, User::Stranger);
    let file = program.file("w.yaml", &[document("build")]);
    let ran = program.run(&[&file]).exits(1).says("does not accept the credentials of context \"test\"");
    assert!(!ran.stderr.contains("stranger-token"), "{ran:?}");
}

#[tokio::test]
async fn a_server_that_is_not_there_is_named() {
    let namespace = Namespace::new().await;
    let program = Program::new(&namespace);
    let mut kubeconfig = Server::argo().kubeconfig(User::Admin, "default");
    let server = format!("https://127.0.0.1:{}", free_port());
    kubeconfig["clusters"][0]["cluster"]["server"] = json!(server);
    let ran = with_kubeconfig(&program, &kubeconfig, &[]).prints(1, "");
    let _ = ran.says(&format!("error: cannot reach the API server at {server}: connection refused\n"));
}

#[tokio::test]
async fn an_unknown_context_lists_those_there_are() {
    let namespace = Namespace::new().await;
    let program = Program::new(&namespace);
    let file = program.file("w.yaml", &[document("build")]);
    let ran = program.run(&[&file, "--context", "prod"]).exits(2);
    let _ = ran.says("error: context \"prod\" is not in the kubeconfig\n").says("hint: the kubeconfig has: test\n");
    let _ = program.run(&[&file, "--context", "test"]).exits(0);
}

#[tokio::test]
async fn without_a_kubeconfig_the_way_to_one_is_told() {
    let namespace = Namespace::new().await;
    let program = Program::new(&namespace);
    let file = program.file("w.yaml", &[document("build")]);
    let ran = Output::from(program.submit(&[&file]).env_remove("KUBECONFIG").output().unwrap()).exits(1);
    let _ = ran.says("error: no cluster is configured: there is no kubeconfig at ").says("or run with --local");
    let ran = program.run(&[&file, "--kubeconfig", "absent"]).exits(1);
    let _ = ran.says("error: cannot use kubeconfig absent: it does not exist\n");
}

#[tokio::test]
async fn a_client_dry_run_needs_neither_cluster_nor_kubeconfig() {
    let namespace = Namespace::new().await;
    let program = Program::new(&namespace);
    let file = program.file("w.yaml", &[document("build")]);
    for kubeconfig in ["", "absent", &program.text("malformed", "users: [")] {
        let shown = program.submit(&[&file, "--dry-run=client", "-o", "name"]).env("KUBECONFIG", kubeconfig).output();
        let _ = Output::from(shown.unwrap()).prints(0, "workflow.argoproj.io/build\n");
    }
}

#[tokio::test]
async fn several_kubeconfigs_are_one() {
    let namespace = Namespace::new().await;
    let program = Program::new(&namespace);
    let file = program.file("w.yaml", &[document("build")]);
    let whole = Server::argo().kubeconfig(User::Admin, &namespace.name);
    let mut users = json!({ "apiVersion": "v1", "kind": "Config", "users": whole["users"] });
    users["current-context"] = json!("");
    let mut rest = whole;
    rest.as_object_mut().unwrap().remove("users");
    let (users, rest) = (program.text("users", &users.to_string()), program.text("rest", &rest.to_string()));
    let list = format!("absent:{users}:{rest}");
    let ran = Output::from(program.submit(&[&file]).env("KUBECONFIG", list).output().unwrap());
    let _ = ran.exits(0);
    assert!(namespace.get("workflows", "build").await.is_some());
}

#[tokio::test]
async fn another_user_is_acted_as() {
    let namespace = Namespace::new().await;
    let program = Program::new(&namespace);
    let file = program.file("w.yaml", &[document("build")]);
    let _ = program.run(&[&file, "--as", "restricted"]).exits(1).says("error: restricted may not create");
    namespace.allow(&["create"], "workflows").await;
    let _ = program.run(&[&file, "--as", "restricted"]).exits(0);
    let ran = program.run(&[&file, "--name", "other", "--as", "eve", "--as-group", "system:masters"]);
    let _ = ran.prints(0, "workflow.argoproj.io/other created\n");
}

#[tokio::test]
async fn a_namespace_that_does_not_exist_is_named() {
    let namespace = Namespace::new().await;
    let program = Program::new(&namespace);
    let file = program.file("w.yaml", &[document("build")]);
    let ran = program.run(&[&file, "-n", "nowhere"]).prints(6, "");
    let _ = ran.says("error: namespace \"nowhere\" does not exist\n").says("kubectl create namespace nowhere");
}
