//! Asking a person at a terminal.

use std::io::ErrorKind;
use std::thread;

use console::Term;
use dialoguer::{Confirm, Error};
use nix::sys::signal::{SigSet, Signal};

use super::failure::Failure;
use crate::exit::Exit;
use crate::output::stream::talk;

/// Waits for a y or an n; Enter alone is the default. Whoever interrupts has not agreed to anything.
pub(super) fn agreed(question: &str, default: bool) -> Result<bool, Failure> {
    let question = question.to_owned();
    // The prompt hides the cursor, and control-C becomes a signal to its thread: blocked there, it ends with the thread
    // and not the program.
    let asked = thread::spawn(move || {
        let mut interrupt = SigSet::empty();
        interrupt.add(Signal::SIGINT);
        interrupt.thread_block().map_err(|error| Error::IO(error.into()))?;
        Confirm::new().with_prompt(question).default(default).interact_opt()
    });
    match asked.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)) {
        Ok(answer) => Ok(answer.unwrap_or(false)),
        Err(Error::IO(error)) => {
            // There is no other place to say that it failed.
            let _ = Term::stderr().show_cursor();
            talk("");
            if error.kind() == ErrorKind::Interrupted {
                return Err(Failure::new(Exit::Interrupted, "interrupted: nothing was done"));
            }
            Err(anyhow::Error::from(error).into())
        }
    }
}
