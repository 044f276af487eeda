//! Fields of a workflow, by what a local run makes of them.

pub(super) const SPEC_PASSED_OVER: &[&str] = &[
    "affinity",
    "archiveLogs",
    "artifactGC",
    "automountServiceAccountToken",
    "dnsConfig",
    "dnsPolicy",
    "executor",
    "hostAliases",
    "hostNetwork",
    "imagePullSecrets",
    "metrics",
    "nodeSelector",
    "podDisruptionBudget",
    "podGC",
    "podMetadata",
    "podPriority",
    "podPriorityClassName",
    "podSpecPatch",
    "priority",
    "schedulerName",
    "securityContext",
    "serviceAccountName",
    "tolerations",
    "ttlStrategy",
    "volumeClaimGC",
];
pub(super) const TEMPLATE_PASSED_OVER: &[&str] = &[
    "affinity",
    "automountServiceAccountToken",
    "executor",
    "hostAliases",
    "metadata",
    "metrics",
    "nodeSelector",
    "podSpecPatch",
    "priority",
    "priorityClassName",
    "schedulerName",
    "securityContext",
    "serviceAccountName",
    "tolerations",
];
pub(super) const CONTAINER_PASSED_OVER: &[&str] = &[
    "imagePullPolicy",
    "lifecycle",
    "livenessProbe",
    "ports",
    "resources",
    "terminationMessagePath",
    "terminationMessagePolicy",
    "tty",
];
/// What a local run honours of a container's `securityContext`.
pub(super) const SECURITY_HONOURED: &[&str] = &["allowPrivilegeEscalation", "capabilities", "privileged"];
/// What it honours beside of a container that runs in its image.
pub(super) const SECURITY_OF_IMAGES: &[&str] = &["runAsGroup", "runAsUser"];
/// Where artifacts cannot be read or written here.
pub(super) const FOREIGN_ARTIFACTS: &[&str] = &["artifactory", "hdfs", "oss", "plugin"];
pub(super) const VOLUMES: &[&str] = &["configMap", "downwardAPI", "emptyDir", "secret"];
