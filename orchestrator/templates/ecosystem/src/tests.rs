use batch_core::{
    model::{Evidence, FailureKind, Stage},
    plugin::{FailureClassifier as _, Names as _, RateLimit as _},
};

use crate::{Ecosystem, HOST};

#[test]
fn names_are_read_as_the_registry_spells_them() {
    for (spelling, name) in [("tool", "tool"), ("My-Tool", "my-tool"), ("a_1", "a_1")] {
        assert_eq!(Ecosystem.normalise(spelling).unwrap().as_str(), name);
    }
    for spelling in ["", "-rf", "a/b", "../x", "a b", "tool-"] {
        assert!(Ecosystem.normalise(spelling).is_err(), "{spelling:?}");
    }
}

#[test]
fn its_host_is_declared() {
    assert!(Ecosystem.quotas().iter().any(|quota| quota.host == HOST));
}

#[test]
fn a_missing_package_is_told_from_other_failures() {
    let kind = |text: &str| {
        let (tool, text) = ("__ID__".to_owned(), text.to_owned());
        let evidence = Evidence { stage: Stage::Validate, tool, exit_code: Some(1), text };
        Ecosystem.classify(&evidence).map(|finding| finding.kind)
    };
    assert_eq!(kind("error: no such package: x"), Some(FailureKind::PackageNotFound));
    assert_eq!(kind("all is well"), None);
}
