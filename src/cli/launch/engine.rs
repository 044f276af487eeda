//! Runs that this command carries out itself, on this machine, one after another.

use std::path::Path;

use tokio::sync::mpsc;

use super::background::{self, Started};
use super::interrupts::Interrupts;
use super::{Existing, Launch, Ready, duplicate, ending, print};
use crate::argo::identity::RunId;
use crate::argo::status::Phase;
use crate::argo::synchronization::Holder;
use crate::backend::{Run, Snapshot};
use crate::cli::failure::Failure;
use crate::cli::follow::{End, Followed, expect};
use crate::cli::follow_up::{CreatedRun, rendered_runs};
use crate::cli::room::Room;
use crate::cli::settings::settings;
use crate::exit::Exit;
use crate::local::engine::Ended;
use crate::local::machine::Machine;
use crate::local::new_run::{NewRun, StartedRun};
use crate::local::record::Record;
use crate::local::run_locks::Places;
use crate::local::store::StoreError;
use crate::local::view::View;
use crate::mask::Mask;
use crate::output::format;
use crate::output::live::{Live, Voice};
use crate::output::stream::talk;
use crate::report::waits::{HeldBy, lock_text};

/// A run that has ended.
struct Over {
    made: CreatedRun,
    end: End,
    exit: Exit,
    interrupted: bool,
}

impl Launch<'_> {
    pub(super) async fn run_here(&self, root: &Path, ready: Vec<Ready<'_>>) -> Result<Exit, Failure> {
        if self.follow_up.detach && ready.len() > 1 {
            return Err(Failure::usage(format!("--detach leaves one run behind, and there are {}", ready.len()))
                .hint("submit them one by one"));
        }
        for note in ready.iter().flat_map(|(run, ..)| &run.notes).filter(|_| !self.quiet) {
            talk(format_args!("note: {note}"));
        }
        let machine = Machine::open(root)?;
        let measured = Room::begin(root, self.follow_up.keep.or(settings().keep), self.quiet);
        let mut interrupts = Interrupts::new(self.follow_up.timeout)?;

        let mut exit = Exit::Success;
        let (mut made, mut followed) = (Vec::new(), Vec::new());
        let mut ready = ready.into_iter();
        for next in ready.by_ref() {
            let Some(over) = self.run_one(next, &machine, &mut interrupts).await? else {
                // Only one run is ever made with others.
                return self.join(self.runs[0].0).await;
            };
            self.follow_up.notify.send(&over.end).await;
            exit = exit.max(over.exit);
            followed.push(Followed { run: over.made.handle.name.clone(), end: Ok(over.end) });
            made.push(over.made);
            if over.interrupted {
                break;
            }
        }

        for (left_out, ..) in ready {
            talk(format_args!("note: workflow {} was not started", left_out.name()));
        }
        let written = self.follow_up.report.write(&followed);
        print(self.output, made)?;
        measured.keep_within().await;
        Ok(exit.max(written))
    }

    /// Runs one to its end. None: while it waited for its locks, another submit of the same key has made it.
    async fn run_one(
        &self,
        (new, identity, source): Ready<'_>,
        machine: &Machine,
        interrupts: &mut Interrupts,
    ) -> Result<Option<Over>, Failure> {
        let _locks = locks(&new, machine, interrupts).await?;
        let name = new.name().clone();
        let run = match new.start(machine) {
            Err(StoreError::Exists { .. }) if self.existing == Existing::Joined => return Ok(None),
            Err(StoreError::Exists { .. }) if self.existing == Existing::Duplicate => {
                return Err(duplicate(name.as_str()));
            }
            started => started.map_err(|error| self.taken(identity, error.into()))?,
        };
        let handle = self.handle(run.workflow(), identity, source).await;
        let made = self.follow_up.record_run(run.workflow().clone(), handle)?;
        self.tell_started(&run, &made, identity.run_id.as_ref())?;
        let here = Run::Local(Record::at(&run.directory()));
        let secrets = run.secrets();
        let (ended, timed_out) = Box::pin(self.carry_out_run(run, &here, interrupts)).await?;

        let (exit, interrupted) = (exit(&ended, timed_out), ended.interrupted);
        let last = Snapshot::of_end(ended.workflow, ended.nodes, secrets);
        let end = End::of(&here, last).await;
        ending::tell(self, &end)?;
        // With its nodes only where somebody asked for it: a run can be large.
        let object = if self.output.is_some() { here.get().await?.workflow } else { made.object };
        Ok(Some(Over { made: CreatedRun { object, ..made }, end, exit, interrupted }))
    }

    /// Says that a run has started; with `--detach` also to the command that waits for this word.
    fn tell_started(&self, run: &StartedRun, made: &CreatedRun, run_id: Option<&RunId>) -> Result<(), Failure> {
        let (name, run_id) = (made.object.name(), run_id.map(ToString::to_string).unwrap_or_default());
        if self.follow_up.detach {
            let text = match self.output {
                Some(format) => rendered_runs(format, vec![made.clone()]),
                None => format!("{} started\n", format::name(made.object.value())),
            };
            let (name, run_id) = (name.to_owned(), run_id.clone());
            background::leave(&Started { name, run_id, directory: run.directory(), text })?;
        }
        if !self.quiet {
            talk(format_args!("running workflow {name} on this machine, run id {run_id}"));
        }
        Ok(())
    }

    /// Carries a run out and shows its nodes; whether its time was up.
    async fn carry_out_run(
        &self,
        run: StartedRun,
        here: &Run,
        interrupts: &mut Interrupts,
    ) -> Result<(Ended, bool), Failure> {
        let mask = Mask::hiding(run.workflow(), &[], &run.secrets());
        let live = Live::new(self.quiet);
        expect(&live, here, run.workflow()).await;
        let voice = live.voice();
        let (sender, receiver) = mpsc::unbounded_channel();
        let warner = voice.clone();
        let run = run.telling_of_view(move |view| warn_of(view, &warner)).keeping_failed(self.follow_up.keep_failed);
        let running = run.carry_out(receiver, |scheduler, changed| {
            live.show(changed.iter().map(|&node| scheduler.node(node)), &mask);
        });
        let ended = tokio::select! {
            ended = running => ended,
            never = interrupts.forward(sender, &voice) => match never {},
        };
        // What follows stands where the tree was.
        drop(live);
        Ok((ended?, interrupts.timed_out()))
    }
}

