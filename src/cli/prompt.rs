//! Prompts on a terminal.

use std::io::ErrorKind;
use std::thread;

use console::Term;
use dialoguer::{Confirm, Error, Select};
use rustix::process::Signal;

use super::failure::Failure;
use crate::exit::Exit;
use crate::output::stream::talk;

/// Asks a yes-or-no question; Enter alone selects the default. An interrupt is an error, not an answer.
pub(super) fn confirm(question: &str, default: bool) -> Result<bool, Failure> {
    let question = question.to_owned();
    ask(move || Confirm::new().with_prompt(question).default(default).interact_opt())
        .map(|answer| answer.unwrap_or(false))
}

/// Lets one of several items be chosen, by its place. Whoever chooses none has interrupted.
pub(super) fn choose(question: &str, items: &[String]) -> Result<usize, Failure> {
    let (question, items) = (question.to_owned(), items.to_vec());
    let chosen = ask(move || Select::new().with_prompt(question).items(&items).default(0).interact_opt())?;
    chosen.ok_or_else(interrupted)
}

fn ask<T: Send + 'static>(
    prompt: impl FnOnce() -> Result<Option<T>, Error> + Send + 'static,
) -> Result<Option<T>, Failure> {
    // The prompt hides the cursor and sends itself SIGINT on Ctrl-C. That would end the program before the cursor is
    // shown again, so the signal is blocked in the prompt's own thread.
    let asked = thread::spawn(move || {
        supervisor::block(Signal::INT).map_err(Error::IO)?;
        prompt()
    });

    match asked.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)) {
        Ok(answer) => Ok(answer),
        Err(Error::IO(error)) => {
            // A terminal that cannot show the cursor cannot show an error either.
            let _ = Term::stderr().show_cursor();
            talk("");
            Err(if error.kind() == ErrorKind::Interrupted { interrupted() } else { anyhow::Error::from(error).into() })
        }
    }
}

fn interrupted() -> Failure {
    Failure::new(Exit::Interrupted, "interrupted: nothing was changed")
}
