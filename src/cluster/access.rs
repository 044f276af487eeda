//! How to reach a cluster: flags, kubeconfig files, or a pod's service account.

use std::path::{Path, PathBuf};
use std::time::Duration;

use http::Uri;
use hyper_util::client::proxy::matcher::Matcher;
use kube::Config;
use kube::config::{KubeConfigOptions, Kubeconfig, KubeconfigError};

use super::ClusterError;
use crate::shell::word;

/// A server that does not accept a connection within this time is unreachable.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// The user's choices about the cluster, as in kubectl's flags; the kubeconfig supplies the rest.
#[derive(Debug, Clone, Default)]
pub struct Access {
    /// `--kubeconfig`: only this file, instead of `KUBECONFIG` or `~/.kube/config`.
    pub kubeconfig: Option<PathBuf>,
    /// `--context`: instead of the current one.
    pub context: Option<String>,
    /// `-n`: instead of the context's.
    pub namespace: Option<String>,
    /// `--as`: the user to impersonate.
    pub as_user: Option<String>,
    /// `--as-group`: the groups to impersonate; they require a user.
    pub as_groups: Vec<String>,
    /// `--request-timeout`: the timeout of one request other than a watch. Default: one minute.
    pub request_timeout: Option<Duration>,
    /// How long a server that has answered before may be unavailable while a run is followed. Default: five minutes.
    pub patience: Option<Duration>,
}

/// What is needed to build a client.
pub(crate) struct Resolved {
    pub(crate) config: Config,
    pub(crate) context: Option<String>,
    pub(crate) namespace: String,
}

impl Access {
    /// The flags that select the same cluster and user again, as words of a shell.
    pub(super) fn flags(&self, context: Option<&str>) -> Vec<String> {
        let kubeconfig = self.kubeconfig.as_ref().map(|file| file.display().to_string());
        let flags =
            [("--context", context), ("--kubeconfig", kubeconfig.as_deref()), ("--as", self.as_user.as_deref())];
        let given = flags.into_iter().filter_map(|(flag, value)| Some(format!("{flag} {}", word(value?))));
        given.chain(self.as_groups.iter().map(|group| format!("--as-group {}", word(group)))).collect()
    }

    /// Reads the kubeconfig, or a pod's service account if there is none.
    pub(crate) async fn resolve(&self) -> Result<Resolved, ClusterError> {
        if self.as_user.is_none() && !self.as_groups.is_empty() {
            return Err(ClusterError::GroupsWithoutUser);
        }
        let (mut config, context) = match self.read()? {
            Some(kubeconfig) => self.configure(kubeconfig).await?,
            None => (in_cluster()?, None),
        };

        if self.as_user.is_some() {
            config.auth_info.impersonate.clone_from(&self.as_user);
            config.auth_info.impersonate_groups = (!self.as_groups.is_empty()).then(|| self.as_groups.clone());
        }
        config.connect_timeout =
            Some(self.request_timeout.map_or(CONNECT_TIMEOUT, |timeout| timeout.min(CONNECT_TIMEOUT)));
        // The client must not repeat a POST: `create` first checks whether the first one arrived.
        config.default_retry = false;
        let namespace = self.namespace.clone().unwrap_or_else(|| config.default_namespace.clone());
        Ok(Resolved { config, context, namespace })
    }

    /// The names of the contexts in the kubeconfig; none if it cannot be read.
    pub(crate) fn contexts(&self) -> Vec<String> {
        let kubeconfig = self.read().ok().flatten().unwrap_or_default();
        kubeconfig.contexts.into_iter().map(|named| named.name).collect()
    }

    /// The kubeconfig files, merged as kubectl does; `None` if they are empty.
    fn read(&self) -> Result<Option<Kubeconfig>, ClusterError> {
        if let Some(path) = &self.kubeconfig {
            return read_file(path).map(Some);
        }
        let merged = merged(&default_files())?;
        let is_empty = merged.current_context.as_deref().unwrap_or_default().is_empty()
            && merged.contexts.is_empty()
            && merged.clusters.is_empty();
        Ok((!is_empty || self.context.is_some()).then_some(merged))
    }

