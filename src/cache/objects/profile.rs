//! Profiles of the AWS command line: static keys, a role that another profile takes on or web identity, and a program that gives
//! credentials. Only the environment says which one; what else a profile may name is refused.

use std::collections::HashMap;
use std::env;
use std::fs;
use std::path::PathBuf;
use std::pin::Pin;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey, AwsCredential};
use object_store::{ClientOptions, CredentialProvider, Error, StaticCredentialProvider};
use serde::Deserialize;

use super::role::{EARLY, Role, Source, Sts};

/// So many profiles may stand behind each other.
const DEEPEST: usize = 5;

/// A profile as the files have it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Profile {
    settings: HashMap<String, String>,
    /// The profile that takes on its role.
    source: Option<Box<Profile>>,
}

impl Profile {
    /// The profile that the environment names, or the default one where it names none; none where there is no such file or the
    /// environment has credentials itself.
    pub(super) fn of_environment() -> Result<Option<Self>, Error> {
        let set = |name: &str| env::var(name).ok().filter(|value| !value.is_empty());
        let others = ["AWS_ACCESS_KEY_ID", "AWS_WEB_IDENTITY_TOKEN_FILE"];
        let of_containers = ["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI"];
        let named = set("AWS_PROFILE");
        if set(others[0]).is_some()
            || named.is_none() && others.iter().chain(&of_containers).any(|name| set(name).is_some())
        {
            return Ok(None);
        }
        let file = |variable: &str, name: &str| {
            let home = || set("HOME").map(|home| PathBuf::from(home).join(".aws").join(name));
            let path = set(variable).map(PathBuf::from).or_else(home)?;
            fs::read_to_string(path).ok()
        };
        let config = file("AWS_CONFIG_FILE", "config").unwrap_or_default();
        let credentials = file("AWS_SHARED_CREDENTIALS_FILE", "credentials").unwrap_or_default();
        let name = named.as_deref().unwrap_or("default");
        match (Self::read(name, &config, &credentials), named.is_some()) {
            (None, true) => Err(invalid(format!("profile {name:?} is in neither of the files of AWS profiles"))),
            (found, _) => Ok(found),
        }
    }

    /// The profile of a name in the two files; what the second one says counts.
    fn read(name: &str, config: &str, credentials: &str) -> Option<Self> {
        Self::read_within(name, config, credentials, DEEPEST)
    }

    fn read_within(name: &str, config: &str, credentials: &str, depth: usize) -> Option<Self> {
        let in_config = if name == "default" { name.to_owned() } else { format!("profile {name}") };
        let found = [section(config, &in_config), section(credentials, name)];
        if found.iter().all(Option::is_none) {
            return None;
        }
        let settings: HashMap<String, String> = found.into_iter().flatten().flatten().collect();
        let source = match settings.get("source_profile") {
            // Its own keys take on its role.
            Some(source) if source == name => {
                let mut settings = settings.clone();
                settings.retain(|name, _| name.starts_with("aws_"));
                Some(Box::new(Self { settings, source: None }))
            }
            Some(source) if depth > 0 => Self::read_within(source, config, credentials, depth - 1).map(Box::new),
            _ => None,
        };
        Some(Self { settings, source })
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.settings.get(name).map(String::as_str)
    }

    /// The client with what the profile says.
    pub(super) fn apply(
        &self,
        mut builder: AmazonS3Builder,
        options: &ClientOptions,
    ) -> Result<AmazonS3Builder, Error> {
        if let (None, Some(region)) = (builder.get_config_value(&AmazonS3ConfigKey::Region), self.get("region")) {
            builder = builder.with_region(region);
        }
        if let (Some(role), Some(file)) = (self.get("role_arn"), self.get("web_identity_token_file")) {
            builder = builder
                .with_config(AmazonS3ConfigKey::RoleArn, role)
                .with_config(AmazonS3ConfigKey::WebIdentityTokenFile, file);
            return Ok(match self.get("role_session_name") {
                Some(name) => builder.with_config(AmazonS3ConfigKey::RoleSessionName, name),
                None => builder,
            });
        }
        let region = builder.get_config_value(&AmazonS3ConfigKey::Region).unwrap_or_else(|| "us-east-1".to_owned());
        let sts = || Sts::new(options, &region, builder.get_config_value(&AmazonS3ConfigKey::StsEndpoint));
        let source = self.credentials(&sts)?;
        Ok(match source {
            Some(source) => builder.with_credentials(source),
            None => builder,
        })
    }

