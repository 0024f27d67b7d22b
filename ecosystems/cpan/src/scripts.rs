//! Which commands a distribution installs, as its installers decide it:
//!
//! - `Build.PL` goes before `Makefile.PL`, as in cpanm.
//! - `Module::Build` installs `script_files`, and without them what lies in `bin/`.
//! - `Module::Build::Tiny` installs what lies in `script/`.
//! - `ExtUtils::MakeMaker` installs `EXE_FILES` and nothing else.
//! - `Module::Install` installs what `install_script` names and nothing else.

use std::collections::BTreeSet;

use batch_core::model::{CommandName, Executables};

use crate::{
    contents::Contents,
    perl::{self, Item, Listed},
};

/// How the reason begins where no name is at fault.
pub(crate) const UNDECIDED: &str = "its commands are not known";

/// What a distribution installs, and how firmly that is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Scripts {
    /// The one that is called like the distribution first, the others sorted.
    pub(crate) executables: Executables,
    /// What reading the program without running it left open.
    pub(crate) doubt: Option<Doubt>,
}

/// Why there may be other commands. The check after the installation confirms those that were
/// taken or refutes them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Doubt {
    /// This program computes all of them, so that what lies in `bin/` and `script/` was taken.
    Taken(&'static str),
    /// This program spells some of them out, and computes others, of which none was taken.
    More(&'static str),
}

/// What a program gives a key, all places together.
struct List {
    items: Vec<Item>,
    /// There is nothing else.
    is_whole: bool,
}

impl List {
    fn whole(items: Vec<Item>) -> Self {
        Self { items, is_whole: true }
    }

    /// Of something that may do anything.
    fn unknown() -> Self {
        Self { items: vec![], is_whole: false }
    }

    /// `None` where the key is given nothing anywhere.
    fn merged(lists: Vec<Listed>) -> Option<Self> {
        let is_any = !lists.is_empty();
        let mut merged = Self::whole(vec![]);
        for listed in lists {
            match listed {
                Listed::Items(items) => merged.items.extend(items),
                Listed::Computed => merged.is_whole = false,
            }
        }
        is_any.then_some(merged)
    }
}

/// What installing `distribution` with these `contents` puts on `PATH`.
pub(crate) fn of(distribution: &str, contents: &Contents) -> Scripts {
    let unknown = |why| Scripts {
        executables: Executables::Unknown(format!("{UNDECIDED}: {why}")),
        doubt: None,
    };
    let (listed, program) = match (&contents.build_pl, &contents.makefile_pl) {
        (Some(build), _) => (by_build(build, contents), "Build.PL"),
        (None, Some(make)) => (by_make(make), "Makefile.PL"),
        (None, None) => return unknown("it has neither Build.PL nor Makefile.PL".to_owned()),
    };
    let paths = |items: &[Item]| -> BTreeSet<String> {
        items.iter().flat_map(|item| paths(item, contents)).collect()
    };
    let spelled_out = paths(&listed.items);
    let (paths, doubt) = if listed.is_whole {
        (spelled_out, None)
    } else if spelled_out.is_empty() {
        (paths(&["bin/*", "script/*"].map(glob)), Some(Doubt::Taken(program)))
    } else {
        (spelled_out, Some(Doubt::More(program)))
    };
    // Nothing found of what was looked for by a guess says nothing about what there is.
    if paths.is_empty() && doubt.is_some() {
        return unknown(format!("{program} computes them, and no script is in bin or script"));
    }
    Scripts { executables: in_order(distribution, &paths), doubt }
}

fn glob(pattern: &str) -> Item {
    Item::Glob(pattern.to_owned())
}

fn by_build(program: &str, contents: &Contents) -> List {
    if perl::mentions(program, "Module::Build::Tiny") {
        return List::whole(vec![glob("script/*")]);
    }
    // The other name of the key is the stronger one.
    let by_other_name = List::merged(perl::pairs(program, "scripts"));
    let listed = by_other_name.or_else(|| List::merged(perl::lists(program, "script_files")));
    if let Some(List { items, is_whole }) = listed {
        let items = items.into_iter().map(|item| in_folder(item, contents)).collect();
        return List { items, is_whole };
    }
    // Without any of these it is a builder of its own.
    let is_plain = perl::mentions(program, "Module::Build");
    if is_plain { List::whole(vec![glob("bin/*")]) } else { List::unknown() }
}

fn by_make(program: &str) -> List {
    let is_module_install = perl::mentions(program, "inc::Module::Install");
    let key = if is_module_install { "install_script" } else { "EXE_FILES" };
    match List::merged(perl::lists(program, key)) {
        Some(listed) => listed,
        None if is_module_install || perl::mentions(program, "WriteMakefile") => {
            List::whole(vec![])
        }
        None => List::unknown(),
    }
}

/// `Module::Build` takes a folder for all files in it.
fn in_folder(item: Item, contents: &Contents) -> Item {
    match item {
        Item::Path(path) if contents.files.keys().any(|it| it.starts_with(&format!("{path}/"))) => {
            glob(&format!("{path}/*"))
        }
        Item::Path(_) | Item::Glob(_) => item,
    }
}

/// The files that `item` means. A file that is named is installed whatever it is, though it may
/// have to be made first; of a folder only what can be started is a command.
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

/// Whether `path` is in the folder of `pattern` and its name fits; a star stands for anything but
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

/// Names without their folders, those that are called like the distribution first.
fn in_order(distribution: &str, paths: &BTreeSet<String>) -> Executables {
    let own = distribution.strip_prefix("App-").unwrap_or(distribution);
    let is_own = |name: &str| [own, distribution].iter().any(|it| it.eq_ignore_ascii_case(name));
    let name = |path: &String| path.rsplit('/').next().unwrap_or(path).to_owned();
    let names: BTreeSet<String> = paths.iter().map(name).collect();
    let (first, others): (Vec<_>, Vec<_>) = names.iter().partition(|name| is_own(name));
    let in_order = first.into_iter().chain(others).map(|name| name.parse());
    match in_order.collect::<Result<Vec<CommandName>, _>>() {
        Ok(names) => Executables::Known(names),
        Err(invalid) => Executables::Unknown(invalid.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MB: &str = "use Module::Build; Module::Build->new(";
    const MM: &str = "use ExtUtils::MakeMaker; WriteMakefile(";

    fn contents(program: &str, files: &[&str]) -> Contents {
        let mut contents = Contents::default();
        for file in files {
            // A file without a first line is written with a question mark.
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

    /// The commands, joined; with a question mark where they are computed, with a plus where others
    /// are.
    #[track_caller]
    fn check(program: &str, files: &[&str], expected: &str) {
        let scripts = of("App-Tool", &contents(program, files));
        let mark = match scripts.doubt {
            Some(Doubt::Taken(_)) => "?",
            Some(Doubt::More(_)) => "+",
            None => "",
        };
        let told = match scripts.executables {
            Executables::Known(names) => {
                names.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ") + mark
            }
            Executables::Unknown(why) => why,
        };
        assert_eq!(told, expected, "{program}");
    }

    #[test]
    fn makemaker_installs_what_is_listed_and_nothing_else() {
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
    fn what_is_computed_is_taken_from_both_folders_and_said() {
        let files = &["bin/other", "script/tool", "script/data?", "lib/x.pl", "script/sub/x"];
        check(&format!("{MM} EXE_FILES => \\@scripts)"), files, "tool other?");
        check("do './maint/Makefile.PL.include';", files, "tool other?");
        check(&format!("{MB} script_files => \\@x)"), files, "tool other?");
    }

    #[test]
    fn what_is_computed_and_lies_elsewhere_is_not_known_to_be_nothing() {
        let nothing = |program: &str| {
            format!("{UNDECIDED}: {program} computes them, and no script is in bin or script")
        };
        let (make, build) = (nothing("Makefile.PL"), nothing("Build.PL"));
        let files = &["tools/xml_pp/xml_pp", "lib/x", "bin/data?"];
        let listed = r#"EXE_FILES => [ map {"tools/$_/$_"} @programs]"#;
        check(&format!("{MM} {listed},)"), files, &make);
        check(&format!("{MM} EXE_FILES => []); push @{{$x{{EXE_FILES}}}}, 'a';"), files, &make);
        check("do './maint/Makefile.PL.include';", files, &make);
        check(&format!("{MB} script_files => [ @x ])"), files, &build);
        check(&format!("{MB} scripts => [ @x ])"), files, &build);
    }

    #[test]
    fn what_is_spelled_out_is_kept_though_more_is_computed() {
        let files = &["foo", "bin/other", "script/tool"];
        let more = "push @{$args{EXE_FILES}}, 'bin/other' if $^O ne 'VMS';";
        check(&format!("{MM} EXE_FILES => ['foo']); {more}"), files, "foo+");
        check(&format!("{more} {MM} EXE_FILES => [glob('script/*')])"), files, "tool+");
        check(&format!("{MB} script_files => ['foo']); $b->script_files(&x);"), files, "foo+");
    }

    #[test]
    fn module_build_installs_what_is_listed_or_what_lies_in_bin() {
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
    fn module_install_installs_what_it_is_told() {
        let files = &["bin/tool", "bin/x"];
        check("use inc::Module::Install; install_script 'bin/tool'; WriteAll;", files, "tool");
        check("use inc::Module::Install; install_script glob('bin/*');", files, "tool x");
        check("use inc::Module::Install; WriteAll;", files, "");
    }

    #[test]
    fn build_goes_before_make() {
        let mut both = contents(&format!("{MM} EXE_FILES => ['make'])"), &["script/tiny"]);
        both.build_pl = Some("use Module::Build::Tiny; Build_PL();".to_owned());
        let Executables::Known(names) = of("x", &both).executables else { panic!() };
        assert_eq!(names[0].as_str(), "tiny");
    }

    #[test]
    fn what_cannot_be_known_says_why() {
        let none = of("x", &Contents::default()).executables;
        assert!(matches!(none, Executables::Unknown(why) if why.starts_with(UNDECIDED)));
        for name in ["a b", "-rf", "../", "$(id)", "é"] {
            let program = format!("{MM} EXE_FILES => ['bin/ok', 'bin/{name}'])");
            let scripts = of("x", &contents(&program, &[]));
            assert!(matches!(scripts.executables, Executables::Unknown(_)), "{name}");
        }
    }

    #[test]
    fn a_star_stands_for_what_the_shell_says() {
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
