//! Files of a command that are URLs.

use std::path::Path;
use std::thread;
use std::time::Duration;

use http::Uri;

use super::failure::Failure;
use super::runtime::block_on;
use crate::argo::document::{MAX_BYTES, Source};
use crate::cluster::fetch;
use crate::exit::Exit;
use crate::mask;

/// The timeout of one request.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

/// Whether a file's name is an http or https URL, as `argo` takes them.
pub(super) fn is_url(path: &Path) -> bool {
    path.to_str().is_some_and(|text| text.starts_with("http://") || text.starts_with("https://"))
}

/// Reads the text of a URL. Its name, which stands in messages, has no credentials.
pub(super) fn read(path: &Path) -> Result<Source, Failure> {
    let text = path.to_string_lossy();
    let name = mask::url(&text);
    let url: Uri = text.parse().map_err(|_| Failure::usage(format!("{name}: expected an http or https URL")))?;
    if url.authority().is_none_or(|authority| authority.as_str().contains('@')) {
        return Err(Failure::usage(format!("{name}: credentials in the URL are not supported")));
    }
    // Some commands read their files while a runtime runs, and a thread has no two.
    let fetched = thread::scope(|scope| {
        scope.spawn(|| block_on(async { Ok(fetch(&url, MAX_BYTES, REQUEST_TIMEOUT).await) })).join()
    });
    match fetched {
        Ok(Ok(Ok(text))) => Ok(Source { name, text }),
        Ok(Ok(Err(error))) => Err(Failure::new(Exit::Tool, format!("{name}: {error}"))),
        Ok(Err(failure)) => Err(failure),
        Err(panic) => std::panic::resume_unwind(panic),
    }
}
