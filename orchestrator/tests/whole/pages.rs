//! `dashboard serve`: compressed answers, help about missing pages, and pages that follow the state.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
    process::{Child, Stdio},
    time::{Duration, Instant},
};

use libtest_mimic::Trial;
use serde_json::json;

use crate::{root::TestRoot, trial};

pub(crate) fn trials() -> Vec<Trial> {
    let tests: [(&str, fn()); 3] = [
        ("an_unchanged_state_is_built_once", unchanged),
        ("served_pages_are_compressed_and_follow_the_state", served),
        ("an_ecosystem_that_only_old_records_name_has_no_seeder_and_no_command", without_plugin),
    ];
    tests.into_iter().map(|(name, test)| trial(name, test, None)).collect()
}

/// A server that ends with the test.
struct Server {
    child: Child,
    address: String,
}

impl Server {
    fn start(root: &TestRoot) -> Self {
        let mut command = root.command(&["dashboard", "serve", "--port", "0"]);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let line = lines.map_while(Result::ok).find(|line| line.contains("http://")).unwrap();
        let (_, rest) = line.split_once("http://").unwrap();
        let (address, _) = rest.split_once('/').unwrap();
        Self { child, address: address.to_owned() }
    }

    /// The head and the body of an answer; the body is decompressed.
    fn get(&self, path: &str, encoding: &str) -> (String, String) {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        let host = &self.address;
        write!(
            stream,
            "GET {path} HTTP/1.1\r\nHost: {host}\r\nAccept-Encoding: {encoding}\r\nConnection: close\r\n\r\n"
        )
        .unwrap();
        let mut answer = vec![];
        stream.read_to_end(&mut answer).unwrap();
        let end = answer.windows(4).position(|it| it == b"\r\n\r\n").unwrap();
        let head = String::from_utf8(answer[..end].to_vec()).unwrap();
        let mut body = String::new();
        if head.contains("content-encoding: gzip") {
            flate2::read::GzDecoder::new(&answer[end + 4..]).read_to_string(&mut body).unwrap();
        } else {
            body = String::from_utf8(answer[end + 4..].to_vec()).unwrap();
        }
        (head, body)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn served() {
    let root = TestRoot::new("http://127.0.0.1:9", "");
    root.put_pending(&["one"]);
    let server = Server::start(&root);
    let (head, packed) = server.get("/index.html", "gzip, br");
    assert!(head.starts_with("HTTP/1.1 200") && head.contains("content-encoding: gzip"), "{head}");
    let (head, plain) = server.get("/index.html", "identity");
    assert!(!head.contains("content-encoding"), "{head}");
    assert_eq!(plain, packed);
    assert!(plain.contains("No run is recorded yet"), "{plain}");

    let (head, page) = server.get("/p/npm/%3Cgone%3E.html", "gzip");
    assert!(head.starts_with("HTTP/1.1 404"), "{head}");
    assert!(page.contains("No such page") && page.contains("/p/npm/%3Cgone%3E.html"), "{page}");
    assert!(page.contains("href=\"/assets/site.css\""), "{page}");

    root.ok(&["pause", "--reason", "maintenance of the registry"]);
    let end = Instant::now() + Duration::from_secs(60);
    loop {
        let (_, page) = server.get("/index.html", "gzip");
        if page.contains("maintenance of the registry") {
            break;
        }
        assert!(Instant::now() < end, "the pages do not follow the state: {page}");
        std::thread::sleep(Duration::from_millis(200));
    }
}

fn unchanged() {
    let root = TestRoot::new("http://127.0.0.1:9", "");
    root.put_pending(&["one"]);
    let build = |now: &str| -> (u64, u64) {
        let report = root.ok(&["--json", "--now", now, "dashboard", "build"]);
        let report: serde_json::Value = serde_json::from_str(&report).unwrap();
        (report["written"].as_u64().unwrap(), report["unchanged"].as_u64().unwrap())
    };
    let manifest = || std::fs::read_to_string(root.path("site/manifest.json")).unwrap();
    let (n_files, _) = build("2026-01-03T00:00:00Z");
    assert!(manifest().contains("\"made_of\":\""), "{}", manifest());
    assert_eq!(build("2026-01-03T00:00:00Z"), (0, n_files));
    let before = manifest();
    assert_ne!(build("2026-01-03T00:00:01Z").0, 0, "the first page shows the time");
    assert_ne!(manifest(), before);
    root.put_pending(&["one", "two"]);
    assert_ne!(build("2026-01-03T00:00:01Z").0, 0, "there is another package");
    let queue = std::fs::read_to_string(root.path("site/queue.html")).unwrap();
    assert!(queue.contains(">two<"), "{queue}");
}

fn without_plugin() {
    let root = TestRoot::new("http://127.0.0.1:9", "");
    root.put_pending(&["one"]);
    let batch = "circus-2026-01-02T00-00-00Z";
    let record = json!({"schema_version": 2, "id": format!("{batch}-a"), "package_id": "circus:a",
        "ecosystem": "circus", "batch_id": batch, "stage": "validate", "confidence": "stated",
        "category": "validation_failed", "subcategory": "install_failed", "message": "it failed",
        "fingerprint": "00000000000000aa", "timestamp": "2026-01-02T00:00:00Z"});
    let file = root.path(&format!("data/failures/{batch}.jsonl"));
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    std::fs::write(file, format!("{record}\n")).unwrap();
    root.ok(&["--now", "2026-01-03T00:00:00Z", "dashboard", "build"]);
    let page = std::fs::read_to_string(root.path("site/seeding.html")).unwrap();
    let row = |ecosystem: &str| {
        let link = format!("<a href=\"ecosystems/{ecosystem}.html\">");
        let (_, rest) = page.split_once(&link).expect(ecosystem);
        rest.split_once("</tr>").unwrap().0.to_owned()
    };
    assert!(row("npm").contains("never seeded") && row("npm").contains("tsuku-batch seed npm"));
    let without = row("circus");
    assert!(without.contains("no seeder") && !without.contains("tsuku-batch seed"), "{without}");
}
