//! Makes recipes from the registry's files, with the real checks of requests: a request to a host
//! that the plugin does not declare would be refused.

use std::{fmt::Write as _, sync::Arc};

use batch_core::{
    decide::recipe as reader,
    io::{Origins, PoliteConfig, PoliteHttp},
    model::{
        CommandName, Environment, FailureKind, InstallStep, PackageFacts, PackageKind, Recipe,
    },
    plugin::{NativeInstaller as _, RateLimit as _, RecipeBuilder as _, SourceError},
};
use batch_sim::{SimClock, StaticTransport};
use sha2::{Digest as _, Sha256};

use crate::{Cpan, recipe};

/// The result of [`Cpan`] for a registry with `files`, and its requests.
fn ask(
    distribution: &str,
    files: Vec<(String, Vec<u8>)>,
) -> (Result<Option<PackageFacts>, SourceError>, Vec<String>) {
    ask_static(distribution, StaticTransport::new(files))
}

fn ask_static(
    distribution: &str,
    static_transport: StaticTransport,
) -> (Result<Option<PackageFacts>, SourceError>, Vec<String>) {
    let clock = SimClock::default();
    let static_transport = Arc::new(static_transport);
    let cache = tempfile::tempdir().unwrap();
    let quotas = Cpan.quotas().iter().copied();
    let config =
        PoliteConfig::new(Arc::new(clock.clone()), static_transport.clone(), quotas, cache.path());
    let http = PoliteHttp::new(config);
    let facts = clock.run(Cpan.inspect(&http, &distribution.parse().unwrap()));
    (facts, static_transport.asked())
}

fn tarball(files: &[(&str, &str)]) -> Vec<u8> {
    let gzip = flate2::write::GzEncoder::new(vec![], flate2::Compression::fast());
    let mut archive = tar::Builder::new(gzip);
    for (path, text) in files {
        let mut entry = tar::Header::new_gnu();
        entry.set_size(u64::try_from(text.len()).unwrap());
        entry.set_mode(0o644);
        entry.set_cksum();
        archive.append_data(&mut entry, format!("Dist-1.5/{path}"), text.as_bytes()).unwrap();
    }
    archive.into_inner().unwrap().finish().unwrap()
}

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

const API: &str = "https://fastapi.metacpan.org";
const AUTHOR: &str = "https://cpan.metacpan.org/authors/id/A/AU/AUTHOR";

/// MetaCPAN's answer about version 1.5 of `name`, with more `fields`.
fn release(name: &str, archive: &str, fields: &str) -> (String, Vec<u8>) {
    let fields = if fields.is_empty() { String::new() } else { format!(",{fields}") };
    let text = format!(
        r#"{{"distribution":"{name}","name":"{name}-1.5","author":"AUTHOR","version":"1.5",
            "status":"latest","maturity":"released","authorized":true,"deprecated":false,
            "archive":"{archive}","download_url":"{AUTHOR}/{archive}",
            "stat":{{"size":"540531","mode":"33188"}},"provides":["X"]{fields}}}"#
    );
    (format!("{API}/v1/release/{name}"), text.into_bytes())
}

/// A registry with `name`, whose archive holds `files`.
fn files(name: &str, fields: &str, files: &[(&str, &str)]) -> Vec<(String, Vec<u8>)> {
    let (archive, file) = (format!("{name}-1.5.tar.gz"), tarball(files));
    let path = format!("{AUTHOR}/{archive}");
    vec![release(name, &archive, fields), (path, file)]
}

fn facts(name: &str, fields: &str, in_archive: &[(&str, &str)]) -> PackageFacts {
    ask(name, files(name, fields, in_archive)).0.unwrap().unwrap()
}

fn read(recipe: &Recipe) -> Result<Recipe, reader::RecipeError> {
    reader::parse(&recipe.to_toml(), &[recipe::STEP])
}

const PERL: &str = "#!/usr/bin/perl\nprint 1;\n";
const ACK: (&str, &str) = ("Makefile.PL", "WriteMakefile( EXE_FILES => [ 'ack' ] );");

/// Distribution, fields of the answer, files of the archive, and what the recipe says.
type Shape<'a> = (&'a str, &'a str, &'a [(&'a str, &'a str)], &'a [&'a str]);

