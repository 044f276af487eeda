//! Requests to argo-server, and what its answers mean (the paths of pkg/apiclient/workflowarchive/workflow-archive.proto,
//! v4.1.2).

use http::{Method, StatusCode};
use serde_json::Value;

use super::archive::Selection;
use crate::cluster::request::escaped;

/// The code of gRPC for what is not there, and the highest of all (google.golang.org/grpc/codes).
const NOT_FOUND: u64 = 5;
const HIGHEST: u64 = 16;
const ARCHIVED: &str = "/api/v1/archived-workflows";

/// A request without a body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Built {
    pub(super) method: Method,
    /// The path of the API.
    pub(super) path: String,
    query: String,
}

impl Built {
    fn get(path: &str, query: &[(&str, &str)]) -> Self {
        let query: Vec<String> = query
            .iter()
            .filter(|(_, value)| !value.is_empty())
            .map(|(name, value)| format!("{name}={}", escaped(value)))
            .collect();
        Self { method: Method::GET, path: path.to_owned(), query: query.join("&") }
    }

    /// Whether it changes nothing.
    pub(super) fn is_safe(&self) -> bool {
        self.method == Method::GET
    }

    /// Path and query below a base path.
    pub(super) fn target(&self, base: &str) -> String {
        let mark = if self.query.is_empty() { "" } else { "?" };
        format!("{base}{}{mark}{}", self.path, self.query)
    }
}

pub(super) fn version() -> Built {
    Built::get("/api/v1/version", &[])
}

/// A page of the archive.
pub(super) fn list(selection: &Selection, from: &str) -> Built {
    let limit = selection.chunk.to_string();
    let name = selection.name.as_ref().map(|name| format!("metadata.name={name}"));
    let since = selection.since.map(|since| format!("spec.startedAt>{since:.0}"));
    let fields: Vec<String> = name.into_iter().chain(since).collect();
    let query = [
        ("namespace", selection.namespace.as_str()),
        ("namePrefix", selection.prefix.as_deref().unwrap_or_default()),
        ("listOptions.labelSelector", selection.labels.as_deref().unwrap_or_default()),
        ("listOptions.fieldSelector", &fields.join(",")),
        ("listOptions.limit", &limit),
        ("listOptions.continue", from),
    ];
    Built::get(ARCHIVED, &query)
}

/// One workflow of the archive. The namespace is for servers that allow some users some namespaces.
pub(super) fn get(uid: &str, namespace: &str) -> Built {
    Built::get(&format!("{ARCHIVED}/{}", escaped(uid)), &[("namespace", namespace)])
}

pub(super) fn delete(uid: &str, namespace: &str) -> Built {
    Built { method: Method::DELETE, ..get(uid, namespace) }
}

pub(super) fn label_keys(namespace: &str) -> Built {
    Built::get("/api/v1/archived-workflows-label-keys", &[("namespace", namespace)])
}

pub(super) fn label_values(key: &str, namespace: &str) -> Built {
    let query = [("listOptions.labelSelector", key), ("namespace", namespace)];
    Built::get("/api/v1/archived-workflows-label-values", &query)
}

/// What the server says instead of an answer.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// The credential is missing, wrong or expired.
    Unauthorized,
    /// The user may not do it.
    Forbidden(String),
    /// It is not there.
    Missing,
    /// It may work later.
    Busy(String),
    /// Anything else.
    Other(String),
    /// This is no argo-server.
    Another,
}

/// The answer, or the refusal. A page of a proxy, or the page of a login, is none of argo-server's.
pub(super) fn read(status: StatusCode, body: &[u8]) -> Result<Value, Refusal> {
    let answer: Option<Value> = serde_json::from_slice(body).ok().filter(Value::is_object);
    let said = answer.as_ref().and_then(|answer| answer["message"].as_str()).map(str::to_owned);
    let code = answer.as_ref().and_then(|answer| answer["code"].as_u64());
    match (status.as_u16(), said) {
        (200, _) => answer.ok_or(Refusal::Another),
        (401, _) => Err(Refusal::Unauthorized),
        (403, said) => Err(Refusal::Forbidden(said.unwrap_or_default())),
        (404, Some(_)) if code == Some(NOT_FOUND) => Err(Refusal::Missing),
        (429 | 502..=504, said) => Err(Refusal::Busy(said.unwrap_or_else(|| format!("it answered {status}")))),
        (_, Some(said)) if code.is_some_and(|code| code <= HIGHEST) => Err(Refusal::Other(said)),
        (..) => Err(Refusal::Another),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_selected_by_the_server() {
        let selection = Selection {
            namespace: "ci".to_owned(),
            prefix: Some("etl-".to_owned()),
            labels: Some("team=data,env!=dev".to_owned()),
            name: Some("etl-1".to_owned()),
            since: "2026-11-21T10:00:00.5Z".parse().ok(),
            chunk: 50,
        };
        assert_eq!(
            list(&selection, "100").target("/argo"),
            "/argo/api/v1/archived-workflows?namespace=ci&namePrefix=etl-\
             &listOptions.labelSelector=team%3Ddata%2Cenv%21%3Ddev\
             &listOptions.fieldSelector=metadata.name%3Detl-1%2Cspec.startedAt%3E2026-11-21T10%3A00%3A00Z\
             &listOptions.limit=50&listOptions.continue=100"
        );
        let all = list(&Selection::default(), "");
        assert_eq!(all.target(""), "/api/v1/archived-workflows?listOptions.limit=200");
        assert_eq!(get("../x", "ci").target(""), "/api/v1/archived-workflows/..%2Fx?namespace=ci");
        assert!(!delete("u", "ci").is_safe());
    }

    #[test]
    fn what_no_argo_server_says_is_not_taken_for_its_answer() {
        let read = |status: u16, body: &str| read(StatusCode::from_u16(status).unwrap_or_default(), body.as_bytes());
        assert_eq!(read(200, "<html>log in</html>"), Err(Refusal::Another));
        assert_eq!(read(302, ""), Err(Refusal::Another));
        assert_eq!(read(404, "404 page not found"), Err(Refusal::Another));
        let of_kubernetes = r#"{"kind": "Status", "message": "not found", "code": 404}"#;
        assert_eq!(read(404, of_kubernetes), Err(Refusal::Another));
        assert_eq!(read(404, r#"{"code": 5, "message": "not found"}"#), Err(Refusal::Missing));
        assert_eq!(read(401, r#"{"code": 16, "message": "token not valid"}"#), Err(Refusal::Unauthorized));
        assert_eq!(read(503, "no healthy upstream"), Err(Refusal::Busy("it answered 503 Service Unavailable".into())));
        assert_eq!(read(500, r#"{"code": 13, "message": "boom"}"#), Err(Refusal::Other("boom".into())));
        assert!(read(200, r#"{"items": null}"#).is_ok());
    }
}
