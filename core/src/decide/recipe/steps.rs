//! `[[steps]]`.

use super::{
    document::{Field, Problems, Table},
    platforms::{ARCHITECTURES, LIBCS, SYSTEMS},
};
use crate::model::{ActionShape, Metadata, RecipeStep, When};

/// The steps that recipes of any ecosystem use.
const GENERIC: &[ActionShape] = &[
    ActionShape { name: "apk_install", required: &["packages"] },
    ActionShape { name: "apt_install", required: &["packages"] },
    ActionShape { name: "brew_cask", required: &["packages"] },
    ActionShape { name: "brew_install", required: &["packages"] },
    ActionShape { name: "chmod", required: &["files"] },
    ActionShape { name: "configure_make", required: &["source_dir"] },
    ActionShape { name: "dnf_install", required: &["packages"] },
    ActionShape { name: "download", required: &["url"] },
    ActionShape { name: "download_archive", required: &["url"] },
    ActionShape { name: "download_file", required: &["url", "checksum"] },
    ActionShape { name: "extract", required: &["archive", "format"] },
    ActionShape { name: "github_archive", required: &["repo", "asset_pattern"] },
    ActionShape { name: "github_file", required: &["repo", "asset_pattern"] },
    ActionShape { name: "install_binaries", required: &[] },
    ActionShape { name: "install_completions", required: &["target"] },
    ActionShape { name: "install_program_files", required: &["files"] },
    ActionShape { name: "install_shell_init", required: &["target"] },
    ActionShape { name: "manual", required: &["text"] },
    ActionShape { name: "nix_install", required: &["package", "executables"] },
    ActionShape { name: "pacman_install", required: &["packages"] },
    ActionShape { name: "require_command", required: &["command"] },
    ActionShape { name: "run_command", required: &["command"] },
    ActionShape { name: "set_env", required: &["vars"] },
    ActionShape { name: "set_rpath", required: &["rpath"] },
    ActionShape { name: "setup_build_env", required: &[] },
    ActionShape { name: "zypper_install", required: &["packages"] },
];

/// Whether recipes of any ecosystem may have the step `name`.
pub fn is_generic_step(name: &str) -> bool {
    GENERIC.iter().any(|shape| shape.name == name)
}

/// Parameters that are paths, or lists of paths, under the installation.
const PATHS: &[&str] = &[
    "archive",
    "binaries",
    "binary",
    "dest",
    "executables",
    "files",
    "outputs",
    "path",
    "source_dir",
    "source_file",
    "src",
];
const WHEN_FIELDS: &[&str] =
    &["platform", "os", "arch", "linux_family", "package_manager", "libc", "gpu"];
const FAMILIES: &[&str] = &["debian", "rhel", "arch", "suse", "alpine"];
const GPUS: &[&str] = &["nvidia", "amd", "intel", "apple", "none"];

/// Reads and checks; a document without any has a problem.
pub(super) fn read(
    root: &Table<'_>,
    own: &[ActionShape],
    metadata: &Metadata,
    problems: &mut Problems<'_>,
) -> Vec<RecipeStep> {
    let field = root.get("steps");
    let items = field.as_ref().map(|field| field.items(problems)).unwrap_or_default();
    if items.is_empty() {
        problems.add(&root.place("steps"), "is required: a recipe does something");
    }
    let tables: Vec<_> = items.into_iter().filter_map(|item| item.table(problems)).collect();
    tables.iter().map(|table| read_step(table, own, metadata, problems)).collect()
}

fn read_step(
    table: &Table<'_>,
    own: &[ActionShape],
    metadata: &Metadata,
    problems: &mut Problems<'_>,
) -> RecipeStep {
    let action = table.text("action", problems);
    check_action(table, &action, own, problems);
    for (key, field) in table.fields() {
        check_parameter(key, &field, problems);
    }
    let when = table.table("when", problems).map(|when| read_when(&when, metadata, problems));
    let phase = table.get("phase").map(|_| table.text("phase", problems));
    if phase.as_ref().is_some_and(|phase| !["install", "post-install"].contains(&&**phase)) {
        problems.add(&table.place("phase"), "must be install or post-install");
    }
    let params = table.plain(&["action", "when", "phase"], problems);
    RecipeStep { action, params, phase, when }
}

fn check_action(table: &Table<'_>, action: &str, own: &[ActionShape], problems: &mut Problems<'_>) {
    if table.get("action").is_none() {
        problems.add(&table.place("action"), "is required");
        return;
    }
    let Some(shape) = GENERIC.iter().chain(own).find(|shape| shape.name == action) else {
        problems.add(&table.place("action"), format!("is no known action: {action:?}"));
        return;
    };
    for key in shape.required {
        let is_empty = |field: Field<'_>| {
            let has_no_text = field.value.as_str().is_some_and(|text| text.trim().is_empty());
            has_no_text || field.value.as_array().is_some_and(|items| items.is_empty())
        };
        if table.get(key).is_none_or(is_empty) {
            problems.add(&table.place(key), format!("is required by {action}"));
        }
    }
    let says_what = ["binaries", "outputs"].iter().any(|key| table.get(key).is_some());
    // Directory mode without outputs installs the whole tree.
    let is_whole = table.get("install_mode").is_some();
    if action == "install_binaries" && !says_what && !is_whole {
        problems.add(&table.place("binaries"), "or outputs is required by install_binaries");
    }
}

