//! Places of artifacts, with what reaches them. Pure: a location of a document and the Secrets beside it become a place.

use std::str::FromStr;

use serde_json::Value;

use super::Secret;
use super::git::Clone as GitClone;
use crate::argo::model::{
    AzureArtifact, GcsArtifact, GitArtifact, HttpArtifact, HttpAuth, KeyRef, Location, OAuth2, S3Artifact,
};
use crate::cache::{Access, BucketAddress, BucketKind, Credentials};

/// Where an artifact is kept, and who asks for it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Place {
    /// An object of a bucket.
    Bucket(Bucket),
    /// A URL.
    Web(Web),
    /// A git repository.
    Git(GitClone),
}

/// An object of a bucket, or those below its key.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Bucket {
    pub(crate) address: BucketAddress,
    pub(crate) access: Access,
    pub(crate) key: String,
}

/// What a URL is asked with.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Web {
    pub(super) url: Secret,
    pub(super) headers: Vec<(String, Secret)>,
    pub(super) login: Option<(Secret, Secret)>,
    pub(super) certificate: Option<Secret>,
    pub(super) token: Option<TokenRequest>,
}

/// How a token is asked for with the credentials of a client.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct TokenRequest {
    pub(super) url: Secret,
    pub(super) id: Secret,
    pub(super) secret: Secret,
    pub(super) scopes: Vec<String>,
    pub(super) fields: Vec<(String, String)>,
}

/// Where artifacts are that only say their key.
#[derive(Debug, Clone)]
pub(crate) enum Repository {
    /// In a store that the user named; its credentials are in the environment.
    Store(BucketAddress),
    /// In the place that a document describes.
    Declared(Box<Location>),
}

/// The Secrets of a run, by name and key.
pub(crate) type Secrets<'a> = &'a dyn Fn(&KeyRef) -> Option<String>;

impl Repository {
    /// What a document says of a repository: a YAML text of a ConfigMap, or a template's archiveLocation.
    pub(crate) fn read(value: &Value) -> Result<Option<Self>, String> {
        let location = Location::of_repository(value).transpose()?;
        Ok(location.map(|location| Self::Declared(Box::new(location))))
    }
}

impl Place {
    /// The place of a location. One that is not complete is looked for in the repository, whose place alone counts
    /// then. (Relocate in workflow_types.go, v4.1.2)
    pub(crate) fn of(
        location: &Location,
        repository: Option<&Repository>,
        secrets: Secrets<'_>,
    ) -> Result<Self, String> {
        if location.is_complete() {
            return Self::at(location, secrets);
        }
        match repository {
            None => {
                Err("it names no complete place, and there is no default repository: give --artifact-store, or the \
                 ConfigMap artifact-repositories"
                    .to_owned())
            }
            Some(Repository::Store(address)) => {
                let key = location.key().trim_start_matches('/');
                let parts = [address.prefix.as_str(), key];
                let key = parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("/");
                let address = BucketAddress { prefix: String::new(), ..address.clone() };
                Ok(Self::Bucket(Bucket { address, access: Access::default(), key }))
            }
            Some(Repository::Declared(place)) => {
                let place = Location::clone(place).with_key(location.key());
                if !place.is_complete() {
                    return Err("the artifact repository names no complete place".to_owned());
                }
                Self::at(&place, secrets)
            }
        }
    }

    fn at(location: &Location, secrets: Secrets<'_>) -> Result<Self, String> {
        Ok(match location {
            Location::S3(place) => Self::Bucket(s3(place, secrets)?),
            Location::Gcs(place) => Self::Bucket(gcs(place, secrets)),
            Location::Azure(place) => Self::Bucket(azure(place, secrets)?),
            Location::Http(place) => Self::Web(web(place, secrets)?),
            Location::Git(place) => Self::Git(git(place, secrets)?),
        })
    }
}

impl Bucket {
    /// Whether both are reached by one client.
    pub(super) fn is_reached_as(&self, other: &Self) -> bool {
        self.address == other.address && self.access == other.access
    }
}

/// The value of a Secret's key, without the space around it, which the clients of Argo cut too.
fn value(reference: Option<&KeyRef>, secrets: Secrets<'_>) -> Option<String> {
    let reference = reference.filter(|reference| !reference.name.is_empty())?;
    secrets(reference).map(|value| value.trim().to_owned())
}

