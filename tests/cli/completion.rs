//! The answers to `__complete`, which kubectl asks for through `kubectl_complete-runnable`.

use std::os::unix::fs::symlink;
use std::process::Command;

use crate::support::PROGRAM;
use crate::support::environment::Environment;
use crate::terminal::answered;
use crate::workflows::one_task;

fn answer(words: &[&str]) -> Vec<String> {
    let environment = Environment::with("wf.yaml", "");
    let output = environment.run(["__complete"].iter().chain(words));
    assert_eq!(output.stderr, "");
    output.result(0).lines().map(str::to_owned).collect()
}

/// The words without their descriptions, and the directive.
fn words(words: &[&str]) -> Vec<String> {
    answer(words).iter().map(|line| line.split('\t').next().unwrap_or_default().to_owned()).collect()
}

#[test]
fn commands() {
    assert_eq!(words(&["sub"]), ["submit", ":4"]);
    assert!(words(&[""]).contains(&"completion".to_owned()));
    assert!(!words(&[""]).contains(&"__complete".to_owned()));
}

#[test]
fn flags_with_their_help() {
    let lines = answer(&["submit", "--dry"]);
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert!(lines[0].starts_with("--dry-run\tOnly show"), "{lines:?}");
}

#[test]
fn values_of_flags() {
    assert_eq!(words(&["submit", "--dry-run="]), ["none", "client", "server", ":4"]);
    assert_eq!(words(&["submit", "-o", ""]), ["name", "json", "yaml", "wide", ":4"]);
    assert_eq!(words(&["submit", "-o", "j"]), ["json", ":4"]);
    assert_eq!(words(&["submit", "--memoize=o"]), ["off", ":4"]);
    assert_eq!(words(&["submit", "--name", ""]), [":4"]);
}

#[test]
fn files_are_the_shell_s_to_complete() {
    for line in [
        &["submit", ""][..],
        &["submit", "w"],
        &["submit", "/et"],
        &["submit", "wf.yaml", ""],
        &["submit", "-f", ""],
        &["submit", "--parameter-file=w"],
        &["submit", "--kubeconfig", "x"],
    ] {
        assert_eq!(words(line), [":0"], "{line:?}");
    }
}

#[test]
fn runs_of_the_place_that_the_line_names() {
    let environment = Environment::with("wf.yaml", one_task("name: etl-1", "true"));
    environment.run(["submit", "--local", "wf.yaml", "-q"]).result(0);
    environment.run(["submit", "--local", "wf.yaml", "-q", "--name", "other"]).result(0);
    environment.run(["submit", "--local", "wf.yaml", "-q", "-n", "team"]).result(0);
    let words = |line: &str| {
        let output = environment.run(["__complete"].into_iter().chain(line.split(' ')));
        let lines = output.result(0).lines().map(|line| line.split('\t').next().unwrap_or_default().to_owned());
        lines.collect::<Vec<_>>().join(" ")
    };
    for verb in ["retry", "status", "wait", "watch", "logs", "suspend", "resume", "stop", "terminate"] {
        let mut names: Vec<String> = words(&format!("{verb} --local ")).split(' ').map(str::to_owned).collect();
        names.sort();
        assert_eq!(names, [":4", "@latest", "etl-1", "other"], "{verb}");
    }
    assert_eq!(words("retry --local -n team "), "@latest etl-1 :4");
    assert_eq!(words("retry --local -n nobody "), ":4");
    assert_eq!(words("status --local other et"), "etl-1 :4");
    assert_eq!(words("retry --local @"), "@latest :4");
    assert_eq!(words("retry --local ./ru"), ":0");
    assert!(words("retry --local etl-1 --pl").starts_with("--plan"));
    // No cluster is to be had here: nothing is offered, and nothing said.
    assert_eq!(words("retry "), ":4");
}

const CHOICE: &str = "apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {name: choice}
spec:
  entrypoint: build
  arguments:
    parameters:
    - {name: date}
    - {name: stage, enum: [dev, prod]}
  templates:
  - {name: build, container: {image: busybox, command: ['true']}}
  - {name: test, container: {image: busybox, command: ['true']}}
";

#[test]
fn parameters_and_templates_of_the_files_on_the_line() {
    let environment = Environment::with("choice.yaml", CHOICE).file("broken.yaml", "a: [");
    let words = |line: &str| {
        let output = environment.run(["__complete"].into_iter().chain(line.split(' ')));
        assert_eq!(output.stderr, "");
        let lines = output.result(0).lines().map(|line| line.split('\t').next().unwrap_or_default().to_owned());
        lines.collect::<Vec<_>>().join(" ")
    };
    assert_eq!(words("submit choice.yaml -p "), "date= stage= stage=dev stage=prod :4");
    assert_eq!(words("submit choice.yaml -p da"), "date= :6");
    assert_eq!(words("submit choice.yaml -p date=1 -p d"), ":4");
    assert_eq!(words("submit choice.yaml -p stage=p"), "stage=prod :4");
    assert_eq!(words("submit choice.yaml --parameter=da"), "date= :6");
    assert_eq!(words("submit choice.yaml --entrypoint "), "build test :4");
    assert_eq!(words("submit broken.yaml --entrypoint "), ":4");
    assert_eq!(words("submit nowhere.yaml -p "), ":4");
}

