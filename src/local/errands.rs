//! Runs errands: requests and lists of stored artifacts.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use reqwest::Method;
use tokio::sync::Semaphore;

use super::errand::{Answer, Errand, List, Request, Returned};
use super::kill::Kill;
use crate::artifact::{cause, client, without_credentials};
use crate::blocking::blocking;

/// So many errands are on their way at once, as many as Argo's agent has workers.
const AT_ONCE: usize = 16;
/// The largest body of a response: what the API server accepts in one request, so the most that a cluster could keep.
const LARGEST_BODY: usize = 1536 * 1024;

/// Who runs the errands of a run.
#[derive(Debug, Clone)]
pub(super) struct Errands {
    places: Arc<Semaphore>,
}

impl Errands {
    pub(super) fn new() -> Self {
        Self { places: Arc::new(Semaphore::new(AT_ONCE)) }
    }

    /// Runs one to its end, or until it is killed.
    pub(super) async fn run(&self, errand: Errand, mut kill: Kill) -> Returned {
        let done = async {
            // Nobody closes it.
            let _place = self.places.acquire().await;
            match errand {
                Errand::Request(request) => answer(request).await.map(Returned::Answer),
                Errand::List(list) => {
                    let listed = blocking(move || files(&list)).await;
                    listed.map_err(io::Error::other).flatten().map(Returned::Files).map_err(|error| error.to_string())
                }
            }
        };
        tokio::select! {
            done = done => done.unwrap_or_else(Returned::Failed),
            order = kill.next() => Returned::Failed(order.reason),
        }
    }
}

async fn answer(request: Request) -> Result<Answer, String> {
    let word = word_of(&request.method);
    let failed = |error: &reqwest::Error| format!("{word} {:?}: {}", without_credentials(&request.url), cause(error));
    let client = client(request.insecure).build().map_err(|error| cause(&error))?;
    let method = Method::from_bytes(request.method.as_bytes());
    let method = method.map_err(|_| format!("net/http: invalid method {:?}", request.method))?;
    let mut builder = client.request(method, &request.url);
    for (name, value) in &request.headers {
        builder = builder.header(name, value);
    }
    if let Some(timeout) = request.timeout {
        builder = builder.timeout(timeout);
    }
    if !request.body.is_empty() {
        builder = builder.body(request.body.clone());
    }

    let mut response = builder.send().await.map_err(|error| failed(&error))?;
    let status = response.status().as_u16();
    let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
    let headers = response.headers().iter();
    let headers = headers.map(|(name, value)| (name.to_string(), text(value.as_bytes()))).collect();
    let mut body = Vec::new();
    while let Some(part) = response.chunk().await.map_err(|error| failed(&error))? {
        body.extend_from_slice(&part);
        if body.len() > LARGEST_BODY {
            return Err(format!("the response is larger than {LARGEST_BODY} bytes"));
        }
    }
    Ok(Answer { status, headers, body: text(&body) })
}

/// How Go names a method in an error: `Get`, `Post`.
fn word_of(method: &str) -> String {
    let (first, rest) = method.split_at(method.len().min(1));
    first.to_owned() + &rest.to_ascii_lowercase()
}

/// The keys of all files below a key, in order, as a store of objects lists them. No link is followed.
fn files(list: &List) -> io::Result<Vec<String>> {
    let mut found = BTreeSet::new();
    let parts = parts(&list.key)?;
    if let Some(directory) = find(&list.store, &parts).filter(|path| is_directory(path)) {
        collect(&directory, &parts.join("/"), &mut found)?;
    }
    let is_at = |key: &str, at: &str| key.strip_prefix(at).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    found.retain(|key| !list.elsewhere.iter().any(|elsewhere| is_at(key, &elsewhere.key)));
    for elsewhere in &list.elsewhere {
        let Some(shown) = &elsewhere.shown else { continue };
        match find(&list.store, &self::parts(&elsewhere.key)?) {
            Some(directory) if is_directory(&directory) && !elsewhere.packed => collect(&directory, shown, &mut found)?,
            Some(_) => drop(found.insert(shown.clone())),
            None => {}
        }
    }
    Ok(found.into_iter().collect())
}

/// The parts of a key that stays within the store.
fn parts(key: &str) -> io::Result<Vec<&str>> {
    let parts: Vec<&str> = key.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
    if parts.contains(&"..") {
        return Err(io::Error::other(format!("key {key:?} leaves the artifacts of the run")));
    }
    Ok(parts)
}

/// The file or directory at a key; none where there is none, or a link on the way.
fn find(store: &Path, parts: &[&str]) -> Option<PathBuf> {
    let mut path = store.to_owned();
    for part in parts {
        if !is_directory(&path) {
            return None;
        }
        path.push(part);
    }
    let kind = path.symlink_metadata().ok()?.file_type();
    (kind.is_dir() || kind.is_file()).then_some(path)
}

