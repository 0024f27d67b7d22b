//! CPAN: a mirror with the index, archives and checksums for the real `cpanm`, and MetaCPAN's
//! answers about them.

use std::{fmt::Write as _, io::Write as _, path::Path};

use libtest_mimic::Trial;
use serde_json::json;
use sha2::{Digest as _, Sha256};

use crate::root::{TestRoot, put};

pub(crate) fn trials() -> Vec<Trial> {
    crate::trials(
        &["cpanm", "perl", "make"],
        &[
            ("the_newest_distribution_is_installed_with_its_dependency_and_verified", verified),
            ("a_batch_of_distributions_tells_each_failure_by_its_cause", outcomes),
        ],
    )
}

/// The folder of the mirror's only author.
const FOLDER: &str = "authors/id/N/NO/NOBODY";

/// A distribution, version 1.20.
pub(crate) struct Dist<'a> {
    pub(crate) name: &'a str,
    pub(crate) module: &'a str,
    pub(crate) files: &'a [(&'a str, &'a str)],
}

const MAKEFILE: &str = "use ExtUtils::MakeMaker;\nWriteMakefile(\n  NAME => 'App::Tiny',\n  \
    VERSION_FROM => 'lib/App/Tiny.pm',\n  PREREQ_PM => { 'Tiny::Words' => '1.0' },\n  \
    EXE_FILES => [ 'bin/tiny', 'bin/tiny-helper' ],\n);\n";
const COMMAND: &str =
    "#!/usr/bin/perl\nuse strict;\nuse App::Tiny;\nprint \"tiny $App::Tiny::VERSION\\n\";\n";
const HELPER: &str = "#!/usr/bin/perl\nprint \"helper\\n\";\n";
const TINY: Dist<'_> = Dist {
    name: "App-Tiny",
    module: "App::Tiny",
    files: &[
        ("Makefile.PL", MAKEFILE),
        ("MANIFEST", "Makefile.PL\nbin/tiny\nbin/tiny-helper\nlib/App/Tiny.pm\n"),
        ("bin/tiny", COMMAND),
        ("bin/tiny-helper", HELPER),
        ("bin/not-installed", HELPER),
        ("lib/App/Tiny.pm", "package App::Tiny;\nuse Tiny::Words;\nour $VERSION = '1.20';\n1;\n"),
    ],
};
const WORDS: Dist<'_> = Dist {
    name: "Tiny-Words",
    module: "Tiny::Words",
    files: &[
        (
            "Makefile.PL",
            "use ExtUtils::MakeMaker;\nWriteMakefile(NAME => 'Tiny::Words', VERSION => '1.20');\n",
        ),
        ("lib/Tiny/Words.pm", "package Tiny::Words;\nour $VERSION = '1.20';\n1;\n"),
    ],
};