#[test]
fn nodes_caches_and_namespaces_of_this_machine() {
    let environment = Environment::with("choice.yaml", CHOICE);
    let submit = ["submit", "--local", "choice.yaml", "-q", "-p", "date=1", "-p", "stage=dev", "-n", "team"];
    environment.run(submit.into_iter().chain(["--cache-name", "kept"])).result(0);
    let words = |line: &str| {
        let output = environment.run(["__complete"].into_iter().chain(line.split(' ')));
        let lines = output.result(0).lines().map(|line| line.split('\t').next().unwrap_or_default().to_owned());
        lines.collect::<Vec<_>>().join(" ")
    };
    assert_eq!(words("logs --local -n team choice "), "choice :4");
    assert_eq!(words("retry --local -n team choice --from c"), "choice :4");
    assert_eq!(words("cache inspect --local "), "kept :4");
    assert_eq!(words("list --local -n "), "team :4");
}

#[test]
fn contexts_of_the_kubeconfig() {
    let kubeconfig = "{contexts: [{name: blue, context: {cluster: c}}, {name: green, context: {cluster: c}}]}";
    let environment = Environment::with("config", kubeconfig).variable("KUBECONFIG", "config");
    let output = environment.run(["__complete", "submit", "--context", "g"]);
    assert_eq!(output.result(0), "green\t\n:4\n");
}

#[test]
fn completion_is_installed_where_shells_look_for_it() {
    let environment = Environment::new();
    std::fs::create_dir(environment.path("bin")).unwrap();
    std::fs::copy(PROGRAM, environment.path("bin/kubectl-runnable")).unwrap();
    let program = environment.path("bin/kubectl-runnable");
    let install = |shell: &str| {
        let mut command = environment.other(program.to_str().unwrap());
        command.args(["completion", shell, "--install"]);
        environment.finish(&mut command).result(0).to_owned()
    };
    for (shell, path) in [
        ("bash", ".local/share/bash-completion/completions/kubectl-runnable"),
        ("zsh", ".local/share/zsh/site-functions/_kubectl-runnable"),
        ("fish", ".config/fish/completions/kubectl-runnable.fish"),
        ("elvish", ".config/elvish/lib/kubectl-runnable.elv"),
        ("powershell", ".config/powershell/kubectl-runnable.ps1"),
    ] {
        install(shell);
        let script = environment.run(["completion", shell]).result(0).to_owned();
        assert_eq!(std::fs::read_to_string(environment.path(path)).unwrap(), script, "{shell}");
    }
    let complete = environment.path("bin/kubectl_complete-runnable");
    let path = format!("{}:{}", environment.path("bin").display(), std::env::var("PATH").unwrap());
    let output = Command::new(complete).args(["submit", "-o", "j"]).env("PATH", path).output().unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap().lines().last(), Some(":4"));

    let of_user = Environment::new().variable("SHELL", "/bin/tcsh");
    insta::assert_snapshot!("the_shell_of_the_user", of_user.run(["completion", "--install"]));
}

#[test]
fn kubectl_s_executable_asks_the_program() {
    let environment = Environment::new();
    symlink(PROGRAM, environment.path("kubectl-runnable")).unwrap();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/completions/kubectl_complete-runnable");
    let path = format!("{}:{}", environment.path("").display(), std::env::var("PATH").unwrap());
    let output = Command::new(script).args(["submit", "-o", "j"]).env("PATH", path).output().unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap().lines().last(), Some(":4"));
    assert!(output.status.success());
}

/// A line, and what the shell makes of it when the last word is completed.
const LINES: &[(&str, &str)] = &[
    ("subm", "submit"),
    ("submit --loc", "--local"),
    ("submit --dry-run=cl", "client"),
    ("submit -o js", "json"),
    ("worktree in", "init"),
    ("worktree init --reu", "--reuse"),
    ("completion ba", "bash"),
    ("submit unus", "unusual.yaml"),
    ("submit --parameter-file=unus", "unusual.yaml"),
];

