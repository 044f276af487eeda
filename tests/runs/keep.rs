//! The room that runs of this machine take: all is kept, unless there is a limit.

use std::fs::File;

use crate::support::environment::Environment;
use crate::support::output::Output;

fn submit(home: &Environment, name: &str, script: &str, more: &[&str]) -> Output {
    home.submit(name, script, &[&["--cache-name", name], more].concat())
}

fn names(home: &Environment) -> Vec<String> {
    let mut names = home.runs();
    names.sort();
    names
}

fn caches(home: &Environment) -> Vec<String> {
    home.run(["cache", "list", "--local", "-o", "name"]).good().lines().map(str::to_owned).collect()
}

#[test]
fn with_a_limit_the_oldest_go_and_the_latest_attempt_of_one_that_failed_stays() {
    let home = Environment::new().variable("RUNNABLE_KEEP", "2");
    let fails_first = "test -n \"$RUNNABLE_RETRY_RUN_ID\"";
    assert_eq!(submit(&home, "one", "true", &[]).code, Some(0));
    assert_eq!(submit(&home, "two", fails_first, &[]).code, Some(3));
    assert_eq!(names(&home), ["one", "two"]);
    assert_eq!(submit(&home, "three", "true", &[]).code, Some(0));
    assert_eq!(
        (names(&home), caches(&home)),
        (vec!["three".to_owned(), "two".to_owned()], vec!["three".to_owned(), "two".to_owned()])
    );
    assert_eq!(submit(&home, "four", "true", &[]).code, Some(0));
    assert_eq!(
        (names(&home), caches(&home)),
        (vec!["four".to_owned(), "two".to_owned()], vec!["four".to_owned(), "two".to_owned()])
    );

    let again = home.run(["retry", "--local", "two"]);
    assert_eq!(again.code, Some(0), "its entries are still there: {again:?}");
    assert!(again.stderr.contains("note: 1 old run and 0 caches were removed: no more is kept"), "{again:?}");
    assert!(names(&home).len() == 2 && !names(&home).contains(&"two".to_owned()), "{:?}", names(&home));
    let all = home.submit("five", "true", &["--keep", "9"]);
    assert!(all.code == Some(0) && names(&home).len() == 3, "the flag goes before the variable: {all:?}");
}

#[test]
fn a_limit_of_bytes_counts_caches_too() {
    let home = Environment::new();
    for name in ["one", "two"] {
        assert_eq!(submit(&home, name, "true", &[]).code, Some(0));
    }
    File::create(home.path("state/cache/one/big")).unwrap().set_len(3_000_000_000).unwrap();
    let enough = submit(&home, "three", "true", &["--keep", "4GB"]);
    assert_eq!((enough.code, names(&home).len()), (Some(0), 3));
    let fewer = submit(&home, "four", "true", &["--keep", "20,2GB"]);
    assert_eq!(
        (fewer.code, names(&home)),
        (Some(0), ["four", "three", "two"].map(str::to_owned).to_vec()),
        "{fewer:?}"
    );
    submit(&home, "five", "true", &["--keep", "many"])
        .fails(2, &["--keep", "expected a number of runs, a size or both"]);
}

#[test]
fn much_is_told_and_nothing_removed() {
    let home = Environment::new();
    std::fs::create_dir_all(home.path("state/cache/old")).unwrap();
    let big = home.path("state/cache/old/big");
    File::create(&big).unwrap().set_len(10_000_000_001).unwrap();
    let file = home.script_file("one", "true");
    let told = || home.run(["submit", "--local", &file, "--name", &format!("w{}", home.runs().len())]);
    // What was made a moment ago is not measured.
    let young = told();
    assert!(young.code == Some(0) && !young.stderr.contains("10 GB"), "{young:?}");
    // Made long ago, for all that this tells.
    std::fs::write(home.path("state/.measured"), "").unwrap();
    for _ in 0..2 {
        let told = told();
        assert!(told.code == Some(0) && told.stderr.contains("take more than 10 GB"), "{told:?}");
    }
    assert_eq!(home.runs().len(), 3);
    std::fs::remove_file(&big).unwrap();
    let silent = told();
    assert!(silent.code == Some(0) && !silent.stderr.contains("10 GB"), "{silent:?}");
}
