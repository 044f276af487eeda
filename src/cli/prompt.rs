//! Asking a person at a terminal.

use console::{Key, Term};

use super::failure::Failure;
use crate::exit::Exit;
use crate::output::stream::talk;

/// Waits for a y or an n; Enter alone is the default. Whoever interrupts has not agreed to anything.
pub(super) fn agreed(question: &str, default: bool) -> Result<bool, Failure> {
    let terminal = Term::stderr();
    let choice = if default { "Y/n" } else { "y/N" };
    terminal.write_str(&format!("{question} [{choice}] ")).map_err(anyhow::Error::from)?;
    let answer = loop {
        // No cursor is hidden and no signal is caught: whatever ends the program here leaves the terminal usable.
        match terminal.read_key_raw().map_err(anyhow::Error::from)? {
            Key::Char('y' | 'Y') => break Some(true),
            Key::Char('n' | 'N' | 'q' | END_OF_INPUT) | Key::Escape => break Some(false),
            Key::Enter => break Some(default),
            Key::CtrlC => break None,
            _ => {}
        }
    };
    let Some(answer) = answer else {
        talk("");
        return Err(Failure::new(Exit::Interrupted, "interrupted: nothing was done"));
    };
    talk(if answer { "yes" } else { "no" });
    Ok(answer)
}

/// Control-D.
const END_OF_INPUT: char = '\u{4}';
