//! Builds requests; `send` sends them.

use http::Request;
use serde_json::{Value, json};

use super::apply::ApplyOptions;
use super::kind::Resource;

/// The server ends a watch after this many seconds, so that connections are renewed regularly.
const WATCH_SECONDS: u32 = 290;

/// An operation on an object: builds the request, and describes it if it fails.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Call<'a> {
    pub(crate) resource: Resource,
    /// `None` for all namespaces.
    pub(crate) namespace: Option<&'a str>,
    pub(crate) name: &'a str,
    pub(crate) verb: Verb,
}

/// A verb of the API server's authorization.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verb {
    Create,
    Get,
    List,
    Watch,
    Update,
    Patch,
    Delete,
}

impl Verb {
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Get => "get",
            Self::List => "list",
            Self::Watch => "watch",
            Self::Update => "update",
            Self::Patch => "patch",
            Self::Delete => "delete",
        }
    }
}

/// A request that is ready to be sent.
pub(crate) type Built = Result<Request<Vec<u8>>, http::Error>;

impl Call<'_> {
    /// `POST` of an object under its fixed name; unknown fields are an error.
    pub(crate) fn create(&self, object: &Value, dry_run: bool) -> Built {
        let dry_run = if dry_run { "&dryRun=All" } else { "" };
        Request::post(format!("{}?fieldManager=kubectl-runnable&fieldValidation=Strict{dry_run}", self.collection()))
            .header(http::header::CONTENT_TYPE, "application/json")
            .body(object.to_string().into_bytes())
    }

    /// `PUT` of an object: replaces the one with the same uid and resourceVersion.
    pub(crate) fn replace(&self, object: &Value, dry_run: bool) -> Built {
        let dry_run = if dry_run { "&dryRun=All" } else { "" };
        Request::put(format!("{}/{}?fieldManager=kubectl-runnable{dry_run}", self.collection(), escaped(self.name)))
            .header(http::header::CONTENT_TYPE, "application/json")
            .body(object.to_string().into_bytes())
    }

    /// `PATCH` of the object: a merge patch.
    pub(crate) fn merge(&self, patch: &Value, dry_run: bool) -> Built {
        let dry_run = if dry_run { "&dryRun=All" } else { "" };
        let object = format!("{}/{}", self.collection(), escaped(self.name));
        Request::patch(format!("{object}?fieldManager=kubectl-runnable{dry_run}"))
            .header(http::header::CONTENT_TYPE, "application/merge-patch+json")
            .body(patch.to_string().into_bytes())
    }

    /// `PATCH` of the object: a server-side apply; unknown fields are an error.
    pub(crate) fn apply(&self, object: &Value, options: ApplyOptions) -> Built {
        let dry_run = if options.dry_run { "&dryRun=All" } else { "" };
        let force = if options.force { "&force=true" } else { "" };
        let path = format!("{}/{}", self.collection(), escaped(self.name));
        Request::patch(format!("{path}?fieldManager=kubectl-runnable&fieldValidation=Strict{force}{dry_run}"))
            .header(http::header::CONTENT_TYPE, "application/apply-patch+yaml")
            .body(object.to_string().into_bytes())
    }

    /// `DELETE` of the object, if it still has this uid and resourceVersion.
    pub(crate) fn delete(&self, uid: &str, resource_version: &str, dry_run: bool) -> Built {
        // The server reads the options from the body or, where there is none, from the query (DeleteResource in
        // k8s.io/apiserver pkg/endpoints/handlers/delete.go, v0.34): `?dryRun=All` beside a body deletes all the same.
        let dry_run: &[&str] = if dry_run { &["All"] } else { &[] };
        let options = json!({
            "apiVersion": "v1", "kind": "DeleteOptions", "dryRun": dry_run,
            "preconditions": { "uid": uid, "resourceVersion": resource_version },
        });
        Request::delete(format!("{}/{}", self.collection(), escaped(self.name)))
            .header(http::header::CONTENT_TYPE, "application/json")
            .body(options.to_string().into_bytes())
    }

    /// `GET` of the object.
    pub(crate) fn get(&self) -> Built {
        Request::get(format!("{}/{}", self.collection(), escaped(self.name))).body(Vec::new())
    }

    /// `GET` of the objects that the query selects.
    pub(crate) fn list(&self, query: &str) -> Built {
        Request::get(format!("{}?{query}", self.collection())).body(Vec::new())
    }

    /// `GET` of only the metadata of the objects that the query selects.
    pub(crate) fn list_metadata(&self, query: &str) -> Built {
        Request::get(format!("{}?{query}", self.collection()))
            .header(http::header::ACCEPT, "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1")
            .body(Vec::new())
    }

    /// A watch of the objects that the query (empty, or `&…`) selects, starting at `resource_version`.
    pub(crate) fn watch(&self, query: &str, resource_version: &str) -> Built {
        Request::get(format!(
            "{}?watch=true&allowWatchBookmarks=true&timeoutSeconds={WATCH_SECONDS}{query}&resourceVersion={}",
            self.collection(),
            escaped(resource_version)
        ))
        .body(Vec::new())
    }

    /// The field selector of the objects with this name.
    pub(crate) fn selector(&self) -> String {
        format!("metadata.name%3D{}", escaped(self.name))
    }

    fn collection(&self) -> String {
        let (root, plural) = (root(self.resource.api_version), self.resource.plural);
        match self.namespace.filter(|_| self.resource.namespaced) {
            Some(namespace) => format!("{root}/namespaces/{}/{plural}", escaped(namespace)),
            None => format!("{root}/{plural}"),
        }
    }
}

