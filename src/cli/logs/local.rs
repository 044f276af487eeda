//! `logs` of a run of this machine: from its captured files.

use std::io::Stdout;

use super::{Args, no_node, several};
use crate::argo::Workflow;
use crate::cli::failure::Failure;
use crate::exit::Exit;
use crate::local::logs::{self, Wanted};
use crate::local::record::{Record, RecordError};
use crate::mask::Mask;
use crate::output::lines::Lines;
use crate::output::stream::talk;

pub(super) async fn read(args: &Args, record: &Record, mut lines: Lines<Stdout>) -> Result<Exit, Failure> {
    let workflow = record.workflow()?;
    let nodes = Workflow::view(&workflow).nodes();
    lines.prefix = several(&nodes, args);
    lines.mask = Mask::of(&workflow, &nodes.all);
    let wanted = Wanted {
        node: args.node.clone(),
        container: args.container.clone(),
        tail: args.tail,
        since: args.begin(),
        follow: args.follow,
    };
    // Nobody reads on: that is no failure.
    let mut closed = false;
    let found = logs::read(record, &wanted, |source, time, text| {
        let time = time.filter(|_| args.timestamps).map(|time| format!("{time:.3}"));
        let printed = lines.print(source, time.as_deref(), text);
        closed |= printed.is_err();
        printed
    });
    match found.await {
        Err(RecordError::Read { .. }) if closed => Ok(Exit::Success),
        Ok(read) if !read.found => Err(no_node(args)),
        Ok(read) => {
            if !read.timeless.is_empty() && (args.timestamps || wanted.since.is_some()) {
                let logs = Vec::from_iter(read.timeless).join(", ");
                talk(format_args!("note: nobody noted when the lines of these nodes were written: {logs}"));
            }
            Ok(Exit::Success)
        }
        Err(error) => Err(error.into()),
    }
}