/// Says what the user should know before the first task begins.
fn warn_of(view: &View, voice: &Voice) {
    if let View::Plain(why) = view {
        voice.say(format_args!(
            "warning: tasks share this machine's file system, as none can have a view of its own: {why}"
        ));
    }
}

/// The locks that the run takes as a whole, once they are free.
async fn locks(run: &NewRun, machine: &Machine, interrupts: &mut Interrupts) -> Result<Places, Failure> {
    let name = run.name();
    let taking = run.locks(machine, |lock, holders| {
        let holders = holders
            .iter()
            .filter_map(|claim| Some(HeldBy { holder: Holder::read(&claim.run, "", "")?, since: Some(claim.since) }));
        let lock = lock_text(lock, &holders.collect::<Vec<_>>());
        talk(format_args!("workflow {name} is waiting for {lock}, on this machine"));
    });
    tokio::select! {
        locks = taking => Ok(locks?),
        signalled = interrupts.next() => {
            let exit = if signalled { Exit::Interrupted } else { Exit::TimedOut };
            Err(Failure::new(exit, format!("workflow {name} was not started: it waited for its locks")))
        }
    }
}

fn exit(ended: &Ended, timed_out: bool) -> Exit {
    match ended.finished.phase {
        _ if timed_out => Exit::TimedOut,
        _ if ended.interrupted => Exit::Interrupted,
        Phase::Succeeded => Exit::Success,
        Phase::Error => Exit::Errored,
        _ => Exit::Failed,
    }
}