/// `GET` of the CRD of workflows.
pub(crate) fn workflow_definition() -> Built {
    Request::get("/apis/apiextensions.k8s.io/v1/customresourcedefinitions/workflows.argoproj.io").body(Vec::new())
}

/// `GET` of the published OpenAPI schemas of Argo's kinds.
pub(crate) fn published() -> Built {
    Request::get("/openapi/v3/apis/argoproj.io/v1alpha1").body(Vec::new())
}

/// `GET` of the API server's version.
pub(crate) fn version() -> Built {
    Request::get("/version").body(Vec::new())
}

/// `GET` of a namespace.
pub(crate) fn namespace(name: &str) -> Built {
    Request::get(format!("/api/v1/namespaces/{}", escaped(name))).body(Vec::new())
}

/// The label that names the workflow of an object.
pub(crate) const WORKFLOW: &str = "workflows.argoproj.io/workflow";

/// `GET` of the objects with the label of a workflow; `group` is the path of their API.
pub(crate) fn owned_objects(group: &str, namespace: &str, plural: &str, workflow: &str) -> Built {
    let selector = escaped(&format!("{WORKFLOW}={workflow}"));
    let namespace = escaped(namespace);
    Request::get(format!("/{group}/namespaces/{namespace}/{plural}?labelSelector={selector}")).body(Vec::new())
}

/// `DELETE` of a pod.
pub(crate) fn delete_pod(namespace: &str, name: &str) -> Built {
    Request::delete(format!("/api/v1/namespaces/{}/pods/{}", escaped(namespace), escaped(name))).body(Vec::new())
}

/// `GET` of the kinds of a group and version, such as `v1` or `batch/v1`.
pub(crate) fn served(api_version: &str) -> Built {
    Request::get(root(api_version)).body(Vec::new())
}

/// `GET` of the groups other than the core group.
pub(crate) fn groups() -> Built {
    Request::get("/apis").body(Vec::new())
}

/// `GET` of the metadata of all objects of a kind with this name, in all namespaces.
pub(crate) fn named(api_version: &str, plural: &str, name: &str) -> Built {
    let selector = escaped(&format!("metadata.name={name}"));
    Request::get(format!("{}/{}?limit=20&fieldSelector={selector}", root(api_version), escaped(plural)))
        .header(http::header::ACCEPT, "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1")
        .body(Vec::new())
}

/// `POST` of a review of the user's own permissions.
pub(crate) fn access_review(question: &Value) -> Built {
    Request::post("/apis/authorization.k8s.io/v1/selfsubjectaccessreviews")
        .header(http::header::CONTENT_TYPE, "application/json")
        .body(question.to_string().into_bytes())
}

/// `POST` of a review of who the user is.
pub(crate) fn user_review(question: &Value) -> Built {
    Request::post("/apis/authentication.k8s.io/v1/selfsubjectreviews")
        .header(http::header::CONTENT_TYPE, "application/json")
        .body(question.to_string().into_bytes())
}

/// `GET` of any object.
pub(crate) fn object(api_version: &str, namespace: Option<&str>, plural: &str, name: &str) -> Built {
    let within = namespace.map(|namespace| format!("/namespaces/{}", escaped(namespace))).unwrap_or_default();
    Request::get(format!("{}{within}/{}/{}", root(api_version), escaped(plural), escaped(name))).body(Vec::new())
}

fn root(api_version: &str) -> String {
    match api_version.split_once('/') {
        Some((group, version)) => format!("/apis/{}/{}", escaped(group), escaped(version)),
        None => format!("/api/{}", escaped(api_version)),
    }
}

