//! What is generated from the command line's definition: the reference. A file that differs fails;
//! `UPDATE_GENERATED=1 cargo test --test generated` writes it again.

#![allow(clippy::unwrap_used, missing_docs)]

use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::process::Command as Process;

use clap::builder::PossibleValue;
use clap::{Arg, ArgAction, Command};
use kubectl_runnable::testing::bundle::RIGHTS;

const UPDATE: &str = "UPDATE_GENERATED";

/// The definition with everything that clap adds to it by itself, such as help.
fn program() -> Command {
    let mut program = kubectl_runnable::testing::cli::command();
    program.build();
    program
}

fn assert_generated(path: &str, text: &str) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    if std::env::var_os(UPDATE).is_some() {
        fs::write(&file, text).unwrap();
        return;
    }
    let written = fs::read_to_string(&file).unwrap_or_default();
    assert!(written == text, "{path} is not what the command line's definition gives; run with {UPDATE}=1 to write it");
}

/// The scripts of these shells are the files themselves; tests/cli/completion.rs tries them in the shells.
#[test]
fn completion_scripts_are_legal_and_printed() {
    for (shell, path, check) in [
        ("bash", "completions/kubectl-runnable.bash", Some("-n")),
        ("zsh", "completions/_kubectl-runnable", Some("-n")),
        ("fish", "completions/kubectl-runnable.fish", Some("-n")),
        // Its compiler does not know the editor's names outside a terminal; tests/cli/completion.rs tries it.
        ("elvish", "completions/kubectl-runnable.elv", None),
        // The project's CI tries it in PowerShell.
        ("powershell", "completions/kubectl-runnable.ps1", None),
    ] {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
        if let Some(check) = check {
            assert!(Process::new(shell).arg(check).arg(&script).status().unwrap().success(), "{path}");
        }

        let mut program = Process::new(env!("CARGO_BIN_EXE_kubectl-runnable"));
        let output = program.args(["completion", shell]).output().unwrap();
        let text = fs::read_to_string(&script).unwrap();
        assert_eq!(
            (output.status.code(), String::from_utf8(output.stdout).unwrap()),
            (Some(0), text.clone()),
            "{path}"
        );
        assert!(text.contains("__complete"), "{path} asks the program");
    }
}

#[test]
fn the_reference() {
    let mut text = String::from(
        "# Command line\n\nGenerated from the program's own definition (`tests/generated.rs`); do not edit.\n\
         How commands end is in [exit-codes.md](exit-codes.md).\n",
    );
    for (name, command) in verbs(&program(), "kubectl runnable") {
        describe(&mut text, &name, command);
    }
    text.push_str(ENVIRONMENT);
    assert_generated("docs/cli.md", &text);
}

const ENVIRONMENT: &str = "
## Environment

| variable | meaning |
|---|---|
| `KUBECONFIG` | kubeconfig files, as kubectl reads them; `--kubeconfig` takes precedence |
| `ARGO_NAMESPACE` | the namespace; `-n` takes precedence |
| `RUNNABLE_BACKEND`, `RUNNABLE_NAMESPACE`, `RUNNABLE_STORE`, `RUNNABLE_WORKTREES`, `RUNNABLE_MAX_TASKS`, `RUNNABLE_KEEP`, `RUNNABLE_NOTIFY` | defaults for flags: [configuration.md](configuration.md) |
| `XDG_CONFIG_HOME` | the file of settings is `$XDG_CONFIG_HOME/kubectl-runnable/config.yaml`; else `~/.config/kubectl-runnable/config.yaml` |
| `ARGO_SERVER`, `ARGO_BASE_HREF`, `ARGO_SECURE`, `ARGO_INSECURE_SKIP_VERIFY` | argo-server, for `archive` and `open`; flags take precedence |
| `ARGO_TOKEN` | the header `Authorization` for argo-server, as `argo auth token` prints it |
| `HTTPS_PROXY`, `HTTP_PROXY`, `NO_PROXY` | proxies for the connection to the cluster |
| `RUNNABLE_STORE` | the store of `exec`, and of the caches of local runs; `--store` takes precedence |
| `RUNNABLE_STORE_ENDPOINT`, `RUNNABLE_STORE_REGION`, `RUNNABLE_STORE_PATH_STYLE` | how a bucket is reached; the address takes precedence |
| `RUNNABLE_STORE_ACCESS_KEY_ID`, `RUNNABLE_STORE_SECRET_ACCESS_KEY`, `RUNNABLE_STORE_SESSION_TOKEN` | credentials of a bucket; else `AWS_*`, with profiles |
| `RUNNABLE_TERMINATION_LOG` | where `exec` writes why it could not run a command; in a pod `/dev/termination-log` |
| `RUNNABLE_HOME` | where local runs are kept; else `$XDG_STATE_HOME/kubectl-runnable`, else `~/.local/state/kubectl-runnable` |
| `XDG_DATA_HOME` | without `/work`, worktrees are made in `$XDG_DATA_HOME/kubectl-runnable/worktrees`; else in `~/.local/share/kubectl-runnable/worktrees` |
| `RUNNABLE_LOG`, `RUST_LOG` | what the program logs to standard error, such as `debug` or `kubectl_runnable=debug`; takes precedence over `-v` |
| `NO_COLOR` | disables colour, which is used only on a terminal |
";

