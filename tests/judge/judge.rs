//! Argo's validator and its engine, two programs in the directory that `ARGO_JUDGE` names.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use super::player::Ends;

pub(crate) struct Judge(PathBuf);

impl Judge {
    #[track_caller]
    pub(crate) fn find() -> Self {
        let directory = std::env::var_os("ARGO_JUDGE").map(PathBuf::from);
        Self(directory.expect("ARGO_JUDGE names the directory with Argo's `validate` and `engine`"))
    }

    /// Why Argo refuses each of these files; none where it accepts it.
    pub(crate) fn verdicts(&self, files: &[PathBuf]) -> Vec<Option<String>> {
        let output = Command::new(self.0.join("validate")).args(files).output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let mut refusals: HashMap<&str, String> = HashMap::new();
        let mut file = "";
        for line in text.lines() {
            // What Argo says may go over several lines.
            let said =
                match files.iter().filter_map(|file| file.to_str()).find(|file| line.starts_with(&format!("{file}: ")))
                {
                    Some(of) => {
                        file = of;
                        &line[of.len() + 2..]
                    }
                    None => line,
                };
            let refusal = refusals.entry(file).or_default();
            if said != "<nil>" {
                refusal.push_str(said);
            }
        }
        let mut verdict = |file: &PathBuf| refusals.remove(file.to_str()?).filter(|refusal| !refusal.is_empty());
        files.iter().map(&mut verdict).collect()
    }

    /// The workflows as Argo's controller leaves them; none where it cannot play one.
    pub(crate) fn runs(&self, files: &[PathBuf], ends: Ends) -> Vec<Option<Value>> {
        let cases = files.iter().map(|file| file.to_string_lossy().into_owned()).collect::<Vec<_>>().join(" ");
        let mut engine = Command::new(self.0.join("engine"));
        engine.args(["-test.run", "TestJudge", "-test.timeout", "900s"]).env("CASES", cases).env("TZ", "UTC");
        if ends == Ends::InTurn {
            engine.env("IN_TURN", "1");
        }
        let output = engine.current_dir(self.0.join("controller")).output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let ran = |file: &Path| {
            let start = format!("JSON {} ", file.display());
            let line = text.lines().find_map(|line| line.strip_prefix(&start))?;
            serde_json::from_str(line).ok()
        };
        files.iter().map(|file| ran(file)).collect()
    }
}
