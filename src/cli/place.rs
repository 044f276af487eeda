//! Where a command looks, said again in the commands that hints name: without it they would look elsewhere, and a hint would
//! lead to another error.

use std::ffi::OsStr;
use std::sync::OnceLock;

use clap::ArgMatches;
use clap::parser::ValueSource;

/// How a command of this program begins in a text.
const PROGRAM: &str = "kubectl runnable ";
/// What stands behind a command in a hint.
const SAYS: [&str; 6] = ["shows", "ends", "removes", "runs", "fixes", "restores"];
/// Verbs that look at no run and no cluster.
const ELSEWHERE: [&str; 4] = ["worktree", "lint", "completion", "config"];
/// The flags that say where, each with its value where it has one.
const FLAGS: [(&str, &str); 5] = [
    ("local", "--local"),
    ("namespace", "-n"),
    ("context", "--context"),
    ("kubeconfig", "--kubeconfig"),
    ("root", ROOT),
];
/// Where the verbs of worktrees look, and no other verb.
const ROOT: &str = "--root";
/// Where the verbs of the archive look besides.
const SERVER: [(&str, &str); 2] = [("argo_server", "--argo-server"), ("argo_base_href", "--argo-base-href")];

static GIVEN: OnceLock<Given> = OnceLock::new();

/// The flags that were typed.
#[derive(Debug, Default)]
struct Given {
    place: String,
    server: String,
}

/// Remembers the flags that were typed.
pub(super) fn note(matches: &ArgMatches) {
    let mut verb = matches;
    while let Some((_, inner)) = verb.subcommand() {
        verb = inner;
    }
    let typed = |flags: &[(&str, &str)]| typed(verb, flags).join(" ");
    // A second command in one process would be a test's.
    let _ = GIVEN.set(Given { place: typed(&FLAGS), server: typed(&SERVER) });
}

fn typed(verb: &ArgMatches, flags: &[(&str, &str)]) -> Vec<String> {
    let typed = flags.iter().filter_map(|(id, flag)| {
        verb.try_contains_id(id).ok().filter(|there| *there)?;
        (verb.value_source(id) == Some(ValueSource::CommandLine)).then_some(())?;
        if *id == "local" {
            return (verb.get_one::<bool>(id) == Some(&true)).then(|| (*flag).to_owned());
        }
        let value = verb.get_raw(id)?.next().and_then(OsStr::to_str).filter(|value| is_plain(value))?;
        Some(format!("{flag} {value}"))
    });
    typed.collect()
}

/// A shell takes it for one word.
fn is_plain(value: &str) -> bool {
    !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_./:@".contains(&byte))
}

/// The text with these flags in each command of this program that it names.
pub(super) fn here(text: &str) -> String {
    GIVEN.get().map_or_else(|| text.to_owned(), |given| with_flags(text, &given.place, &given.server))
}

fn with_flags(text: &str, flags: &str, server: &str) -> String {
    let mut parts = text.split(PROGRAM);
    let mut said = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        said.push_str(PROGRAM);
        let (command, rest) = part.split_at(end_of_command(part));
        let is_elsewhere = ELSEWHERE.iter().any(|verb| command.starts_with(verb));
        let is_meant = if flags.starts_with(ROOT) { command.starts_with("worktree") } else { !is_elsewhere };
        said.push_str(command);
        if !flags.is_empty() && is_meant && !command.contains("--local") {
            said.push(' ');
            said.push_str(flags);
        }
        if !server.is_empty() && command.starts_with("archive") {
            said.push(' ');
            said.push_str(server);
        }
        said.push_str(rest);
    }
    said
}

/// Where a command ends: at the word that says what it does, or at a sign.
fn end_of_command(text: &str) -> usize {
    let signs = text.match_indices([',', ';', ':', '`']).map(|(at, _)| at);
    let words = SAYS.iter().filter_map(|word| text.find(&format!(" {word}")));
    signs.chain(words).min().unwrap_or(text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_in_a_hint_looks_where_the_command_has_looked() {
        for (text, expected) in [
            ("kubectl runnable status etl --all shows", "kubectl runnable status etl --all --local shows"),
            ("wait; kubectl runnable status: it", "wait; kubectl runnable status --local: it"),
            ("kubectl runnable cache delete c: a new one", "kubectl runnable cache delete c --local: a new one"),
            ("kubectl runnable cache list --local shows", "kubectl runnable cache list --local shows"),
            ("kubectl runnable worktree cleanup --gc", "kubectl runnable worktree cleanup --gc"),
            ("run kubectl runnable retry", "run kubectl runnable retry --local"),
            ("add --force", "add --force"),
        ] {
            assert_eq!(with_flags(text, "--local", ""), expected);
            assert_eq!(with_flags(text, "", "--argo-server argo:2746"), text);
        }
        for (command, expected) in [("worktree cleanup", "worktree cleanup --root w"), ("retry", "retry")] {
            assert_eq!(with_flags(&format!("{PROGRAM}{command}"), "--root w", ""), format!("{PROGRAM}{expected}"));
        }
        assert_eq!(
            with_flags("kubectl runnable archive list shows", "-n ci", "--argo-server argo:2746"),
            "kubectl runnable archive list -n ci --argo-server argo:2746 shows"
        );
        assert!(is_plain("team-a") && !is_plain("a b") && !is_plain(""));
    }
}
