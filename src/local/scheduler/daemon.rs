//! Daemons: pods that run beside what comes after them, until the steps or dag node ends that they belong to. Once one is
//! ready, it counts as done: assessNodeStatus in workflow/controller/operator.go and killDaemonedChildren in
//! exec_control.go, v4.1.2.

use super::state::{Body, Kill, NodeIndex, Owner};
use super::{Action, Scheduler};
use crate::argo::model::{Container, Probe as Document, Template};
use crate::argo::status::{NodeType, Phase};
use crate::local::probe::{Check, Probe};

/// The address of every pod of this machine.
const ADDRESS: &str = "127.0.0.1";

impl Scheduler {
    /// A daemon is ready: what waits for it goes on. With a hook at fault it ends instead, in Error.
    pub(super) fn ready(&mut self, node: NodeIndex) {
        let is_ready = |body: &Body| matches!(body, Body::Pod(pod) if pod.kill.is_none() && !pod.daemoned);
        if !is_ready(&self.nodes.frame(node).body) {
            return;
        }
        self.nodes.set(node, Phase::Running, "");
        self.fire_hooks(node);
        let frame = self.nodes.frame_mut(node);
        if frame.broken_off.is_some() {
            return self.end_pod(node, Kill::Shutdown);
        }
        if let Body::Pod(body) = &mut frame.body {
            body.daemoned = true;
        }
        // From now on it takes no place of those that run: they may wait for it.
        self.pods.ended();
        self.nodes[node].host_node_name = Some("localhost".to_owned());
        self.set_daemoned(node);
        self.release(node);
        self.settle_daemon(node);
    }

    fn set_daemoned(&mut self, node: NodeIndex) {
        self.nodes.set(node, Phase::Running, "");
        let status = &mut self.nodes[node];
        status.daemoned = Some(true);
        if status.kind == NodeType::Pod {
            status.pod_ip = Some(ADDRESS.to_owned());
        }
        self.daemons.push(node);
    }

    /// Tells the owner of a daemon, once, that it need not wait for it.
    fn settle_daemon(&mut self, node: NodeIndex) {
        if !self.nodes.frame(node).told {
            self.settle(node);
        }
    }

    /// The attempt at a template with a retryStrategy is a daemon that is ready.
    pub(super) fn attempt_ready(&mut self, retry: NodeIndex) {
        if self.nodes[retry].daemoned != Some(true) {
            self.set_daemoned(retry);
        }
        self.settle_daemon(retry);
    }

    /// A daemon has ended by itself, although something may still need it.
    pub(super) fn daemon_ended(&mut self, node: NodeIndex, phase: Phase, message: &str) {
        self.nodes.set(node, phase, message);
        let now = self.now.wall;
        let status = &mut self.nodes[node];
        status.daemoned = None;
        status.finished_at = Some(now);
        let frame = self.nodes.frame_mut(node);
        frame.ended = self.now.elapsed;
        (frame.body, frame.template) = (Body::None, None);
        self.daemons.retain(|daemon| *daemon != node);
        self.fire_hooks(node);

        let Owner::Attempt(retry) = self.nodes.frame(node).owner else { return };
        // A dag looks at its daemons again and again, the steps of a group that has ended are not looked at any more.
        // (workflow/controller/dag.go, executeDAG)
        if matches!(self.nodes.frame(retry).owner, Owner::Task(..)) && self.nodes[retry].daemoned == Some(true) {
            self.attempt_settled(retry);
        }
    }

    /// Ends the daemons that belong to a steps or dag node, or to the workflow itself.
    pub(super) fn end_daemons(&mut self, boundary: Option<NodeIndex>) {
        if self.daemons.is_empty() {
            return;
        }
        let (ending, left) = self.daemons.iter().partition(|&&daemon| self.nodes.frame(daemon).boundary == boundary);
        self.daemons = left;
        let ending: Vec<NodeIndex> = ending;
        let now = self.now.wall;
        for node in ending {
            self.nodes.set(node, Phase::Succeeded, "");
            let status = &mut self.nodes[node];
            status.daemoned = None;
            status.finished_at = Some(now);
            let frame = self.nodes.frame_mut(node);
            frame.ended = self.now.elapsed;
            if matches!(frame.body, Body::Pod(_)) {
                (frame.body, frame.template) = (Body::None, None);
                self.actions.push(Action::Dismiss(node));
            }
        }
    }

    /// Whether a node is a daemon that is ready.
    pub(super) fn is_daemoned(&self, node: NodeIndex) -> bool {
        self.nodes[node].daemoned == Some(true)
    }
}

/// What has to hold before the daemon of a template is ready; none for a template that is no daemon.
pub(super) fn probes(template: &Template) -> Result<Option<Vec<Probe>>, String> {
    if template.daemon != Some(true) {
        return Ok(None);
    }
    let main = template.container.iter().chain(&template.script).map(|container| ("main", container));
    let others = template.sidecars.iter().chain(template.container_set.iter().flat_map(|set| &set.containers));
    let others = others.map(|container| (container.name.as_str(), container));
    let mut probes = Vec::new();
    for (name, container) in main.chain(others) {
        for document in container.startup_probe.iter().chain(&container.readiness_probe) {
            probes.push(probe(name, container, document)?);
        }
    }
    Ok(Some(probes))
}

fn probe(name: &str, container: &Container, document: &Document) -> Result<Probe, String> {
    let port = |text: Option<&str>| port_of(container, text.unwrap_or_default());
    let host = |host: &str| if host.is_empty() { ADDRESS.to_owned() } else { host.to_owned() };
    let check = match (&document.exec, &document.http_get, &document.tcp_socket) {
        (Some(exec), ..) => Check::Command(exec.command.clone()),
        (None, Some(get), _) => {
            let scheme = if get.scheme.eq_ignore_ascii_case("https") { "https" } else { "http" };
            let path = get.path.trim_start_matches('/');
            let url = format!("{scheme}://{}:{}/{path}", host(&get.host), port(get.port.as_deref())?);
            let headers = get.http_headers.iter();
            let headers = headers.map(|header| (header.name.clone(), header.value.clone().unwrap_or_default()));
            Check::Http { url, headers: headers.collect() }
        }
        (None, None, Some(socket)) => Check::Tcp { host: host(&socket.host), port: port(socket.port.as_deref())? },
        (None, None, None) => return Err(format!("container {name:?}: its probe names no check")),
    };
    Ok(Probe {
        container: name.to_owned(),
        check,
        delay: document.initial_delay_seconds.unwrap_or_default(),
        period: document.period_seconds.unwrap_or(10),
        timeout: document.timeout_seconds.unwrap_or(1),
        successes: document.success_threshold.unwrap_or(1),
    })
}

/// A port by its number, or by its name among those of the container.
fn port_of(container: &Container, text: &str) -> Result<u16, String> {
    let named = container.ports.iter().find(|port| port.name == text).map(|port| port.container_port);
    named.or_else(|| text.parse().ok()).ok_or_else(|| format!("the container of a probe has no port {text:?}"))
}
