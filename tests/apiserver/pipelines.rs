//! Realistic pipelines as they are prepared, checked by the API server; with Argo's full definitions, by its schema.

#[path = "../pipelines/builder.rs"]
mod builder;

use kubectl_runnable::testing::prepare::{Options, Templates, prepare};

use self::builder::pipeline;
use crate::kubernetes::namespace::Namespace;
use crate::kubernetes::server::User;

const PIPELINES: u64 = 60;

#[tokio::test]
async fn what_is_prepared_is_accepted_as_what_it_was_made_from() {
    let namespace = Namespace::new().await;
    let cluster = namespace.cluster(User::Admin).await;
    for seed in 0..PIPELINES {
        let pipeline = pipeline(seed);
        let known = Templates::from_iter([pipeline.template]);
        let options = Options::new("r-1".parse().unwrap(), "runnable-abc123".parse().unwrap());
        let prepared = prepare(pipeline.workflow.clone(), &known, &options).unwrap();
        for document in [&pipeline.workflow, &prepared.workflow] {
            let created = cluster.create(document, true).await.unwrap_or_else(|error| panic!("{seed}: {error}"));
            assert_eq!(created.object["spec"]["templates"], document["spec"]["templates"]);
        }
    }
}