fn subcommands(command: &Command) -> impl Iterator<Item = &Command> {
    command.get_subcommands().filter(|command| !command.is_hide_set() && command.get_name() != "help")
}

/// The verbs with their full names; of one that is made of others, these.
fn verbs<'a>(command: &'a Command, name: &str) -> Vec<(String, &'a Command)> {
    let below = subcommands(command).map(|command| (format!("{name} {}", command.get_name()), command));
    let of = |(name, command): (String, &'a Command)| match verbs(command, &name) {
        none if none.is_empty() => vec![(name, command)],
        below => below,
    };
    below.flat_map(of).collect()
}

fn describe(text: &mut String, name: &str, command: &Command) {
    let about = command.get_about().map(ToString::to_string).unwrap_or_default();
    let usage = command.clone().bin_name(name).render_usage().to_string();
    let usage = usage.trim_start_matches("Usage: ");
    write!(text, "\n## {name}\n\n{about}.\n\n```\n{usage}\n```\n").unwrap();
    let positionals: Vec<&Arg> = command.get_positionals().collect();
    table(text, "Arguments", &positionals);
    for heading in headings(command) {
        let below: Vec<&Arg> = flags(command).filter(|flag| flag.get_help_heading() == heading).collect();
        table(text, heading.unwrap_or("Options"), &below);
    }
    if let Some(examples) = command.get_after_help() {
        let examples = examples.to_string();
        let examples: Vec<&str> = examples
            .trim_start_matches("Examples:\n")
            .lines()
            .map(|line| line.strip_prefix("  ").unwrap_or(line))
            .collect();
        write!(text, "\n### Examples\n\n```sh\n{}\n```\n", examples.join("\n")).unwrap();
    }
}

fn flags(command: &Command) -> impl Iterator<Item = &Arg> {
    command.get_arguments().filter(|argument| !argument.is_positional())
}

/// The headings in the order of the flags, each once.
fn headings(command: &Command) -> Vec<Option<&str>> {
    let mut headings = Vec::new();
    for heading in flags(command).map(Arg::get_help_heading) {
        if !headings.contains(&heading) {
            headings.push(heading);
        }
    }
    headings
}

fn table(text: &mut String, title: &str, arguments: &[&Arg]) {
    let shown: Vec<&&Arg> = arguments.iter().filter(|argument| !argument.is_hide_set()).collect();
    if shown.is_empty() {
        return;
    }
    write!(text, "\n### {title}\n\n| | |\n|---|---|\n").unwrap();
    for argument in shown {
        writeln!(text, "| {} | {} |", synopsis(argument), meaning(argument)).unwrap();
    }
}

/// `-o`, `--output FORMAT`, as the flag is written.
fn synopsis(argument: &Arg) -> String {
    let takes_value = argument.get_action().takes_values();
    let names: Vec<String> = argument.get_value_names().into_iter().flatten().map(ToString::to_string).collect();
    let value = names.join(" ");
    if argument.is_positional() {
        return format!("`{value}`");
    }
    let value = match (takes_value, argument.is_require_equals_set()) {
        (false, _) => String::new(),
        (true, true) => format!("[={value}]"),
        (true, false) => format!(" {value}"),
    };
    let short = argument.get_short().map(|short| format!("`-{short}`, ")).unwrap_or_default();
    format!("{short}`--{}{value}`", argument.get_long().unwrap_or_default()).replace('|', "\\|")
}

