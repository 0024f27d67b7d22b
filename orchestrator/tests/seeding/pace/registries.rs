//! All eight registries, each with [`N`] tools: `tool-0`, `tool-1` and so on; the first is the most
//! popular. Every fifth has an archive that is too large for one part.

use std::io::{Cursor, Write as _};

use batch_core::io::Request;
use flate2::{Compression, write::GzEncoder};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use zip::{CompressionMethod, ZipWriter, write::SimpleFileOptions};

use super::network::Answer;

/// Tools of each registry.
pub(crate) const N: usize = 5_000;
const LARGE: usize = 200 << 10;
const DUMP_KEY: &str = "production/public_postgresql/2026.11.16.21.21.01/public_postgresql.tar";

/// The answer of the requested registry; 404 for unknown paths.
pub(crate) fn answer(request: &Request) -> Answer {
    let (host, path) = (request.url.host_str().unwrap(), request.url.path());
    let found = match host {
        "registry.npmjs.org" => npm(request, path),
        "hugovk.dev" => Some(top_projects()),
        "pypi.org" => project(path),
        "files.pythonhosted.org" => Some(wheel(path)),
        "s3-us-west-2.amazonaws.com" => Some(gem_dump(path)),
        "rubygems.org" => rubygems(request, path),
        "formulae.brew.sh" => formulae(path),
        "proxy.golang.org" => module(path),
        "fastapi.metacpan.org" => metacpan(request, path),
        "cpan.metacpan.org" => Some(distribution(path)),
        "crates.io" => Some(crates_page(request)),
        "index.crates.io" => Some(index_of_crate(path)),
        "static.crates.io" => Some(crates(path)),
        _ => None,
    };
    found.map_or_else(|| (404, b"not found".to_vec()), |body| (200, body))
}

fn downloads(i: usize) -> usize {
    10 * N - i
}

/// The number of the tool in `text`.
fn number(text: &str) -> usize {
    let digits = text.split("tool").nth(1).unwrap().trim_start_matches(['-', '_']);
    let end = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
    digits[..end].parse().unwrap()
}

fn query<T: std::str::FromStr>(request: &Request, key: &str) -> Option<T> {
    let mut pairs = request.url.query_pairs();
    pairs.find(|(name, _)| name == key).and_then(|(_, value)| value.parse().ok())
}

fn text(json: &Value) -> Vec<u8> {
    json.to_string().into_bytes()
}

fn all<T>(make: impl Fn(usize) -> T) -> Vec<T> {
    (0..N).map(make).collect()
}

fn padding(i: usize) -> Vec<u8> {
    if i.is_multiple_of(5) { vec![7; LARGE] } else { vec![] }
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut gzip = GzEncoder::new(vec![], Compression::fast());
    gzip.write_all(bytes).unwrap();
    gzip.finish().unwrap()
}

fn tar(files: &[(String, Vec<u8>)]) -> Vec<u8> {
    let mut archive = tar::Builder::new(vec![]);
    for (path, bytes) in files {
        let mut entry = tar::Header::new_gnu();
        entry.set_size(bytes.len() as u64);
        entry.set_mode(0o644);
        entry.set_cksum();
        archive.append_data(&mut entry, path, bytes.as_slice()).unwrap();
    }
    archive.into_inner().unwrap()
}

fn zip(files: &[(String, Vec<u8>)]) -> Vec<u8> {
    let mut archive = ZipWriter::new(Cursor::new(vec![]));
    let stored = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    for (path, bytes) in files {
        archive.start_file(path, stored).unwrap();
        archive.write_all(bytes).unwrap();
    }
    archive.finish().unwrap().into_inner()
}

fn npm(request: &Request, path: &str) -> Option<Vec<u8>> {
    const COUNTS: &str = "https://registry.npmjs.org/download-counts/-/counts-2.20261101.0.tgz";
    if path == "/-/v1/search" {
        let (from, size): (usize, usize) = (query(request, "from")?, query(request, "size")?);
        let hit = |i| json!({ "package": { "name": format!("tool-{i}") }, "downloads": { "monthly": downloads(i) } });
        let hits: Vec<Value> = (from..(from + size).min(N)).map(hit).collect();
        return Some(text(&json!({ "objects": hits, "total": N, "time": "2026-11-20T10:00:00Z" })));
    }
    if path == "/download-counts/latest" {
        return Some(text(&json!({ "version": "2.20261101.0", "dist": { "tarball": COUNTS } })));
    }
    if COUNTS.ends_with(path) {
        let counts = all(|i| (format!("tool-{i}"), json!(downloads(i))));
        let counts = text(&Value::Object(counts.into_iter().collect()));
        return Some(gzip(&tar(&[("package/counts.json".to_owned(), counts)])));
    }
    let name = path.strip_prefix('/')?.strip_suffix("/latest")?;
    Some(text(&json!({
        "name": name, "version": "1.0.0", "bin": "cli.js",
        "dist": { "tarball": format!("https://registry.npmjs.org/{name}/-/{name}-1.0.0.tgz") },
    })))
}

