//! Tables of what a plugin is told and what it makes of it, tried row by row.

use batch_core::{
    decide::classify,
    model::{Confidence, Evidence, FailureKind, Finding, Stage},
    plugin::{FailureClassifier, Names},
};

/// Final lines of a tool, what they state, and whose fault it is if it is a service's.
pub type ClassifierCase = (&'static str, FailureKind, Option<&'static str>);

/// What no registry has: to be read as a path, an option, a command or a part of an address.
const NO_NAMES: &[&str] =
    &["", "../../x", "-rf", "a\nb", "<script>", "раypal", "a b", "a%2fb", "a\\b", "a?b", "a#b"];

/// How programs state faults of machines and registries: texts that any source file may hold.
pub const FAULTS: [&str; 20] = [
    "No space left on device",
    "ENOSPC: no space left on device, write",
    "No space left on device (os error 28)",
    "Disk quota exceeded",
    "fatal error: out of memory",
    "Cannot allocate memory",
    "(signal: 9, SIGKILL: kill)",
    "API rate limit exceeded for https://registry.npmjs.org",
    "429 Too Many Requests",
    "Temporary failure in name resolution",
    "getaddrinfo ENOTFOUND index.crates.io",
    "curl: (6) Could not resolve host: proxy.golang.org",
    "certificate verify failed: self-signed certificate",
    "context deadline exceeded",
    "connect: connection refused",
    "read ECONNRESET",
    "Network is unreachable",
    "503 Service Unavailable",
    "The requested URL returned error: 403",
    "sh: 1: cargo: not found",
];

/// Whatever of [`FAULTS`] stands for `{fault}` in `output`, the output is read as `kind`, exactly as
/// it is with a harmless text there.
///
/// # Panics
///
/// If a fault is believed.
#[track_caller]
pub fn no_quote_is_believed(classifier: &dyn FailureClassifier, output: &str, kind: FailureKind) {
    let read = |fault: &str| {
        let (tool, text) = ("tool".to_owned(), output.replace("{fault}", fault));
        let evidence = Evidence { stage: Stage::Validate, tool, exit_code: Some(1), text };
        classify::finding(&evidence, classifier.classify(&evidence))
    };
    let harmless = read("a harmless text");
    assert_eq!((harmless.kind, &harmless.service), (kind, &None), "{output}");
    for fault in FAULTS {
        assert_eq!(read(fault), harmless, "{fault} in {output}");
    }
}

fn classify(classifier: &dyn FailureClassifier, text: &str) -> Option<Finding> {
    let (tool, text) = ("tool".to_owned(), text.to_owned());
    classifier.classify(&Evidence { stage: Stage::Validate, tool, exit_code: Some(1), text })
}

/// Each text states a cause, and names the service that is to blame.
///
/// # Panics
///
/// If one is read otherwise.
#[track_caller]
pub fn all_state(classifier: &dyn FailureClassifier, cases: &[ClassifierCase]) {
    for &(text, kind, service) in cases {
        let expected = Finding { service: service.map(str::to_owned), ..Finding::stated(kind) };
        assert_eq!(classify(classifier, text), Some(expected), "{text}");
    }
}

/// Each text ends before the reason, and what it is about is inferred.
///
/// # Panics
///
/// If one is read otherwise.
#[track_caller]
pub fn all_hint_at(classifier: &dyn FailureClassifier, cases: &[(&str, FailureKind)]) {
    for &(text, kind) in cases {
        let expected = Finding { confidence: Confidence::Inferred, ..Finding::stated(kind) };
        assert_eq!(classify(classifier, text), Some(expected), "{text}");
    }
}

/// No text says anything, nor does an empty one.
///
/// # Panics
///
/// If something is read in one.
#[track_caller]
pub fn none_state(classifier: &dyn FailureClassifier, texts: &[&str]) {
    for text in texts.iter().chain(&[""]) {
        assert_eq!(classify(classifier, text), None, "{text}");
    }
}

/// Each spelling is of the name beside it, which is its own spelling.
///
/// # Panics
///
/// If one is of another name, or of none.
#[track_caller]
pub fn all_spell(names: &dyn Names, cases: &[(&str, &str)]) {
    for &(spelling, name) in cases {
        for spelling in [spelling, name] {
            let found = names.normalise(spelling).map(|name| name.to_string());
            assert_eq!(found.map_err(|error| error.to_string()), Ok(name.to_owned()), "{spelling}");
        }
    }
}

/// No spelling is of a name, nor is what no registry has.
///
/// # Panics
///
/// If one is.
#[track_caller]
pub fn none_spell(names: &dyn Names, spellings: &[&str]) {
    for spelling in spellings.iter().chain(NO_NAMES) {
        assert!(names.normalise(spelling).is_err(), "{spelling:?}");
    }
}
