//! The fields this product reads, by the object they stand in: one table, names and types as Argo's API has them.
//!
//! An object lists every field it has, so that a misspelling can be told from a field of another Argo version; fields
//! that are only handed on are `Any`. Fields of versions since 3.5 are here too.

use super::Kind;
use super::shape::Field;
use super::shape::Shape::{
    Any, Inline, Integer, IntegerOrText, List, Map, NumberOrText, Object, Parallel, Scalar, Text, Truth,
};

/// The table's beginnings.
pub(super) static ROOTS: [(Kind, &[Field]); 6] = [
    (Kind::Workflow, WORKFLOW),
    (Kind::WorkflowTemplate, WORKFLOW),
    (Kind::ClusterWorkflowTemplate, WORKFLOW),
    (Kind::CronWorkflow, CRON_WORKFLOW),
    (Kind::ConfigMap, CONFIG_MAP),
    (Kind::Secret, SECRET),
];

static WORKFLOW: &[Field] = &[
    ("apiVersion", Text),
    ("kind", Text),
    ("metadata", Object(METADATA)),
    ("spec", Object(WORKFLOW_SPEC)),
    ("status", Object(&[])),
];

static CRON_WORKFLOW: &[Field] = &[
    ("apiVersion", Text),
    ("kind", Text),
    ("metadata", Object(METADATA)),
    ("spec", Object(CRON_SPEC)),
    ("status", Object(&[])),
];

static CRON_SPEC: &[Field] = &[
    ("concurrencyPolicy", Text),
    ("failedJobsHistoryLimit", Integer),
    ("schedule", Text),
    ("schedules", List(&Text)),
    ("startingDeadlineSeconds", Integer),
    ("stopStrategy", Any),
    ("successfulJobsHistoryLimit", Integer),
    ("suspend", Truth),
    ("timezone", Text),
    ("when", Text),
    ("workflowMetadata", Object(POD_METADATA)),
    ("workflowSpec", Object(WORKFLOW_SPEC)),
];

static CONFIG_MAP: &[Field] = &[
    ("apiVersion", Text),
    ("kind", Text),
    ("metadata", Object(METADATA)),
    ("data", Map(&Text)),
    ("binaryData", Map(&Text)),
    ("immutable", Truth),
];

static SECRET: &[Field] = &[
    ("apiVersion", Text),
    ("kind", Text),
    ("metadata", Object(METADATA)),
    ("data", Map(&Text)),
    ("stringData", Map(&Text)),
    ("type", Text),
    ("immutable", Truth),
];

static METADATA: &[Field] = &[
    ("annotations", Map(&Text)),
    ("clusterName", Any),
    ("creationTimestamp", Any),
    ("deletionGracePeriodSeconds", Any),
    ("deletionTimestamp", Any),
    ("finalizers", List(&Text)),
    ("generateName", Text),
    ("generation", Any),
    ("labels", Map(&Text)),
    ("managedFields", Any),
    ("name", Text),
    ("namespace", Text),
    ("ownerReferences", List(&Any)),
    ("resourceVersion", Any),
    ("selfLink", Any),
    ("uid", Text),
];

