//! RubyGems: real gems, made by the real `gem build`, and an index of them.

use std::{path::Path, process::Command};

use libtest_mimic::Trial;

use crate::root::{TestRoot, put};

pub(crate) fn trials() -> Vec<Trial> {
    crate::trials(
        &["gem", "ruby"],
        &[
            ("the_newest_gem_is_installed_with_its_dependency_and_verified_offline", verified),
            ("a_batch_of_gems_tells_each_failure_by_its_cause", outcomes),
        ],
    )
}

/// A gem to build.
pub(crate) struct Gem<'a> {
    pub(crate) name: &'a str,
    pub(crate) version: &'a str,
    /// Ruby code with the specification as `s`.
    pub(crate) more: &'a str,
    /// Files by path.
    pub(crate) files: &'a [(&'a str, &'a str)],
}

const COMMAND: &str = "#!/usr/bin/env ruby\nrequire \"tiny\"\nputs \"tiny #{Tiny::VERSION}\"\n";
const HELPER: &str = "#!/usr/bin/env ruby\nputs \"helper\"\n";
const TINY: Gem<'_> = Gem {
    name: "tiny",
    version: "1.10.0",
    more: "s.bindir = \"exe\"\ns.executables = [\"tiny-helper\", \"tiny\"]\n\
           s.homepage = \"https://tiny.example/\"\ns.add_runtime_dependency \"tiny-words\", \"~> 1.0\"",
    files: &[
        ("exe/tiny", COMMAND),
        ("exe/tiny-helper", HELPER),
        ("bin/setup", HELPER),
        (
            "lib/tiny.rb",
            "require \"tiny_words\"\nmodule Tiny\n  VERSION = TinyWords::NUMBER\nend\n",
        ),
    ],
};

/// A registry of gems in a folder.
pub(crate) fn registry(gems: &[Gem<'_>]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("gems")).unwrap();
    for gem in gems {
        build(dir.path(), gem);
    }
    let index = [env!("CARGO_MANIFEST_DIR"), "/tests/local_registries/index.rb"].concat();
    let output = Command::new("ruby").arg(index).current_dir(dir.path()).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    dir
}

fn build(registry: &Path, gem: &Gem<'_>) {
    let dir = tempfile::tempdir().unwrap();
    for (path, text) in gem.files {
        put(&dir.path().join(path), text);
    }
    let paths: Vec<String> = gem.files.iter().map(|(path, _)| format!("{path:?}")).collect();
    let spec = format!(
        "Gem::Specification.new do |s|\ns.name = {:?}\ns.version = {:?}\ns.summary = \"A gem of the tests\"\n\
         s.authors = [\"nobody\"]\ns.files = [{}]\n{}\nend\n",
        gem.name,
        gem.version,
        paths.join(", "),
        gem.more
    );
    put(&dir.path().join("it.gemspec"), spec);
    let file = registry.join("gems").join(format!("{}-{}.gem", gem.name, gem.version));
    let output = Command::new("gem")
        .args(["build", "it.gemspec", "--silent", "--output"])
        .arg(file)
        .current_dir(dir.path())
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
}

fn words(version: &'static str) -> Gem<'static> {
    let files = &[("lib/tiny_words.rb", "module TinyWords\n  NUMBER = \"1.10.0\"\nend\n")];
    Gem { name: "tiny-words", version, more: "", files }
}

fn root(gems: &[Gem<'_>]) -> (TestRoot, tempfile::TempDir) {
    let registry = registry(gems);
    (TestRoot::new("rubygems", &["https://rubygems.org"], registry.path()), registry)
}

fn verified() {
    let old = Gem { version: "1.9.0", ..TINY };
    let pre = Gem { version: "2.0.0.rc1", ..TINY };
    let (root, _registry) = root(&[old, TINY, pre, words("1.0.1")]);
    let tried = root.tried("tiny");
    let recipe = tried["recipe"].as_str().unwrap_or_else(|| panic!("{tried:#}"));
    for part in [
        "executables = [\"tiny\", \"tiny-helper\"]",
        "command = \"tiny --version\"",
        "homepage = \"https://tiny.example/\"",
        "description = \"A gem of the tests\"",
    ] {
        assert!(recipe.contains(part), "{part} is not in\n{recipe}");
    }
    assert_eq!(tried["version"], "1.10.0", "{tried:#}");
}

fn outcomes() {
    let command = |name, more, files| Gem { name, version: "1.0.0", more, files };
    let extension = "s.executables = [\"native\"]\ns.extensions = [\"ext/extconf.rb\"]";
    let needy = "s.executables = [\"needy\"]\ns.add_runtime_dependency \"not-there\", \">= 3\"";
    let gems = [
        TINY,
        words("1.0.1"),
        command("library", "", &[("lib/library.rb", "")]),
        command(
            "native",
            extension,
            &[("bin/native", HELPER), ("ext/extconf.rb", "abort \"no such header\"\n")],
        ),
        command("needy", needy, &[("bin/needy", HELPER)]),
        command(
            "liar",
            "s.executables = [\"liar\"]",
            &[("bin/liar", "#!/usr/bin/env ruby\nputs \"liar 11.10.0\"\n")],
        ),
        command("mute", "s.executables = [\"mute\"]", &[("bin/mute", HELPER)]),
        command(
            "crashes",
            "s.executables = [\"crashes\"]",
            &[("bin/crashes", "#!/usr/bin/env ruby\nrequire \"nowhere\"\n")],
        ),
    ];
    let (root, _registry) = root(&gems);
    root.put_pending(&["tiny", "library", "native", "needy", "liar", "mute", "crashes", "absent"]);
    let outcomes = root.outcomes();
    for (name, expected) in [
        ("tiny", "verified"),
        ("library", "deterministic_insufficient/library_only"),
        ("native", "validation_failed/native_build_failed"),
        ("needy", "validation_failed/dependency_resolution_failed"),
        ("liar", "validation_failed/verify_pattern_mismatch"),
        ("mute", "verified"),
        ("crashes", "validation_failed/verify_failed"),
        ("absent", "deterministic_insufficient/package_not_found"),
    ] {
        assert_eq!(outcomes[name], expected, "{name}: {outcomes:#?}");
    }
    let recipe = std::fs::read_to_string(root.path("recipes/t/tiny.toml")).unwrap();
    assert!(recipe.contains("gem = \"tiny\""), "{recipe}");
    let recipe = std::fs::read_to_string(root.path("recipes/m/mute.toml")).unwrap();
    assert!(recipe.contains("mode = \"output\""), "what proves no version says so: {recipe}");
}