fn top_projects() -> Vec<u8> {
    let row = |i| json!({ "project": format!("tool-{i}"), "download_count": downloads(i) });
    text(&json!({ "last_update": "2026-11-01 07:32:10", "rows": all(row) }))
}

fn project(path: &str) -> Option<Vec<u8>> {
    let name = path.strip_prefix("/pypi/")?.strip_suffix("/json")?;
    let i = number(name);
    let file = format!("tool_{i}-1.0-py3-none-any.whl");
    let url = format!("https://files.pythonhosted.org/packages/{file}");
    let files = json!([{ "filename": file, "url": url, "yanked": false }]);
    let info = json!({ "name": name, "version": "1.0" });
    Some(text(&json!({ "info": info, "urls": files, "releases": { "1.0": files } })))
}

fn wheel(path: &str) -> Vec<u8> {
    let i = number(path);
    let folder = format!("tool_{i}-1.0.dist-info");
    zip(&[
        (format!("{folder}/entry_points.txt"), b"[console_scripts]\nx = x:main\n".to_vec()),
        (format!("tool_{i}/data.bin"), padding(i)),
        (format!("{folder}/RECORD"), vec![]),
    ])
}

fn gem_dump(path: &str) -> Vec<u8> {
    if path == "/rubygems-dumps/" {
        return format!("<ListBucketResult><Key>{DUMP_KEY}</Key></ListBucketResult>").into_bytes();
    }
    let gems = all(|i| format!("{i}\ttool-{i}\tt\n")).concat();
    let counts = all(|i| format!("{i}\t0\t{}\n", downloads(i))).concat();
    let sql = format!(
        "COPY public.rubygems (id, name, indexed) FROM stdin;\n{gems}\\.\n\
         COPY public.gem_downloads (rubygem_id, version_id, count) FROM stdin;\n{counts}\\.\n"
    );
    let member = "public_postgresql/databases/PostgreSQL.sql.gz".to_owned();
    tar(&[(member, gzip(sql.as_bytes()))])
}

fn rubygems(request: &Request, path: &str) -> Option<Vec<u8>> {
    const PAGE: usize = 30;
    const PAGES: usize = 42;
    if path == "/api/v1/search.json" {
        let queries = ["cli", "command-line", "command line tool", "executable"];
        let asked: String = query(request, "query")?;
        let place = queries.iter().position(|it| *it == asked)?;
        let from = (place * PAGES + query::<usize>(request, "page")? - 1) * PAGE;
        let hit = |i| json!({ "name": format!("tool-{i}"), "downloads": downloads(i) });
        let hits: Vec<Value> = (from..(from + PAGE).min(N)).map(hit).collect();
        return Some(text(&json!(hits)));
    }
    if path.starts_with("/info/") {
        return Some(b"---\n1.0 |checksum:00\n".to_vec());
    }
    path.strip_prefix("/gems/")?;
    let i = number(path);
    let specification = format!(
        "--- !ruby/object:Gem::Specification\nname: tool-{i}\nversion: !ruby/object:Gem::Version\n  \
         version: '1.0'\nplatform: ruby\nexecutables:\n- x\n"
    );
    Some(tar(&[
        ("metadata.gz".to_owned(), gzip(specification.as_bytes())),
        ("data.tar.gz".to_owned(), padding(i)),
        ("checksums.yaml.gz".to_owned(), gzip(b"---\n")),
    ]))
}

fn formulae(path: &str) -> Option<Vec<u8>> {
    let counted = |of: &'static str| {
        move |i| {
            let name = format!("tool-{i}");
            (name.clone(), json!([{ of: name, "count": downloads(i).to_string() }]))
        }
    };
    let installs = |of| {
        let groups: serde_json::Map<_, _> = all(counted(of)).into_iter().collect();
        text(&json!({ "end_date": "2026-11-19", "formulae": groups }))
    };
    Some(match path {
        "/api/analytics/install-on-request/homebrew-core/30d.json" => installs("formula"),
        "/api/analytics/cask-install/homebrew-cask/30d.json" => installs("cask"),
        "/api/internal/executables.txt" => {
            all(|i| format!("tool-{i}(1.0):tool-{i}\n")).concat().into_bytes()
        }
        "/api/cask.json" => text(&json!(all(|i| {
            json!({
                "token": format!("tool-{i}"), "name": ["X"], "url": "https://x.example/x.zip",
                "version": "1.0", "sha256": "a".repeat(64), "depends_on": {}, "variations": {},
                "artifacts": [{ "binary": ["x"] }], "deprecated": false, "disabled": false,
            })
        }))),
        "/api/formula.json" => text(&json!(all(|i| {
            let url = format!("https://github.com/o/tool-{i}/archive/v1.0.0.tar.gz");
            json!({
                "name": format!("tool-{i}"), "urls": { "stable": { "url": url } },
                "build_dependencies": ["go"], "disabled": false,
            })
        }))),
        _ => return None,
    })
}