static WORKFLOW_SPEC: &[Field] = &[
    ("activeDeadlineSeconds", Integer),
    ("affinity", Any),
    ("archiveLogs", Truth),
    ("arguments", Object(ARGUMENTS)),
    ("artifactGC", Any),
    ("artifactRepositoryRef", Object(&[("configMap", Text), ("key", Text)])),
    ("automountServiceAccountToken", Truth),
    ("dnsConfig", Any),
    ("dnsPolicy", Text),
    ("entrypoint", Text),
    ("executor", Any),
    ("executorPlugins", Any),
    ("hooks", Map(&Object(HOOK))),
    ("hostAliases", Any),
    ("hostNetwork", Truth),
    ("imagePullSecrets", List(&Any)),
    ("metrics", Object(METRICS)),
    ("nodeSelector", Map(&Text)),
    ("onExit", Text),
    ("parallelism", Integer),
    ("podDisruptionBudget", Any),
    ("podGC", Any),
    ("podMetadata", Object(POD_METADATA)),
    ("podPriority", Integer),
    ("podPriorityClassName", Text),
    ("podResources", Any),
    ("podSpecPatch", Text),
    ("priority", Integer),
    ("resourceClaims", Any),
    ("retryStrategy", Object(RETRY_STRATEGY)),
    ("schedulerName", Text),
    ("securityContext", Any),
    ("serviceAccountName", Text),
    ("shutdown", Text),
    ("suspend", Truth),
    ("synchronization", Object(SYNCHRONIZATION)),
    ("templateDefaults", Object(TEMPLATE)),
    ("templates", List(&Object(TEMPLATE))),
    ("tolerations", List(&Any)),
    ("ttlStrategy", Object(TTL_STRATEGY)),
    ("volumeClaimGC", Object(&[("strategy", Text)])),
    ("volumeClaimTemplates", List(&Object(VOLUME_CLAIM_TEMPLATE))),
    ("volumes", List(&Object(NAMED))),
    ("workflowMetadata", Object(POD_METADATA)),
    ("workflowTemplateRef", Object(&[("clusterScope", Truth), ("name", Text)])),
];

pub(super) static TEMPLATE: &[Field] = &[
    ("activeDeadlineSeconds", IntegerOrText),
    ("affinity", Any),
    ("annotations", Map(&Text)),
    ("archiveLocation", Any),
    ("automountServiceAccountToken", Truth),
    ("container", Object(CONTAINER)),
    ("containerSet", Object(CONTAINER_SET)),
    ("daemon", Truth),
    ("dag", Object(DAG)),
    ("data", Object(&[("source", Any), ("transformation", List(&Any))])),
    ("executor", Any),
    ("failFast", Truth),
    ("hostAliases", Any),
    ("http", Object(HTTP)),
    ("initContainers", List(&Object(USER_CONTAINER))),
    ("inputs", Object(ARGUMENTS)),
    ("memoize", Object(MEMOIZE)),
    ("metadata", Object(POD_METADATA)),
    ("metrics", Object(METRICS)),
    ("name", Text),
    ("nodeSelector", Map(&Text)),
    ("outputs", Object(OUTPUTS)),
    ("parallelism", Integer),
    ("pendingTimeout", Text),
    ("plugin", Any),
    ("podPriority", Integer),
    ("podResources", Any),
    ("podSpecPatch", Text),
    ("priority", Integer),
    ("priorityClassName", Text),
    ("resource", Object(RESOURCE)),
    ("resourceClaims", Any),
    ("retryStrategy", Object(RETRY_STRATEGY)),
    ("schedulerName", Text),
    ("script", Object(SCRIPT)),
    ("securityContext", Any),
    ("serviceAccountName", Text),
    ("sidecars", List(&Object(USER_CONTAINER))),
    ("steps", List(&Parallel(CALL))),
    ("suspend", Object(&[("duration", IntegerOrText)])),
    ("synchronization", Object(SYNCHRONIZATION)),
    ("timeout", Text),
    ("tolerations", List(&Any)),
    ("volumes", List(&Object(NAMED))),
];

/// A step or a task. Tasks have `depends` and `dependencies` besides; a step that has them is Argo's to refuse.
static CALL: &[Field] = &[
    ("arguments", Object(ARGUMENTS)),
    ("continueOn", Object(&[("error", Truth), ("failed", Truth)])),
    ("dependencies", List(&Text)),
    ("depends", Text),
    ("hooks", Map(&Object(HOOK))),
    ("inline", Inline),
    ("name", Text),
    ("onExit", Text),
    ("template", Text),
    ("templateRef", Object(TEMPLATE_REF)),
    ("when", Text),
    ("withItems", List(&Any)),
    ("withParam", Text),
    ("withSequence", Object(SEQUENCE)),
];

static DAG: &[Field] = &[("failFast", Truth), ("target", Text), ("tasks", List(&Object(CALL)))];

