//! A page in Chromium, through the DevTools protocol over pipes (<https://chromedevtools.github.io/devtools-protocol/>):
//! messages of JSON, each ended by a zero byte.

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

use crate::support::environment::Environment;

const PROGRAMS: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "chrome"];

/// An open page.
pub(crate) struct Page {
    browser: Child,
    orders: File,
    answers: BufReader<File>,
    session: Option<String>,
    count: u64,
    /// Errors of scripts, and what the browser logged as an error.
    errors: Vec<String>,
}

impl Page {
    /// Opens a file, with a fragment if it has one.
    pub(crate) fn open(home: &Environment, file: &str) -> Self {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let found = std::env::split_paths(&path).flat_map(|directory| PROGRAMS.map(|program| directory.join(program)));
        let program = found.into_iter().find(|program| program.is_file()).expect("Chromium is on the PATH");
        let [orders, answers] = ["orders", "answers"].map(|name| {
            let path = home.path(&format!("{name}-{}", own_name()));
            assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
            path
        });
        let profile = home.path("profile");
        let script = "exec \"$1\" --headless --no-sandbox --disable-gpu --no-first-run --window-size=1200,900 \
                      --user-data-dir=\"$2\" --remote-debugging-pipe about:blank 3<\"$3\" 4>\"$4\"";
        let mut command = home.other("sh");
        command.args(["-c", script, "sh"]).args([&program, &profile, &orders, &answers]);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        let browser = command.spawn().unwrap();
        let orders = OpenOptions::new().write(true).open(orders).unwrap();
        let answers = BufReader::new(File::open(answers).unwrap());

        let mut page = Self { browser, orders, answers, session: None, count: 0, errors: Vec::new() };
        let target = page.ask("Target.createTarget", &json!({"url": "about:blank"}))["targetId"].clone();
        let attached = page.ask("Target.attachToTarget", &json!({"targetId": target, "flatten": true}));
        page.session = attached["sessionId"].as_str().map(str::to_owned);
        for domain in ["Page", "Runtime", "Log"] {
            page.ask(&format!("{domain}.enable"), &json!({}));
        }
        page.ask("Page.navigate", &json!({"url": format!("file://{file}")}));
        page.until("Page.loadEventFired");
        page
    }

    /// Errors so far, also those that the page itself has noted.
    pub(crate) fn errors(&mut self) -> String {
        let noted = self.text("document.documentElement.dataset.errors");
        self.errors.iter().cloned().chain(Some(noted).filter(|noted| !noted.is_empty())).collect::<Vec<_>>().join("; ")
    }

    pub(crate) fn number(&mut self, expression: &str) -> f64 {
        self.evaluate(expression).as_f64().unwrap_or(f64::NAN)
    }

    pub(crate) fn count(&mut self, expression: &str) -> u64 {
        self.evaluate(expression).as_u64().unwrap_or(u64::MAX)
    }

    pub(crate) fn text(&mut self, expression: &str) -> String {
        self.evaluate(expression).as_str().unwrap_or_default().to_owned()
    }

    fn evaluate(&mut self, expression: &str) -> Value {
        let answer = self.ask("Runtime.evaluate", &json!({"expression": expression, "returnByValue": true}));
        assert!(answer.get("exceptionDetails").is_none(), "{expression}: {answer}");
        answer["result"]["value"].clone()
    }

    /// Presses a key as a user does.
    pub(crate) fn press(&mut self, key: &str) {
        let text = if key.chars().count() == 1 { key } else { "" };
        let code = match key {
            "Escape" => 27,
            "End" => 35,
            "Home" => 36,
            "ArrowUp" => 38,
            "ArrowDown" => 40,
            _ => 0,
        };
        for kind in ["keyDown", "keyUp"] {
            let event = json!({"type": kind, "key": key, "text": if kind == "keyDown" { text } else { "" },
                "windowsVirtualKeyCode": code});
            self.ask("Input.dispatchKeyEvent", &event);
        }
    }

    /// Types text into what has the focus.
    pub(crate) fn insert(&mut self, text: &str) {
        self.ask("Input.insertText", &json!({"text": text}));
    }

    pub(crate) fn prefer_dark(&mut self) {
        let features = json!({"features": [{"name": "prefers-color-scheme", "value": "dark"}]});
        self.ask("Emulation.setEmulatedMedia", &features);
    }

    /// Sends an order and returns its result.
    fn ask(&mut self, method: &str, parameters: &Value) -> Value {
        self.count += 1;
        let mut order = json!({"id": self.count, "method": method, "params": parameters});
        if let Some(session) = &self.session {
            order["sessionId"] = json!(session);
        }
        self.orders.write_all(format!("{order}\0").as_bytes()).unwrap();
        loop {
            let answer = self.next();
            if answer["id"] == self.count {
                assert!(answer.get("error").is_none(), "{method}: {answer}");
                return answer["result"].clone();
            }
        }
    }

    /// Waits for an event.
    fn until(&mut self, method: &str) {
        while self.next()["method"] != method {}
    }

    fn next(&mut self) -> Value {
        let mut bytes = Vec::new();
        self.answers.read_until(0, &mut bytes).unwrap();
        assert_eq!(bytes.pop(), Some(0), "the browser has ended");
        let message: Value = serde_json::from_slice(&bytes).unwrap();
        if message["method"] == "Runtime.exceptionThrown"
            || (message["method"] == "Log.entryAdded" && message["params"]["entry"]["level"] == "error")
        {
            self.errors.push(message["params"].to_string());
        }
        message
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        let _ = self.browser.kill();
        let _ = self.browser.wait();
    }
}

/// A name that no other page of this process has.
fn own_name() -> String {
    use std::sync::atomic::{AtomicU32, Ordering};
    static COUNT: AtomicU32 = AtomicU32::new(0);
    COUNT.fetch_add(1, Ordering::Relaxed).to_string()
}
