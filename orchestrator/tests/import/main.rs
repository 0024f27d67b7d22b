//! `import`, as an operator runs it, on small trees in all old shapes, and on the real data of an
//! earlier pipeline. Where that data is absent, its tests are reported as ignored with the reason.
#![expect(clippy::unwrap_used, clippy::disallowed_methods, reason = "tests, helpers included")]

mod corpus;
#[path = "../../../analytics/tests/site/count.rs"]
#[expect(dead_code, reason = "other tests use the rest of it")]
mod count;
mod examined;
#[path = "../../../analytics/tests/site/html.rs"]
mod html;
mod labels;
#[path = "../../../analytics/tests/site/links.rs"]
mod links;
mod old_tree;
mod operator;
mod pages;
mod replayed;
mod routes;
mod shapes;
mod signatures;
mod simulated;
#[path = "../in_memory/test_ports.rs"]
#[expect(dead_code, reason = "other tests use the rest of it")]
mod test_ports;
mod unblocked;

use std::{path::Path, process::ExitCode};

use libtest_mimic::{Arguments, Trial};

fn main() -> ExitCode {
    let no_corpus =
        (!Path::new(corpus::FOLDER).is_dir()).then_some("needs the data of the earlier pipeline");
    let always = shapes::tests().chain(signatures::TESTS);
    let mut trials: Vec<Trial> = always.map(|&(name, test)| trial(name, test, None)).collect();
    let of_corpus = corpus::TESTS
        .iter()
        .chain(examined::TESTS)
        .chain(labels::TESTS)
        .chain(pages::TESTS)
        .chain(replayed::TESTS)
        .chain(routes::TESTS)
        .chain(signatures::OF_CORPUS)
        .chain(simulated::TESTS)
        .chain(operator::TESTS)
        .chain(unblocked::TESTS);
    trials.extend(of_corpus.map(|&(name, test)| trial(name, test, no_corpus)));
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

fn is_html(path: &str) -> bool {
    path.rsplit_once('.').is_some_and(|(_, extension)| extension == "html")
}

fn trial(name: &str, test: fn(), obstacle: Option<&str>) -> Trial {
    let test = move || {
        test();
        Ok(())
    };
    let trial = Trial::test(name, test).with_ignored_flag(obstacle.is_some());
    match obstacle {
        Some(reason) => trial.with_kind(reason),
        None => trial,
    }
}