    async fn configure(&self, kubeconfig: Kubeconfig) -> Result<(Config, Option<String>), ClusterError> {
        let known = || kubeconfig.contexts.iter().map(|named| named.name.clone()).collect::<Vec<_>>();
        let current = kubeconfig.current_context.clone().filter(|name| !name.is_empty());
        let Some(context) = self.context.clone().or(current) else {
            return Err(ClusterError::NoContext { known: known() });
        };
        let Some(named) = kubeconfig.contexts.iter().find(|named| named.name == context) else {
            return Err(ClusterError::UnknownContext { known: known(), context });
        };

        let cluster = named.context.as_ref().map(|context| context.cluster.clone());
        let proxied = kubeconfig
            .clusters
            .iter()
            .filter(|named| Some(&named.name) == cluster.as_ref())
            .any(|named| named.cluster.as_ref().is_some_and(|cluster| cluster.proxy_url.is_some()));

        let options = KubeConfigOptions { context: Some(context.clone()), ..KubeConfigOptions::default() };
        let mut config = Config::from_custom_kubeconfig(kubeconfig, &options)
            .await
            .map_err(|error| ClusterError::Context { context: context.clone(), cause: problem(&error) })?;

        if !proxied {
            config.proxy_url = proxy_from_environment(&config.cluster_url)
                .map_err(|cause| ClusterError::Context { context: context.clone(), cause })?;
        }
        Ok((config, Some(context)))
    }
}

fn in_cluster() -> Result<Config, ClusterError> {
    let path = default_files().pop().unwrap_or_default();
    Config::incluster_env().map_err(|_| ClusterError::NoKubeconfig { path })
}

/// The files that `KUBECONFIG` lists, else the one in the home directory.
fn default_files() -> Vec<PathBuf> {
    let listed = std::env::var_os("KUBECONFIG").unwrap_or_default();
    let files: Vec<PathBuf> = std::env::split_paths(&listed).filter(|path| !path.as_os_str().is_empty()).collect();
    if !files.is_empty() {
        return files;
    }
    std::env::home_dir().map(|home| home.join(".kube/config")).into_iter().collect()
}

/// For each entry the first file that has it wins; missing files are skipped.
fn merged(files: &[PathBuf]) -> Result<Kubeconfig, ClusterError> {
    files.iter().filter(|path| path.exists()).try_fold(Kubeconfig::default(), |merged, path| {
        let mut next = read_file(path)?;
        // kubectl writes an empty string if there is no current context.
        next.current_context.take_if(|name| name.is_empty());
        merged.merge(next).map_err(|error| unusable(path, &error))
    })
}

fn read_file(path: &Path) -> Result<Kubeconfig, ClusterError> {
    Kubeconfig::read_from(path).map_err(|error| unusable(path, &error))
}

fn unusable(path: &Path, error: &KubeconfigError) -> ClusterError {
    ClusterError::Kubeconfig { path: path.to_owned(), cause: problem(error) }
}

/// What is wrong with a kubeconfig, without quoting its content, which may be a credential.
fn problem(error: &KubeconfigError) -> String {
    match error {
        KubeconfigError::ReadConfig(cause, _) if cause.kind() == std::io::ErrorKind::NotFound => {
            "it does not exist".to_owned()
        }
        KubeconfigError::ReadConfig(cause, _) => cause.to_string(),
        KubeconfigError::Parse(cause) => match cause.location() {
            Some(place) => format!("it is malformed at line {}, column {}", place.line(), place.column()),
            None => "it is malformed".to_owned(),
        },
        KubeconfigError::LoadContext(name) => format!("the kubeconfig has no context {name:?}"),
        KubeconfigError::LoadClusterOfContext(name) => format!("the kubeconfig has no cluster {name:?}"),
        KubeconfigError::MissingClusterUrl => "its cluster has no server".to_owned(),
        other => other.to_string(),
    }
}