fn module(path: &str) -> Option<Vec<u8>> {
    let i = number(path);
    let module = format!("github.com/o/tool-{i}");
    Some(match path.strip_prefix(&format!("/{module}/@v/"))? {
        "list" => b"v0.9.0\nv1.0.0\n".to_vec(),
        "v1.0.0.mod" => format!("module {module}\n").into_bytes(),
        "v1.0.0.zip" => zip(&[
            (format!("{module}@v1.0.0/main.go"), b"package main\n".to_vec()),
            (format!("{module}@v1.0.0/testdata/x"), padding(i)),
        ]),
        _ => return None,
    })
}

fn metacpan(request: &Request, path: &str) -> Option<Vec<u8>> {
    if path == "/v1/file/_search" {
        let query: Value = serde_json::from_slice(&request.body).unwrap();
        let size = usize::try_from(query["size"].as_u64()?).unwrap();
        let liked = &query["query"]["bool"]["must"][3];
        // All numbers of favourites differ, so the number alone is the position.
        let below = liked.pointer("/bool/should/0/range/dist_fav_count/lt");
        let from =
            below.map_or(0, |it| 10 * N - usize::try_from(it.as_u64().unwrap()).unwrap() + 1);
        let hit = |i| json!({ "_source": { "distribution": format!("tool-{i}"), "dist_fav_count": downloads(i) } });
        let hits: Vec<Value> = (from..(from + size).min(N)).map(hit).collect();
        return Some(text(&json!({ "hits": { "hits": hits } })));
    }
    if path == "/v1/favorite/leaderboard" {
        let liked = |i| json!({ "key": format!("tool-{i}"), "doc_count": downloads(i) });
        return Some(text(&json!({ "leaderboard": (0..100).map(liked).collect::<Vec<_>>() })));
    }
    let name = path.strip_prefix("/v1/release/")?;
    let archive = format!("https://cpan.metacpan.org/authors/id/A/AU/AUTHOR/{name}-1.0.tar.gz");
    Some(text(&json!({
        "distribution": name, "version": "1.0", "status": "latest", "authorized": true,
        "download_url": archive,
    })))
}

fn distribution(path: &str) -> Vec<u8> {
    let folder = format!("tool-{}-1.0", number(path));
    let program = b"WriteMakefile( EXE_FILES => [ 'x' ] );".to_vec();
    gzip(&tar(&[
        (format!("{folder}/Makefile.PL"), program),
        (format!("{folder}/x"), b"#!/usr/bin/perl\n".to_vec()),
    ]))
}

fn crates_page(request: &Request) -> Vec<u8> {
    const PAGE: usize = 100;
    let page: usize = query(request, "page").unwrap_or(1);
    let from = (page - 1) * PAGE;
    let listed = |i| json!({ "name": format!("tool-{i}"), "downloads": downloads(i) });
    let crates: Vec<Value> = (from..(from + PAGE).min(N)).map(listed).collect();
    let next = (from + PAGE < N).then(|| format!("?per_page={PAGE}&page={}", page + 1));
    text(&json!({ "crates": crates, "meta": { "total": N, "next_page": next } }))
}

fn crate_file(i: usize) -> Vec<u8> {
    let manifest =
        format!("[package]\nname = \"tool-{i}\"\nversion = \"1.0.0\"\nedition = \"2021\"\n");
    gzip(&tar(&[
        (format!("tool-{i}-1.0.0/Cargo.toml"), manifest.into_bytes()),
        (format!("tool-{i}-1.0.0/src/main.rs"), b"fn main() {}\n".to_vec()),
    ]))
}

fn index_of_crate(path: &str) -> Vec<u8> {
    let i = number(path.rsplit('/').next().unwrap());
    let digest = Sha256::digest(crate_file(i));
    let digits: Vec<String> = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    let checksum = digits.concat();
    text(
        &json!({ "name": format!("tool-{i}"), "vers": "1.0.0", "cksum": checksum, "yanked": false }),
    )
}

fn crates(path: &str) -> Vec<u8> {
    if path != "/db-dump.tar.gz" {
        return crate_file(number(path));
    }
    let table = |header: &str, row: &dyn Fn(usize) -> String| {
        format!("{header}\n{}", all(row).concat()).into_bytes()
    };
    let file = |path: &str, bytes| (format!("2026-11-20-020034/{path}"), bytes);
    gzip(&tar(&[
        file("metadata.json", br#"{"timestamp":"2026-11-20T02:00:34Z"}"#.to_vec()),
        file("data/crates.csv", table("id,name,repository", &|i| format!("{i},tool-{i},\n"))),
        file(
            "data/crate_downloads.csv",
            table("crate_id,downloads", &|i| format!("{i},{}\n", downloads(i))),
        ),
        file("data/versions.csv", table("id,bin_names,yanked", &|i| format!("{i},{{x}},f\n"))),
        file("data/default_versions.csv", table("crate_id,version_id", &|i| format!("{i},{i}\n"))),
    ]))
}
