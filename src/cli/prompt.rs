//! Confirmation prompts on a terminal.

use std::io::ErrorKind;
use std::thread;

use console::Term;
use dialoguer::{Confirm, Error};
use nix::sys::signal::{SigSet, Signal};

use super::failure::Failure;
use crate::exit::Exit;
use crate::output::stream::talk;

/// Asks a yes-or-no question; Enter alone selects the default. An interrupt is an error, not an answer.
pub(super) fn confirm(question: &str, default: bool) -> Result<bool, Failure> {
    let question = question.to_owned();
    // The prompt hides the cursor and sends itself SIGINT on Ctrl-C. That would end the program before the cursor is
    // shown again, so the signal is blocked in the prompt's own thread.
    let asked = thread::spawn(move || {
        let mut interrupt = SigSet::empty();
        interrupt.add(Signal::SIGINT);
        interrupt.thread_block().map_err(|error| Error::IO(error.into()))?;
        Confirm::new().with_prompt(question).default(default).interact_opt()
    });

    match asked.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)) {
        Ok(answer) => Ok(answer.unwrap_or(false)),
        Err(Error::IO(error)) => {
            // A terminal that cannot show the cursor cannot show an error either.
            let _ = Term::stderr().show_cursor();
            talk("");
            if error.kind() == ErrorKind::Interrupted {
                return Err(Failure::new(Exit::Interrupted, "interrupted: nothing was changed"));
            }
            Err(anyhow::Error::from(error).into())
        }
    }
}
