//! Finds lists of file names in a Perl program without running it.
//!
//! Only constant values count, as [`values`](crate::values) defines them. Everything else is
//! [`Listed::Computed`]; nothing is guessed.

use crate::values;

/// How often a key may get a value in one program; each place is evaluated separately.
const MAX_PLACES: usize = 64;

/// One element of a list.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Item {
    /// A file, relative to the distribution.
    Path(String),
    /// Files of one folder, such as `script/*`.
    Glob(String),
}

/// The value of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Listed {
    /// A constant list.
    Items(Vec<Item>),
    /// Only running the program would tell.
    Computed,
}

/// The values that `source` gives to `key`: after `=>` or `=`, or, if `key` is called as a
/// function, directly after it. Comments, documentation and text after the end of the program are
/// ignored.
pub(crate) fn lists(source: &str, key: &str) -> Vec<Listed> {
    let code = code(source);
    read(&code, &behind(key, &code))
}

/// The same for `=>` only, because this `key` is also an ordinary word.
pub(crate) fn pairs(source: &str, key: &str) -> Vec<Listed> {
    let code = code(source);
    let is_pair = |at: &usize| {
        let after = &code[*at..];
        let after = after.strip_prefix(['\'', '"']).unwrap_or(after);
        after.trim_start().starts_with("=>")
    };
    let pairs: Vec<usize> = behind(key, &code).into_iter().filter(is_pair).collect();
    read(&code, &pairs)
}

fn read(code: &str, places: &[usize]) -> Vec<Listed> {
    if MAX_PLACES < places.len() {
        return vec![Listed::Computed];
    }
    places.iter().map(|&at| values::read(code, at)).collect()
}

/// The end positions of each `key` that is a separate word and not a variable.
fn behind(key: &str, code: &str) -> Vec<usize> {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let mut found = vec![];
    for (at, _) in code.match_indices(key) {
        let (before, after) = (&code[..at], &code[at + key.len()..]);
        let is_part = before.ends_with(|c| is_word(c) || "$@%&:-".contains(c));
        if !is_part && !after.starts_with(is_word) {
            found.push(at + key.len());
        }
    }
    found
}

/// Whether `source` uses `name`, outside comments.
pub(crate) fn mentions(source: &str, name: &str) -> bool {
    code(source).contains(name)
}

/// `source` up to its end mark, without documentation and comments.
fn code(source: &str) -> String {
    let mut is_documentation = false;
    let mut code = String::new();
    for line in source.lines() {
        if matches!(line.trim_end(), "__END__" | "__DATA__") {
            break;
        }
        if line.starts_with("=cut") {
            is_documentation = false;
        } else if line.starts_with('=') && line[1..].starts_with(|c: char| c.is_ascii_alphabetic())
        {
            is_documentation = true;
        } else if !is_documentation {
            code.push_str(without_comment(line));
            code.push('\n');
        }
    }
    code
}