    /// Where its credentials come from; none where it says nothing of them.
    fn credentials(&self, sts: &impl Fn() -> Result<Sts, Error>) -> Result<Option<Source>, Error> {
        if let Some(role) = self.get("role_arn") {
            let source = self.source.as_ref().map(|source| source.credentials(sts)).transpose()?.flatten();
            let source = source.ok_or_else(|| {
                let why = "the AWS profile has a role, and source_profile names no profile with credentials";
                invalid(format!("{why}: {INSTEAD}"))
            })?;
            let session = self.get("role_session_name").unwrap_or("kubectl-runnable");
            return Ok(Some(Arc::new(Role::new(sts()?, role, session, self.get("external_id"), source))));
        }
        if let (Some(id), Some(key)) = (self.get("aws_access_key_id"), self.get("aws_secret_access_key")) {
            let token = self.get("aws_session_token").map(str::to_owned);
            let credential = AwsCredential { key_id: id.to_owned(), secret_key: key.to_owned(), token };
            return Ok(Some(Arc::new(StaticCredentialProvider::new(credential))));
        }
        if let Some(command) = self.get("credential_process") {
            return Ok(Some(Arc::new(Program { command: command.to_owned(), last: Mutex::default() })));
        }
        match self.get("sso_session").or(self.get("sso_start_url")) {
            Some(_) => Err(invalid(format!("the AWS profile is of single sign-on, which is not supported: {INSTEAD}"))),
            None => Ok(None),
        }
    }
}

const INSTEAD: &str = "run `aws configure export-credentials --format env`";

pub(super) fn invalid(what: String) -> Error {
    Error::Generic { store: "S3", source: what.into() }
}

/// The settings of a section; none where there is no such section.
fn section(text: &str, name: &str) -> Option<HashMap<String, String>> {
    let mut settings: Option<HashMap<String, String>> = None;
    let mut inside = false;
    for line in text.lines() {
        let is_comment = line.trim_start().starts_with(['#', ';']);
        // Indented lines are of a setting that has settings of its own.
        if is_comment || line.trim().is_empty() || line.starts_with([' ', '\t']) {
            continue;
        }
        if let Some(header) = line.trim_end().strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            inside = header.split_whitespace().eq(name.split_whitespace());
            if inside {
                settings.get_or_insert_default();
            }
        } else if let (true, Some((key, value)), Some(settings)) = (inside, line.split_once('='), &mut settings) {
            settings.insert(key.trim().to_ascii_lowercase(), value.trim().to_owned());
        }
    }
    settings
}

/// A program that prints credentials.
struct Program {
    command: String,
    last: Mutex<Option<(Arc<AwsCredential>, Option<Timestamp>)>>,
}

/// What it prints.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Printed {
    access_key_id: String,
    secret_access_key: String,
    session_token: Option<String>,
    expiration: Option<Timestamp>,
}

impl std::fmt::Debug for Program {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Program")
    }
}

impl Program {
    fn credential(&self) -> Result<Arc<AwsCredential>, Error> {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Timestamp::now();
        if let Some((credential, end)) = &*last
            && end.is_none_or(|end| end.duration_since(now) > EARLY)
        {
            return Ok(Arc::clone(credential));
        }
        // Neither what it prints nor its command is told: both may hold a secret.
        let failed = |why: &str| invalid(format!("credential_process of the AWS profile {why}"));
        let output =
            Command::new("sh").args(["-c", &self.command]).stdin(Stdio::null()).stderr(Stdio::inherit()).output();
        let output = output.map_err(|_| failed("cannot be started"))?;
        if !output.status.success() {
            return Err(failed("has failed"));
        }
        let printed: Printed =
            serde_json::from_slice(&output.stdout).map_err(|_| failed("printed no credentials of version 1"))?;
        let credential = Arc::new(AwsCredential {
            key_id: printed.access_key_id,
            secret_key: printed.secret_access_key,
            token: printed.session_token,
        });
        *last = Some((Arc::clone(&credential), printed.expiration));
        Ok(credential)
    }
}

