//! Registries of six ecosystems on loopback, with tools that work and packages that fail.

use std::{fmt::Write as _, path::Path, time::Duration};

use serde_json::{Value, json};

use crate::{
    cpan::{self, Dist},
    crates::{self, Crate},
    gems::{self, Gem},
    layout,
    local_tap::LocalTap,
    registry::{self, Package},
    root::{self, put},
};

/// The registries of all ecosystems that can be served here, until the process ends.
pub(crate) struct Registries {
    /// `[origins]` and `[limits]` of `pipeline.toml`.
    pub(crate) settings: String,
    /// The packages that are queued at first, by ecosystem; those that work first.
    pub(crate) packages: Vec<(&'static str, Vec<String>)>,
    /// Further packages of npm, which somebody may queue later.
    pub(crate) later: Vec<String>,
    _folders: Vec<tempfile::TempDir>,
}

/// The end of the names of packages that no registry has.
pub(crate) const ABSENT: &str = "-is-absent";

/// How many tools that work are queued at first, besides one of each ecosystem that is not there.
#[derive(Clone, Copy)]
pub(crate) struct Numbers {
    pub(crate) npm: usize,
    pub(crate) others: usize,
    /// How many further tools npm has.
    pub(crate) later: usize,
}

/// A registry of one ecosystem: its packages that work, and the hosts with the addresses that stand in for
/// them.
struct Served {
    packages: Vec<String>,
    origins: Vec<(&'static str, String)>,
    folder: Option<tempfile::TempDir>,
}

impl Served {
    /// One whose `hosts` are all the folder `folder`.
    fn folder(packages: Vec<String>, folder: tempfile::TempDir, hosts: &[&'static str]) -> Self {
        let origin = root::serve(folder.path());
        let origins = hosts.iter().map(|&host| (host, origin.clone())).collect();
        Self { packages, origins, folder: Some(folder) }
    }
}

/// Places that would be asked once a second.
const FASTER: &[&str] = &[
    "registry.npmjs.org/",
    "formulae.brew.sh/",
    "ghcr.io/",
    "pypi.org/",
    "files.pythonhosted.org/",
    "proxy.golang.org/",
    "rubygems.org/",
    "fastapi.metacpan.org/",
    "cpan.metacpan.org/",
    "api.github.com/",
];

impl Registries {
    pub(crate) fn serve(numbers: Numbers) -> Self {
        let n = numbers.others;
        let all = [
            ("homebrew", bottles(names("be-tool", n))),
            ("cargo", crates(names("ce-tool", n))),
            ("npm", npm(names("en-tool", numbers.npm + numbers.later))),
            ("pypi", projects(names("pe-tool", n))),
            ("rubygems", gems(names("ge-tool", n))),
            ("cpan", dists(names("App-Pl", n))),
            // Of these two nothing can be served: one registry is empty, and nothing is poured on Linux.
            (
                "go",
                Served::folder(vec![], tempfile::tempdir().unwrap(), &["https://proxy.golang.org"]),
            ),
            ("cask", Served { packages: vec![], origins: vec![], folder: None }),
        ];
        let (mut settings, mut packages, mut folders) = ("[origins]\n".to_owned(), vec![], vec![]);
        let mut later = vec![];
        for (ecosystem, served) in all {
            for (host, origin) in &served.origins {
                let _ = writeln!(settings, "\"{host}\" = \"{origin}\"");
            }
            let mut names = served.packages;
            if ecosystem == "npm" {
                later = names.split_off(numbers.npm);
            }
            names.push(absent(ecosystem));
            packages.push((ecosystem, names));
            folders.extend(served.folder);
        }
        settings += "[limits]\n";
        for place in FASTER {
            let fast = "{ period_ms = 5, burst = 10, concurrency = 8 }";
            let _ = writeln!(settings, "\"{place}\" = {fast}");
        }
        Self { settings, packages, later, _folders: folders }
    }

