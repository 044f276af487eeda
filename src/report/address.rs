//! The commands that go on with a run: complete, for a user to copy into a shell.

use serde::Serialize;

use crate::shell::word;

/// A run, and the flags with which another command finds it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Address {
    /// The workflow's name.
    pub(crate) run: String,
    /// Flags, as words of a shell.
    pub(crate) flags: Vec<String>,
    /// Variables of the environment, as words of a shell.
    pub(crate) environment: Vec<String>,
}

/// The commands after a failure.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Commands {
    /// Prints all of the log.
    pub(crate) logs: String,
    /// Shows what a retry would do.
    pub(crate) plan: String,
    /// Retries the run.
    pub(crate) retry: String,
    /// Opens a shell where a task of this machine failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) shell: Option<String>,
    /// Runs one node again, and all that follows from it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) retry_from: Option<String>,
}

impl Address {
    /// A run of this machine.
    pub(crate) fn local(run: &str, namespace: &str) -> Self {
        let namespace = (namespace != "default").then(|| format!("-n {}", word(namespace)));
        let flags = std::iter::once("--local".to_owned()).chain(namespace).collect();
        Self { run: run.to_owned(), flags, environment: Vec::new() }
    }

    /// The command of a verb and its arguments after the run, which are words of a shell.
    pub(crate) fn command(&self, verb: &str, arguments: &[&str]) -> String {
        let environment = self.environment.iter().map(String::as_str);
        let run = word(&self.run);
        let program = ["kubectl", "runnable", verb, &run];
        let words = environment.chain(program).chain(arguments.iter().copied());
        words.chain(self.flags.iter().map(String::as_str)).collect::<Vec<_>>().join(" ")
    }

    /// The command that resumes the run, or one of its nodes.
    pub(crate) fn resume(&self, node: Option<&str>) -> String {
        let selector = node.map(|node| word(&format!("displayName={node}")));
        match &selector {
            Some(selector) => self.command("resume", &["--node-field-selector", selector]),
            None => self.command("resume", &[]),
        }
    }

    /// The commands for a created run: wait for it, follow its logs, retry it.
    pub(crate) fn after_submit(&self) -> [String; 3] {
        [self.command("wait", &[]), self.command("logs", &["-f"]), self.command("retry", &[])]
    }

    /// The commands after a failure of these nodes, by the names that commands know them by.
    pub(crate) fn after_failure(&self, log_of: Option<&str>, left_by: Option<&str>, from: Option<&str>) -> Commands {
        let log_of = log_of.map(word);
        Commands {
            logs: self.command("logs", &log_of.iter().map(String::as_str).collect::<Vec<_>>()),
            plan: self.command("retry", &["--plan"]),
            retry: self.command("retry", &[]),
            shell: left_by.map(|node| self.command("shell", &[&word(node)])),
            retry_from: from.map(|node| self.command("retry", &["--from", &word(node)])),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_complete() {
        let local = Address::local("etl-x2k9f", "default");
        assert_eq!(local.command("retry", &["--plan"]), "kubectl runnable retry etl-x2k9f --plan --local");
        let elsewhere = Address { environment: vec!["RUNNABLE_HOME='/a b'".to_owned()], ..Address::local("w", "ci") };
        let commands = elsewhere.after_failure(Some("load(0:a b)"), Some("load"), Some("$(rm)"));
        assert_eq!(commands.logs, "RUNNABLE_HOME='/a b' kubectl runnable logs w 'load(0:a b)' --local -n ci");
        assert_eq!(
            commands.retry_from.as_deref(),
            Some("RUNNABLE_HOME='/a b' kubectl runnable retry w --from '$(rm)' --local -n ci")
        );
        assert_eq!(commands.shell.as_deref(), Some("RUNNABLE_HOME='/a b' kubectl runnable shell w load --local -n ci"));
        assert_eq!(local.after_submit()[1], "kubectl runnable logs etl-x2k9f -f --local");
    }
}
