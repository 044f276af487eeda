//! What a person at a terminal sees: colours, and a tree that is drawn again and again.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::process::{Child, Command, Stdio};

use console::strip_ansi_codes;
use rustix::fs::{Mode, OFlags, open};
use rustix::process::{Pid, Signal, kill_process};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, OptionalActions, Winsize, tcgetattr, tcsetattr, tcsetwinsize};

use crate::support::environment::Environment;
use crate::workflows::{hello, one_task};

const WIDTH: u16 = 44;
const HEIGHT: u16 = 12;

/// Runs a command at a terminal of its own and interrupts it once it has written a text.
fn interrupted(command: Command, after: &str, code: i32) -> String {
    watched(command, code, |written, child, _| {
        if written.contains(after) {
            kill_process(Pid::from_child(child), Signal::INT).unwrap();
            return true;
        }
        false
    })
}

/// Runs a command at a terminal of its own; gives all that was written to it.
fn seen(command: Command, code: i32) -> String {
    answered(command, &[], code)
}

/// The same, with a key for each of its questions.
pub(crate) fn answered(command: Command, keys: &[&str], code: i32) -> String {
    let mut keys = keys.iter();
    let mut asked = 0;
    watched(command, code, |written, _, screen| {
        let questions = ["y/N] ", "Y/n] "].map(|sign| written.matches(sign).count());
        for key in keys.by_ref().take(questions.iter().sum::<usize>() - asked) {
            screen.write_all(key.as_bytes()).unwrap();
            asked += 1;
        }
        false
    })
}

/// A new terminal: what a person sees and types at, and what a program reads and writes.
fn open_terminal() -> (OwnedFd, OwnedFd) {
    let screen = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
    grantpt(&screen).unwrap();
    unlockpt(&screen).unwrap();
    let name = ptsname(&screen, Vec::new()).unwrap();
    let terminal = open(name, OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC, Mode::empty()).unwrap();
    tcsetwinsize(&terminal, Winsize { ws_row: HEIGHT, ws_col: WIDTH, ws_xpixel: 0, ws_ypixel: 0 }).unwrap();
    // Control-C, pressed before the program listens, waits for it like any key.
    let mut modes = tcgetattr(&terminal).unwrap();
    modes.local_modes.remove(LocalModes::ISIG);
    tcsetattr(&terminal, OptionalActions::Now, &modes).unwrap();
    (screen, terminal)
}

/// Runs a command at a terminal; `look` sees what was written so far, the command and the terminal, until it has done
/// what it waits for.
fn watched(mut command: Command, code: i32, mut look: impl FnMut(&str, &Child, &mut File) -> bool) -> String {
    let (screen, terminal) = open_terminal();
    if !command.get_envs().any(|(name, _)| name == "TERM") {
        command.env("TERM", "xterm");
    }
    command.stdin(Stdio::from(terminal.try_clone().unwrap()));
    command.stdout(Stdio::from(terminal.try_clone().unwrap())).stderr(Stdio::from(terminal));
    let mut child: Child = command.spawn().unwrap();
    // The terminal is closed when nobody has it open for writing any more.
    drop(command);
    let mut written = Vec::new();
    let mut screen = File::from(screen);
    let mut buffer = [0; 4096];
    let mut done = false;
    // Linux says EIO at the end.
    while let Ok(length @ 1..) = screen.read(&mut buffer) {
        written.extend_from_slice(&buffer[..length]);
        done = done || look(&String::from_utf8_lossy(&written), &child, &mut screen);
    }
    let text = String::from_utf8_lossy(&written).into_owned();
    assert_eq!(child.wait().unwrap().code(), Some(code), "{text}");
    text
}

#[test]
fn an_error_has_colour_unless_the_user_wants_none() {
    let environment = Environment::new();
    for (variables, coloured) in [
        (&[][..], true),
        (&[("NO_COLOR", "1")], false),
        (&[("NO_COLOR", "1"), ("CLICOLOR_FORCE", "1")], false),
        (&[("CLICOLOR", "0")], false),
    ] {
        for arguments in [["submit", "gone.yaml"], ["submit", "--unknown"]] {
            let mut command = environment.command(arguments);
            command.envs(variables.iter().copied());
            let text = seen(command, 2);
            assert_eq!(text.contains("\u{1b}[31m"), coloured, "{variables:?} {text:?}");
        }
    }
}

#[test]
fn help_has_colour_unless_the_user_wants_none() {
    let environment = Environment::new();
    assert!(seen(environment.command(["--help"]), 0).contains("\u{1b}[1m"));
    let mut command = environment.command(["--help"]);
    command.env("NO_COLOR", "1");
    assert!(!seen(command, 0).contains('\u{1b}'));
}

/// The texts between two movements of the cursor.
fn pieces(text: &str) -> Vec<String> {
    text.split(['\r', '\n']).map(|piece| strip_ansi_codes(piece).into_owned()).collect()
}

/// A text as the rows of the terminal.
fn rows(text: &str) -> Vec<String> {
    let letters: Vec<char> = text.trim_end().chars().collect();
    letters.chunks(usize::from(WIDTH)).map(|row| row.iter().collect()).collect()
}

