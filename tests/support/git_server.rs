//! Git's http backend behind a small server, with one thread and one connection per request.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Serves the repositories of a directory until the process ends.
pub(crate) struct GitServer {
    pub(crate) origin: String,
    counts: Arc<Counts>,
}

/// Counts of requests and bytes.
#[derive(Default)]
struct Counts {
    requests: AtomicU64,
    sent: AtomicU64,
    with_credentials: AtomicU64,
}

#[derive(Clone)]
struct Site {
    directory: PathBuf,
    /// The required value of `Authorization`; without one, every request is allowed.
    authorization: Option<String>,
    counts: Arc<Counts>,
}

struct Request {
    method: String,
    target: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl GitServer {
    /// Starts a server for all, or only for requests with this `Authorization`.
    pub(crate) fn start(directory: &Path, authorization: Option<&str>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        let counts = Arc::<Counts>::default();
        let authorization = authorization.map(str::to_owned);
        let site = Site { directory: directory.to_owned(), authorization, counts: counts.clone() };
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let site = site.clone();
                // A client that closes the connection is not an error.
                std::thread::spawn(move || drop(site.answer(&stream)));
            }
        });
        Self { origin, counts }
    }

    pub(crate) fn requests(&self) -> u64 {
        self.counts.requests.load(Ordering::SeqCst)
    }

    /// The total bytes of all answers.
    pub(crate) fn sent(&self) -> u64 {
        self.counts.sent.load(Ordering::SeqCst)
    }

    pub(crate) fn requests_with_credentials(&self) -> u64 {
        self.counts.with_credentials.load(Ordering::SeqCst)
    }
}

impl Site {
    fn answer(&self, mut stream: &TcpStream) -> std::io::Result<()> {
        let request = Request::read(stream)?;
        self.counts.requests.fetch_add(1, Ordering::SeqCst);
        let said = request.header("authorization");
        if said.is_some() {
            self.counts.with_credentials.fetch_add(1, Ordering::SeqCst);
        }
        if self.authorization.is_some() && self.authorization.as_deref() != said {
            let refusal = "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"git\"\r\nContent-Length: 0\r\n\
                           Connection: close\r\n\r\n";
            return stream.write_all(refusal.as_bytes());
        }
        let mut backend = self.backend(&request).spawn()?;
        let mut input = backend.stdin.take().unwrap();
        let body = request.body;
        let feeder = std::thread::spawn(move || input.write_all(&body));
        let sent = pass_on(BufReader::new(backend.stdout.take().unwrap()), stream)?;
        self.counts.sent.fetch_add(sent, Ordering::SeqCst);
        let _ = feeder.join();
        backend.wait().map(drop)
    }

    fn backend(&self, request: &Request) -> Command {
        let (path, query) = request.target.split_once('?').unwrap_or((&request.target, ""));
        let mut command = Command::new("git");
        command.args(["-c", "safe.directory=*", "http-backend"]);
        command.env("GIT_PROJECT_ROOT", &self.directory).env("GIT_HTTP_EXPORT_ALL", "1");
        command.env("REQUEST_METHOD", &request.method).env("PATH_INFO", path).env("QUERY_STRING", query);
        command.env("CONTENT_LENGTH", request.body.len().to_string()).env("GIT_CONFIG_NOSYSTEM", "1");
        for (variable, header) in [
            ("CONTENT_TYPE", "content-type"),
            ("HTTP_CONTENT_ENCODING", "content-encoding"),
            ("GIT_PROTOCOL", "git-protocol"),
        ] {
            if let Some(value) = request.header(header) {
                command.env(variable, value);
            }
        }
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        command
    }
}

/// Sends the backend's answer as HTTP and returns its length in bytes.
fn pass_on(mut answer: impl BufRead, mut stream: &TcpStream) -> std::io::Result<u64> {
    let mut status = "200 OK".to_owned();
    let mut head = String::new();
    loop {
        let mut line = String::new();
        if answer.read_line(&mut line)? == 0 || line.trim().is_empty() {
            break;
        }
        match line.strip_prefix("Status: ") {
            Some(told) => told.trim().clone_into(&mut status),
            None => head.extend([line.trim_end(), "\r\n"]),
        }
    }
    let head = format!("HTTP/1.1 {status}\r\n{head}Connection: close\r\n\r\n");
    stream.write_all(head.as_bytes())?;
    Ok(head.len() as u64 + std::io::copy(&mut answer, &mut stream)?)
}

impl Request {
    fn read(mut stream: &TcpStream) -> std::io::Result<Self> {
        let mut reader = BufReader::new(stream);
        let mut first = String::new();
        reader.read_line(&mut first)?;
        let mut words = first.split_whitespace().map(str::to_owned);
        let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let mut headers = Vec::new();
        loop {
            let mut line = String::new();
            reader.read_line(&mut line)?;
            let Some((name, value)) = line.trim_end().split_once(':') else { break };
            headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
        let mut request = Self { method, target, headers, body: Vec::new() };
        if request.header("expect").is_some() {
            stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
        }
        request.body = match request.header("content-length").and_then(|length| length.parse().ok()) {
            Some(length) => {
                let mut body = vec![0; length];
                reader.read_exact(&mut body)?;
                body
            }
            None if request.header("transfer-encoding") == Some("chunked") => chunks(&mut reader)?,
            None => Vec::new(),
        };
        Ok(request)
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

fn chunks(reader: &mut impl BufRead) -> std::io::Result<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let length = u64::from_str_radix(line.trim(), 16).unwrap_or(0);
        reader.by_ref().take(length).read_to_end(&mut body)?;
        reader.read_line(&mut line)?;
        if length == 0 {
            return Ok(body);
        }
    }
}
