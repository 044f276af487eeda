//! Looks for the entry: whether it counts, and if so, restores what it holds.

use std::time::Duration;

use jiff::Timestamp;
use tokio::time::timeout;

use super::ended::{Early, ExecError};
use super::session::Session;
use super::told::Told;
use crate::cache::{LookUp, Manifest, Seen};

/// How long the note of a use may take, after all of the hit is in its place.
const NOTE: Duration = Duration::from_secs(2);

/// What a look for the entry comes to.
pub(super) enum Found {
    Hit,
    /// There is none that can be used; what is there may be replaced.
    Miss(Seen),
}

impl Session {
    /// Looks for the entry.
    pub(super) async fn look(&mut self) -> Result<Found, Early> {
        let seen = self.seen().await?;
        self.use_if_it_counts(seen).await
    }

    /// The same a while after a miss: what was said of the same entry then is not said again.
    pub(super) async fn look_again(&mut self, before: Seen) -> Result<Found, Early> {
        let seen = self.seen().await?;
        if seen.found != LookUp::Missing && seen.is_as(&before) {
            return Ok(Found::Miss(before));
        }
        self.use_if_it_counts(seen).await
    }

    async fn seen(&mut self) -> Result<Seen, Early> {
        let prefix = self.prefix.clone();
        Ok(self.until_signal(move |_| prefix.look_up()).await?.map_err(ExecError::Store)?)
    }

    async fn use_if_it_counts(&mut self, mut seen: Seen) -> Result<Found, Early> {
        if self.job.policy.force {
            return Ok(Found::Miss(seen));
        }
        let manifest = match &seen.found {
            LookUp::Missing => return Ok(Found::Miss(seen)),
            LookUp::Broken(why) => {
                self.warn(format!("ignored a broken cache entry: {why}"));
                return Ok(Found::Miss(seen));
            }
            LookUp::OtherVersion => {
                self.warn("ignored a cache entry written by another version of this tool".to_owned());
                return Ok(Found::Miss(seen));
            }
            LookUp::Whole(manifest) => manifest.clone(),
        };
        let age = Timestamp::now().duration_since(manifest.created_at);
        if self.job.policy.max_age.is_some_and(|max_age| age > max_age) {
            return Ok(Found::Miss(seen));
        }
        if let Some(missing) = self.missing(&manifest) {
            self.warn(format!("ignored a cache entry: it lacks the output {missing}"));
            return Ok(Found::Miss(seen));
        }
        if let Some(why) = self.restore(&manifest).await? {
            self.warn(format!("ignored a broken cache entry: {why}"));
            seen.distrust();
            return Ok(Found::Miss(seen));
        }
        (self.tell)(Told::Hit { maker: manifest.node_name.clone(), age });
        self.report(Some(&manifest));
        self.note_use(seen).await;
        Ok(Found::Hit)
    }

    /// A declared output that an entry does not have.
    fn missing(&self, manifest: &Manifest) -> Option<String> {
        let has = |output: &&super::Output| {
            let kept = manifest.artifacts.iter().find(|kept| kept.name == output.name);
            kept.is_some_and(|kept| output.optional || !kept.is_absent())
        };
        let missing = self.job.outputs.iter().find(|output| !has(output)).map(|output| output.name.clone());
        let values = manifest.outputs.iter().flat_map(|outputs| &outputs.parameters);
        let named: Vec<&str> = values.filter(|value| value.value.is_some()).map(|value| value.name.as_str()).collect();
        let value = || self.job.parameters.iter().find(|parameter| !named.contains(&parameter.name.as_str()));
        missing.or_else(|| value().map(|parameter| parameter.name.clone()))
    }

    /// Notes that the entry was used. A store that is slow to take the note does without it.
    async fn note_use(&mut self, seen: Seen) {
        if !self.job.policy.read_only {
            let prefix = self.prefix.clone();
            let _ = timeout(NOTE, self.until_signal(move |_| prefix.touch(&seen))).await;
        }
    }
}