fn meaning(argument: &Arg) -> String {
    let mut parts = vec![argument.get_help().map(ToString::to_string).unwrap_or_default()];
    let values = argument.get_possible_values();
    if argument.get_action().takes_values() && !argument.is_hide_possible_values_set() && !values.is_empty() {
        let values: Vec<String> = values.iter().filter(|value| !value.is_hide_set()).map(possible).collect();
        parts.push(format!("One of {}", values.join("; ")));
    }
    let defaults: Vec<String> =
        argument.get_default_values().iter().map(|value| format!("`{}`", value.to_string_lossy())).collect();
    if argument.get_action().takes_values() && !defaults.is_empty() {
        parts.push(format!("Default: {}", defaults.join(", ")));
    }
    if let Some(variable) = argument.get_env() {
        parts.push(format!("Also from `{}`", variable.to_string_lossy()));
    }
    let says_so = parts.iter().any(|part| part.contains("repeatable"));
    if matches!(argument.get_action(), ArgAction::Append) && !argument.is_positional() && !says_so {
        parts.push("May be given several times".to_owned());
    }
    parts
        .iter()
        .map(|part| format!("{}.", part.trim_end_matches('.')))
        .collect::<Vec<_>>()
        .join(" ")
        .replace('|', "\\|")
}

fn possible(value: &PossibleValue) -> String {
    let help = value.get_help().map(|help| format!(": {help}")).unwrap_or_default();
    format!("`{}`{}", value.get_name(), help.trim_end_matches('.'))
}

/// Everything that a user can type has a word of help; a command has examples.
#[test]
fn nothing_is_without_help() {
    for (name, command) in verbs(&program(), "runnable") {
        assert!(command.get_about().is_some(), "{name}");
        assert!(command.get_after_help().is_some_and(|help| help.to_string().starts_with("Examples:\n")), "{name}");
        for argument in command.get_arguments() {
            assert!(argument.get_help().is_some_and(|help| !help.to_string().is_empty()), "{name} {argument}");
        }
    }
}

/// The help and docs/exit-codes.md name the same codes, in the same order.
#[test]
fn every_exit_code_is_documented() {
    let help = program().get_after_help().map(ToString::to_string).unwrap_or_default();
    let named: Vec<&str> = help.split([' ', ':']).filter(|word| word.parse::<u8>().is_ok()).collect();
    let document = include_str!("../docs/exit-codes.md");
    let rows = document.lines().filter_map(|line| line.strip_prefix("| ")?.split(" |").next());
    let documented: Vec<&str> = rows.filter(|cell| cell.parse::<u8>().is_ok()).collect();
    assert_eq!(named, documented);
    assert_eq!(named, ["0", "1", "2", "3", "4", "5", "6", "7", "130"]);
}

/// docs/argo-flags.md: a section for each verb of argo, a row for each flag; what it names of ours is there.
#[test]
fn every_verb_and_flag_of_argo_has_its_place() {
    let document = include_str!("../docs/argo-flags.md");
    let mut sections: Vec<(&str, Vec<&str>, Vec<String>)> = Vec::new();
    for line in document.lines() {
        if let Some(verb) = line.strip_prefix("## ") {
            sections.push((verb, Vec::new(), Vec::new()));
        } else if let (Some((_, flags, said)), Some(row)) = (sections.last_mut(), line.strip_prefix("| `--")) {
            let (flag, here) = row.split_once("` | ").unwrap_or_else(|| panic!("{line}"));
            flags.push(flag);
            said.push(here.trim_end_matches(" |").to_owned());
        } else if let Some((_, _, said)) = sections.last_mut()
            && !line.is_empty()
            && !line.starts_with('|')
        {
            said.push(line.to_owned());
        }
    }
    let written: Vec<(&str, Vec<&str>)> = sections.iter().map(|(verb, flags, _)| (*verb, flags.clone())).collect();
    let fixture = include_str!("fixtures/argo-flags.txt").lines().filter(|line| !line.starts_with('#'));
    let of_argo = fixture.map(|line| line.split_once(':').unwrap());
    let of_argo: Vec<(&str, Vec<&str>)> =
        of_argo.map(|(verb, flags)| (verb, flags.split_whitespace().collect())).collect();
    assert_eq!(written, of_argo);

    let program = program();
    let code = regex::Regex::new("`([^`]+)`").unwrap();
    for (verb, _, said) in &sections {
        for text in said {
            assert!(text.strip_prefix("not offered: ").is_none_or(|why| why.len() > 10), "{verb}: {text}");
            for named in code.captures_iter(text) {
                is_ours(&program, &named[1]).unwrap_or_else(|why| panic!("{verb}: {text}: {why}"));
            }
        }
    }
}

