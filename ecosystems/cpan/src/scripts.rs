//! Which commands a distribution installs, as its installers decide it:
//!
//! - `Build.PL` goes before `Makefile.PL`, as in cpanm.
//! - `Module::Build` installs `script_files`, and without them what lies in `bin/`.
//! - `Module::Build::Tiny` installs what lies in `script/`.
//! - `ExtUtils::MakeMaker` installs `EXE_FILES` and nothing else.
//! - `Module::Install` installs what `install_script` names and nothing else.

use std::collections::BTreeSet;

use batch_core::model::{Executables, FailureKind};

use crate::{
    contents::Contents,
    perl::{self, Item, Listed},
};

/// The beginning of the reason when the commands are unknown, but no name is invalid.
const UNDECIDED: &str = "its commands are not known";

/// All values that a program gives to a key; `None` if only running it would tell.
type List = Option<Vec<Item>>;

/// The value of a key that may be set in several places. The outer `None` means unknown; the inner
/// `None` means that the key is never set.
fn given(lists: Vec<Listed>) -> Option<List> {
    let mut lists = lists.into_iter();
    let first = lists.next()?;
    // If the values differ, it is unknown which one is set last.
    let is_same = lists.all(|listed| listed == first);
    Some(match first {
        Listed::Items(items) if is_same => Some(items),
        Listed::Items(_) | Listed::Computed => None,
    })
}

/// The values of all calls of a function, joined.
fn called(lists: Vec<Listed>) -> List {
    let items = lists.into_iter().map(|listed| match listed {
        Listed::Items(items) => Some(items),
        Listed::Computed => None,
    });
    Some(items.collect::<Option<Vec<_>>>()?.concat())
}

/// The commands that installing `distribution` with these `contents` puts on `PATH`: the command
/// with the name of the distribution first, the others sorted.
pub(crate) fn of(distribution: &str, contents: &Contents) -> Executables {
    let unknown = |why: &str| {
        let kind = FailureKind::BinaryDiscoveryFailed;
        Executables::unknown(kind, format!("{UNDECIDED}: {why}"))
    };
    let (listed, program) = match (&contents.build_pl, &contents.makefile_pl) {
        (Some(build), _) => (by_build(build, contents), "Build.PL"),
        (None, Some(make)) => (by_make(make), "Makefile.PL"),
        (None, None) => return unknown("it has neither Build.PL nor Makefile.PL"),
    };
    let Some(items) = listed else {
        let why = format!("{program} computes them, and only running it would show them");
        let kind = FailureKind::BinaryDiscoveryFailed;
        return Executables::undiscovered(kind, format!("{UNDECIDED}: {why}"));
    };
    in_order(distribution, &items.iter().flat_map(|item| paths(item, contents)).collect())
}

fn glob(pattern: &str) -> Item {
    Item::Glob(pattern.to_owned())
}

fn by_build(program: &str, contents: &Contents) -> List {
    if perl::mentions(program, "Module::Build::Tiny") {
        return Some(vec![glob("script/*")]);
    }
    // The other name of the key takes precedence.
    let by_other_name = given(perl::pairs(program, "scripts"));
    match by_other_name.or_else(|| given(perl::lists(program, "script_files"))) {
        Some(listed) => Some(listed?.into_iter().map(|item| in_folder(item, contents)).collect()),
        // Without any of these, the program is a builder of its own.
        None => perl::mentions(program, "Module::Build").then(|| vec![glob("bin/*")]),
    }
}

fn by_make(program: &str) -> List {
    if perl::mentions(program, "inc::Module::Install") {
        return called(perl::lists(program, "install_script"));
    }
    let without = || perl::mentions(program, "WriteMakefile").then(Vec::new);
    given(perl::lists(program, "EXE_FILES")).unwrap_or_else(without)
}

/// For `Module::Build`, a folder stands for all files in it.
fn in_folder(item: Item, contents: &Contents) -> Item {
    match item {
        Item::Path(path) if contents.files.keys().any(|it| it.starts_with(&format!("{path}/"))) => {
            glob(&format!("{path}/*"))
        }
        Item::Path(_) | Item::Glob(_) => item,
    }
}

/// The files that `item` stands for. A named file is always installed, even if it must be generated
/// first; from a folder only executable files are commands.
fn paths(item: &Item, contents: &Contents) -> Vec<String> {
    let pattern = match item {
        Item::Path(path) => return vec![path.clone()],
        Item::Glob(pattern) => pattern.trim_start_matches("./"),
    };
    let is_command = |path: &str, is_script: bool| {
        let is_other = [".bat", ".pod", ".PL"].iter().any(|ending| path.ends_with(ending));
        is_script && !is_other && matches(pattern, path)
    };
    let files = contents.files.iter().filter(|&(path, &is_script)| is_command(path, is_script));
    files.map(|(path, _)| path.clone()).collect()
}

