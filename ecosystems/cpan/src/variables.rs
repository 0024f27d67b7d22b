//! Variables of a Perl program that has not been run, and whether their value is certain.

use std::ops::Range;

/// Where a variable is given its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Declared {
    /// Where its name begins.
    pub(crate) name_at: usize,
    /// Behind the sign that gives.
    pub(crate) value_at: usize,
}

/// The one place, outside all brackets, where `code` gives the variable `name` with this `sign` a
/// value; `None` where there are others, or none.
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

/// Whether every use of the variable `name` lies in one of these `parts` of `code`: then nothing
/// else can change it.
pub(crate) fn is_only_in(code: &str, name: &str, parts: &[Range<usize>]) -> bool {
    uses(code, name).all(|at| parts.iter().any(|part| part.contains(&at)))
}

/// Where `name` begins wherever it is a variable, whatever its sign.
fn uses<'a>(code: &'a str, name: &'a str) -> impl Iterator<Item = usize> + 'a {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    code.match_indices(name).map(|(at, _)| at).filter(move |&at| {
        let (before, after) = (&code[..at], &code[at + name.len()..]);
        let sign = before.trim_end_matches(['{', '#']);
        sign.ends_with(['$', '@', '%', '*']) && !after.starts_with(is_word)
    })
}

/// Whether what comes after `before` is run under a condition only: in a block of one, or in one of
/// the two halves of `? :`.
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

/// Where the brackets stand that `code` opens and does not close.
fn open(code: &str) -> Vec<usize> {
    let mut open: Vec<(usize, char)> = vec![];
    for (at, c) in code.char_indices() {
        match c {
            '(' => open.push((at, ')')),
            '{' => open.push((at, '}')),
            '[' => open.push((at, ']')),
            // One without a partner is no bracket but a part of a text or of a name, such as `$]`.
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
    fn a_value_is_certain_where_it_is_given_once_and_outside_all_blocks() {
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
    fn what_stands_in_a_condition_is_conditional() {
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