/// Whether the words are verbs of the program and flags of the last of them. What begins otherwise is no command.
fn is_ours(program: &Command, words: &str) -> Result<(), String> {
    let mut command = program;
    let mut words = words.split(' ').peekable();
    while let Some(below) = words.peek().and_then(|word| command.find_subcommand(word)) {
        command = below;
        words.next();
    }
    if std::ptr::eq(command, program) {
        return Ok(());
    }
    for word in words.filter(|word| word.starts_with('-')) {
        let flag = word.split('=').next().unwrap_or(word);
        let knows = command.get_arguments().any(|arg| {
            let long = arg.get_long().map(|long| format!("--{long}"));
            let short = arg.get_short().map(|short| format!("-{short}"));
            long.as_deref() == Some(flag)
                || short.is_some_and(|short| flag.trim_end_matches('v') == short.trim_end_matches('v'))
        });
        if !knows {
            return Err(format!("{} has no flag {flag}", command.get_name()));
        }
    }
    Ok(())
}

/// A manual page for each command; the release takes them from the directory that RUNNABLE_MAN names.
#[test]
fn manual_pages() {
    let scratch = assert_fs::TempDir::new().unwrap();
    let directory = std::env::var_os("RUNNABLE_MAN").map_or_else(|| scratch.path().to_owned(), Into::into);
    fs::create_dir_all(&directory).unwrap();
    clap_mangen::generate_to(kubectl_runnable::testing::cli::command().bin_name("kubectl-runnable"), &directory)
        .unwrap();
    for name in ["kubectl-runnable", "kubectl-runnable-submit", "kubectl-runnable-semaphore-set"] {
        let page = fs::read_to_string(directory.join(name).with_extension("1")).unwrap();
        assert!(page.contains(".SH NAME") && page.contains(".SH OPTIONS"), "{name}: {page}");
    }
}

/// The rights of each verb, from the table that `bundle install rbac --verbs` installs from.
#[test]
fn the_least_rights_are_documented() {
    let mut text = String::from(PERMISSIONS);
    for rights in RIGHTS {
        for (place, rule) in rights.rules.iter().enumerate() {
            let verb = if place == 0 { format!("`{}`", rights.verb) } else { String::new() };
            let group = if rule.group.is_empty() { "core" } else { rule.group };
            let scope = if rule.cluster { "cluster" } else { "namespace" };
            let without = rule.without.unwrap_or("**fails**");
            let verbs = rule.verbs.join(", ");
            writeln!(text, "| {verb} | {group} | {} | {verbs} | {scope} | {without} |", rule.resource).unwrap();
        }
    }
    assert_generated("docs/permissions.md", &text);
}

const PERMISSIONS: &str = "# Least rights

What each verb may need to do on a cluster. A test runs each verb with exactly these rules on a real API server: it fails where one is
missing, and where one is superfluous.

```sh
kubectl runnable bundle install rbac --verbs submit,wait,logs -n ci
kubectl create rolebinding alice --role=runnable-user --user=alice -n ci
```

The first command installs a Role with the rules of these verbs in the namespace (those marked *cluster* are left out, for they take a
ClusterRole), an account `runnable-user` and a RoleBinding; `--verbs 'submit --wait'` takes one form of a verb, `--verbs submit` all of them. `doctor`
asks the cluster for what the verbs cannot do without. A refused request ends with exit code 1 and the missing rule, ready to paste.

Where a rule is optional, the last column says what the verb does without it. `submit --owner` needs `get` on the kind of the owner. Everyone
may ask who he is and which kinds there are, so no rule allows that.

| verb | API group | resource | verbs | scope | without |
|---|---|---|---|---|---|
";