/// Whether `path` lies in the folder of `pattern` and its name matches; a star matches anything but
/// a dot at the beginning.
fn matches(pattern: &str, path: &str) -> bool {
    let (Some((folder, stars)), Some((in_folder, name))) =
        (pattern.rsplit_once('/'), path.rsplit_once('/'))
    else {
        return false;
    };
    let is_hidden = stars.starts_with('*') && name.starts_with('.');
    folder == in_folder && !is_hidden && fits(stars, name)
}

fn fits(stars: &str, name: &str) -> bool {
    let Some((first, rest)) = stars.split_once('*') else { return stars == name };
    let Some(mut name) = name.strip_prefix(first) else { return false };
    let (middle, last) = rest.rsplit_once('*').unwrap_or(("", rest));
    for part in middle.split('*') {
        let Some((_, after)) = name.split_once(part) else { return false };
        name = after;
    }
    name.ends_with(last)
}

/// File names without folders; those with the name of the distribution come first.
fn in_order(distribution: &str, paths: &BTreeSet<String>) -> Executables {
    let name = |path: &String| path.rsplit('/').next().unwrap_or(path).to_owned();
    let names: BTreeSet<String> = paths.iter().map(name).collect();
    let (first, others): (Vec<_>, Vec<_>) =
        names.iter().partition(|name| is_own(distribution, name));
    Executables::named(first.into_iter().chain(others))
}

