//! Changes gems and the index at random. `core/fuzz/README.md` describes how to search for longer.

use batch_core::model::Executables;

use crate::{gemspec, index};

const METADATA: &str = "--- !ruby/object:Gem::Specification\nname: x\nversion: !ruby/object:Gem::Version\n  \
                        version: 1.2.3\nplatform: ruby\nauthors:\n- &id001 Ann\n- *id001\nsummary: |\n  Does it\n  \
                        well\nhomepage: https://x.example\nexecutables:\n- x\n- \"y\"\nextensions: []\nfiles: \
                        [a, 'b', {c: d}]\nmetadata: {}\n";
const INDEX: &str = "---\n1.9 |checksum:00\n1.10 a:>= 1,b:~> 2|checksum:ff,ruby:>= 3.0\n\
                     1.10-x86_64-linux-gnu |checksum:aa\n-1.9 |checksum:00\n";

#[test]
fn fuzz_gem_metadata() {
    let words =
        ["!ruby/object:Gem::Version", "&id001", "*id001", "executables:", "- ", "|\n", ">-\n"];
    batch_fuzz::run("gem_metadata", &[METADATA], &words, |input| {
        let Ok(spec) = gemspec::read(input) else { return };
        if let Executables::Known(names) = spec.executables {
            assert!(names.iter().all(|name| !name.as_str().starts_with('-')), "{names:?}");
        }
    });
}

#[test]
fn fuzz_gem_index() {
    let words = ["|checksum:", "---\n", "-java", ",ruby:>= 99"];
    batch_fuzz::run("gem_index", &[INDEX], &words, |input| {
        let _ = index::choices(input);
    });
}
