//! `dashboard serve`: compressed answers, help about missing pages, and pages that follow the state.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
    process::{Child, Stdio},
    time::{Duration, Instant},
};

use libtest_mimic::Trial;

use crate::{root::TestRoot, trial};

pub(crate) fn trials() -> Vec<Trial> {
    vec![trial("served_pages_are_compressed_and_follow_the_state", served, None)]
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
