//! Drives a browser by its protocol for developers, over two pipes.

use std::{
    collections::VecDeque,
    fs::File,
    io::{BufRead as _, BufReader, Write as _},
    path::Path,
    process::{Child, Command, Stdio},
};

use serde_json::{Value, json};

const NAMES: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "chrome"];

/// The program of a browser on this machine.
pub(crate) fn find() -> Option<String> {
    if let Ok(program) = std::env::var("CHROMIUM") {
        return Some(program);
    }
    let path = std::env::var("PATH").unwrap_or_default();
    let is_there = |name: &&&str| path.split(':').any(|dir| Path::new(dir).join(name).is_file());
    NAMES.iter().find(is_there).map(|name| (*name).to_owned())
}

pub(crate) struct Browser {
    child: Child,
    orders: File,
    answers: BufReader<File>,
    n_orders: u64,
    events: VecDeque<Value>,
    _folder: tempfile::TempDir,
}

impl Browser {
    pub(crate) fn start(program: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (orders, answers) = (folder.path().join("orders"), folder.path().join("answers"));
        assert!(Command::new("mkfifo").args([&orders, &answers]).status().unwrap().success());
        let run = "exec \"$1\" --headless --no-sandbox --disable-gpu --no-first-run --hide-scrollbars \
                   --disable-background-networking --remote-debugging-pipe --user-data-dir=\"$2\" \
                   3<\"$3\" 4>\"$4\"";
        let child = Command::new("sh")
            .args(["-c", run, "sh", program])
            .arg(folder.path().join("profile"))
            .args([&orders, &answers])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let orders = File::options().write(true).open(orders).unwrap();
        let answers = BufReader::new(File::open(answers).unwrap());
        Self { child, orders, answers, n_orders: 0, events: VecDeque::new(), _folder: folder }
    }

    /// The result of an order, to the browser or to one of its pages.
    pub(crate) fn call(&mut self, session: Option<&str>, method: &str, params: &Value) -> Value {
        self.n_orders += 1;
        let mut order = json!({"id": self.n_orders, "method": method, "params": params});
        if let Some(session) = session {
            order["sessionId"] = json!(session);
        }
        self.orders.write_all(order.to_string().as_bytes()).unwrap();
        self.orders.write_all(b"\0").unwrap();
        loop {
            let answer = self.read();
            if answer["id"] == self.n_orders {
                assert!(answer["error"].is_null(), "{method}: {}", answer["error"]);
                return answer["result"].clone();
            }
            self.events.push_back(answer);
        }
    }

    fn read(&mut self) -> Value {
        let mut text = vec![];
        let n = self.answers.read_until(0, &mut text).unwrap();
        assert!(n > 0, "the browser has ended");
        text.pop();
        serde_json::from_slice(&text).unwrap()
    }

    /// The next event of that name.
    fn event(&mut self, name: &str) -> Value {
        loop {
            if let Some(i) = self.events.iter().position(|it| it["method"] == name) {
                return self.events.remove(i).unwrap()["params"].clone();
            }
            let event = self.read();
            self.events.push_back(event);
        }
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// How a page is looked at.
#[derive(Debug, Clone, Copy)]
pub(crate) struct View {
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) is_dark: bool,
    pub(crate) has_script: bool,
}

/// A tab.
pub(crate) struct Tab<'b> {
    browser: &'b mut Browser,
    session: String,
}

impl<'b> Tab<'b> {
    pub(crate) fn open(browser: &'b mut Browser, view: View) -> Self {
        let target = browser.call(None, "Target.createTarget", &json!({"url": "about:blank"}));
        let attach = json!({"targetId": target["targetId"], "flatten": true});
        let session = browser.call(None, "Target.attachToTarget", &attach)["sessionId"].clone();
        let mut tab = Self { browser, session: session.as_str().unwrap().to_owned() };
        let View { width, height, is_dark, has_script } = view;
        for (method, params) in [
            ("Page.enable", json!({})),
            ("Runtime.enable", json!({})),
            ("Log.enable", json!({})),
            (
                "Emulation.setDeviceMetricsOverride",
                json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": false}),
            ),
            (
                "Emulation.setEmulatedMedia",
                json!({"features": [{"name": "prefers-color-scheme",
                    "value": if is_dark { "dark" } else { "light" }}]}),
            ),
            ("Emulation.setScriptExecutionDisabled", json!({"value": !has_script})),
        ] {
            tab.call(method, &params);
        }
        tab
    }

    pub(crate) fn call(&mut self, method: &str, params: &Value) -> Value {
        self.browser.call(Some(&self.session), method, params)
    }

    /// Opens the page and waits until it is complete.
    pub(crate) fn go(&mut self, url: &str) {
        self.browser.events.clear();
        self.call("Page.navigate", &json!({"url": url}));
        self.browser.event("Page.loadEventFired");
    }

    /// The value of an expression, after its promise if it is one.
    pub(crate) fn eval(&mut self, expression: &str) -> Value {
        let params = json!({"expression": expression, "returnByValue": true, "awaitPromise": true});
        let result = self.call("Runtime.evaluate", &params);
        assert!(result["exceptionDetails"].is_null(), "{expression}: {result}");
        result["result"]["value"].clone()
    }

    /// Waits until an expression is true.
    pub(crate) fn until(&mut self, expression: &str) {
        let wait = format!(
            "new Promise((done, fail) => {{ let n = 0; const look = () => ({expression}) ? done(true) : \
             n++ > 200 ? fail('never true') : setTimeout(look, 25); look(); }})"
        );
        self.eval(&wait);
    }

    /// What the page complained about since it was opened: errors, refused resources, dialogs.
    pub(crate) fn complaints(&mut self) -> Vec<String> {
        // Whatever happened before this answer has been reported.
        self.call("Runtime.evaluate", &json!({"expression": "1"}));
        let text = |event: &Value| {
            let params = &event["params"];
            match event["method"].as_str()? {
                "Log.entryAdded" => Some(params["entry"]["text"].to_string()),
                "Runtime.exceptionThrown" => Some(params["exceptionDetails"].to_string()),
                "Runtime.consoleAPICalled" => Some(params["args"].to_string()),
                _ => None,
            }
        };
        self.browser.events.iter().filter_map(text).collect()
    }
}

impl Drop for Tab<'_> {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.call("Page.close", &json!({}));
        }
    }
}
