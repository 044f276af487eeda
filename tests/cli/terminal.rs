//! What a person at a terminal sees: colours, and a tree that is drawn again and again.

use std::fs::File;
use std::io::{Read, Write};
use std::process::{Child, Command, Stdio};

use console::strip_ansi_codes;
use nix::pty::{Winsize, openpty};
use nix::sys::termios::{LocalFlags, SetArg, tcgetattr, tcsetattr};

use crate::support::environment::Environment;
use crate::workflows::{hello, one_task};

const WIDTH: u16 = 44;
const HEIGHT: u16 = 12;

/// Runs a command at a terminal of its own; gives all that was written to it.
fn seen(command: Command, code: i32) -> String {
    answered(command, &[], code)
}

/// The same, with a key for each of its questions.
pub(crate) fn answered(mut command: Command, keys: &[&str], code: i32) -> String {
    let size = Winsize { ws_row: HEIGHT, ws_col: WIDTH, ws_xpixel: 0, ws_ypixel: 0 };
    let terminal = openpty(Some(&size), None).unwrap();
    // Control-C, pressed before the program listens, waits for it like any key.
    let mut modes = tcgetattr(&terminal.slave).unwrap();
    modes.local_flags.remove(LocalFlags::ISIG);
    tcsetattr(&terminal.slave, SetArg::TCSANOW, &modes).unwrap();
    command.env("TERM", "xterm").stdin(Stdio::from(terminal.slave.try_clone().unwrap()));
    command.stdout(Stdio::from(terminal.slave.try_clone().unwrap())).stderr(Stdio::from(terminal.slave));
    let mut child: Child = command.spawn().unwrap();
    // The terminal is closed when nobody has it open for writing any more.
    drop(command);
    let mut written = Vec::new();
    let mut screen = File::from(terminal.master);
    let mut keys = keys.iter();
    let mut buffer = [0; 4096];
    let mut asked = 0;
    // Linux says EIO at the end.
    while let Ok(length @ 1..) = screen.read(&mut buffer) {
        written.extend_from_slice(&buffer[..length]);
        let questions = ["y/N] ", "Y/n] "].map(|sign| String::from_utf8_lossy(&written).matches(sign).count());
        for key in keys.by_ref().take(questions.iter().sum::<usize>() - asked) {
            screen.write_all(key.as_bytes()).unwrap();
            asked += 1;
        }
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
    assert!(drawings.iter().any(|drawing| drawing.contains(" more")), "a wide fan-out is folded: {text:?}");
    // Lines are filled up to the right edge: one that were too long would shift those below.
    let lines = drawings.iter().flat_map(|drawing| rows(drawing));
    for line in lines {
        assert!(["● fan", "├─ ", "└─ ", "… "].iter().any(|sign| line.starts_with(sign)), "{line:?}");
    }
    // The last that is left is the result.
    let end = pieces(&text);
    assert_eq!(
        end.iter().rfind(|piece| !piece.trim().is_empty()).map(|piece| piece.trim()),
        Some("workflow.argoproj.io/fan")
    );
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