/// The proxy from the environment for a server, by kubectl's rules: none for this machine itself.
pub(super) fn proxy_from_environment(server: &Uri) -> Result<Option<Uri>, String> {
    let read = |name: &str| {
        let named = |name: String| std::env::var(name).ok().filter(|value| !value.is_empty());
        named(name.to_owned()).or_else(|| named(name.to_ascii_lowercase()))
    };
    let name = if server.scheme_str() == Some("http") { "HTTP_PROXY" } else { "HTTPS_PROXY" };
    let Some(proxy) = read(name) else { return Ok(None) };
    proxy_for(server, &proxy, &read("NO_PROXY").unwrap_or_default())
        .map_err(|error| format!("{name} is not a URL: {error}"))
}

fn proxy_for(server: &Uri, proxy: &str, no_proxy: &str) -> Result<Option<Uri>, http::uri::InvalidUri> {
    let direct = format!("localhost,127.0.0.0/8,::1,{no_proxy}");
    let matcher = Matcher::builder().http(proxy).https(proxy).no(direct).build();
    if no_proxy.trim() == "*" || matcher.intercept(server).is_none() {
        return Ok(None);
    }
    let with_scheme = if proxy.contains("://") { proxy.to_owned() } else { format!("http://{proxy}") };
    with_scheme.parse().map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxy(server: &str, no_proxy: &str) -> Option<String> {
        let server = server.parse::<Uri>().ok()?;
        proxy_for(&server, "proxy.corp:3128", no_proxy).ok().flatten().map(|uri| uri.to_string())
    }

    #[test]
    fn a_proxy_is_used_for_servers_outside_no_proxy() {
        let through = Some("http://proxy.corp:3128/".to_owned());
        assert_eq!(proxy("https://k8s.example.org:6443", ""), through);
        assert_eq!(proxy("https://k8s.example.org", "other.org, 10.0.0.0/8"), through);
        assert_eq!(proxy("https://k8s.example.org", "example.org,"), None);
        assert_eq!(proxy("https://10.1.2.3:6443", "other.org, 10.0.0.0/8"), None);
        assert_eq!(proxy("https://k8s.example.org", "*"), None);
        assert_eq!(proxy("https://127.0.0.1:6443", ""), None);
        assert_eq!(proxy("https://localhost:6443", ""), None);
    }

    #[test]
    fn the_first_of_several_files_wins() -> Result<(), Box<dyn std::error::Error>> {
        let directory = tempfile::TempDir::new()?;
        let file = |name: &str| directory.path().join(name);
        std::fs::write(file("empty"), "")?;
        std::fs::write(file("one"), "current-context: one\ncontexts: [{name: one, context: {cluster: c}}]\n")?;
        std::fs::write(
            file("two"),
            "current-context: two\ncontexts: [{name: one, context: {cluster: other}}, {name: two}]\n",
        )?;
        let merged = merged(&["absent", "empty", "one", "two"].map(file))?;
        assert_eq!(merged.current_context.as_deref(), Some("one"));
        let names: Vec<&str> = merged.contexts.iter().map(|named| named.name.as_str()).collect();
        assert_eq!(names, ["one", "two"]);
        assert_eq!(merged.contexts[0].context.as_ref().map(|context| context.cluster.as_str()), Some("c"));
        Ok(())
    }

    #[test]
    fn a_malformed_kubeconfig_is_never_quoted() {
        let text = "users:\n- name: me\n  user:\n    token: [hunter2\n";
        let cause = Kubeconfig::from_yaml(text).map_err(|error| problem(&error)).err().unwrap_or_default();
        assert!(cause.starts_with("it is malformed at line "), "{cause}");
        assert!(!cause.contains("hunter2"));
    }
}