fn s3(place: &S3Artifact, secrets: Secrets<'_>) -> Result<Bucket, String> {
    if place.endpoint.contains("://") || place.endpoint.contains('@') {
        return Err(
            "s3.endpoint: expected a host and a port, without a scheme: `insecure: true` stands for http".to_owned()
        );
    }
    if place.encryption_options.as_ref().is_some_and(|options| options["enableEncryption"] == true) {
        return Err("s3.encryptionOptions need a cluster".to_owned());
    }
    let keys = (value(place.access_key_secret.as_ref(), secrets), value(place.secret_key_secret.as_ref(), secrets));
    let credentials = match keys {
        (Some(id), Some(secret)) => {
            Credentials::Key { id, secret, token: value(place.session_token_secret.as_ref(), secrets) }
        }
        _ if !place.role_arn.is_empty() && place.access_key_secret.is_none() => {
            return Err("s3.roleARN needs a cluster: give keys, or a profile of AWS that takes the role on".to_owned());
        }
        _ => Credentials::Environment,
    };
    let scheme = if place.insecure { "http" } else { "https" };
    let amazon = place.endpoint.strip_suffix(".amazonaws.com").filter(|host| host.starts_with("s3"));
    let of_host = amazon.and_then(|host| host.strip_prefix("s3.").or_else(|| host.strip_prefix("s3-")));
    let region = Some(place.region.as_str()).filter(|region| !region.is_empty()).or(of_host);
    let address = BucketAddress {
        kind: BucketKind::S3,
        bucket: place.bucket.clone(),
        prefix: String::new(),
        endpoint: amazon.is_none().then(|| format!("{scheme}://{}", place.endpoint)),
        region: region.map(str::to_owned),
        path_style: Some(match place.addressing_style.as_str() {
            "virtual-hosted" => false,
            "path" => true,
            _ => amazon.is_none(),
        }),
    };
    let access = Access { credentials, certificates: value(place.ca_secret.as_ref(), secrets) };
    Ok(Bucket { address, access, key: place.key.clone() })
}

fn gcs(place: &GcsArtifact, secrets: Secrets<'_>) -> Bucket {
    let key = value(place.service_account_key_secret.as_ref(), secrets);
    let credentials = key.map_or(Credentials::Environment, Credentials::ServiceAccount);
    let address = named(BucketKind::Gcs, &place.bucket, None);
    Bucket { address, access: Access { credentials, certificates: None }, key: place.key.clone() }
}

fn azure(place: &AzureArtifact, secrets: Secrets<'_>) -> Result<Bucket, String> {
    if !(place.endpoint.starts_with("https://") || place.endpoint.starts_with("http://")) {
        return Err("azure.endpoint: expected a URL such as https://ACCOUNT.blob.core.windows.net".to_owned());
    }
    let credentials = match value(place.account_key_secret.as_ref(), secrets) {
        // (isSASAccountKey in workflow/artifacts/azure/azure.go, v4.1.2)
        Some(key) if key.contains('&') || key.starts_with('?') => Credentials::Signature(key),
        Some(key) => Credentials::AccountKey(key),
        None => Credentials::Environment,
    };
    let endpoint = place.endpoint.trim_end_matches('/').to_owned();
    let address = named(BucketKind::Azure, &place.container, Some(endpoint));
    Ok(Bucket { address, access: Access { credentials, certificates: None }, key: place.blob.clone() })
}

fn named(kind: BucketKind, bucket: &str, endpoint: Option<String>) -> BucketAddress {
    BucketAddress { kind, bucket: bucket.to_owned(), prefix: String::new(), endpoint, region: None, path_style: None }
}

/// A value that has to be among the Secrets.
fn needed(reference: &KeyRef, secrets: Secrets<'_>) -> Result<Secret, String> {
    let missing = || format!("key {:?} of Secret {:?} is not among the documents", reference.key, reference.name);
    secrets(reference).map(Secret).ok_or_else(missing)
}

fn web(place: &HttpArtifact, secrets: Secrets<'_>) -> Result<Web, String> {
    if !(place.url.starts_with("http://") || place.url.starts_with("https://")) {
        return Err("http.url: expected a URL that begins with http:// or https://".to_owned());
    }
    let headers = place.headers.iter().map(|header| {
        let value = header.value.clone().unwrap_or_default();
        (header.name.clone(), Secret(value))
    });
    let web = Web { url: Secret(place.url.clone()), headers: headers.collect(), ..Web::default() };
    let Some(HttpAuth { basic_auth, client_cert, oauth2 }) = &place.auth else { return Ok(web) };
    let pair = |one: &Option<KeyRef>, other: &Option<KeyRef>| match (one, other) {
        (Some(one), Some(other)) => Ok(Some((needed(one, secrets)?, needed(other, secrets)?))),
        _ => Ok::<_, String>(None),
    };
    let certificate = pair(&client_cert.client_cert_secret, &client_cert.client_key_secret)?;
    Ok(Web {
        login: pair(&basic_auth.username_secret, &basic_auth.password_secret)?,
        certificate: certificate.map(|(certificate, key)| Secret(format!("{}\n{}", certificate.0, key.0))),
        token: token(oauth2, secrets)?,
        ..web
    })
}

fn token(oauth2: &OAuth2, secrets: Secrets<'_>) -> Result<Option<TokenRequest>, String> {
    let (Some(id), Some(secret), Some(url)) =
        (&oauth2.client_id_secret, &oauth2.client_secret_secret, &oauth2.token_url_secret)
    else {
        return Ok(None);
    };
    Ok(Some(TokenRequest {
        url: needed(url, secrets)?,
        id: needed(id, secrets)?,
        secret: needed(secret, secrets)?,
        scopes: oauth2.scopes.clone(),
        fields: oauth2.endpoint_params.iter().map(|field| (field.key.clone(), field.value.clone())).collect(),
    }))
}