static SEQUENCE: &[Field] =
    &[("count", IntegerOrText), ("end", IntegerOrText), ("format", Text), ("start", IntegerOrText)];

static TEMPLATE_REF: &[Field] =
    &[("clusterScope", Truth), ("name", Text), ("runtimeResolution", Truth), ("template", Text)];

static HOOK: &[Field] = &[
    ("arguments", Object(ARGUMENTS)),
    ("expression", Text),
    ("template", Text),
    ("templateRef", Object(TEMPLATE_REF)),
];

static ARGUMENTS: &[Field] = &[("artifacts", List(&Object(ARTIFACT))), ("parameters", List(&Object(PARAMETER)))];

static OUTPUTS: &[Field] = &[
    ("artifacts", List(&Object(ARTIFACT))),
    ("exitCode", Text),
    ("parameters", List(&Object(PARAMETER))),
    ("result", Text),
];

static PARAMETER: &[Field] = &[
    ("default", Scalar),
    ("description", Scalar),
    ("enum", List(&Scalar)),
    ("globalName", Text),
    ("name", Text),
    ("value", Scalar),
    ("valueFrom", Object(VALUE_FROM)),
];

static VALUE_FROM: &[Field] = &[
    ("configMapKeyRef", Object(KEY_REF)),
    ("default", Scalar),
    ("event", Text),
    ("expression", Text),
    ("jqFilter", Text),
    ("jsonPath", Text),
    ("parameter", Text),
    ("path", Text),
    ("supplied", Object(&[])),
];

static KEY_REF: &[Field] = &[("key", Text), ("name", Text), ("optional", Truth)];

static ARTIFACT: &[Field] = &[
    ("archive", Object(&[("none", Any), ("tar", Object(&[("compressionLevel", Integer)])), ("zip", Any)])),
    ("archiveLogs", Truth),
    ("artifactGC", Any),
    ("artifactory", Any),
    ("azure", Any),
    ("deleted", Truth),
    ("from", Text),
    ("fromExpression", Text),
    ("gcs", Any),
    ("git", Object(GIT)),
    ("globalName", Text),
    ("hdfs", Any),
    ("http", Any),
    ("mode", Integer),
    ("name", Text),
    ("optional", Truth),
    ("oss", Any),
    ("path", Text),
    ("plugin", Any),
    ("raw", Object(&[("data", Text)])),
    ("recurseMode", Truth),
    ("s3", Any),
    ("subPath", Text),
];

static GIT: &[Field] = &[
    ("branch", Text),
    ("depth", Integer),
    ("disableSubmodules", Truth),
    ("fetch", List(&Text)),
    ("insecureIgnoreHostKey", Truth),
    ("insecureSkipTLS", Truth),
    ("passwordSecret", Any),
    ("repo", Text),
    ("revision", Text),
    ("singleBranch", Truth),
    ("sshPrivateKeySecret", Any),
    ("usernameSecret", Any),
];

macro_rules! container_fields {
    ($($more:expr),*) => {
        &[
            ("args", List(&Text)),
            ("command", List(&Text)),
            ("env", List(&Object(ENVIRONMENT_VARIABLE))),
            ("envFrom", List(&Any)),
            ("image", Text),
            ("imagePullPolicy", Text),
            ("lifecycle", Any),
            ("livenessProbe", Any),
            ("name", Text),
            ("ports", List(&Any)),
            ("readinessProbe", Any),
            ("resizePolicy", Any),
            ("resources", Object(RESOURCES)),
            ("restartPolicy", Text),
            ("restartPolicyRules", Any),
            ("securityContext", Any),
            ("startupProbe", Any),
            ("stdin", Truth),
            ("stdinOnce", Truth),
            ("terminationMessagePath", Text),
            ("terminationMessagePolicy", Text),
            ("tty", Truth),
            ("volumeDevices", Any),
            ("volumeMounts", List(&Object(VOLUME_MOUNT))),
            ("workingDir", Text),
            $($more),*
        ]
    };
}

