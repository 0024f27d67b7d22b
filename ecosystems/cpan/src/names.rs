//! The rules for names of distributions: `Dist-Name`, in the case that CPAN uses. The name of a
//! module (`Dist::Name`) is not accepted, because only the registry knows which distribution
//! contains it.

use batch_core::{
    model::{InvalidId, PackageName},
    plugin::{Names, Spelling},
};

use crate::Cpan;

const SPELLING: Spelling = Spelling {
    what: "distribution name",
    longest: 255, // none is published
    punctuation: "-_.+",
    begins: ("it begins with no letter or digit", |c| c.is_ascii_alphanumeric()),
    ends: ("it ends with a dot or a hyphen", |c| !".-".contains(c)),
};

impl Names for Cpan {
    fn normalise(&self, spelling: &str) -> Result<PackageName, InvalidId> {
        if spelling.contains("::") {
            return Err(SPELLING.refuse(spelling, "it names a module, not a distribution"));
        }
        SPELLING.read(spelling)
    }

    fn web_page(&self, name: &PackageName) -> Option<String> {
        Some(format!("https://metacpan.org/dist/{name}"))
    }
}

#[cfg(test)]
mod tests {
    use batch_conformance::tables::{all_spell, none_spell};

    use super::*;

    #[test]
    fn names_are_spelled_as_the_registry_does() {
        let cases = [
            ("ack", "ack"),
            ("App-Ack", "App-Ack"),
            ("Perl-Critic", "Perl-Critic"),
            ("libwww-perl", "libwww-perl"),
            ("Mojolicious", "Mojolicious"),
            ("App-cpanminus", "App-cpanminus"),
            ("perl", "perl"),
            ("Text-CSV_XS", "Text-CSV_XS"),
            ("Acme-C++", "Acme-C++"),
            ("XML-LibXML", "XML-LibXML"),
            ("WWW-Mechanize", "WWW-Mechanize"),
            ("a.b", "a.b"),
        ];
        all_spell(&Cpan, &cases);
    }

    #[test]
    fn names_that_the_registry_cannot_hold_are_refused() {
        let none = [
            "App::Ack",
            "::x",
            "A/AB/ABC/Foo",
            ".x",
            "_x",
            "x-",
            "x.",
            "@x",
            "Foo@1.0",
            "Foo~1",
            &"a".repeat(256),
        ];
        none_spell(&Cpan, &none);
    }
}
