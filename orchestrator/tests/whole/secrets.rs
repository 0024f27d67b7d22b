//! A secret of the machine that a package prints, in many forms, comes up nowhere: in no file, page,
//! record, log line and line on a terminal.

use std::{collections::BTreeMap, path::Path, time::Duration};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use libtest_mimic::Trial;
use serde_json::json;

use crate::{
    registry::{self, Package},
    root::{TestRoot, obstacle_to_npm},
    trial,
};

pub(crate) fn trials() -> Vec<Trial> {
    let name = "a_secret_comes_up_nowhere_in_whatever_form_a_package_prints_it";
    vec![trial(name, nowhere, obstacle_to_npm().as_deref())]
}

/// The value of a variable of the program, with a character that has other spellings in URLs.
const SECRET: &str = "Zq7/wX4vTn9KpL2sRy6B";
/// Secrets that no variable of the program contains: they are known by their form.
const KEY_LINE: &str = "MIIEpAIBAAKCAQEAx7Vqk2nQ0c8sYtW3";
const NPM_TOKEN: &str = "npm_8sKd72hTq0LmZx5VbNc3RfGy1PwJ4uEoA9iX";
const BEARER: &str = "gV5tR8yU1iO4pA7sD0fG";

/// The forms, by what they are.
fn forms() -> Vec<(&'static str, String)> {
    let (half, rest) = SECRET.split_at(9);
    let url_encoded = SECRET.replace('/', "%2F");
    vec![
        ("plain", format!("the value is {SECRET}.")),
        ("in upper case in an assignment", format!("MY_TOKEN={SECRET}")),
        ("base64", BASE64_STANDARD.encode(format!("user:{SECRET}"))),
        ("hexadecimal", hex::encode(SECRET)),
        ("encoded for a URL", format!("https://x.example/?q={url_encoded}&r=1")),
        ("user information of a URL", format!("https://joe:{url_encoded}@x.example/a")),
        ("escaped in JSON", json!({ "token": SECRET }).to_string().replace('/', "\\/")),
        ("divided by an escape sequence", format!("{half}\u{1b}[31m{rest}\u{1b}[0m")),
        ("divided by a line break", format!("{half}\n{rest}")),
        ("divided by a hidden character", format!("{half}\u{200b}{rest}")),
        ("backwards over a carriage return", format!("xxxxxxxx\r{SECRET}")),
        ("an npm setting", format!("//registry.npmjs.org/:_authToken={NPM_TOKEN}")),
        ("a header", format!("Authorization: Bearer {BEARER}")),
        (
            "a private key",
            format!("-----BEGIN RSA PRIVATE KEY-----\n{KEY_LINE}\n-----END RSA PRIVATE KEY-----"),
        ),
    ]
}

/// Everything that must not come up, in lower case and without what divides it.
fn forbidden() -> Vec<String> {
    let base64 = BASE64_STANDARD.encode(format!("user:{SECRET}"));
    // The end of the encoded text belongs to the secret alone.
    let texts = [SECRET, KEY_LINE, NPM_TOKEN, BEARER, &base64[8..], &hex::encode(SECRET)];
    let halves = [&SECRET[..9], &SECRET[9..]];
    texts.into_iter().chain(halves).map(plain).collect()
}

/// `text` in lower case, with letters and digits only. What is encoded for a URL is decoded first.
fn plain(text: &str) -> String {
    let text = text.replace("%2F", "/").replace("%2f", "/");
    text.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase()
}

/// A package whose command prints all forms and fails.
fn package() -> Package {
    let text: Vec<String> = forms().into_iter().map(|(_, form)| form).collect();
    let text = serde_json::to_string(&text.join("\n")).unwrap();
    let script = format!(
        "#!/usr/bin/env node\nconsole.error({text});\nconsole.log({text});\nprocess.exit(3);\n"
    );
    let files: BTreeMap<String, String> = [("cli.js".to_owned(), script)].into();
    Package { files, ..Package::tool("teller", 0) }
}

fn nowhere() {
    let origin = registry::serve([package()], Duration::ZERO);
    let root = TestRoot::new(&origin, "");
    root.put_pending(&["teller"]);
    let print = |args: &[&str]| {
        let output = root.command(args).env("SERVICE_TOKEN", SECRET).output().unwrap();
        String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
    };
    let run = print(&["run", "--ecosystem", "npm", "-vv"]);
    assert!(run.contains("0 of 1 verified"), "{run}");
    let failures = root.json_lines(&["failures", "list"]);
    let id = failures[0]["id"].as_str().unwrap();
    let batch = failures[0]["batch_id"].as_str().unwrap();
    let shown = print(&["failures", "show", id]);
    // The output is there, without the secret.
    assert!(shown.contains("the value is ***"), "{shown}");
    let commands: [&[&str]; 12] = [
        &["failures", "show", id, "--json"],
        &["failures", "list"],
        &["failures", "list", "--json"],
        &["failures", "top"],
        &["runs", "show", batch, "--output"],
        &["runs", "show", batch, "--output", "--json"],
        &["explain", "npm:teller"],
        &["repro", id],
        &["repro", id, "--run", "-vv"],
        &["try", "npm:teller", "-vv"],
        &["status"],
        &["dashboard", "build"],
    ];
    let mut texts = vec![("run".to_owned(), run), ("failures show".to_owned(), shown)];
    texts.extend(commands.iter().map(|args| (args.join(" "), print(args))));
    read_all(root.dir.path(), &mut texts);
    assert!(texts.iter().any(|(name, _)| name.ends_with("site/index.html")), "there are no pages");
    for (name, text) in texts {
        let text = plain(&text);
        for forbidden in forbidden() {
            assert!(!text.contains(&forbidden), "{forbidden} comes up in {name}");
        }
    }
}

/// Adds the name and the text of every file below `dir`, whatever it contains.
fn read_all(dir: &Path, texts: &mut Vec<(String, String)>) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        // Files of the registry, as they were fetched; no job of ours wrote them.
        if path.ends_with(".tsuku-batch/cache") {
            continue;
        }
        if path.is_dir() {
            read_all(&path, texts);
        } else {
            let text = String::from_utf8_lossy(&std::fs::read(&path).unwrap()).into_owned();
            texts.push((path.display().to_string(), text));
        }
    }
}