fn without_comment(line: &str) -> &str {
    let is_comment = |at: &usize| *at == 0 || line[..*at].ends_with([' ', '\t', ';']);
    let mut marks = line.match_indices('#').map(|(at, _)| at);
    marks.find(is_comment).map_or(line, |at| &line[..at])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The listed items, joined; globs are in brackets.
    fn summary(listed: &Listed) -> String {
        let Listed::Items(items) = listed else { return "?".to_owned() };
        let tell = |item: &Item| match item {
            Item::Path(path) => path.clone(),
            Item::Glob(pattern) => format!("<{pattern}>"),
        };
        items.iter().map(tell).collect::<Vec<_>>().join(" ")
    }

    #[track_caller]
    fn check(source: &str, expected: &[&str]) {
        let found: Vec<String> = lists(source, "EXE_FILES").iter().map(summary).collect();
        assert_eq!(found, expected, "{source}");
    }

    #[test]
    fn constant_lists_are_read() {
        check("EXE_FILES => ['ack'],", &["ack"]);
        check("EXE_FILES => [ 'bin/a', \"bin/b\", ],\n", &["bin/a bin/b"]);
        check("  \"EXE_FILES\" => [\n    \"bin/ack\"\n  ],\n", &["bin/ack"]);
        check("'EXE_FILES' => [ qw(bin/a bin/b) ]", &["bin/a bin/b"]);
        check("EXE_FILES => [qw[a b]],", &["a b"]);
        check("EXE_FILES => [qw/ a\n b /],", &["a b"]);
        check("EXE_FILES => [], X => 1", &[""]);
        check("EXE_FILES=>['it\\'s']", &["it's"]);
        check("EXE_FILES => [ # commands\n 'a', # one\n 'b' ]", &["a b"]);
        check("$args{EXE_FILES} = [ 'a' ];", &["a"]);
        check("$args{'EXE_FILES'} = [ 'a' ];", &["a"]);
    }

    #[test]
    fn globs_of_one_folder_are_read() {
        check("EXE_FILES => [ glob('script/*') ],", &["<script/*>"]);
        check("EXE_FILES => [ glob \"bin/*.pl\" ],", &["<bin/*.pl>"]);
        check("EXE_FILES => [<bin/*>],", &["<bin/*>"]);
        check("EXE_FILES => [ <bin/* script/*>, 'x' ],", &["<bin/*> <script/*> x"]);
        check("EXE_FILES => [ glob('*') ],", &["?"]);
        check("EXE_FILES => [ glob('{a,b}/*') ],", &["?"]);
        check("EXE_FILES => [ glob(\"$dir/*\") ],", &["?"]);
    }

    #[test]
    fn constant_expressions_are_evaluated() {
        check("EXE_FILES => [ map { \"bin/$_\" } qw(a b) ],", &["bin/a bin/b"]);
        check("EXE_FILES => [ map {; \"bin/$_\"; } qw(a b) ],", &["bin/a bin/b"]);
        check("EXE_FILES => [ map { +\"bin/$_\" } 'a' ],", &["bin/a"]);
        check("EXE_FILES => [ map { 'bin/' . $_ } 'a', 'b' ],", &["bin/a bin/b"]);
        check("EXE_FILES => [ map('bin/' . $_, qw(a b)) ],", &["bin/a bin/b"]);
        check("EXE_FILES => [ map \"bin/${_}.pl\", qw(a b) ],", &["bin/a.pl bin/b.pl"]);
        check("EXE_FILES => [ 'x', map { \"$_/$_\" } ('a', 'b') ],", &["x a/a b/b"]);
        check("EXE_FILES => [ map { (\"a/$_\", \"b/$_\") } qw(c) ],", &["a/c b/c"]);
        check("EXE_FILES => [ map { \"x/$_\" } map { \"y/$_\" } 'a' ],", &["x/y/a"]);
        check("EXE_FILES => [ map { catfile('bin', $_) } qw(a b) ],", &["bin/a bin/b"]);
        check("EXE_FILES => [ File::Spec->catfile('bin', 'a') ],", &["bin/a"]);
        check("EXE_FILES => [ join('/', 'bin', 'a') ],", &["bin/a"]);
        check("EXE_FILES => [ 'a' . '.pl', q(b), qq{c} ]", &["a.pl b c"]);
        check("EXE_FILES => [ sort('b', 'a') ], X => [sort 'c']", &["b a"]);
        check("EXE_FILES => [ grep { -f $_ } <bin/*> ],", &["<bin/*>"]);
        check("EXE_FILES => [ grep { !-d } glob('bin/*'), glob('x/*') ],", &["<bin/*> <x/*>"]);
        check("EXE_FILES => [ grep -e, glob 'bin/*' ],", &["<bin/*>"]);
        check("my @s = qw(a b);\nWriteMakefile(EXE_FILES => \\@s);", &["a b"]);
        check("my @s = ('a', 'b'); WriteMakefile(EXE_FILES => [ @s, 'c' ]);", &["a b c"]);
        check("my @s = <bin/*>; WriteMakefile(EXE_FILES => [@s]);", &["<bin/*>"]);
        check("my $s = ['a']; WriteMakefile(EXE_FILES => $s);", &["a"]);
        check("my $d = 'bin'; WriteMakefile(EXE_FILES => [\"$d/a\"]);", &["bin/a"]);
        check(
            "my @n = qw(a b); my @s = map { \"bin/$_\" } @n; WriteMakefile(EXE_FILES => \\@s);",
            &["bin/a bin/b"],
        );
    }

    #[test]
    fn values_that_may_differ_between_runs_are_computed() {
        for program in [
            "my @s = qw(a b); push @s, 'c' if $x; WriteMakefile(EXE_FILES => \\@s);",
            "my @s = qw(a b); for (@s) { s/a/b/ } WriteMakefile(EXE_FILES => \\@s);",
            "my @s = qw(a); @s = () if $x; WriteMakefile(EXE_FILES => \\@s);",
            "my @s; WriteMakefile(EXE_FILES => \\@s);",
            "my @s = qw(a) if $x; WriteMakefile(EXE_FILES => \\@s);",
            "if ($x) { my @s = qw(a); } WriteMakefile(EXE_FILES => \\@s);",
            "my @s = @s; WriteMakefile(EXE_FILES => \\@s);",
            "my @a = @b; my @b = @a; WriteMakefile(EXE_FILES => \\@a);",
            "my $d = shift; WriteMakefile(EXE_FILES => [\"$d/a\"]);",
            "my $s = 'a'; $s .= 'b'; WriteMakefile(EXE_FILES => [$s]);",
            "WriteMakefile(EXE_FILES => [ map { \"bin/$_\" } glob('x/*') ]);",
            "WriteMakefile(EXE_FILES => [ map { $x ? \"bin/$_\" : () } qw(a b) ]);",
            "WriteMakefile(EXE_FILES => [ map { s/a/b/; $_ } qw(a b) ]);",
            "WriteMakefile(EXE_FILES => [ grep { /a/ } qw(a b) ]);",
            "WriteMakefile(EXE_FILES => [ grep { -d } glob('bin/*') ]);",
            "WriteMakefile(EXE_FILES => [ \"$h{a}\", \"$a[0]\" ]);",
            "WriteMakefile(EXE_FILES => [ \"$_\" ]);",
            "WriteMakefile($x ? (EXE_FILES => ['a']) : ());",
            "if ($x) { WriteMakefile(EXE_FILES => ['a']) }",
            "unless ($x) { f() } else { $args{EXE_FILES} = ['a']; }",
            "$args{EXE_FILES} = ['a'] if $x;",
        ] {
            let found: Vec<String> = lists(program, "EXE_FILES").iter().map(summary).collect();
            assert_eq!(found, ["?"], "{program}");
        }
    }

    #[test]
    fn values_that_need_execution_are_computed() {
        for value in [
            "\\@scripts,",
            "[ @scripts ],",
            "[ \"bin/$name\" ],",
            "[ 'a', $x ? 'b' : () ],",
            "[ 'a' ] x 2,",
            "$^O eq 'MSWin32' ? [] : ['a'],",
            "[ 'a' 'b' ]",
            "[ 'a',",
            "['a']->[0]",
            "scripts(),",
            "[ \"a\\n\" ]",
        ] {
            check(&format!("EXE_FILES => {value}"), &["?"]);
        }
        check("push @{$args{EXE_FILES}}, 'a';", &["?"]);
        check("if ($x{EXE_FILES} == 1) {}", &["?"]);
    }

    #[test]
    fn comments_documentation_and_text_after_the_program_are_ignored() {
        check("# EXE_FILES => ['a'],\n", &[]);
        check("  # was: EXE_FILES => ['a'],\n", &[]);
        check("=head1 EXE_FILES\n\nEXE_FILES => ['a']\n\n=cut\n", &[]);
        check("1;\n__END__\nEXE_FILES => ['a']", &[]);
        check("my $EXE_FILES = ['a']; MY_EXE_FILES => ['b'], EXE_FILES_X => []", &[]);
        check("s#x#y#; EXE_FILES => ['a']", &["a"]);
        check("EXE_FILES => ['a'],\n# and\nEXE_FILES => ['b'],", &["a", "b"]);
    }

    #[test]
    fn functions_and_tables_are_read() {
        let check = |source: &str, key: &str, expected: &str| {
            let found: Vec<String> = lists(source, key).iter().map(summary).collect();
            assert_eq!(found, [expected], "{source}");
        };
        check("install_script 'bin/a';", "install_script", "bin/a");
        check("install_script('bin/a', 'bin/b');", "install_script", "bin/a bin/b");
        check("install_script qw(bin/a bin/b);", "install_script", "bin/a bin/b");
        check("install_script glob('bin/*');", "install_script", "<bin/*>");
        check("install_script $_ for glob('bin/*');", "install_script", "?");
        check("install_script 'a' if $x;", "install_script", "?");
        check("script_files => { 'bin/a' => 1, 'bin/b' => 'x' },", "script_files", "bin/a bin/b");
        check("script_files => 'bin/a',", "script_files", "bin/a");
        check(
            "script_files => [ glob('script/*'), glob('bin/*') ],",
            "script_files",
            "<script/*> <bin/*>",
        );
        check("script_files => { map { $_ => 1 } @x },", "script_files", "?");
        check("script_files => [ map { \"bin/$_\" } 'a' ],", "script_files", "bin/a");
    }

    #[test]
    fn a_program_above_the_budget_is_computed() {
        let words = "a ".repeat(500);
        let mut nested = "()".to_owned();
        for _ in 0..12 {
            nested = format!("map {{ {nested} }} qw({words})");
        }
        check(&format!("EXE_FILES => [ {nested} ],"), &["?"]);
        check(&"EXE_FILES => ['a'],".repeat(50_000), &["?"]);
        let variables = "my $a = 'x';".repeat(50_000);
        check(&format!("{variables} WriteMakefile(EXE_FILES => [\"$a\"])"), &["?"]);
        let used = "$a;".repeat(200_000);
        check(&format!("my $a = 'x'; WriteMakefile(EXE_FILES => [$a]); {used}"), &["?"]);
        let looked_up = "$a,".repeat(50_000);
        check(&format!("my $a = 'x'; WriteMakefile(EXE_FILES => [{looked_up}]);"), &["?"]);
    }

    proptest! {
        #[test]
        fn any_program_is_read(before: String, after: String) {
            let _ = lists(&format!("{before}EXE_FILES{after}"), "EXE_FILES");
        }

        #[test]
        fn any_marks_are_read(marks in "[\\[\\]{}(),;=>'\"qw<#*/ a\\\\\\n]{0,40}") {
            let _ = lists(&format!("EXE_FILES => {marks}"), "EXE_FILES");
            let _ = lists(&format!("EXE_FILES {marks}"), "EXE_FILES");
        }
    }
}