/// Whether the command `name` has the name of the distribution.
pub(crate) fn is_own(distribution: &str, name: &str) -> bool {
    let own = distribution.strip_prefix("App-").unwrap_or(distribution);
    [own, distribution].iter().any(|it| it.eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MB: &str = "use Module::Build; Module::Build->new(";
    const MM: &str = "use ExtUtils::MakeMaker; WriteMakefile(";

    fn contents(program: &str, files: &[&str]) -> Contents {
        let mut contents = Contents::default();
        for file in files {
            // A question mark marks a file without a `#!` line.
            let path = file.trim_end_matches('?');
            contents.files.insert(path.to_owned(), !file.ends_with('?'));
        }
        if program.starts_with("use Module::Build") {
            contents.build_pl = Some(program.to_owned());
        } else {
            contents.makefile_pl = Some(program.to_owned());
        }
        contents
    }

    /// The commands, joined, or why they are not known.
    #[track_caller]
    fn check(program: &str, files: &[&str], expected: &str) {
        let told = match of("App-Tool", &contents(program, files)) {
            Executables::Known(names) => {
                names.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
            }
            Executables::Unknown(unknown) => unknown.reason,
        };
        assert_eq!(told, expected, "{program}");
    }

    /// The result for a `program` whose commands only running it would tell.
    fn computed(program: &str) -> String {
        format!("{UNDECIDED}: {program} computes them, and only running it would show them")
    }

    #[test]
    fn makemaker_installs_only_listed_files() {
        let files = &["bin/other", "script/tool", "top"];
        check(&format!("{MM} EXE_FILES => ['script/tool'])"), files, "tool");
        check(&format!("{MM} EXE_FILES => ['top'])"), files, "top");
        check(&format!("{MM} EXE_FILES => [])"), files, "");
        check(&format!("{MM} NAME => 'x')"), files, "");
        check(&format!("{MM} EXE_FILES => ['bin/b', 'bin/tool', 'bin/a.pl'])"), &[], "tool a.pl b");
        check(&format!("{MM} EXE_FILES => [ glob('bin/*') ])"), files, "other");
        check(&format!("{MM} EXE_FILES => ['./bin/x'])"), files, "x");
    }

    #[test]
    fn constant_expressions_are_read() {
        let files = &["bin/one", "bin/two", "bin/devonly"];
        check(
            &format!("{MM} EXE_FILES => [ map {{ \"bin/$_\" }} qw(one two) ])"),
            files,
            "one two",
        );
        check(
            &format!("my @scripts = qw(bin/one bin/two); {MM} EXE_FILES => \\@scripts)"),
            files,
            "one two",
        );
        check(
            &format!("{MM} EXE_FILES => [ grep {{ -f }} glob('bin/*') ])"),
            files,
            "devonly one two",
        );
        check(&format!("{MB} script_files => [ map 'bin/' . $_, 'one' ])"), files, "one");
    }

    #[test]
    fn other_computed_values_are_not_guessed() {
        let (make, build) = (computed("Makefile.PL"), computed("Build.PL"));
        let files = &["tools/xml_pp/xml_pp", "bin/other", "script/tool"];
        let listed = r#"EXE_FILES => [ map {"tools/$_/$_"} @programs]"#;
        check(&format!("{MM} {listed},)"), files, &make);
        check(&format!("{MM} EXE_FILES => \\@scripts)"), files, &make);
        check("do './maint/Makefile.PL.include';", files, &make);
        check(&format!("{MB} script_files => [ @x ])"), files, &build);
        check(&format!("{MB} scripts => [ @x ])"), files, &build);
        // Items of a constant list may be added or removed later in the program.
        check(&format!("{MM} EXE_FILES => []); push @{{$x{{EXE_FILES}}}}, 'a';"), files, &make);
        let more = "push @{$args{EXE_FILES}}, 'bin/other' if $^O ne 'VMS';";
        check(&format!("{MM} EXE_FILES => ['foo']); {more}"), files, &make);
        check(&format!("{MM} EXE_FILES => ['a']); $x{{EXE_FILES}} = ['b'];"), files, &make);
        check(&format!("if ($x) {{ {MM} EXE_FILES => ['a']) }}"), files, &make);
        check(&format!("{MB} script_files => ['foo']); $b->script_files(&x);"), files, &build);
        let install = "use inc::Module::Install; install_script 'bin/other' if $x; WriteAll;";
        check(install, files, &make);
    }

    #[test]
    fn module_build_installs_listed_files_or_those_in_bin() {
        let files = &["bin/a", "bin/b?", "bin/.hidden", "bin/c.bat", "bin/d.pod", "script/tool"];
        check(&format!("{MB} module_name => 'x')"), files, "a");
        check(&format!("{MB} script_files => ['script/tool'])"), files, "tool");
        check(&format!("{MB} script_files => 'script/tool')"), files, "tool");
        check(&format!("{MB} script_files => 'script')"), files, "tool");
        check(&format!("{MB} script_files => {{ 'bin/b' => 1 }})"), files, "b");
        check(&format!("{MB} scripts => ['script/tool'])"), files, "tool");
        check(
            &format!("{MB} scripts => ['script/tool'], script_files => ['bin/a'])"),
            files,
            "tool",
        );
        check(
            &format!("{MB} script_files => ['bin/a']); # scripts => ['script/tool']"),
            files,
            "a",
        );
        check(
            &format!("{MB} script_files => ['bin/a']); my @scripts = glob('scripts/*');"),
            files,
            "a",
        );
        check("use Module::Build::Tiny 0.034; Build_PL();", files, "tool");
        check("use Module::Build; My::Build->new(", &[], "");
    }

    #[test]
    fn module_install_installs_only_named_files() {
        let files = &["bin/tool", "bin/x"];
        check("use inc::Module::Install; install_script 'bin/tool'; WriteAll;", files, "tool");
        check("use inc::Module::Install; install_script glob('bin/*');", files, "tool x");
        check("use inc::Module::Install; WriteAll;", files, "");
        let twice = "install_script 'bin/tool'; install_script 'bin/x';";
        check(&format!("use inc::Module::Install; {twice} WriteAll;"), files, "tool x");
    }

    #[test]
    fn build_pl_takes_precedence_over_makefile_pl() {
        let mut both = contents(&format!("{MM} EXE_FILES => ['make'])"), &["script/tiny"]);
        both.build_pl = Some("use Module::Build::Tiny; Build_PL();".to_owned());
        let Executables::Known(names) = of("x", &both) else { panic!() };
        assert_eq!(names[0].as_str(), "tiny");
    }

    #[test]
    fn unknown_commands_state_the_reason() {
        let none = of("x", &Contents::default());
        assert!(matches!(none, Executables::Unknown(it) if it.reason.starts_with(UNDECIDED)));
        for name in ["a b", "-rf", "../", "$(id)", "é"] {
            let program = format!("{MM} EXE_FILES => ['bin/ok', 'bin/{name}'])");
            let executables = of("x", &contents(&program, &[]));
            assert!(matches!(executables, Executables::Unknown(_)), "{name}");
        }
    }

    #[test]
    fn a_star_matches_as_in_the_shell() {
        let check = |pattern: &str, path: &str, expected| {
            assert_eq!(matches(pattern, path), expected, "{pattern} {path}");
        };
        check("bin/*", "bin/a", true);
        check("bin/*", "bin/.a", false);
        check("bin/*", "bin/sub/a", false);
        check("bin/*.pl", "bin/a.pl", true);
        check("bin/*.pl", "bin/a", false);
        check("bin/a*b*c", "bin/aXbYc", true);
        check("bin/a*b*c", "bin/acb", false);
        check("bin/a", "bin/a", true);
        check("bin/a", "bin/ab", false);
        check("bin/ab*ba", "bin/aba", false);
    }
}
