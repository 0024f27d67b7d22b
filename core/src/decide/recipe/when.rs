//! `[steps.when]`: where a step applies.

use super::{
    document::Table,
    platforms::{ARCHITECTURES, LIBCS, SYSTEMS},
    problems::Problems,
};
use crate::model::{Metadata, When};

const WHEN_FIELDS: &[&str] =
    &["platform", "os", "arch", "linux_family", "package_manager", "libc", "gpu"];
const FAMILIES: &[&str] = &["debian", "rhel", "arch", "suse", "alpine"];
const GPUS: &[&str] = &["nvidia", "amd", "intel", "apple", "none"];

/// Reads and checks `[steps.when]`.
pub(super) fn read(table: &Table<'_>, metadata: &Metadata, problems: &mut Problems<'_>) -> When {
    table.only(WHEN_FIELDS, problems);
    let when = When {
        platform: table.texts_or_one("platform", problems),
        os: table.texts_or_one("os", problems),
        arch: read_arch(table, problems),
        linux_family: table.text("linux_family", problems),
        package_manager: table.text("package_manager", problems),
        libc: table.texts_or_one("libc", problems),
        gpu: table.texts_or_one("gpu", problems),
    };
    for (key, words, is_refused) in
        [("os", SYSTEMS, false), ("libc", LIBCS, true), ("gpu", GPUS, false)]
    {
        if let Some(field) = table.get(key) {
            field.check_words(words, is_refused, problems);
        }
    }
    for platform in table.get("platform").map(|it| it.items_or_itself(problems)).unwrap_or_default()
    {
        let is_platform = |text: &str| {
            let (os, arch) = text.split_once('/')?;
            (SYSTEMS.contains(&os) && ARCHITECTURES.contains(&arch)).then_some(())
        };
        if platform.value.as_str().is_some_and(|text| is_platform(text).is_none()) {
            problems.add_own_rule(&platform.at, "must be os/arch").fix("write os/arch");
        }
    }
    check_when(table, &when, metadata, problems);
    when
}

/// Accepts a list with one item for the item, because a few recipes write it so.
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
        let what = "must be amd64 or arm64";
        problems.add_own_rule(&field.at, what).fix("write amd64 or arm64");
    }
    arch
}

fn check_when(table: &Table<'_>, when: &When, metadata: &Metadata, problems: &mut Problems<'_>) {
    // A word that begins with `_` names no family. The recipe registry uses it to say "never".
    let is_family = |word: &str| FAMILIES.contains(&word) || word.starts_with('_');
    if table.get("linux_family").is_some() && !is_family(&when.linux_family) {
        let what = "must be one of debian rhel arch suse alpine";
        let fix = "write one of debian rhel arch suse alpine";
        problems.add_own_rule(&table.place("linux_family"), what).fix(fix);
    }
    let is_word = |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_lowercase());
    if table.get("package_manager").is_some() && !is_word(&when.package_manager) {
        let what = "must be one lower-case word";
        problems.add_own_rule(&table.place("package_manager"), what).fix("write one word");
    }
    if !when.platform.is_empty() && !when.os.is_empty() {
        let fix = "keep one of the two";
        problems.add(&table.place("platform"), "cannot stand beside os").fix(fix);
    }
    let is_mac_only = when.os == ["darwin"];
    if is_mac_only && (!when.libc.is_empty() || !when.linux_family.is_empty()) {
        let fix = "remove libc and linux_family, or write os = [\"linux\"]";
        problems.add(&table.at, "requires a property of Linux although os is darwin").fix(fix);
    }
    let supported = &metadata.supported_os;
    let is_known = |os: &String| SYSTEMS.contains(&&**os);
    let is_dead = |os: &String| is_known(os) && !supported.contains(os);
    let is_choice = !supported.is_empty() && supported.iter().all(is_known);
    if is_choice && !when.os.is_empty() && when.os.iter().all(is_dead) {
        let what = "is not supported by the recipe as a whole";
        problems.add_own_rule(&table.place("os"), what).fix("remove the step");
    }
}
