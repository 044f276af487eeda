//! Sends completion notices. A notice that fails is only a warning and delays the command for a limited time.

use std::process::Stdio;
use std::time::Duration;

use http::Uri;
use serde_json::Value;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;
use tokio::time::{Instant, sleep, timeout_at};

use super::follow::End;
use super::settings::settings;
use crate::cluster::post;
use crate::output::stream::talk;
use crate::report::notice::Notice;

/// The maximum time that notices delay the end of the command.
const MAX_DELAY: Duration = Duration::from_secs(8);
/// The timeout of one request.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(3);
/// The pause after the first failed request; it doubles with each further one, for a receiver that restarts.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
/// The maximum number of requests for one notice.
const ATTEMPTS: u32 = 5;

/// Where completion notices go.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(next_help_heading = "When the run ends")]
pub(super) struct NotifyArgs {
    /// When the run has ended, post {run, run_id, success, phase, error} as JSON to this URL; needs --wait or --local
    #[arg(long, value_name = "URL", value_parser = url)]
    notify: Option<Uri>,

    /// When the run has ended, run this shell command: it gets the same JSON on standard input, and RUNNABLE_RUN,
    /// RUNNABLE_RUN_ID, RUNNABLE_SUCCESS, RUNNABLE_PHASE and RUNNABLE_ERROR in its environment; needs --wait or --local
    #[arg(long, value_name = "COMMAND")]
    notify_exec: Option<String>,
}

pub(super) fn url(text: &str) -> Result<Uri, String> {
    let url: Uri = text.parse().map_err(|_| "expected a URL such as https://example.org/hook".to_owned())?;
    let known = matches!(url.scheme_str(), Some("http" | "https"));
    let plain = url.authority().is_some_and(|authority| !authority.as_str().contains('@'));
    match (known, plain) {
        (true, true) => Ok(url),
        (true, false) => Err("credentials in the URL are not supported".to_owned()),
        (false, _) => Err("expected an http or https URL such as https://example.org/hook".to_owned()),
    }
}

impl NotifyArgs {
    /// Whether any notice was requested.
    pub(super) fn is_requested(&self) -> bool {
        self.notify.is_some() || self.notify_exec.is_some()
    }

    /// Sends the notices of a run that has ended. A failure is only a warning.
    pub(super) async fn send(&self, end: &End) {
        let state = &end.state;
        let notice = Notice::of(&state.workflow, &state.mask(), &end.failures);
        let document = serde_json::to_value(&notice).unwrap_or_default();
        let until = Instant::now() + MAX_DELAY;

        let posting = async {
            if let Some(url) = self.notify.as_ref().or(settings().notify.as_ref())
                && let Err(why) = post_notice(url, &document, until).await
            {
                talk(format_args!(
                    "warning: could not notify {} of the end of {}: {why}",
                    url.host().unwrap_or_default(),
                    notice.run
                ));
            }
        };

        let running = async {
            if let Some(command) = &self.notify_exec
                && let Err(why) = run_command(command, &notice, &document, until).await
            {
                talk(format_args!("warning: the command of --notify-exec {why}"));
            }
        };

        futures::future::join(posting, running).await;
    }
}

async fn post_notice(url: &Uri, document: &Value, until: Instant) -> Result<(), String> {
    let mut last = String::new();
    for attempt in 0..ATTEMPTS {
        match timeout_at(until, post(url, document, REQUEST_TIMEOUT)).await {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(error)) if !error.is_temporary => return Err(error.cause),
            Ok(Err(error)) => last = error.cause,
            Err(_) => break,
        }
        let pause = FIRST_PAUSE * 2_u32.pow(attempt);
        if attempt + 1 == ATTEMPTS || Instant::now() + pause >= until {
            break;
        }
        sleep(pause).await;
    }
    Err(last)
}

async fn run_command(command: &str, notice: &Notice, document: &Value, until: Instant) -> Result<(), String> {
    let mut process = Command::new("sh");
    process.args(["-c", command]).stdin(Stdio::piped()).kill_on_drop(true);
    // Our standard output carries only the result.
    process.stdout(std::io::stderr());

    process.env("RUNNABLE_RUN", &notice.run).env("RUNNABLE_RUN_ID", &notice.run_id);
    process.env("RUNNABLE_SUCCESS", notice.success.to_string()).env("RUNNABLE_PHASE", &notice.phase);
    process.env("RUNNABLE_ERROR", notice.error.as_deref().unwrap_or_default());

    let mut child = process.spawn().map_err(|error| format!("could not be started: {error}"))?;
    let input = child.stdin.take();
    let ending = async {
        if let Some(mut input) = input {
            // An error means that the command does not read its input; it has the environment.
            let _ = input.write_all(format!("{document}\n").as_bytes()).await;
        }
        child.wait().await
    };

    match timeout_at(until, ending).await {
        Ok(Ok(status)) if status.success() => Ok(()),
        Ok(Ok(status)) => Err(format!("failed ({status})")),
        Ok(Err(error)) => Err(format!("cannot be waited for: {error}")),
        Err(_) => Err(format!("took longer than {MAX_DELAY:?} and was killed")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use wiremock::matchers::{body_json, method, path, query_param};
    use wiremock::{Mock, MockServer, ResponseTemplate};

    use super::*;

    fn document() -> Value {
        json!({"run": "etl", "success": true})
    }

    #[test]
    fn a_url_names_its_server() {
        assert!(url("https://example.org/hook?x=1").is_ok() && url("http://localhost:8080").is_ok());
        assert!(
            ["example.org", "ftp://example.org", "/hook", "https://me:secret@example.org"]
                .iter()
                .all(|text| url(text).is_err())
        );
    }

    #[tokio::test]
    async fn a_notice_is_posted_until_the_server_accepts_it() -> Result<(), Box<dyn std::error::Error>> {
        let server = MockServer::start().await;
        let hook = || Mock::given(method("POST")).and(path("/a/hook")).and(query_param("key", "1"));
        hook().respond_with(ResponseTemplate::new(503)).up_to_n_times(2).mount(&server).await;
        hook().and(body_json(document())).respond_with(ResponseTemplate::new(204)).mount(&server).await;
        let url: Uri = format!("{}/a/hook?key=1", server.uri()).parse()?;
        assert_eq!(post_notice(&url, &document(), Instant::now() + MAX_DELAY).await, Ok(()));
        Ok(())
    }

    #[tokio::test]
    async fn posting_a_rejected_notice_ends_in_time() -> Result<(), Box<dyn std::error::Error>> {
        let server = MockServer::start().await;
        let refused = post_notice(&server.uri().parse()?, &document(), Instant::now() + MAX_DELAY).await;
        assert_eq!(refused, Err("the server answered 404 Not Found".to_owned()));
        Mock::given(method("POST")).respond_with(ResponseTemplate::new(500)).mount(&server).await;
        let begun = Instant::now();
        let late = post_notice(&server.uri().parse()?, &document(), begun + Duration::from_secs(1)).await;
        assert_eq!(late, Err("the server answered 500 Internal Server Error".to_owned()));
        assert!(begun.elapsed() < Duration::from_secs(3));
        let nobody =
            post_notice(&"http://127.0.0.1:1/".parse()?, &document(), Instant::now() + Duration::from_secs(1)).await;
        assert_eq!(nobody, Err("connection refused".to_owned()));
        Ok(())
    }
}
