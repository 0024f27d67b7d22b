//! Changes programs that define the commands of a distribution at random. `core/fuzz/README.md`
//! describes how to search for longer.

use batch_core::model::Executables;

use crate::{contents::Contents, scripts};

const MAKEFILE_PL: &[&str] = &[
    "use ExtUtils::MakeMaker;\nmy @exe = map { \"bin/$_\" } qw( one two );\nWriteMakefile(\n    NAME => \
     'App::X', # the name\n    EXE_FILES => [ @exe, <script/*>, glob('bin/*'), q{bin/x}, \"bin/$name\" ],\n    \
     PREREQ_PM => { 'A::B' => 1.2 },\n);\n__END__\n=pod\n",
    "use inc::Module::Install;\ninstall_script 'bin/one';\ninstall_script(qw(bin/two bin/three));\nWriteAll;\n",
    "my %args = (EXE_FILES => [\"a\"], VERSION => '1');\nif ($] > 5) { $args{EXE_FILES} = [ 'b' ] }\n\
     WriteMakefile(%args);\nprint <<\"EOT\", <<'X';\ntext\nEOT\nmore\nX\ns/a/b/; tr{a}{b}; y/a/b/; m(x);\n",
];
const BUILD_PL: &[&str] = &[
    "use Module::Build;\nmy $b = Module::Build->new( module_name => 'X', script_files => [ 'bin/x', \"bin/y\" ], \
     scripts => { 'bin/z' => 1 } );\n$b->create_build_script;\n",
    "use Module::Build::Tiny;\nBuild_PL(@ARGV);\n",
];
const WORDS: &[&str] = &[
    "qw(",
    "q{",
    "qq[",
    "<<'E'\n",
    "=pod\n",
    "=cut\n",
    "__END__",
    "EXE_FILES",
    "=> [",
    "glob(",
    "map {",
    "sort ",
    "grep { ",
    "@{[ ",
    "$x->{",
    "s{",
    "}{",
    "/x;",
    "\\'",
    "#",
];

fn read(input: &[u8], is_build: bool) {
    let program = Some(String::from_utf8_lossy(input).into_owned());
    let files = [("bin/x", true), ("script/y", true), ("lib/X.pm", false)];
    let files = files.map(|(path, is_script)| (path.to_owned(), is_script)).into();
    let contents = if is_build {
        Contents { build_pl: program, files, ..Contents::default() }
    } else {
        Contents { makefile_pl: program, files, ..Contents::default() }
    };
    if let Executables::Known(names) = scripts::of("App-X", &contents) {
        assert!(names.iter().all(|name| !name.as_str().contains('/')), "{names:?}");
    }
}

#[test]
fn fuzz_makefile_pl() {
    batch_fuzz::run("makefile_pl", MAKEFILE_PL, WORDS, |input| read(input, false));
}

#[test]
fn fuzz_build_pl() {
    batch_fuzz::run("build_pl", BUILD_PL, WORDS, |input| read(input, true));
}