/// A mirror and MetaCPAN in the same folder.
pub(crate) fn registry(dists: &[Dist<'_>]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let (mut index, mut sums) = (String::new(), String::new());
    for dist in dists {
        let file = format!("{}-1.20.tar.gz", dist.name);
        let archive = tarball(dist);
        let digest = hex(&Sha256::digest(&archive));
        put(&dir.path().join(FOLDER).join(&file), &archive);
        let _ = writeln!(index, "{:<30} 1.20  N/NO/NOBODY/{file}", dist.module);
        let _ = writeln!(sums, "  '{file}' => {{ 'sha256' => '{digest}' }},");
        put_release(dir.path(), dist, &file, &digest);
    }
    let head = "File: 02packages.details.txt\nLine-Count: 1\n\n";
    put(&dir.path().join("modules/02packages.details.txt.gz"), gzip(&format!("{head}{index}")));
    let sums =
        format!("0&&<<''; # this PGP-signed message is also valid perl\n$cksum = {{\n{sums}}};\n");
    put(&dir.path().join(FOLDER).join("CHECKSUMS"), sums);
    dir
}

fn put_release(dir: &Path, dist: &Dist<'_>, file: &str, digest: &str) {
    let release = json!({
        "distribution": dist.name, "name": format!("{}-1.20", dist.name), "author": "NOBODY",
        "version": "1.20", "version_numified": 1.2, "abstract": "A distribution of the tests",
        "main_module": dist.module, "status": "latest", "maturity": "released",
        "authorized": true, "deprecated": false, "archive": file, "checksum_sha256": digest,
        "download_url": format!("https://cpan.metacpan.org/{FOLDER}/{file}"),
        "stat": { "mode": "33188", "mtime": "1648516030", "size": "540" },
        "resources": { "homepage": "https://tiny.example/" },
    });
    put(&dir.join("v1/release").join(dist.name), release.to_string());
}

fn tarball(dist: &Dist<'_>) -> Vec<u8> {
    let gzip = flate2::write::GzEncoder::new(vec![], flate2::Compression::fast());
    let mut archive = tar::Builder::new(gzip);
    for (path, text) in dist.files {
        let mut entry = tar::Header::new_gnu();
        entry.set_size(u64::try_from(text.len()).unwrap());
        entry.set_mode(0o755);
        entry.set_mtime(1_700_000_000);
        entry.set_cksum();
        let path = format!("{}-1.20/{path}", dist.name);
        archive.append_data(&mut entry, path, text.as_bytes()).unwrap();
    }
    archive.into_inner().unwrap().finish().unwrap()
}

fn gzip(text: &str) -> Vec<u8> {
    let mut gzip = flate2::write::GzEncoder::new(vec![], flate2::Compression::fast());
    gzip.write_all(text.as_bytes()).unwrap();
    gzip.finish().unwrap()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

fn root(dists: &[Dist<'_>]) -> (TestRoot, tempfile::TempDir) {
    let registry = registry(dists);
    let registries = ["https://fastapi.metacpan.org", "https://cpan.metacpan.org"];
    (TestRoot::new("cpan", &registries, registry.path()), registry)
}

fn verified() {
    let (root, _registry) = root(&[TINY, WORDS]);
    let tried = root.tried("App-Tiny");
    let recipe = tried["recipe"].as_str().unwrap_or_else(|| panic!("{tried:#}"));
    for part in [
        "name = \"app-tiny\"",
        "distribution = \"App-Tiny\"",
        "executables = [\"tiny\", \"tiny-helper\"]",
        "command = \"tiny --version\"",
        "homepage = \"https://tiny.example/\"",
    ] {
        assert!(recipe.contains(part), "{part} is not in\n{recipe}");
    }
    assert_eq!(tried["version"], "1.20", "{tried:#}");
}

fn outcomes() {
    let dist = |name, files| Dist { name, module: name, files };
    let dists = [
        TINY,
        WORDS,
        dist(
            "Dies",
            &[
                (
                    "Makefile.PL",
                    "# WriteMakefile(EXE_FILES => ['no'])\ndie \"OS unsupported\\n\";\n\
                  WriteMakefile(EXE_FILES => ['bin/dies']);\n",
                ),
                ("bin/dies", HELPER),
            ],
        ),
        dist(
            "Needy",
            &[
                (
                    "Makefile.PL",
                    "use ExtUtils::MakeMaker;\nWriteMakefile(NAME => 'Needy', VERSION => '1.20',\n\
                     PREREQ_PM => { 'Not::There' => 0 }, EXE_FILES => ['bin/needy']);\n",
                ),
                ("bin/needy", HELPER),
            ],
        ),
        dist(
            "Library",
            &[("Makefile.PL", "use ExtUtils::MakeMaker;\nWriteMakefile(NAME => 'Library');\n")],
        ),
        dist(
            "Liar",
            &[
                (
                    "Makefile.PL",
                    "use ExtUtils::MakeMaker;\nsub MY::installbin { '' }\n\
                     WriteMakefile(NAME => 'Liar', VERSION => '1.20', EXE_FILES => ['bin/liar']);\n",
                ),
                ("bin/liar", HELPER),
            ],
        ),
        dist(
            "Reckoner",
            &[
                (
                    "Makefile.PL",
                    "use ExtUtils::MakeMaker;\nmy @x = grep { rand() < 2 } glob('bin/*');\n\
                     WriteMakefile(NAME => 'Reckoner', VERSION => '1.20', EXE_FILES => \\@x);\n",
                ),
                ("bin/reckoner", "#!/usr/bin/perl\nprint \"reckoner 1.20\\n\";\n"),
            ],
        ),
    ];
    let (root, _registry) = root(&dists);
    root.put_pending(&["App-Tiny", "Dies", "Needy", "Library", "Liar", "Reckoner", "Absent"]);
    let outcomes = root.outcomes();
    for (name, expected) in [
        ("App-Tiny", "verified"),
        ("Dies", "validation_failed/native_build_failed"),
        ("Needy", "validation_failed/dependency_resolution_failed"),
        ("Library", "deterministic_insufficient/library_only"),
        // It declares a command and installs none.
        ("Liar", "validation_failed/executable_missing"),
        // Only running its program tells the commands.
        ("Reckoner", "verified"),
        ("Absent", "deterministic_insufficient/package_not_found"),
    ] {
        assert_eq!(outcomes[name], expected, "{name}: {outcomes:#?}");
    }
    let recipe = std::fs::read_to_string(root.path("recipes/a/app-tiny.toml")).unwrap();
    assert!(recipe.contains("distribution = \"App-Tiny\""), "{recipe}");
    let recipe = std::fs::read_to_string(root.path("recipes/r/reckoner.toml")).unwrap();
    assert!(recipe.contains("executables = [\"reckoner\"]"), "{recipe}");
}