fn git(place: &GitArtifact, secrets: Secrets<'_>) -> Result<GitClone, String> {
    if place.single_branch && place.branch.is_empty() {
        return Err("single branch mode without a branch specified".to_owned());
    }
    // The user's own git has credentials too, where the documents have none.
    let user = value(place.username_secret.as_ref(), secrets);
    let password = value(place.password_secret.as_ref(), secrets);
    let login = (user.is_some() || password.is_some()).then(|| {
        let user = user.filter(|user| !user.is_empty()).unwrap_or_else(|| "git".to_owned());
        (Secret(user), Secret(password.unwrap_or_default()))
    });
    let ssh_key = place.ssh_private_key_secret.as_ref().and_then(secrets);
    Ok(GitClone {
        url: FromStr::from_str(&place.repo).map_err(|error| format!("git.repo: {error}"))?,
        revision: place.revision.clone(),
        depth: place.depth.unwrap_or_default(),
        branch: place.single_branch.then(|| place.branch.clone()),
        fetch: place.fetch.clone(),
        submodules: !place.disable_submodules,
        login,
        ssh_key: ssh_key.map(Secret),
        any_host_key: place.insecure_ignore_host_key,
        any_certificate: place.insecure_skip_tls,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn place(kind: &str, value: &Value, repository: Option<&Repository>) -> Result<Place, String> {
        let secrets = |reference: &KeyRef| match (reference.name.as_str(), reference.key.as_str()) {
            ("keys", "id") => Some(" AKIA\n".to_owned()),
            ("keys", "secret") => Some("s3cret".to_owned()),
            _ => None,
        };
        Place::of(&Location::read(kind, value)?, repository, &secrets)
    }

    fn bucket(place: Result<Place, String>) -> Bucket {
        match place {
            Ok(Place::Bucket(bucket)) => bucket,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_bucket_of_s3_has_its_endpoint_and_its_keys() {
        let keys = json!({"endpoint": "minio:9000", "insecure": true, "bucket": "b", "key": "a/b.tgz",
            "accessKeySecret": {"name": "keys", "key": "id"}, "secretKeySecret": {"name": "keys", "key": "secret"}});
        let found = bucket(place("s3", &keys, None));
        assert_eq!(found.address.endpoint.as_deref(), Some("http://minio:9000"));
        assert_eq!((found.address.path_style, found.key.as_str()), (Some(true), "a/b.tgz"));
        let key = Credentials::Key { id: "AKIA".to_owned(), secret: "s3cret".to_owned(), token: None };
        assert!(found.access.credentials == key);
        assert!(!format!("{found:?}").contains("s3cret"));

        let amazon = json!({"endpoint": "s3.eu-central-1.amazonaws.com", "bucket": "b", "key": "k"});
        let found = bucket(place("s3", &amazon, None));
        assert_eq!((found.address.endpoint, found.address.region.as_deref()), (None, Some("eu-central-1")));
        assert_eq!(found.address.path_style, Some(false));
    }

    #[test]
    fn a_key_alone_is_in_the_repository_of_whatever_kind() {
        let address = match "s3://b/team?region=x".parse() {
            Ok(crate::cache::StoreAddress::Bucket(address)) => address,
            other => panic!("{other:?}"),
        };
        let store = Repository::Store(address);
        let found = bucket(place("gcs", &json!({"key": "a/b"}), Some(&store)));
        assert_eq!((found.key.as_str(), found.address.prefix.as_str()), ("team/a/b", ""));

        let declared = json!({"gcs": {"bucket": "g", "keyFormat": "x"}});
        let declared = Repository::read(&declared).unwrap_or_default();
        let found = bucket(place("s3", &json!({"bucket": "ignored", "key": "k"}), declared.as_ref()));
        assert_eq!((found.address.kind, found.address.bucket.as_str()), (BucketKind::Gcs, "g"));
        assert!(place("s3", &json!({"key": "k"}), None).is_err_and(|why| why.contains("--artifact-store")));
    }

    #[test]
    fn what_cannot_be_kept_to_is_refused_by_its_name() {
        let with = |field: &str, value: Value| {
            let mut place = json!({"endpoint": "h", "bucket": "b", "key": "k"});
            place[field] = value;
            place
        };
        for (field, value) in [
            ("encryptionOptions", json!({"enableEncryption": true})),
            ("roleARN", json!("arn:aws:iam::1:role/x")),
            ("endpoint", json!("http://h")),
        ] {
            let why = place("s3", &with(field, value), None).err().unwrap_or_default();
            assert!(why.contains(field), "{why}");
        }
        let basic = json!({"url": "http://h", "auth": {"basicAuth": {"usernameSecret": {"name": "x", "key": "u"},
            "passwordSecret": {"name": "x", "key": "p"}}}});
        assert!(place("http", &basic, None).is_err_and(|why| why.contains("Secret \"x\"")));
    }
}
