//! Bottles with compiled programs: the loader and a library are found through placeholders.

use std::{fs, path::Path, process::Command};

use libtest_mimic::Trial;
use serde_json::json;

use crate::{layout::BottleFile, local_tap::LocalTap, obstacle, root::TestRoot, trial};

pub(crate) fn trials(backends: &[String]) -> Vec<Trial> {
    let has_compiler =
        Command::new("cc").arg("--version").output().is_ok_and(|output| output.status.success());
    let no_compiler = (!has_compiler).then_some("no C compiler");
    let obstacle = obstacle(backends).or(no_compiler);
    vec![
        trial("a_compiled_program_finds_loader_and_library", found, obstacle),
        trial("a_program_deep_in_its_keg_finds_its_library_too", found_from_deep, obstacle),
        trial("a_program_whose_library_is_not_there_says_so", not_found, obstacle),
    ]
}

const PROGRAM: &str = "#include <stdio.h>\nint tiny(void);\nint main(void){printf(\"1.2.%d\\n\", tiny());return 0;}\n";
const LOADER: &str = "-Wl,--dynamic-linker=@@HOMEBREW_PREFIX@@/lib/ld.so";
const RPATH: &str =
    "-Wl,-rpath,@@HOMEBREW_CELLAR@@/tiny/1.2.3/lib:@@HOMEBREW_PREFIX@@/opt/libtiny/lib";

/// The recipe of the library, which declares no dependencies.
const LIBRARY: &str = "[metadata]\nname = \"libtiny\"\ndescription = \"Is linked\"\n\
    type = \"library\"\n\n[[steps]]\naction = \"homebrew\"\nformula = \"libtiny\"\n\n\
    [[steps]]\naction = \"install_binaries\"\ninstall_mode = \"directory\"\n\
    outputs = [\"lib/libtiny.so\"]\n";

fn compile(dir: &Path, args: &[&str]) {
    let output = Command::new("cc").current_dir(dir).args(args).output().unwrap();
    assert!(output.status.success(), "{output:?}");
}

/// The program and the library that it needs.
fn compiled() -> (Vec<u8>, Vec<u8>) {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("tiny.c"), "int tiny(void){return 3;}\n").unwrap();
    fs::write(dir.path().join("main.c"), PROGRAM).unwrap();
    compile(dir.path(), &["-shared", "-fPIC", "-o", "libtiny.so", "tiny.c"]);
    compile(dir.path(), &["-o", "tiny", "main.c", "-L.", "-ltiny", LOADER, RPATH]);
    let read = |name: &str| fs::read(dir.path().join(name)).unwrap();
    (read("tiny"), read("libtiny.so"))
}

#[track_caller]
fn attempt(program: &[BottleFile<'_>], library: Option<&[u8]>) -> serde_json::Value {
    let mut local_tap = LocalTap::new();
    if let Some(library) = library {
        let files: &[BottleFile<'_>] = &[("lib/libtiny.so", library, 0o444)];
        local_tap.add("libtiny", files, None, &json!({}));
    }
    local_tap.add("tiny", program, Some("bin/tiny"), &json!({ "dependencies": ["libtiny"] }));
    let (origin, _) = local_tap.serve();
    let root = TestRoot::new(&origin, "");
    root.add_recipe("libtiny", LIBRARY);
    root.attempt("homebrew:tiny").0
}

fn found() {
    let (program, library) = compiled();
    let report = attempt(&[("bin/tiny", &program, 0o555)], Some(&library));
    assert_eq!(report["outcome"], "verified", "{report:#}");
}

fn found_from_deep() {
    let (program, library) = compiled();
    let script = b"#!/bin/sh\nexec @@HOMEBREW_CELLAR@@/tiny/1.2.3/libexec/a/b/c/tiny\n";
    let files: &[BottleFile<'_>] =
        &[("bin/tiny", script, 0o555), ("libexec/a/b/c/tiny", &program, 0o555)];
    let report = attempt(files, Some(&library));
    assert_eq!(report["outcome"], "verified", "{report:#}");
}

fn not_found() {
    let (program, _) = compiled();
    let report = attempt(&[("bin/tiny", &program, 0o555)], None);
    assert_eq!(report["failure"]["subcategory"], "libc_mismatch", "{report:#}");
    assert!(report["failure"]["message"].as_str().unwrap().contains("libtiny.so"), "{report:#}");
}
