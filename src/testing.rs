//! What the integration tests and benches see of the library, under the names that it has inside. No other program may
//! build on it: the executable and its documented output are the contract.

pub mod argo {
    //! Documents, expressions and the vocabulary of a status.
    pub use crate::argo::Workflow;

    pub mod document {
        //! YAML to a value.
        pub use crate::argo::document::{Kind, Source, parse};
    }
    pub mod expression {
        //! Tags and expressions.
        pub use crate::argo::expression::{Scope, Unresolved, render};
    }
    pub mod identity {
        //! Validated names.
        pub use crate::argo::identity::{CacheName, RunId};
    }
    pub mod status {
        //! Ids and names of nodes.
        pub use crate::argo::status::{Phase, node_id, pod_name};
    }
}

pub mod backend {
    //! Runs, wherever they are carried out.
    pub use crate::backend::{BackendError, Deadline, Run, Snapshot};
}

pub mod bundle {
    //! What verbs need on a cluster.
    pub use crate::bundle::{RIGHTS, Rights, Rule};
}

pub mod cache {
    //! Entries over their stores.
    pub use crate::cache::{
        AddressError, BucketAddress, BucketKind, Cache, CacheError, CacheKey, Change, Collected, Fault, Homes,
        KeyError, Provenance, Report, Store, StoreAddress, Surroundings,
    };
}

pub mod cli {
    //! The command line.
    pub use crate::cli::command;
}

pub mod cluster {
    //! Requests to a Kubernetes API server.
    pub use crate::cluster::{
        Access, Changed, Cluster, ClusterError, Line, LogEnd, LogOptions, News, Pod, Selection, TemplateKind,
    };
}

pub mod exit {
    //! The exit codes.
    pub use crate::exit::{CommandError, Exit};
}

pub mod local {
    //! The embedded engine.

    pub mod executor {
        //! Processes of tasks.
        pub use crate::local::executor::Executor;
    }
    pub mod kill {
        //! Ending them.
        pub use crate::local::kill::{Kill, kill_switch};
    }
    pub mod resolved {
        //! What the scheduler carries out.
        pub use crate::local::resolved::{Resolved, TemplateScope};
    }
    pub mod scheduler {
        //! Events in, actions out.
        pub use crate::local::scheduler::{Action, Event, Found, Moment, NodeIndex, Scheduler, Timer};
    }
    pub mod task {
        //! A task and its outcome.
        pub use crate::local::runtime::Pull;
        pub use crate::local::task::{
            ArtifactSource, InputArtifact, Mount, Outcome, OutputArtifact, OutputParameter, Process, Security, Task,
        };
    }
    pub mod view {
        //! A task's view of the file system.
        pub use crate::local::view::View;
    }
}

pub mod output {
    //! Texts.

    pub mod cache {
        //! Of caches.
        pub use crate::output::cache::inspection;
    }
}

pub mod prepare {
    //! What submit adds to a document.
    pub use crate::prepare::{Memoize, Notice, Options, Prepared, Reason, Templates, prepare};
}