    /// Replaces the queues of the root at `root`, which have packages of the real registries, and names the
    /// registries that are asked.
    pub(crate) fn fill(&self, root: &Path) {
        std::fs::remove_dir_all(root.join("data/queues")).unwrap();
        for (ecosystem, names) in &self.packages {
            let file = format!("data/queues/priority-queue-{ecosystem}.json");
            put(&root.join(file), Self::queue(ecosystem, names, "2031-02-01T00:00:00Z"));
        }
        put(&root.join("pipeline.toml"), &self.settings);
    }

    /// The file of the queue of `ecosystem`.
    fn queue(ecosystem: &str, names: &[String], added_at: &str) -> String {
        let entry = |name: &String| json!({ "id": format!("{ecosystem}:{name}"), "tier": 1, "status": "pending", "added_at": added_at });
        let mut entries: Vec<Value> = names.iter().map(entry).collect();
        entries.sort_by_key(|entry| entry["id"].as_str().unwrap().to_owned());
        let queue = json!({
            "schema_version": 2, "ecosystem": ecosystem, "updated_at": added_at,
            "tiers": { "1": "curated", "2": "popular", "3": "rest" }, "packages": entries,
        });
        serde_json::to_string_pretty(&queue).unwrap() + "\n"
    }
}

fn names(prefix: &str, n: usize) -> Vec<String> {
    (1..=n).map(|i| format!("{prefix}{i}")).collect()
}

/// The name of a package that the registry of `ecosystem` does not have, as that ecosystem accepts it.
fn absent(ecosystem: &str) -> String {
    match ecosystem {
        "go" => format!("example.org/go{ABSENT}"),
        "cpan" => format!("Cpan{ABSENT}"),
        other => format!("{other}{ABSENT}"),
    }
}

fn npm(packages: Vec<String>) -> Served {
    let tools = packages.iter().map(|name| Package::tool(name, 0));
    let origin = registry::serve(tools, Duration::ZERO);
    Served { packages, origins: vec![("https://registry.npmjs.org", origin)], folder: None }
}

fn bottles(packages: Vec<String>) -> Served {
    let mut tap = LocalTap::new();
    for name in &packages {
        let (script, file) = (format!("#!/bin/sh\necho {name} 1.2.3\n"), format!("bin/{name}"));
        tap.add(name, &[(&file, script.as_bytes(), 0o555)], Some(&file), &json!({}));
    }
    let (origin, _) = tap.serve();
    let origins = vec![
        ("https://formulae.brew.sh", format!("{origin}/brew")),
        ("https://ghcr.io", format!("{origin}/ghcr")),
    ];
    Served { packages, origins, folder: None }
}

fn crates(packages: Vec<String>) -> Served {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("config.json");
    for name in &packages {
        let main = format!("fn main() {{ println!(\"{name} 0.1.0\"); }}\n");
        crates::publish(folder.path(), &Crate::new(name, &main));
    }
    let hosts = ["https://index.crates.io", "https://static.crates.io"];
    let served = Served::folder(packages, folder, &hosts);
    let archives = format!("{}/crates/{{crate}}/{{crate}}-{{version}}.crate", served.origins[0].1);
    put(&config, json!({ "dl": archives }).to_string());
    served
}

fn projects(packages: Vec<String>) -> Served {
    let folder = tempfile::tempdir().unwrap();
    for name in &packages {
        publish_wheel(folder.path(), name);
    }
    Served::folder(packages, folder, &["https://pypi.org", "https://files.pythonhosted.org"])
}

/// A wheel for any machine with one command, in an index for pip, and the registry's answer about it.
fn publish_wheel(dir: &Path, name: &str) {
    use std::io::Write as _;
    let stem = format!("{}-1.20", name.replace('-', "_"));
    let module = format!("{}_module", name.replace('-', "_"));
    let info = format!("{stem}.dist-info");
    let mut files = vec![
        (format!("{module}.py"), format!("def main():\n    print('{name} 1.20')\n")),
        (
            format!("{info}/METADATA"),
            format!("Metadata-Version: 2.1\nName: {name}\nVersion: 1.20\n"),
        ),
        (
            format!("{info}/WHEEL"),
            "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
                .to_owned(),
        ),
        (
            format!("{info}/entry_points.txt"),
            format!("[console_scripts]\n{name} = {module}:main\n"),
        ),
    ];
    let record: Vec<String> = files.iter().map(|(path, _)| format!("{path},,\n")).collect();
    let record = record.concat();
    files.push((format!("{info}/RECORD"), format!("{record}{info}/RECORD,,\n")));
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(vec![]));
    for (path, text) in files {
        zip.start_file(path, zip::write::SimpleFileOptions::default()).unwrap();
        zip.write_all(text.as_bytes()).unwrap();
    }
    let wheel = zip.finish().unwrap().into_inner();
    let (file, digest) = (format!("{stem}-py3-none-any.whl"), layout::sha256(&wheel));
    let page = format!("<!DOCTYPE html><a href=\"/packages/{file}#sha256={digest}\">{file}</a>");
    put(&dir.join("simple").join(name).join("index.html"), page);
    let answer = json!({
        "info": { "name": name, "version": "1.20", "summary": "A tool" },
        "urls": [{
            "filename": file, "url": format!("https://files.pythonhosted.org/packages/{file}"),
            "packagetype": "bdist_wheel", "size": wheel.len(),
            "digests": { "sha256": digest }, "yanked": false,
        }],
    });
    put(&dir.join("pypi").join(name).join("json"), answer.to_string());
    put(&dir.join("packages").join(&file), wheel);
}

fn gems(packages: Vec<String>) -> Served {
    let names = &packages;
    let texts: Vec<(String, String, String)> = names
        .iter()
        .map(|name| {
            (
                format!("s.bindir = \"exe\"\ns.executables = [{name:?}]"),
                format!("exe/{name}"),
                format!("#!/usr/bin/env ruby\nputs \"{name} 1.0.0\"\n"),
            )
        })
        .collect();
    let files: Vec<[(&str, &str); 1]> =
        texts.iter().map(|(_, path, script)| [(&**path, &**script)]).collect();
    let gems: Vec<Gem<'_>> = names
        .iter()
        .zip(&texts)
        .zip(&files)
        .map(|((name, (more, ..)), files)| Gem { name, version: "1.0.0", more, files })
        .collect();
    let folder = gems::registry(&gems);
    Served::folder(packages, folder, &["https://rubygems.org"])
}

fn dists(packages: Vec<String>) -> Served {
    let names = &packages;
    let texts: Vec<(String, String, String, String)> = names
        .iter()
        .map(|name| {
            let (module, command) = (name.replace('-', "::"), command_of_dist(name));
            let makefile = format!(
                "use ExtUtils::MakeMaker;\nWriteMakefile(NAME => '{module}', VERSION => '1.20',\n\
                 EXE_FILES => ['bin/{command}']);\n"
            );
            let script = format!("#!/usr/bin/perl\nprint \"{command} 1.20\\n\";\n");
            (module, makefile, format!("bin/{command}"), script)
        })
        .collect();
    let files: Vec<[(&str, &str); 2]> = texts
        .iter()
        .map(|(_, makefile, path, script)| [("Makefile.PL", &**makefile), (&**path, &**script)])
        .collect();
    let dists: Vec<Dist<'_>> = names
        .iter()
        .zip(&texts)
        .zip(&files)
        .map(|((name, (module, ..)), files)| Dist { name, module, files })
        .collect();
    let folder = cpan::registry(&dists);
    let hosts = ["https://fastapi.metacpan.org", "https://cpan.metacpan.org"];
    Served::folder(packages, folder, &hosts)
}

fn command_of_dist(name: &str) -> String {
    name.trim_start_matches("App-").to_ascii_lowercase()
}
