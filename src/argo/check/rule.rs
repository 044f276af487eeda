//! The rules by name; docs/lint.md explains each with an example of what breaks it.

const DOCUMENTATION: &str = include_str!("../../../docs/lint.md");

/// A rule that documents are checked by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Rule {
    Type,
    UnknownField,
    Required,
    Enum,
    Limit,
    Version,
    Name,
    TemplateType,
    UnknownTemplate,
    Entrypoint,
    Hook,
    Depends,
    Cycle,
    Loop,
    Variable,
    Tag,
    Argument,
    UnusedArgument,
    Value,
    Output,
    Image,
    Mount,
    Container,
    Resource,
    Deadline,
    Parallelism,
    PodResources,
    Metric,
    Artifact,
    TemplateRef,
    PodGc,
    Cron,
    PodName,
    Memoize,
    Stranded,
    Volume,
    Secret,
    ConfigMap,
    Syntax,
}

impl Rule {
    /// The name that users see.
    pub(crate) const fn id(self) -> &'static str {
        match self {
            Self::Type => "type",
            Self::UnknownField => "unknown-field",
            Self::Required => "required",
            Self::Enum => "enum",
            Self::Limit => "limit",
            Self::Version => "version",
            Self::Name => "name",
            Self::TemplateType => "template-type",
            Self::UnknownTemplate => "unknown-template",
            Self::Entrypoint => "entrypoint",
            Self::Hook => "hook",
            Self::Depends => "depends",
            Self::Cycle => "cycle",
            Self::Loop => "loop",
            Self::Variable => "variable",
            Self::Tag => "tag",
            Self::Argument => "argument",
            Self::UnusedArgument => "unused-argument",
            Self::Value => "value",
            Self::Output => "output",
            Self::Image => "image",
            Self::Mount => "mount",
            Self::Container => "container",
            Self::Resource => "resource",
            Self::Deadline => "deadline",
            Self::Parallelism => "parallelism",
            Self::PodResources => "pod-resources",
            Self::Metric => "metric",
            Self::Artifact => "artifact",
            Self::TemplateRef => "template-ref",
            Self::PodGc => "pod-gc",
            Self::Cron => "cron",
            Self::PodName => "pod-name",
            Self::Memoize => "memoize",
            Self::Stranded => "stranded",
            Self::Volume => "volume",
            Self::Secret => "secret",
            Self::ConfigMap => "config-map",
            Self::Syntax => "syntax",
        }
    }

    /// Every rule.
    pub(crate) const ALL: [Self; 39] = [
        Self::Type,
        Self::UnknownField,
        Self::Required,
        Self::Enum,
        Self::Limit,
        Self::Version,
        Self::Name,
        Self::TemplateType,
        Self::UnknownTemplate,
        Self::Entrypoint,
        Self::Hook,
        Self::Depends,
        Self::Cycle,
        Self::Loop,
        Self::Variable,
        Self::Tag,
        Self::Argument,
        Self::UnusedArgument,
        Self::Value,
        Self::Output,
        Self::Image,
        Self::Mount,
        Self::Container,
        Self::Resource,
        Self::Deadline,
        Self::Parallelism,
        Self::PodResources,
        Self::Metric,
        Self::Artifact,
        Self::TemplateRef,
        Self::PodGc,
        Self::Cron,
        Self::PodName,
        Self::Memoize,
        Self::Stranded,
        Self::Volume,
        Self::Secret,
        Self::ConfigMap,
        Self::Syntax,
    ];

    /// The names of all.
    pub(crate) fn ids() -> Vec<&'static str> {
        Self::ALL.iter().map(|rule| rule.id()).collect()
    }

    /// The rule of that name.
    pub(crate) fn of_id(id: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|rule| rule.id() == id)
    }

    /// What the documentation says of it, with its heading.
    pub(crate) fn explanation(self) -> &'static str {
        let heading = format!("\n### {}\n", self.id());
        let section = DOCUMENTATION.find(&heading).map_or("", |start| &DOCUMENTATION[start + 1..]);
        section.split("\n### ").next().unwrap_or_default().trim_end()
    }

    /// Its first paragraph.
    pub(crate) fn summary(self) -> String {
        let text = self.explanation().split("\n\n").nth(1).unwrap_or_default();
        text.replace('\n', " ")
    }

    /// The document that breaks it, and the one that does not.
    #[cfg(test)]
    pub(super) fn examples(self) -> [&'static str; 2] {
        let block = |number| self.explanation().split("```yaml\n").nth(number).unwrap_or_default();
        [1, 2].map(|number| block(number).split("```").next().unwrap_or_default())
    }
}