const SHAPES: &[Shape<'_>] = &[
    (
        "ack",
        r#""main_module":"App::Ack","abstract":"A grep-like program","resources":{"homepage":"https://beyondgrep.com/"}"#,
        &[ACK, ("ack", PERL), ("dev/other", PERL)],
        &[
            "name = \"ack\"",
            "description = \"A grep-like program\"",
            "homepage = \"https://beyondgrep.com/\"",
            "distribution = \"ack\"",
            "module = \"App::Ack\"",
            "executables = [\"ack\"]",
            "command = \"ack --version\"",
            "pattern = \"{version}\"",
        ],
    ),
    (
        "Perl-Critic",
        r#""main_module":"Perl::Critic""#,
        &[
            ("Build.PL", "use Module::Build; script_files => ['bin/perlcritic']"),
            ("bin/perlcritic", PERL),
        ],
        &[
            "name = \"perl-critic\"",
            "distribution = \"Perl-Critic\"",
            "executables = [\"perlcritic\"]",
        ],
    ),
    // The name of a distribution does not tell its commands.
    (
        "App-Foo-Bar",
        "",
        &[("Makefile.PL", "WriteMakefile(EXE_FILES => ['bin/quux'])"), ("bin/quux", PERL)],
        &["executables = [\"quux\"]", "command = \"quux --version\""],
    ),
    (
        "App-Tool",
        "",
        &[("Makefile.PL", "WriteMakefile(EXE_FILES => [qw(bin/a script/tool)])")],
        &["executables = [\"tool\", \"a\"]", "command = \"tool --version\""],
    ),
    (
        "libwww-perl",
        r#""main_module":"LWP""#,
        &[
            ("Makefile.PL", "WriteMakefile(EXE_FILES => [ glob('bin/*') ])"),
            ("bin/lwp-request", PERL),
            ("bin/lwp-dump", PERL),
        ],
        &["module = \"LWP\"", "executables = [\"lwp-dump\", \"lwp-request\"]"],
    ),
    (
        "Minilla",
        "",
        &[
            ("Build.PL", "use Module::Build::Tiny 0.035; Build_PL();"),
            ("script/minil", PERL),
            ("bin/not", PERL),
        ],
        &["executables = [\"minil\"]"],
    ),
    (
        "Old",
        "",
        &[
            (
                "Build.PL",
                "use Module::Build; Module::Build->new(module_name => 'Old')->create_build_script",
            ),
            ("bin/old.pl", PERL),
            ("bin/README", "text"),
        ],
        &["executables = [\"old.pl\"]"],
    ),
    (
        "Mod-Inst",
        "",
        &[
            ("Makefile.PL", "use inc::Module::Install; install_script 'bin/mi'; WriteAll;"),
            ("bin/mi", PERL),
        ],
        &["executables = [\"mi\"]"],
    ),
    (
        "Dzil",
        "",
        &[
            (
                "Makefile.PL",
                "my %WriteMakefileArgs = (\n  \"EXE_FILES\" => [\n    \"bin/dz\"\n  ],\n);\nWriteMakefile(%WriteMakefileArgs);",
            ),
            ("bin/dz", PERL),
        ],
        &["executables = [\"dz\"]"],
    ),
    ("x_y.z", "", &[("Makefile.PL", "WriteMakefile(EXE_FILES => ['x'])")], &["name = \"x_y.z\""]),
    (
        "x",
        r#""abstract":"one\ntwo""#,
        &[("Makefile.PL", "WriteMakefile(EXE_FILES => ['x'])")],
        &["description = \"one\""],
    ),
    (
        "x",
        r#""abstract":null"#,
        &[("Makefile.PL", "WriteMakefile(EXE_FILES => ['x'])")],
        &["description = \"x from CPAN\"", "llm_validation = \"skipped\""],
    ),
    (
        "x",
        r#""main_module":"x; rm -rf""#,
        &[("Makefile.PL", "WriteMakefile(EXE_FILES => ['x'])")],
        &["distribution = \"x\""],
    ),
    (
        "x",
        r#""stat":{"size":540531}"#,
        &[("Makefile.PL", "WriteMakefile(EXE_FILES => ['x'])")],
        &["executables = [\"x\"]"],
    ),
];

#[test]
fn documented_shapes_become_recipes() {
    for (name, fields, in_archive, parts) in SHAPES {
        let recipe = Cpan.build(&facts(name, fields, in_archive)).unwrap();
        let text = recipe.to_toml();
        for part in *parts {
            assert!(text.contains(part), "{part:?} is not in\n{text}");
        }
        assert_eq!(read(&recipe).unwrap(), recipe);
        assert_eq!(read(&recipe).unwrap().to_toml(), text);
    }
}

