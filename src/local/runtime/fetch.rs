//! Fetches an image, which may take long: who waits for it can end it.

use std::io::{self, Read, Seek};
use std::os::unix::process::CommandExt;
use std::process::{Child, ExitStatus};
use std::thread;
use std::time::Duration;

use super::{Runtime, last_line};

/// How often is looked whether it is to end.
const LOOK: Duration = Duration::from_millis(50);

impl Runtime {
    /// Fetches an image, or gives the last line of what the runtime said.
    pub(super) fn fetch(&self, image: &str) -> Result<(), String> {
        let unusable = |error: io::Error| self.unusable(&error);
        // A file takes any length: nobody reads it until the end.
        let mut said = tempfile::tempfile().map_err(unusable)?;
        let mut command = self.command(&["pull", "--quiet", image]);
        command.stdout(said.try_clone().map_err(unusable)?).stderr(said.try_clone().map_err(unusable)?);
        if self.fetching.is_some() {
            // The signals of a terminal are for this program, which ends it.
            command.process_group(0);
        }
        let status = self.wait(&mut command.spawn().map_err(unusable)?).map_err(unusable)?;
        match status {
            None => Err("fetching it was interrupted".to_owned()),
            Some(status) if status.success() => Ok(()),
            Some(_) => {
                let mut text = Vec::new();
                said.rewind().and_then(|()| said.read_to_end(&mut text)).map_err(unusable)?;
                Err(last_line(&text))
            }
        }
    }

    /// Waits for its end; none where it was ended.
    fn wait(&self, child: &mut Child) -> io::Result<Option<ExitStatus>> {
        let Some(stop) = &self.fetching else { return child.wait().map(Some) };
        loop {
            if let Some(status) = child.try_wait()? {
                return Ok(Some(status));
            }
            if stop.check().is_err() {
                child.kill()?;
                return child.wait().map(|_| None);
            }
            thread::sleep(LOOK);
        }
    }
}