fn is_directory(path: &Path) -> bool {
    path.symlink_metadata().is_ok_and(|metadata| metadata.is_dir())
}

fn collect(directory: &Path, prefix: &str, found: &mut BTreeSet<String>) -> io::Result<()> {
    for entry in std::fs::read_dir(directory)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let key = if prefix.is_empty() { name.clone() } else { format!("{prefix}/{name}") };
        let kind = entry.file_type()?;
        if kind.is_dir() {
            collect(&entry.path(), &key, found)?;
        } else if kind.is_file() && !is_half_written(&name) {
            found.insert(key);
        }
    }
    Ok(())
}

/// Whether the name is that of an artifact which is being written.
fn is_half_written(name: &str) -> bool {
    name.strip_prefix('.').is_some_and(|name| name.strip_suffix(".part").is_some())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use wiremock::matchers::{body_string, header, method, path};
    use wiremock::{Mock, MockServer, ResponseTemplate};

    use super::*;
    use crate::local::errand::Elsewhere;

    fn request(url: String) -> Request {
        let method = "GET".to_owned();
        Request { method, url, headers: Vec::new(), body: Vec::new(), timeout: None, insecure: false }
    }

    #[tokio::test]
    async fn a_request_arrives_as_it_was_written() {
        let server = MockServer::start().await;
        let response = ResponseTemplate::new(201).insert_header("x-id", "7").set_body_string("made");
        let asked =
            Mock::given(method("POST")).and(path("/things")).and(header("x-key", "secret")).and(body_string("b"));
        asked.respond_with(response).mount(&server).await;
        let url = format!("{}/things", server.uri());
        let headers = vec![("X-Key".to_owned(), "secret".to_owned())];
        let request = Request { method: "POST".to_owned(), headers, body: b"b".to_vec(), ..request(url) };
        let answer = answer(request).await.unwrap_or_else(|error| panic!("{error}"));
        assert_eq!((answer.status, answer.body.as_str()), (201, "made"));
        assert!(answer.headers.contains(&("x-id".to_owned(), "7".to_owned())));
    }

    #[tokio::test]
    async fn errors_are_gos() {
        let why = answer(request("http://me:secret@127.0.0.1:1/x".to_owned())).await;
        assert_eq!(why, Err("Get \"http://me:xxxxx@127.0.0.1:1/x\": connect: connection refused".to_owned()));
        let server = MockServer::start().await;
        let late = ResponseTemplate::new(200).set_delay(Duration::from_secs(30));
        Mock::given(method("GET")).respond_with(late).mount(&server).await;
        let request = Request { timeout: Some(Duration::from_millis(50)), ..request(server.uri()) };
        let why = answer(request).await;
        assert!(why.is_err_and(|why| why.ends_with("context deadline exceeded")));
    }

    #[test]
    fn files_are_listed_below_their_key_and_links_are_not_followed() -> io::Result<()> {
        let store = tempfile::tempdir()?;
        let write = |key: &str| {
            let path = store.path().join(key);
            std::fs::create_dir_all(path.parent().unwrap_or(store.path()))?;
            std::fs::write(path, "")
        };
        for key in ["w/b/2", "w/b/1", "w/a", "w/b/.x.part", "other/c"] {
            write(key)?;
        }
        std::os::unix::fs::symlink("/etc", store.path().join("w/link"))?;
        let list =
            |key: &str| files(&List { store: store.path().to_owned(), key: key.to_owned(), elsewhere: Vec::new() });
        assert_eq!(list("w/")?, ["w/a", "w/b/1", "w/b/2"]);
        assert_eq!(list("")?, ["other/c", "w/a", "w/b/1", "w/b/2"]);
        assert_eq!(list("w/link")?, [""; 0]);
        assert_eq!(list("w/a")?, [""; 0]);
        assert!(list("w/../../x").is_err());

        let elsewhere = |key: &str, packed| Elsewhere { shown: Some("own".to_owned()), key: key.to_owned(), packed };
        let below = |key: &str, elsewhere| {
            files(&List { store: store.path().to_owned(), key: key.to_owned(), elsewhere: vec![elsewhere] })
        };
        let own = |elsewhere| below("own", elsewhere);
        assert_eq!(below("w", Elsewhere { shown: None, ..elsewhere("w/b", false) })?, ["w/a"]);
        assert_eq!(own(elsewhere("w/b", false))?, ["own/1", "own/2"]);
        assert_eq!(own(elsewhere("w/b", true))?, ["own"]);
        assert_eq!(own(elsewhere("w/a", false))?, ["own"]);
        assert_eq!(own(elsewhere("w/link", false))?, [""; 0]);
        Ok(())
    }
}