/// Files of the archive, the expected kind of failure, and a part of the reason.
type Refused<'a> = (&'a [(&'a str, &'a str)], FailureKind, &'a str);

#[test]
fn packages_without_a_recipe_state_the_reason() {
    let library = FailureKind::LibraryOnly;
    let cases: &[Refused<'_>] = &[
        (&[("Makefile.PL", "WriteMakefile(NAME => 'x')"), ("bin/x", PERL)], library, "no command"),
        (&[("Makefile.PL", "WriteMakefile(EXE_FILES => [])")], library, "no command"),
        (&[("Build.PL", "use Module::Build::Tiny;"), ("bin/x", PERL)], library, "no command"),
        (&[("lib/X.pm", "1;")], FailureKind::BinaryDiscoveryFailed, "neither Build.PL"),
        // The same situation as in XML-Twig.
        (
            &[
                ("Makefile.PL", r#"WriteMakefile(EXE_FILES => [ map {"tools/$_/$_"} @programs],)"#),
                ("tools/xml_pp/xml_pp", PERL),
            ],
            FailureKind::BinaryDiscoveryFailed,
            "Makefile.PL computes them",
        ),
        (&[], FailureKind::ArchiveExtractionFailed, "cannot be used"),
        (
            &[("Makefile.PL", "WriteMakefile(EXE_FILES => ['bin/a b'])")],
            FailureKind::UnsafeName,
            "invalid command name \"a b\"",
        ),
    ];
    for (in_archive, kind, reason) in cases {
        let missing = Cpan.build(&facts("x", "", in_archive)).unwrap_err();
        assert_eq!(missing.kind, *kind, "{}", missing.reason);
        assert!(missing.reason.contains(reason), "{}", missing.reason);
    }
    assert_eq!(facts("x", "", &[("Makefile.PL", "WriteMakefile()")]).kind, PackageKind::Library);
}

#[test]
fn an_unusable_archive_is_a_verdict_and_not_an_error_of_the_registry() {
    let path = |archive: &str| format!("{AUTHOR}/{archive}");
    let whole = tarball(&[ACK]);
    let other = format!(r#""checksum_sha256":"{}""#, "0".repeat(64));
    for (archive, file, fields, reason) in [
        ("x-1.5.tar.gz", whole[..whole.len() / 2].to_vec(), "", "is incomplete"),
        ("x-1.5.tar.gz", b"nonsense".to_vec(), "", "cannot be used"),
        ("x-1.5.tar.gz", whole.clone(), &*other, "digest"),
        ("x-1.5.zip", whole.clone(), "", "has a format that is not supported"),
        ("x-1.5.tar.bz2", whole.clone(), "", "has a format that is not supported"),
    ] {
        let files = vec![release("x", archive, fields), (path(archive), file)];
        let facts = ask("x", files).0.unwrap().unwrap();
        let missing = Cpan.build(&facts).unwrap_err();
        assert_eq!(missing.kind, FailureKind::ArchiveExtractionFailed, "{}", missing.reason);
        assert!(missing.reason.contains(reason), "{reason}: {}", missing.reason);
    }
}

/// The header of a file of one byte whose name is not UTF-8.
fn latin_header() -> tar::Header {
    let mut header = tar::Header::new_gnu();
    let name = b"Dist-1.5/t/na\xefve.t";
    header.as_old_mut().name[..name.len()].copy_from_slice(name);
    header.set_size(1);
    header.set_mode(0o644);
    header.set_cksum();
    header
}

#[test]
fn a_file_with_an_invalid_name_hides_no_command() {
    let mut archive =
        tar::Builder::new(flate2::write::GzEncoder::new(vec![], flate2::Compression::fast()));
    archive.append(&latin_header(), &b"1"[..]).unwrap();
    for (path, text) in [ACK, ("ack", PERL), ("t/a", "1"), ("t/a", "2")] {
        let mut entry = tar::Header::new_gnu();
        entry.set_size(u64::try_from(text.len()).unwrap());
        entry.set_mode(0o644);
        archive.append_data(&mut entry, format!("Dist-1.5/{path}"), text.as_bytes()).unwrap();
    }
    let file = archive.into_inner().unwrap().finish().unwrap();
    let files =
        vec![release("ack", "ack-1.5.tar.gz", ""), (format!("{AUTHOR}/ack-1.5.tar.gz"), file)];
    let recipe = Cpan.build(&ask("ack", files).0.unwrap().unwrap()).unwrap();
    assert!(recipe.to_toml().contains("executables = [\"ack\"]"));
}

#[test]
fn an_archive_that_the_mirror_does_not_have_yet_or_denies_is_the_mirrors_fault() {
    let answered = |status, body: &[u8]| {
        let static_transport = StaticTransport::new([release("x", "x-1.5.tar.gz", "")]);
        static_transport.with(&format!("{AUTHOR}/x-1.5.tar.gz"), status, body)
    };
    for (status, body) in [(404, &b""[..]), (410, b"gone"), (451, b""), (200, b"")] {
        let finding = ask_static("x", answered(status, body)).0.unwrap_err().finding();
        assert_eq!(finding.kind, FailureKind::UpstreamUnavailable, "{status}");
        assert_eq!(finding.service.as_deref(), Some("cpan.metacpan.org"));
    }
    let finding = |body| ask_static("x", answered(403, body)).0.unwrap_err().finding();
    let denied = finding(b"<?xml version=\"1.0\"?><Error><Code>AccessDenied</Code></Error>");
    assert_eq!(denied.kind, FailureKind::UpstreamUnavailable);
    assert_eq!(denied.service.as_deref(), Some("cpan.metacpan.org"));
    assert_eq!(finding(b"<html>Forbidden").kind, FailureKind::AuthRequired);
}

#[test]
fn a_stated_digest_is_compared_and_stored() {
    let file = tarball(&[ACK]);
    let digest = sha256(&file);
    let stated = release("ack", "ack-1.5.tgz", &format!(r#""checksum_sha256":"{digest}""#));
    let path = format!("{AUTHOR}/ack-1.5.tgz");
    let facts = ask("ack", vec![stated, (path, file)]).0.unwrap().unwrap();
    assert_eq!(facts.artifacts[0].digest, format!("sha256-{digest}"));
    assert!(facts.notes.is_empty(), "{:?}", facts.notes);
    assert!(Cpan.build(&facts).is_ok());
}

#[test]
fn an_archive_is_downloaded_from_our_mirror_only() {
    let (name, body) = release("ack", "ack-1.5.tar.gz", "");
    let body = String::from_utf8(body).unwrap().replace("cpan.metacpan.org", "www.cpan.org");
    let file = (format!("{AUTHOR}/ack-1.5.tar.gz"), tarball(&[ACK]));
    let (facts, asked) = ask("ack", vec![(name, body.into_bytes()), file]);
    assert_eq!(facts.unwrap().unwrap().artifacts[0].url, format!("{AUTHOR}/ack-1.5.tar.gz"));
    let api = "https://fastapi.metacpan.org/v1/release/ack".to_owned();
    assert_eq!(asked, [api, format!("{AUTHOR}/ack-1.5.tar.gz")]);
}

#[test]
fn packages_that_cannot_be_installed_count_as_missing() {
    assert_eq!(ask("x", vec![]).0.unwrap(), None);
    for (found, refused) in [
        (r#""status":"latest""#, r#""status":"backpan""#),
        (r#""authorized":true"#, r#""authorized":false"#),
    ] {
        let (name, body) = release("x", "x-1.5.tar.gz", "");
        let body = String::from_utf8(body).unwrap().replace(found, refused);
        assert_eq!(ask("x", vec![(name, body.into_bytes())]).0.unwrap(), None, "{refused}");
    }
}

#[test]
fn an_invalid_answer_is_an_error_and_not_a_verdict() {
    for body in ["<html>blocked</html>", "{", r#"{"distribution":"y"}"#, "[]"] {
        let files = vec![(format!("{API}/v1/release/x"), body.as_bytes().to_vec())];
        assert!(ask("x", files).0.is_err(), "{body}");
    }
}

#[test]
fn important_properties_are_noted() {
    let notes = |fields: &str, program: &str| {
        let digest = "no digest is published for its archive";
        let facts = facts("x", fields, &[("Makefile.PL", program), ("bin/x", PERL)]);
        facts.notes.into_iter().filter(|note| note != digest).collect::<Vec<_>>()
    };
    let plain = "WriteMakefile(EXE_FILES => ['x'])";
    assert_eq!(notes("", plain), [""; 0]);
    let kind = |program: &str| {
        let facts = facts("x", "", &[("Makefile.PL", program), ("bin/x", PERL)]);
        Cpan.build(&facts).map_err(|missing| missing.kind)
    };
    assert!(kind(plain).is_ok());
    let computed = kind("WriteMakefile(EXE_FILES => \\@x)");
    assert_eq!(computed, Err(FailureKind::BinaryDiscoveryFailed), "never a guess");
}

#[test]
fn only_a_homepage_by_https_is_kept() {
    for (homepage, kept) in [
        (r#""https://x.example/""#, true),
        (r#""http://x.example/""#, false),
        (r#""javascript:alert(1)""#, false),
        ("null", false),
        ("7", false),
        (r#"null,"repository":{"web":"https://x.example/r"}"#, true),
        (r#""http://x.example/","repository":{"web":7,"url":"git://x.example/r.git"}"#, true),
        (r#"null,"repository":{"web":"javascript://x/","url":"ssh://git@x.example/r"}"#, false),
        (r#"null,"repository":"https://x.example/r""#, false),
    ] {
        let fields = format!(r#""resources":{{"homepage":{homepage}}}"#);
        let facts = facts("x", &fields, &[("Makefile.PL", "WriteMakefile(EXE_FILES => ['x'])")]);
        assert_eq!(facts.homepage.is_some(), kept, "{homepage}");
        assert!(read(&Cpan.build(&facts).unwrap()).is_ok(), "{homepage}");
    }
}

#[test]
fn the_order_of_keys_and_files_does_not_change_the_recipe() {
    let text = |fields: &str, in_archive: &[(&str, &str)]| {
        Cpan.build(&facts("x", fields, in_archive)).unwrap().to_toml()
    };
    let program = ("Makefile.PL", "WriteMakefile(EXE_FILES => [ glob('bin/*') ])");
    let (a, b, x) = (("bin/a", PERL), ("bin/b", PERL), ("bin/x", PERL));
    let one = text(r#""main_module":"Y","abstract":"d""#, &[program, a, b, x]);
    assert_eq!(one, text(r#""abstract":"d","main_module":"Y""#, &[x, b, a, program]));
    assert!(one.contains("executables = [\"x\", \"a\", \"b\"]"), "{one}");
}

#[test]
fn the_whole_recipe_is_as_expected() {
    let fields = r#""main_module":"App::Ack","abstract":"A grep-like program","resources":{"homepage":"https://beyondgrep.com/"}"#;
    let recipe = Cpan.build(&facts("ack", fields, &[ACK])).unwrap();
    assert_eq!(
        recipe.to_toml(),
        r#"[metadata]
name = "ack"
description = "A grep-like program"
homepage = "https://beyondgrep.com/"
llm_validation = "skipped"
binaries = ["bin/ack"]

[[steps]]
action = "cpan_install"
distribution = "ack"
executables = ["ack"]
module = "App::Ack"

[verify]
command = "ack --version"
pattern = "{version}"
"#
    );
}

#[test]
fn the_files_of_a_distribution_are_in_the_record_of_its_modules() {
    let facts = facts("App-Ack", "", &[ACK]);
    let plan = Cpan.discovery(&facts, Environment::DebianX86, &Origins::default()).unwrap();
    assert!(matches!(&*plan.install.steps, [InstallStep::Run { network: true, .. }]), "{plan:?}");
    assert_eq!(plan.listing.last().map(String::as_str), Some("App::Ack"));
    let names = ["zack", "Ack", "a"].map(|name| name.parse().unwrap()).into();
    let discovered = Cpan.discovered(facts, names);
    let names: Vec<&str> = discovered.commands().unwrap().iter().map(CommandName::as_str).collect();
    assert_eq!(names, ["Ack", "a", "zack"]);
}

#[test]
fn the_plan_installs_one_release_from_the_mirror_into_its_own_folder() {
    let facts = facts("ack", "", &[ACK]);
    let recipe = Cpan.build(&facts).unwrap();
    let origins = Origins::new([("https://cpan.metacpan.org", "http://127.0.0.1:9292/")]).unwrap();
    let plan = Cpan.install(&recipe, &facts, Environment::DebianX86, &origins);
    let [
        InstallStep::Run { argv, env, network: true },
        InstallStep::Inspect { dir, executables },
        InstallStep::Export { folders },
    ] = &*plan.steps
    else {
        panic!("{plan:?}")
    };
    assert_eq!(
        argv.join(" "),
        "cpanm --local-lib-contained local --notest --verbose --mirror-only \
         --mirror http://127.0.0.1:9292 AUTHOR/ack-1.5.tar.gz"
    );
    assert_eq!((&*env["PERL_MM_USE_DEFAULT"], &*folders["PERL5LIB"]), ("1", "local/lib/perl5"));
    let names: Vec<&str> = executables.iter().map(CommandName::as_str).collect();
    assert_eq!((names, dir), (vec!["ack"], &plan.bin_dirs[0]));
}