/// The program on the PATH of a shell, in a directory with a file.
fn shell(environment: &Environment, words: &[&str]) -> String {
    let program = environment.path("bin/kubectl-runnable");
    if !program.exists() {
        std::fs::create_dir(environment.path("bin")).unwrap();
        symlink(PROGRAM, &program).unwrap();
    }
    let path = format!("{}:{}", environment.path("bin").display(), std::env::var("PATH").unwrap());
    let mut command = Command::new(words[0]);
    command.args(&words[1..]).current_dir(environment.path("")).env("PATH", path).env("HOME", environment.path(""));
    command.env("TERM", "dumb").env_remove("ZDOTDIR").env_remove("BASH_ENV").stdin(std::process::Stdio::null());
    let output = command.output().unwrap_or_else(|error| panic!("{} is needed: {error}", words[0]));
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// At a prompt: only there does readline break words as it does, and complete file names where we give none.
#[test]
fn bash_completes_at_every_depth() {
    let environment = Environment::with("unusual.yaml", "");
    shell(&environment, &["true"]);
    for (line, wanted) in LINES {
        let path = format!("{}:{}", environment.path("bin").display(), std::env::var("PATH").unwrap());
        let mut bash = Command::new("bash");
        bash.args(["--norc", "--noprofile", "-i"]).current_dir(environment.path("")).env("PATH", path);
        bash.env("HOME", environment.path("")).env("PS1", "y/N] ").env("INPUTRC", "/dev/null");
        let load = "source <(kubectl-runnable completion bash); bind 'set enable-bracketed-paste off'\n";
        // The word is completed, and what then stands on the line is printed instead of run.
        let typed = format!("kubectl-runnable {line}\t\u{1}printf '<%s>' \n");
        let text = answered(bash, &[load, &typed, "exit 0\n"], 0);
        assert!(text.contains(&format!("{wanted}>")), "{line}: {text:?}");
    }
}

#[test]
fn zsh_completes_at_every_depth() {
    let environment = Environment::with("unusual.yaml", "");
    // A widget completes the word and says what stands on the line then.
    let widget = "autoload -Uz compinit; compinit -u -D; source =(kubectl-runnable completion zsh); \
                  say() { zle complete-word; print -r -- \"<$BUFFER>\" >said; exit }; zle -N say; bindkey '^T' say";
    let prepared = environment.path("prepared");
    std::fs::write(&prepared, widget).unwrap();
    for (line, wanted) in LINES {
        let script = format!(
            "zmodload zsh/zpty; rm -f said; zpty z zsh -f -i; zpty -w z 'source ./prepared'; \
             zpty -w -n z 'kubectl-runnable {line}'$'\\C-t'; \
             while [[ ! -s said ]]; do zpty -r -t z dropped || zselect -t 5 2>/dev/null || sleep 0.05; done; cat said"
        );
        let text = shell(&environment, &["zsh", "-f", "-c", &script]);
        let beginning = line.rsplit_once([' ', '=']).map_or("", |(before, _)| &line[..=before.len()]);
        assert_eq!(text.trim().trim_end_matches('>').trim_end(), format!("<kubectl-runnable {beginning}{wanted}"));
    }
}

#[test]
fn fish_completes_at_every_depth() {
    let environment = Environment::with("unusual.yaml", "");
    for (line, wanted) in LINES {
        let script = format!(
            "source (kubectl-runnable completion fish | psub); complete --do-complete 'kubectl-runnable {line}'"
        );
        let text = shell(&environment, &["fish", "--no-config", "-c", &script]);
        let word = line.rsplit(' ').next().unwrap_or_default();
        let flag = word.split_once('=').map_or(String::new(), |(flag, _)| format!("{flag}="));
        let words: Vec<&str> = text.lines().map(|line| line.split('\t').next().unwrap_or_default()).collect();
        assert!(words.contains(&format!("{flag}{wanted}").as_str()), "{line}: {text}");
    }
}

/// The completer itself, which elvish has only at a terminal: from there its file of commands calls it.
#[test]
fn elvish_completes_at_every_depth() {
    let environment = Environment::with("unusual.yaml", "");
    shell(&environment, &["true"]);
    let library = environment.path(".config/elvish/lib");
    std::fs::create_dir_all(&library).unwrap();
    let script = shell(&environment, &["kubectl-runnable", "completion", "elvish"]);
    std::fs::write(library.join("kubectl-runnable.elv"), script).unwrap();
    for (line, wanted) in LINES {
        let words: Vec<String> = line.split(' ').map(|word| format!("'{word}'")).collect();
        let said = format!(
            "use kubectl-runnable\nfor one [($edit:completion:arg-completer[kubectl-runnable] kubectl-runnable {})] \
             {{ if (eq (kind-of $one) string) {{ echo '<'$one'>' }} else {{ echo '<'$one[stem]'>' }} }}\nexit 0\n",
            words.join(" ")
        );
        std::fs::write(environment.path(".config/elvish/rc.elv"), said).unwrap();
        let path = format!("{}:{}", environment.path("bin").display(), std::env::var("PATH").unwrap());
        let mut elvish = Command::new("elvish");
        elvish.current_dir(environment.path("")).env("PATH", path).env("HOME", environment.path(""));
        elvish.env_remove("XDG_CONFIG_HOME");
        let text = answered(elvish, &[], 0);
        let word = line.rsplit(' ').next().unwrap_or_default();
        let flag = word.split_once('=').map_or(String::new(), |(flag, _)| format!("{flag}="));
        assert!(text.contains(&format!("<{flag}{wanted}>")), "{line}: {text:?}");
    }
}

#[test]
fn a_shell_that_does_not_exist() {
    insta::assert_snapshot!(Environment::new().run(["completion", "csh"]));
}
