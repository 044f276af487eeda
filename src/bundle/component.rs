//! The components and their settings.

use std::fmt;
use std::str::FromStr;

use super::BundleError;
use super::setting::{Form, Setting};

/// What can be installed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Component {
    /// The ConfigMap with the limits.
    Semaphores,
    /// The account of pods and its rights.
    Rbac,
    /// The template that works on a worktree.
    Coderun,
    /// The schedule that removes old worktrees.
    Cleanup,
    /// What starts the template from events.
    Sensor,
}

const ACCOUNT: Setting = Setting {
    name: "serviceAccount",
    default: Some("runnable-workflow"),
    form: Form::Name,
    help: "the account of the pods",
};

const RBAC: &[Setting] = &[
    ACCOUNT,
    Setting {
        name: "verbs",
        default: Some(""),
        form: Form::OptionalText,
        help: "verbs, separated by commas, for whose users a Role is made",
    },
    Setting {
        name: "userAccount",
        default: Some("runnable-user"),
        form: Form::Name,
        help: "the account of those users, and the name of their Role",
    },
];

const CODERUN: &[Setting] = &[
    Setting {
        name: "workImage",
        default: Some(""),
        form: Form::OptionalImage,
        help: "the image of the work; default: --image",
    },
    Setting {
        name: "command",
        default: Some("git log -1 --oneline"),
        form: Form::Text,
        help: "the work, a line for sh -c",
    },
    Setting {
        name: "parallelism",
        default: Some("5"),
        form: Form::Number,
        help: "how many pods of a workflow run at once",
    },
    Setting {
        name: "limit",
        default: Some("1"),
        form: Form::Number,
        help: "the limit of a semaphore that has none yet",
    },
    Setting { name: "storageClass", default: Some(""), form: Form::OptionalName, help: "the storage class of volumes" },
    Setting { name: "storageSize", default: Some("10Gi"), form: Form::Size, help: "the size of volumes" },
    Setting { name: "keepPods", default: Some("5m"), form: Form::Duration, help: "how long pods stay after a success" },
    Setting { name: "server", default: Some("https://github.com"), form: Form::Server, help: "the forge" },
    Setting {
        name: "secret",
        default: Some("git-credentials"),
        form: Form::Name,
        help: "the secret with the key token",
    },
    ACCOUNT,
    Setting {
        name: "codeRun",
        default: Some(""),
        form: Form::OptionalText,
        help: "create an object instead: its APIVERSION/KIND",
    },
    Setting {
        name: "codeRunPlural",
        default: Some(""),
        form: Form::OptionalText,
        help: "the object's resource, such as coderuns",
    },
    Setting {
        name: "successCondition",
        default: Some(""),
        form: Form::OptionalText,
        help: "when the object has succeeded",
    },
    Setting {
        name: "failureCondition",
        default: Some(""),
        form: Form::OptionalText,
        help: "when the object has failed",
    },
];

const CLEANUP: &[Setting] = &[
    Setting { name: "claim", default: None, form: Form::Name, help: "the claim with the worktrees" },
    Setting { name: "schedule", default: Some("0 3 * * *"), form: Form::Text, help: "when it runs" },
    Setting {
        name: "older",
        default: Some("168h"),
        form: Form::Duration,
        help: "the age of worktrees that are removed",
    },
    Setting {
        name: "force",
        default: Some("false"),
        form: Form::Boolean,
        help: "whether those with work are removed too",
    },
    ACCOUNT,
];

impl Component {
    /// All, in the order in which they are installed.
    pub(crate) const ALL: [Self; 5] = [Self::Semaphores, Self::Rbac, Self::Coderun, Self::Cleanup, Self::Sensor];

    /// Settings with which it has all the objects that it can have.
    pub(crate) const fn most(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Rbac => &[("verbs", "list")],
            Self::Coderun => &[
                ("codeRun", "example.org/v1/CodeRun"),
                ("codeRunPlural", "coderuns"),
                ("successCondition", "none"),
                ("failureCondition", "none"),
            ],
            Self::Semaphores | Self::Cleanup | Self::Sensor => &[],
        }
    }

    /// Its name.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Semaphores => "semaphores",
            Self::Rbac => "rbac",
            Self::Coderun => "coderun",
            Self::Cleanup => "cleanup",
            Self::Sensor => "sensor",
        }
    }

    /// What it is for.
    pub(crate) const fn purpose(self) -> &'static str {
        match self {
            Self::Semaphores => "the ConfigMap with the limits of semaphores",
            Self::Rbac => "the account of workflows' pods, with the rights that they need",
            Self::Coderun => "a template that works on a worktree of a repository, one run of a branch at a time",
            Self::Cleanup => "a schedule that removes old worktrees from a shared claim",
            Self::Sensor => "pushes and pull requests start the template, one run for a burst (Argo Events)",
        }
    }

    /// What can be set.
    pub(crate) const fn settings(self) -> &'static [Setting] {
        match self {
            Self::Semaphores => &[],
            Self::Rbac => RBAC,
            Self::Coderun => CODERUN,
            Self::Cleanup => CLEANUP,
            Self::Sensor => super::sensor::SETTINGS,
        }
    }

    /// Whether its pods need an image with this program.
    pub(crate) const fn needs_image(self) -> bool {
        matches!(self, Self::Coderun | Self::Cleanup)
    }

    /// Whether its objects name their namespace.
    pub(crate) const fn names_namespace(self) -> bool {
        matches!(self, Self::Rbac | Self::Coderun | Self::Sensor)
    }
}

impl FromStr for Component {
    type Err = BundleError;

    fn from_str(text: &str) -> Result<Self, BundleError> {
        let found = Self::ALL.into_iter().find(|component| component.name() == text);
        found.ok_or_else(|| BundleError::Component(text.to_owned()))
    }
}

impl fmt::Display for Component {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}
