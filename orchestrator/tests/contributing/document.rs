//! The commands and files in CONTRIBUTING.md.

use std::path::PathBuf;

/// A fenced block that the test uses.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Block {
    /// After a line with only a path: the content of that file.
    File { path: PathBuf, text: String },
    /// In `sh`: commands to run.
    Commands(String),
    /// In `text`, after commands: lines that must be in their output.
    Printed(Vec<String>),
}

/// The blocks of `document`, in order. A block in another language is an error, because it would
/// not be tested.
pub(crate) fn blocks(document: &str) -> Result<Vec<Block>, String> {
    let mut blocks = vec![];
    let (mut lines, mut above) = (document.lines(), "");
    while let Some(line) = lines.next() {
        let Some(language) = line.strip_prefix("```") else {
            if !line.trim().is_empty() {
                above = line;
            }
            continue;
        };
        let body: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
        let text = body.join("\n") + "\n";
        let path = above.strip_prefix('`').and_then(|rest| rest.strip_suffix("`:"));
        blocks.push(match (path, language) {
            (Some(path), _) => Block::File { path: path.into(), text },
            (None, "sh") => Block::Commands(text),
            (None, "text") => Block::Printed(body.iter().map(|&line| line.to_owned()).collect()),
            (None, other) => return Err(format!("a block of {other:?} is under no path: {text}")),
        });
        above = "";
    }
    Ok(blocks)
}

/// Checks that a document with a file, commands and their output is read correctly.
pub(crate) fn is_read() {
    let document = "# T\n\n`a/b.rs`:\n\n```rust\nfn f() {}\n```\n\nDo `x`:\n\n```sh\nls\n\npwd\n```\n\n```text\na\n```\n";
    let read = [
        Block::File { path: "a/b.rs".into(), text: "fn f() {}\n".to_owned() },
        Block::Commands("ls\n\npwd\n".to_owned()),
        Block::Printed(vec!["a".to_owned()]),
    ];
    assert_eq!(blocks(document).as_deref(), Ok(&read[..]));
    assert!(blocks("```rust\nfn f() {}\n```\n").is_err());
}