impl CredentialProvider for Program {
    type Credential = AwsCredential;

    fn get_credential<'life, 'future>(
        &'life self,
    ) -> Pin<Box<dyn Future<Output = Result<Arc<AwsCredential>, Error>> + Send + 'future>>
    where
        'life: 'future,
        Self: 'future,
    {
        Box::pin(async { tokio::task::block_in_place(|| self.credential()) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONFIG: &str = "[default]\nregion = eu-1\n\n[profile ci]\nregion=us-2\ncredential_process = /bin/tool --x=y\n\
        s3 =\n  addressing_style = path\n# a comment\n[profile other]\nrole_arn = arn\nsource_profile = default\n\
        [profile own]\nrole_arn = arn\nsource_profile = own\naws_access_key_id = O\naws_secret_access_key = S\n\
        [profile chain]\nrole_arn = arn2\nsource_profile = other\n[profile round]\nrole_arn = arn\nsource_profile = round2\n\
        [profile round2]\nrole_arn = arn\nsource_profile = round\n[profile sso]\nsso_session = x\n\
        [profile metadata]\nrole_arn = arn\ncredential_source = Ec2InstanceMetadata\n";
    const CREDENTIALS: &str =
        "[default]\naws_access_key_id = A\naws_secret_access_key = s=e/c+\n[ci2]\nAWS_ACCESS_KEY_ID=B\n";

    #[test]
    fn a_profile_is_read_from_both_files() {
        let get = |name: &str, setting: &str| Profile::read(name, CONFIG, CREDENTIALS)?.get(setting).map(str::to_owned);
        assert_eq!(get("default", "region").as_deref(), Some("eu-1"));
        assert_eq!(get("default", "aws_secret_access_key").as_deref(), Some("s=e/c+"));
        assert_eq!(get("ci", "credential_process").as_deref(), Some("/bin/tool --x=y"));
        assert_eq!((get("ci", "addressing_style"), get("ci", "role_arn")), (None, None));
        assert_eq!(get("ci2", "aws_access_key_id").as_deref(), Some("B"));
        assert_eq!(Profile::read("none", CONFIG, CREDENTIALS), None);
    }

    #[test]
    fn what_is_not_supported_is_refused() {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let apply = |name: &str| {
            let profile = Profile::read(name, CONFIG, CREDENTIALS).unwrap_or_default();
            let applied = profile.apply(AmazonS3Builder::new(), &ClientOptions::new());
            applied.map(drop).map_err(|error| error.to_string())
        };
        for legal in ["default", "ci", "other", "own", "chain"] {
            assert_eq!(apply(legal), Ok(()), "{legal}");
        }
        for (illegal, why) in [("sso", "not supported"), ("round", "source_profile"), ("metadata", "source_profile")] {
            assert!(apply(illegal).is_err_and(|error| error.contains(why)), "{illegal}");
        }
    }

    #[test]
    fn a_program_is_asked_again_before_the_end() -> Result<(), Error> {
        let directory = tempfile::tempdir().map_err(|error| invalid(error.to_string()))?;
        let count = directory.path().join("count");
        let asked = |expiration: &str| -> Result<usize, Error> {
            let _ = fs::remove_file(&count);
            let text =
                format!(r#"{{"Version":1,"AccessKeyId":"A","SecretAccessKey":"S","Expiration":"{expiration}"}}"#);
            let command = format!("echo x >>{}; echo '{text}'", count.display());
            let program = Program { command, last: Mutex::default() };
            for _ in 0..2 {
                assert_eq!(program.credential()?.secret_key, "S");
            }
            Ok(fs::read_to_string(&count).unwrap_or_default().lines().count())
        };
        assert_eq!((asked("2100-01-01T00:00:00Z")?, asked("2020-01-01T00:00:00Z")?), (1, 2));
        let failing = Program { command: "echo s3cret; exit 1".to_owned(), last: Mutex::default() };
        let error = failing.credential().map(drop).map_err(|error| error.to_string());
        assert!(error.is_err_and(|error| !error.contains("s3cret")));
        Ok(())
    }
}