fn check_parameter(key: &str, field: &Field<'_>, problems: &mut Problems<'_>) {
    if PATHS.contains(&key) && field.value.is_array() {
        for item in field.items(problems) {
            check_path_or_pair(item, problems);
        }
    } else if PATHS.contains(&key) {
        check_path(field, problems);
    }
    let Some(text) = field.value.as_str() else { return };
    // What stands in braces is filled in when the recipe is installed.
    let is_literal = !text.contains('{');
    let is_url = key == "url" || key.ends_with("_url");
    if is_url && !text.starts_with("https://") && !text.starts_with('{') {
        problems.add(&field.at, "must start with https://");
    }
    let is_sha256 = text.len() == 64 && text.chars().all(|c| c.is_ascii_hexdigit());
    if key == "sha256" && is_literal && !is_sha256 {
        problems.add(&field.at, "must be 64 hexadecimal digits");
    }
}

/// A path, or `{src, dest}`.
fn check_path_or_pair(item: Field<'_>, problems: &mut Problems<'_>) {
    if !item.value.is_table() {
        return check_path(&item, problems);
    }
    let Some(pair) = item.table(problems) else { return };
    pair.only(&["src", "dest"], problems);
    for key in ["src", "dest"] {
        match pair.get(key) {
            Some(path) => check_path(&path, problems),
            None => problems.add(&pair.place(key), "is required"),
        }
    }
}

/// Refuses what is no path inside the folder that it is about.
pub(super) fn check_path(field: &Field<'_>, problems: &mut Problems<'_>) {
    let Some(path) = field.text(problems) else { return };
    let leaves = path.split('/').any(|part| part == "..");
    let is_odd = path.is_empty()
        || path.starts_with(['/', '~', '-'])
        || path.contains('\\')
        || path.trim() != path;
    if leaves || is_odd {
        problems.add(&field.at, format!("must be a path inside the installation: {path:?}"));
    }
}

fn read_when(table: &Table<'_>, metadata: &Metadata, problems: &mut Problems<'_>) -> When {
    table.only(WHEN_FIELDS, problems);
    let when = When {
        platform: table.texts("platform", problems),
        os: table.texts("os", problems),
        arch: read_arch(table, problems),
        linux_family: table.text("linux_family", problems),
        package_manager: table.text("package_manager", problems),
        libc: table.texts("libc", problems),
        gpu: table.texts("gpu", problems),
    };
    for (key, words) in [("os", SYSTEMS), ("libc", LIBCS), ("gpu", GPUS)] {
        if let Some(field) = table.get(key) {
            field.check_words(words, problems);
        }
    }
    for platform in table.get("platform").map(|it| it.items(problems)).unwrap_or_default() {
        let is_platform = |text: &str| {
            let (os, arch) = text.split_once('/')?;
            (SYSTEMS.contains(&os) && ARCHITECTURES.contains(&arch)).then_some(())
        };
        if platform.value.as_str().is_some_and(|text| is_platform(text).is_none()) {
            problems.add(&platform.at, "must be os/arch");
        }
    }
    check_when(table, &when, metadata, problems);
    when
}

/// A list of one stands for its item, as a few recipes write it.
fn read_arch(table: &Table<'_>, problems: &mut Problems<'_>) -> String {
    let Some(field) = table.get("arch") else { return String::new() };
    let is_list_of_one = field.value.as_array().is_some_and(|items| items.len() == 1);
    let arch = if is_list_of_one {
        field.texts(problems).pop()
    } else {
        field.text(problems).map(str::to_owned)
    };
    let arch = arch.unwrap_or_default();
    if !ARCHITECTURES.contains(&&*arch) {
        problems.add(&field.at, "must be amd64 or arm64");
    }
    arch
}

fn check_when(table: &Table<'_>, when: &When, metadata: &Metadata, problems: &mut Problems<'_>) {
    // A word that begins with `_` names no family: the registry's way to say "never".
    let is_family = |word: &str| FAMILIES.contains(&word) || word.starts_with('_');
    if table.get("linux_family").is_some() && !is_family(&when.linux_family) {
        problems.add(&table.place("linux_family"), "must be one of debian rhel arch suse alpine");
    }
    let is_word = |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_lowercase());
    if table.get("package_manager").is_some() && !is_word(&when.package_manager) {
        problems.add(&table.place("package_manager"), "must be one lower-case word");
    }
    if !when.platform.is_empty() && !when.os.is_empty() {
        problems.add(&table.place("platform"), "cannot stand beside os");
    }
    let is_mac_only = when.os == ["darwin"];
    if is_mac_only && (!when.libc.is_empty() || !when.linux_family.is_empty()) {
        problems.add(&table.at, "asks for something of linux where os is darwin");
    }
    let supported = &metadata.supported_os;
    let is_known = |os: &String| SYSTEMS.contains(&&**os);
    let is_dead = |os: &String| is_known(os) && !supported.contains(os);
    let is_choice = !supported.is_empty() && supported.iter().all(is_known);
    if is_choice && !when.os.is_empty() && when.os.iter().all(is_dead) {
        problems.add(&table.place("os"), "is not supported by the recipe as a whole");
    }
}