static CONTAINER: &[Field] = container_fields!();
static SCRIPT: &[Field] = container_fields!(("source", Text));
static USER_CONTAINER: &[Field] = container_fields!(("mirrorVolumeMounts", Truth));
static SET_CONTAINER: &[Field] = container_fields!(("dependencies", List(&Text)));

static CONTAINER_SET: &[Field] = &[
    ("containers", List(&Object(SET_CONTAINER))),
    ("retryStrategy", Object(&[("duration", Text), ("retries", IntegerOrText)])),
    ("volumeMounts", List(&Object(VOLUME_MOUNT))),
];

static ENVIRONMENT_VARIABLE: &[Field] = &[
    ("name", Text),
    ("value", Text),
    (
        "valueFrom",
        Object(&[
            ("configMapKeyRef", Object(KEY_REF)),
            ("fieldRef", Any),
            ("fileKeyRef", Any),
            ("resourceFieldRef", Any),
            ("secretKeyRef", Object(KEY_REF)),
        ]),
    ),
];

static RESOURCES: &[Field] = &[("claims", Any), ("limits", Map(&NumberOrText)), ("requests", Map(&NumberOrText))];

static VOLUME_MOUNT: &[Field] = &[
    ("mountPath", Text),
    ("mountPropagation", Text),
    ("name", Text),
    ("readOnly", Truth),
    ("recursiveReadOnly", Text),
    ("subPath", Text),
    ("subPathExpr", Text),
];

/// An object of which only the name is read; it has more fields than are listed here.
static NAMED: &[Field] = &[("name", Text)];

static VOLUME_CLAIM_TEMPLATE: &[Field] =
    &[("apiVersion", Text), ("kind", Text), ("metadata", Object(METADATA)), ("spec", Object(&[])), ("status", Any)];

static POD_METADATA: &[Field] =
    &[("annotations", Map(&Text)), ("labels", Map(&Text)), ("labelsFrom", Map(&Object(&[("expression", Text)])))];

static RETRY_STRATEGY: &[Field] = &[
    ("affinity", Any),
    (
        "backoff",
        Object(&[
            ("cap", Text),
            ("duration", IntegerOrText),
            ("factor", IntegerOrText),
            ("maxDuration", IntegerOrText),
        ]),
    ),
    ("expression", Text),
    ("limit", IntegerOrText),
    ("retryPolicy", Text),
];

static MEMOIZE: &[Field] = &[("cache", Object(&[("configMap", Object(KEY_REF))])), ("key", Text), ("maxAge", Text)];

/// Semaphores and mutexes; the two singular ones went with Argo 4.0.
static SYNCHRONIZATION: &[Field] = &[
    ("mutex", Object(MUTEX)),
    ("mutexes", List(&Object(MUTEX))),
    ("semaphore", Object(SEMAPHORE)),
    ("semaphores", List(&Object(SEMAPHORE))),
];

static MUTEX: &[Field] = &[("database", Truth), ("name", Text), ("namespace", Text)];

static SEMAPHORE: &[Field] =
    &[("configMapKeyRef", Object(KEY_REF)), ("database", Object(&[("key", Text)])), ("namespace", Text)];

static TTL_STRATEGY: &[Field] =
    &[("secondsAfterCompletion", Integer), ("secondsAfterFailure", Integer), ("secondsAfterSuccess", Integer)];

static METRICS: &[Field] = &[("prometheus", List(&Any))];

static HTTP: &[Field] = &[
    ("body", Text),
    ("bodyFrom", Any),
    ("headers", List(&Object(&[("name", Text), ("value", Text), ("valueFrom", Any)]))),
    ("insecureSkipVerify", Truth),
    ("method", Text),
    ("successCondition", Text),
    ("timeoutSeconds", Integer),
    ("url", Text),
];

static RESOURCE: &[Field] = &[
    ("action", Text),
    ("failureCondition", Text),
    ("flags", List(&Text)),
    ("manifest", Text),
    ("manifestFrom", Any),
    ("mergeStrategy", Text),
    ("setOwnerReference", Truth),
    ("successCondition", Text),
];
