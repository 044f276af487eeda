use std::time::Instant;

use crate::rig::{Rig, isolating_views, task};

/// `cargo test --release --test local -- --ignored --nocapture a_thousand`
#[test]
#[ignore = "a measurement"]
fn a_thousand_tasks() {
    for view in isolating_views() {
        let rig = Rig::new(view);
        let begin = Instant::now();
        for batch in 0..250 {
            let tasks = (0..4).map(|slot| task(&format!("n{batch}-{slot}"), "echo hi")).collect();
            let outcomes = rig.run_all(tasks);
            assert!(outcomes.iter().all(|outcome| outcome.result.as_deref() == Some("hi")), "{outcomes:?}");
        }
        println!("{:?}: {:?} for 1000 tasks", rig.view, begin.elapsed());
    }
}