#[test]
fn a_tree_fits_the_terminal_and_is_taken_away() {
    let fan_out = "apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {name: fan}
spec:
  entrypoint: main
  templates:
  - name: main
    steps:
    - - {name: a-step-whose-name-is-longer-than-the-terminal-is-wide, template: nap, withSequence: {count: '40'}}
  - name: nap
    container: {image: busybox, command: [sh, -c, 'sleep 0.4']}
";
    let environment = Environment::with("wf.yaml", fan_out);
    let text = seen(environment.command(["submit", "--local", "wf.yaml", "-o", "name"]), 0);
    let drawings: Vec<String> = pieces(&text).into_iter().filter(|piece| piece.starts_with("● fan")).collect();
    let heights: Vec<usize> = drawings.iter().map(|drawing| rows(drawing).len()).collect();
    assert!(heights.iter().all(|height| *height <= usize::from(HEIGHT) - 2), "a wide fan-out is folded: {heights:?}");
    assert!(drawings.iter().any(|drawing| drawing.contains(" of 40 ")), "everything is counted: {text:?}");
    // Lines are filled up to the right edge: one that were too long would shift those below.
    let lines = drawings.iter().flat_map(|drawing| rows(drawing));
    for line in lines {
        let is_total = line.starts_with(|letter: char| letter.is_ascii_digit()) && line.contains(" of ");
        assert!(is_total || ["● fan", "├─ ", "└─ "].iter().any(|sign| line.starts_with(sign)), "{line:?}");
    }
    // The last that is left is the result.
    let end = pieces(&text);
    assert_eq!(
        end.iter().rfind(|piece| !piece.trim().is_empty()).map(|piece| piece.trim()),
        Some("workflow.argoproj.io/fan")
    );
}

/// What a terminal shows in the end: lines, and the sequences with which a tree is drawn and taken away.
fn screen(text: &str) -> Vec<String> {
    let mut lines: Vec<Vec<char>> = vec![Vec::new()];
    let (mut row, mut column) = (0_usize, 0_usize);
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '\r' => column = 0,
            '\n' => row += 1,
            '\u{1b}' => {
                let sequence = sequence(letters.by_ref());
                let number = sequence.trim_end_matches(char::is_alphabetic).parse().unwrap_or(1);
                match sequence.chars().last() {
                    Some('A') => row = row.saturating_sub(number),
                    Some('B') => row += number,
                    Some('K') if sequence == "2K" => lines[row].clear(),
                    Some('K') => lines[row].truncate(column),
                    _ => {}
                }
            }
            letter => {
                if column >= usize::from(WIDTH) {
                    (row, column) = (row + 1, 0);
                }
                while lines.len() <= row {
                    lines.push(Vec::new());
                }
                if lines[row].len() <= column {
                    lines[row].resize(column + 1, ' ');
                }
                lines[row][column] = letter;
                column += 1;
            }
        }
        while lines.len() <= row {
            lines.push(Vec::new());
        }
    }
    lines.into_iter().map(|line| line.into_iter().collect::<String>().trim_end().to_owned()).collect()
}

/// The rest of a control sequence without its bracket, up to and with the letter that ends it.
fn sequence(letters: &mut impl Iterator<Item = char>) -> String {
    let mut taken = String::new();
    for letter in letters.skip(1) {
        taken.push(letter);
        if letter.is_ascii_alphabetic() {
            break;
        }
    }
    taken
}

#[test]
fn no_line_of_the_tree_stays_after_an_interrupt() {
    let environment = Environment::with("wf.yaml", one_task("name: nap", "echo begun; exec sleep 60"));
    let mut running = environment.start(["submit", "--local", "-q", "wf.yaml"]);
    running.until("the task writes", || environment.has_written("nap"));
    let watching = environment.command(["watch", "--local", "nap"]);
    let text = interrupted(watching, "1 running", 130);
    let left: Vec<String> = screen(&text).into_iter().filter(|line| !line.is_empty()).collect();
    assert_eq!(left, ["interrupted: the run continues"], "{text:?}");
    running.dies();
}

#[test]
fn a_dumb_terminal_gets_one_line_a_change() {
    let environment = Environment::with("wf.yaml", hello());
    let mut command = environment.command(["submit", "--local", "wf.yaml", "-o", "name", "--name", "x"]);
    command.env("TERM", "dumb");
    let text = seen(command, 0);
    assert!(!text.contains('\u{1b}') && text.contains("  Succeeded  x\r\n"), "{text:?}");
}

#[test]
fn time_goes_by_in_the_tree_while_nothing_happens() {
    let environment = Environment::with("wf.yaml", one_task("name: nap", "sleep 2"));
    let text = seen(environment.command(["submit", "--local", "wf.yaml", "-o", "name"]), 0);
    let mut times: Vec<String> = pieces(&text).into_iter().filter(|piece| piece.contains("● nap  ")).collect();
    times.dedup();
    assert!(times.len() >= 3, "{times:?} in {text:?}");
}

#[test]
fn quiet_is_quiet_at_a_terminal_too() {
    let environment = Environment::with("wf.yaml", hello());
    let text = seen(environment.command(["submit", "--local", "wf.yaml", "-o", "name", "-q", "--name", "x"]), 0);
    assert_eq!(text, "workflow.argoproj.io/x\r\n");
}
