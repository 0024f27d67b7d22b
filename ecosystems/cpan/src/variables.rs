//! Finds variables of a Perl program without running it, and decides whether their values are
//! certain.

use std::ops::Range;

/// The place where a variable gets its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Declared {
    /// The position of its name.
    pub(crate) name_at: usize,
    /// The position after the assignment sign.
    pub(crate) value_at: usize,
}

/// The only place outside of all brackets where `code` assigns a value to the variable `name` with
/// this `sign`; `None` if there is none, or more than one.
pub(crate) fn declaration(code: &str, sign: char, name: &str) -> Option<Declared> {
    let given = |at: usize| {
        let before = code[..at].strip_suffix(sign)?.trim_end();
        let is_statement = before.is_empty() || before.ends_with([';', '}']);
        let is_new = ["my", "our"].iter().any(|word| before.ends_with(word));
        let after = &code[at + name.len()..];
        let value = after.trim_start().strip_prefix('=')?;
        let is_given = (is_statement || is_new) && !value.starts_with(['=', '~', '>']);
        let value_at = code.len() - value.len();
        is_given.then_some(Declared { name_at: at, value_at })
    };
    let mut all = uses(code, name).filter_map(given);
    let only = all.next().filter(|_| all.next().is_none());
    only.filter(|declared| open(&code[..declared.name_at]).is_empty())
}

/// Whether every use of the variable `name` lies in one of these `parts` of `code`. Then nothing
/// else can change it.
pub(crate) fn is_only_in(code: &str, name: &str, parts: &[Range<usize>]) -> bool {
    uses(code, name).all(|at| parts.iter().any(|part| part.contains(&at)))
}

/// The positions of `name` where it is a variable with any sigil.
fn uses<'a>(code: &'a str, name: &'a str) -> impl Iterator<Item = usize> + 'a {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    code.match_indices(name).map(|(at, _)| at).filter(move |&at| {
        let (before, after) = (&code[..at], &code[at + name.len()..]);
        let sign = before.trim_end_matches(['{', '#']);
        sign.ends_with(['$', '@', '%', '*']) && !after.starts_with(is_word)
    })
}

/// Whether the code after `before` runs only under a condition: in a conditional block, or in one
/// of the two branches of `? :`.
pub(crate) fn is_conditional(before: &str) -> bool {
    open(before).into_iter().any(|at| {
        let (outside, bracket) = before.split_at(at);
        let outside = outside.trim_end();
        if bracket.starts_with('{') {
            outside.ends_with(')') || outside.ends_with("else")
        } else {
            outside.ends_with('?') || outside.ends_with(':') && !outside.ends_with("::")
        }
    })
}

/// The positions of brackets that `code` opens and does not close.
fn open(code: &str) -> Vec<usize> {
    let mut open: Vec<(usize, char)> = vec![];
    for (at, c) in code.char_indices() {
        match c {
            '(' => open.push((at, ')')),
            '{' => open.push((at, '}')),
            '[' => open.push((at, ']')),
            // A bracket without a partner is part of a text or of a name, such as `$]`.
            ')' | '}' | ']' if open.last().is_some_and(|&(_, close)| close == c) => {
                open.pop();
            }
            _ => {}
        }
    }
    open.into_iter().map(|(at, _)| at).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_assigned_once_outside_of_all_blocks_is_certain() {
        let check = |code: &str, expected: Option<&str>| {
            let found = declaration(code, '@', "a").map(|it| &code[it.value_at..]);
            assert_eq!(found, expected, "{code}");
        };
        check("my @a = 1;", Some(" 1;"));
        check("our @a=1;", Some("1;"));
        check("use x;\n@a = 1;", Some(" 1;"));
        check("my @a = 1; @a = 2;", None);
        check("if ($x) { my @a = 1; }", None);
        check("my @b = 1; if (@a == 1) {}", None);
        check("my $a = 1;", None);
        check("my @ab = 1;", None);
        check("foo(@a = 1);", None);
    }

    #[test]
    fn a_variable_that_is_used_elsewhere_may_have_been_changed() {
        let check = |code: &str, expected| {
            let part = 0..code.find(';').unwrap();
            assert_eq!(is_only_in(code, "a", &[part]), expected, "{code}");
        };
        check("my @a = 1; $b = 2;", true);
        check("my @a = 1; a();", true);
        check("my @a = 1; push @a, 2;", false);
        check("my @a = 1; $a[0] = 2;", false);
        check("my @a = 1; $#a = 0;", false);
        check("my @a = 1; @{a} = 2;", false);
        check("my @a = 1; f(\\@a);", false);
    }

    #[test]
    fn code_in_a_condition_is_conditional() {
        for before in [
            "if ($x) { ",
            "if ($x) { f(1) } else { f(",
            "unless (eval { 1 }) {\n  WriteMakefile(",
            "WriteMakefile($x ? (",
            "WriteMakefile($x ? () : (",
        ] {
            assert!(is_conditional(before), "{before}");
        }
        for before in [
            "WriteMakefile(",
            "if ($x) { f() }\nWriteMakefile(",
            "my %args = (",
            "WriteMakefile1({ A => { B => 1 }, ",
            "print $]; Foo::Bar->new(",
            "Foo::(",
        ] {
            assert!(!is_conditional(before), "{before}");
        }
    }
}
