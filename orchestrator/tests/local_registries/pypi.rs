//! PyPI: an index of source distributions for the real `pip`, and the registry's JSON about them. Each
//! distribution brings its own build program, so that nothing else is downloaded to build it.

use std::fmt::Write as _;

use libtest_mimic::Trial;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::root::{TestRoot, put};

pub(crate) fn trials() -> Vec<Trial> {
    crate::trials(
        &["python3"],
        &[(
            "commands_that_only_an_installation_shows_are_believed_if_two_show_the_same",
            discovered,
        )],
    )
}

/// Builds a wheel. `NAME`, `COMMANDS` and `NEEDS` stand before it.
const BUILD: &str = r#"
import hashlib, os, zipfile

def build_wheel(folder, config_settings=None, metadata_directory=None):
    stem = f"{NAME.replace('-', '_')}-1.20"
    info = f"{stem}.dist-info"
    needs = "".join(f"Requires-Dist: {name}\n" for name in NEEDS)
    module = f"{NAME.replace('-', '_')}_module"
    scripts = "".join(f"{name} = {module}:main\n" for name in COMMANDS())
    files = {
        f"{module}.py": f"def main():\n    print('{NAME} 1.20')\n",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {NAME}\nVersion: 1.20\n{needs}",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    if scripts:
        files[f"{info}/entry_points.txt"] = "[console_scripts]\n" + scripts
    files[f"{info}/RECORD"] = "".join(f"{path},,\n" for path in [*files, f"{info}/RECORD"])
    file = f"{stem}-py3-none-any.whl"
    with zipfile.ZipFile(os.path.join(folder, file), "w") as wheel:
        for path, text in files.items():
            wheel.writestr(path, text)
    return file
"#;
const PROJECT: &str =
    "[build-system]\nrequires = []\nbuild-backend = \"build_it\"\nbackend-path = [\".\"]\n";

/// A project of which version 1.20 is published as source only.
struct Project<'a> {
    name: &'a str,
    /// Python for the list of its commands.
    commands: &'a str,
    needs: &'a [&'a str],
}

impl Project<'_> {
    fn source(&self) -> Vec<u8> {
        let Self { name, commands, needs } = self;
        let build =
            format!("NAME = {name:?}\nCOMMANDS = lambda: {commands}\nNEEDS = {needs:?}\n{BUILD}");
        let gzip = flate2::write::GzEncoder::new(vec![], flate2::Compression::fast());
        let mut archive = tar::Builder::new(gzip);
        let about = format!("Metadata-Version: 2.1\nName: {name}\nVersion: 1.20\n");
        for (path, text) in
            [("pyproject.toml", PROJECT), ("build_it.py", &build), ("PKG-INFO", &about)]
        {
            let mut entry = tar::Header::new_gnu();
            entry.set_size(u64::try_from(text.len()).unwrap());
            entry.set_mode(0o644);
            entry.set_mtime(1_700_000_000);
            entry.set_cksum();
            archive
                .append_data(&mut entry, format!("{name}-1.20/{path}"), text.as_bytes())
                .unwrap();
        }
        archive.into_inner().unwrap().finish().unwrap()
    }
}

/// An index with `projects`, and the registry's answers about them.
fn registry(projects: &[Project<'_>]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for project in projects {
        let name = project.name;
        let (file, source) = (format!("{name}-1.20.tar.gz"), project.source());
        let digest = Sha256::digest(&source).iter().fold(String::new(), |mut hex, byte| {
            let _ = write!(hex, "{byte:02x}");
            hex
        });
        put(&dir.path().join("packages").join(&file), source);
        let page =
            format!("<!DOCTYPE html><a href=\"/packages/{file}#sha256={digest}\">{file}</a>");
        put(&dir.path().join("simple").join(name).join("index.html"), page);
        let answer = json!({
            "info": { "name": name, "version": "1.20", "summary": "A project of the tests" },
            "urls": [{
                "filename": file, "url": format!("https://files.pythonhosted.org/packages/{file}"),
                "digests": { "sha256": digest }, "yanked": false,
            }],
        });
        put(&dir.path().join("pypi").join(name).join("json"), answer.to_string());
    }
    dir
}

fn discovered() {
    let project = |name, commands, needs| Project { name, commands, needs };
    let registry = registry(&[
        project("tiny-tool", "['tiny', 'a-helper', 'tiny-tool']", &["words"]),
        // A dependency, whose commands are not commands of the tool.
        project("words", "['words']", &[]),
        project("silent", "[]", &[]),
        project("dice", "['dice', 'dice-' + os.urandom(8).hex()]", &[]),
    ]);
    let registries = ["https://pypi.org", "https://files.pythonhosted.org"];
    let root = TestRoot::new("pypi", &registries, registry.path());
    root.put_pending(&["tiny-tool", "silent", "dice"]);
    let outcomes = root.outcomes();
    for (name, expected) in [
        ("tiny-tool", "verified"),
        ("silent", "deterministic_insufficient/library_only"),
        ("dice", "deterministic_insufficient/binary_discovery_failed"),
    ] {
        assert_eq!(outcomes[name], expected, "{name}: {}", root.ok(&["failures", "list"]));
    }
    let recipe = std::fs::read_to_string(root.path("recipes/t/tiny-tool.toml")).unwrap();
    let listed = "executables = [\"tiny-tool\", \"a-helper\", \"tiny\"]";
    assert!(recipe.contains(listed) && recipe.contains("# the registry does not list"), "{recipe}");
    let run: Value = serde_json::from_str(&root.ok(&["runs", "list", "--json"])).unwrap();
    assert_eq!(run["executables_from"], json!({"tiny-tool": "installation"}), "{run:#}");
    let shown = root.ok(&["runs", "show", run["batch_id"].as_str().unwrap()]);
    assert!(shown.contains("recipe  tiny-tool  commands from installation"), "{shown}");
    let failures = root.ok(&["failures", "list", "--json"]);
    let failures: Vec<Value> =
        failures.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let of = |name: &str| failures.iter().find(|it| it["package_id"] == format!("pypi:{name}"));
    let message = of("dice").unwrap()["message"].as_str().unwrap();
    assert_eq!(message.matches("dice, dice-").count(), 2, "both lists: {message}");
    assert_eq!(of("silent").unwrap()["environment"], of("dice").unwrap()["environment"]);
    // Nothing is installed to make a recipe.
    let tried = root.run(&["try", "pypi:dice", "--generate-only", "--json"]);
    let tried: Value = serde_json::from_slice(&tried.stdout).unwrap();
    assert_eq!(tried["failure"]["subcategory"], "build_from_source", "{tried:#}");
}