/// Escapes a text as one segment of a path or one value of a query.
pub(crate) fn escaped(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~');
    // A segment of dots only would be resolved as a relative path.
    let dots = text.bytes().all(|byte| byte == b'.');
    text.bytes()
        .map(|byte| if plain(byte) && !dots { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::TemplateKind;

    const CALL: Call<'_> =
        Call { resource: Resource::WORKFLOW, namespace: Some("ci"), name: "build-1", verb: Verb::Create };

    #[test]
    fn an_object_is_posted_unchanged_to_its_collection() -> Result<(), http::Error> {
        let request = CALL.create(&json!({ "spec": { "x": 1 } }), false)?;
        assert_eq!(request.method(), "POST");
        assert_eq!(
            request.uri(),
            "/apis/argoproj.io/v1alpha1/namespaces/ci/workflows?fieldManager=kubectl-runnable&fieldValidation=Strict"
        );
        assert_eq!(request.body(), br#"{"spec":{"x":1}}"#);
        assert!(CALL.create(&json!({}), true)?.uri().query().is_some_and(|query| query.ends_with("&dryRun=All")));
        Ok(())
    }

    #[test]
    fn an_apply_names_the_manager_and_takes_over_only_when_told() -> Result<(), http::Error> {
        let request = CALL.apply(&json!({ "kind": "Workflow" }), ApplyOptions::default())?;
        assert_eq!(
            (request.method().as_str(), &request.headers()["content-type"]),
            ("PATCH", &"application/apply-patch+yaml".parse()?)
        );
        assert_eq!(request.uri().query(), Some("fieldManager=kubectl-runnable&fieldValidation=Strict"));
        let forced = CALL.apply(&json!({}), ApplyOptions { dry_run: true, force: true })?;
        assert!(forced.uri().query().is_some_and(|query| query.ends_with("&force=true&dryRun=All")));
        Ok(())
    }

    #[test]
    fn a_patch_is_sent_to_one_object() -> Result<(), http::Error> {
        let request = CALL.merge(&json!({ "spec": { "suspend": null } }), false)?;
        assert_eq!(request.method(), "PATCH");
        assert_eq!(request.headers()["content-type"], "application/merge-patch+json");
        assert_eq!(
            request.uri(),
            "/apis/argoproj.io/v1alpha1/namespaces/ci/workflows/build-1?fieldManager=kubectl-runnable"
        );
        assert_eq!(request.body(), br#"{"spec":{"suspend":null}}"#);
        assert!(CALL.merge(&json!({}), true)?.uri().query().is_some_and(|query| query.ends_with("&dryRun=All")));
        Ok(())
    }

    #[test]
    fn a_cluster_template_has_no_namespace_in_its_path() -> Result<(), http::Error> {
        let call = Call { resource: TemplateKind::ClusterWorkflowTemplate.into(), ..CALL };
        assert_eq!(call.get()?.uri(), "/apis/argoproj.io/v1alpha1/clusterworkflowtemplates/build-1");
        Ok(())
    }

    #[test]
    fn a_core_object_has_no_group_in_its_path() -> Result<(), http::Error> {
        let call = Call { resource: Resource::CONFIG_MAP, ..CALL };
        assert_eq!(call.get()?.uri(), "/api/v1/namespaces/ci/configmaps/build-1");
        Ok(())
    }

    #[test]
    fn only_the_object_that_was_read_is_deleted() -> Result<(), http::Error> {
        let request = CALL.delete("u1", "42", true)?;
        assert_eq!(request.method(), "DELETE");
        assert_eq!(request.uri(), "/apis/argoproj.io/v1alpha1/namespaces/ci/workflows/build-1");
        let options: Value = serde_json::from_slice(request.body()).unwrap_or_default();
        assert_eq!(options["dryRun"], json!(["All"]), "beside a body the server does not read the query");
        assert_eq!(options["preconditions"], json!({ "uid": "u1", "resourceVersion": "42" }));
        Ok(())
    }

    #[test]
    fn a_watch_selects_one_object_and_starts_at_its_version() -> Result<(), http::Error> {
        let request = CALL.watch(&format!("&fieldSelector={}", CALL.selector()), "42")?;
        let query = request.uri().query().unwrap_or_default();
        assert!(query.starts_with("watch=true&"), "{query}");
        assert!(query.ends_with("&fieldSelector=metadata.name%3Dbuild-1&resourceVersion=42"), "{query}");
        Ok(())
    }

    #[test]
    fn a_replacement_is_put_at_the_object_s_path() -> Result<(), http::Error> {
        let request = CALL.replace(&json!({ "spec": {} }), true)?;
        assert_eq!(request.method(), "PUT");
        assert_eq!(
            request.uri(),
            "/apis/argoproj.io/v1alpha1/namespaces/ci/workflows/build-1?fieldManager=kubectl-runnable&dryRun=All"
        );
        Ok(())
    }

    #[test]
    fn objects_of_other_groups_have_the_group_in_their_path() -> Result<(), http::Error> {
        assert_eq!(object("batch/v1", Some("ci"), "jobs", "a")?.uri(), "/apis/batch/v1/namespaces/ci/jobs/a");
        assert_eq!(object("v1", None, "nodes", "../a")?.uri(), "/api/v1/nodes/..%2Fa");
        assert_eq!(delete_pod("ci", "a")?.uri(), "/api/v1/namespaces/ci/pods/a");
        Ok(())
    }

    #[test]
    fn a_name_cannot_leave_its_path_segment() -> Result<(), http::Error> {
        for (name, segment) in [("../pods", "..%2Fpods"), ("a?b#c", "a%3Fb%23c"), ("..", "%2E%2E"), ("ü", "%C3%BC")] {
            let call = Call { name, ..CALL };
            assert_eq!(
                call.get()?.uri().path(),
                format!("/apis/argoproj.io/v1alpha1/namespaces/ci/workflows/{segment}")
            );
        }
        Ok(())
    }
}
