//! Packages that imitate others.

use batch_core::{
    decide::seeding::{Merged, verdict},
    model::{Candidate, PackageFacts, PassedOver, Popularity, SeedLine, SeedSkip, Status, Tier},
};

use crate::toy::{Run, downloads, id, lists, page, tool};

/// The result for `suspect` beside popular packages.
fn merged(suspect: Candidate) -> Merged {
    let popular = ["prettier", "ripgrep", "web-tools", "rnodel"].map(|name| tool(name, 1_000_000));
    let all = [popular.to_vec(), vec![suspect]].concat();
    Run::default().over(&["top"], &lists(vec![("top", "", page(all, None))])).merged
}

#[track_caller]
fn check(suspect: Candidate, evidence: Option<&str>) {
    let id = suspect.id.clone();
    let merged = merged(suspect);
    let status = &merged.queue[&id].status;
    match evidence {
        None => assert_eq!(*status, Status::Pending, "{id}"),
        Some(part) => {
            let Status::RequiresManual { reason } = status else { panic!("{id}: {status:?}") };
            assert!(reason.contains(part), "{id}: {reason}");
            assert_eq!(merged.suspicious[0].evidence, *reason);
        }
    }
}

fn hidden(name: &str, value: u64) -> Candidate {
    Candidate { has_repository: Some(false), ..tool(name, value) }
}

#[test]
fn a_little_used_package_one_typing_error_from_a_popular_name_needs_a_review() {
    for name in ["pretier", "prettierr", "prettiet", "pretteir", "ripgre", "rippgrep"] {
        check(hidden(name, 12), Some("typing error"));
    }
    let unknown = Candidate { popularity: None::<Popularity>, ..hidden("pretier", 0) };
    check(unknown, Some("it has no known users"));
    check(hidden("pretier", 12), Some("12 downloads against 1000000"));
}

#[test]
fn packages_with_users_or_a_repository_or_a_distinct_name_are_not_imitations() {
    check(hidden("pretier", 500_000), None);
    check(hidden("prettier", 12), None);
    check(tool("pretier", 12), None);
    check(Candidate { has_repository: None, ..tool("pretier", 12) }, None);
    check(hidden("pretties-x", 12), None);
    check(hidden("quick", 12), None);
}

#[test]
fn only_numbers_with_the_same_unit_are_compared() {
    let with = |change: &dyn Fn(&mut Popularity)| {
        let mut suspect = hidden("pretier", 12);
        change(suspect.popularity.as_mut().unwrap());
        suspect
    };
    check(with(&|_| ()), Some("12 downloads against 1000000"));
    check(with(&|it| it.unit = "stars".to_owned()), None);
    check(with(&|it| it.period_days = Some(1)), None);
    check(with(&|it| it.period_days = None), None);
    // If the known number of the popular one counts something else, the threshold may count the
    // same as this candidate's.
    let mut popular = tool("prettier", 1_000_000);
    popular.popularity.as_mut().unwrap().unit = "stars".to_owned();
    let curated = [(id("prettier"), Tier::CURATED)].into();
    let all = vec![popular, hidden("pretier", 9), hidden("prettie", 11)];
    let run = Run { curated, ..Run::default() };
    let merged = run.over(&["top"], &lists(vec![("top", "", page(all, None))])).merged;
    let Status::RequiresManual { reason } = &merged.queue[&id("pretier")].status else { panic!() };
    assert!(reason.contains("9 downloads against 1000"), "{reason}");
    assert_eq!(merged.queue[&id("prettie")].status, Status::Pending);
}

/// Checks the result for `pretier`: its source stated `listed`, and the inspection returns only its
/// homepage.
#[track_caller]
fn check_inspected(listed: Option<bool>, homepage: Option<&str>, evidence: Option<&str>) {
    let name = "pretier";
    let mut facts = PackageFacts::of_commands(id(name), "1".to_owned(), "x", &[name.to_owned()]);
    facts.homepage = homepage.map(str::to_owned);
    let suspect = Candidate { commands: None, has_repository: listed, ..tool(name, 12) };
    let all = vec![tool("prettier", 1_000_000), suspect];
    let page = SeedLine::Page { source: "top".into(), cursor: None, page: page(all, None) };
    let verdict = SeedLine::Verdict { id: id(name), verdict: verdict(Some(&facts)) };
    let run = Run { facts: vec![page, verdict], ..Run::default() };
    let merged = run.over(&["top"], &lists(vec![])).merged;
    let found = &merged.queue[&id(name)].status;
    assert_eq!(found.reason().is_some(), evidence.is_some(), "{listed:?} {homepage:?}: {found:?}");
    assert!(found.reason().unwrap_or_default().contains(evidence.unwrap_or_default()), "{found:?}");
}

#[test]
fn a_homepage_is_not_a_repository_and_the_source_decides() {
    let evidence = Some("names no repository");
    check_inspected(Some(false), Some("https://evil.example"), evidence);
    check_inspected(Some(false), None, evidence);
    check_inspected(Some(true), None, None);
    check_inspected(Some(true), Some("https://evil.example"), None);
    // It is not known whether there is a repository behind the address.
    check_inspected(None, Some("https://evil.example"), None);
    check_inspected(None, None, evidence);
}

#[test]
fn a_repository_stated_by_any_source_counts() {
    let silent = Candidate { has_repository: None, ..tool("pretier", 12) };
    let first = page(vec![tool("prettier", 1_000_000), silent], None);
    let lists =
        lists(vec![("top", "", first), ("more", "", page(vec![hidden("pretier", 12)], None))]);
    let merged = Run::default().over(&["top", "more"], &lists).merged;
    assert!(merged.queue[&id("pretier")].status.reason().is_some());
}

#[test]
fn names_that_look_alike_need_a_review() {
    for name in ["r1pgrep", "rlpgrep", "prettler", "webtools", "web.tools", "web-t00ls"] {
        check(tool(name, 900), Some("looks like that of"));
    }
    check(tool("model", 900), Some("looks like that of rnodel"));
}

#[test]
fn packages_that_hide_a_system_command_are_not_queued() {
    let posix = "alias ar at awk basename bc cal cat cd chmod cksum cmp comm compress cp crontab \
                 csplit ctags cut date dd df diff dirname du echo ed env ex expand expr false file \
                 find fold fuser getconf getopts grep head iconv id ipcs join kill link ln locale \
                 logger logname lp ls m4 make man mkdir mkfifo more mv newgrp nice nl nm nohup od \
                 paste patch pathchk pax pr printf ps pwd read readlink realpath renice rm rmdir \
                 sed sh sleep sort split strings strip stty tabs tail tee test time timeout touch \
                 tput tr true tsort tty type ulimit umask uname unexpand uniq unlink uudecode vi \
                 wait wc what who write xargs yacc zcat";
    let others = "arch b2sum base64 bash chroot curl factor flock free git hostname ifconfig ip \
                  killall less login lsblk md5sum mktemp mount nproc passwd perl pgrep ping pip \
                  pkill python3 rsync runuser scp seq sftp sha256sum shred shuf ss ssh ssh-keygen \
                  stat su sudo sync sysctl systemctl tac tar top truncate umount watch whereis \
                  which whoami yes";
    for name in posix.split_whitespace().chain(others.split_whitespace()) {
        check(tool(name, 900_000), Some(&format!("command {name}")));
    }
    let commands = Some(vec!["fine".parse().unwrap(), "ls".parse().unwrap()]);
    check(Candidate { commands, ..tool("harmless", 9) }, Some("command ls"));
    let path =
        Candidate { commands: Some(vec!["x".parse().unwrap()]), ..tool("a.example/cmd/sudo", 9) };
    check(path, Some("command sudo"));
}

#[test]
fn curated_packages_need_no_review() {
    let (curated, all) = (
        [(id("ls"), Tier::REST), (id("pretier"), Tier::REST)].into(),
        vec![tool("prettier", 1_000_000), tool("ls", 5), hidden("pretier", 5)],
    );
    let run = Run { curated, ..Run::default() };
    let merged = run.over(&["top"], &lists(vec![("top", "", page(all, None))])).merged;
    assert!(merged.queue.values().all(|entry| entry.status == Status::Pending));
}

#[test]
fn a_name_in_similar_characters_is_reported() {
    let passed_over = |name: &str| PassedOver {
        name: name.to_owned(),
        reason: SeedSkip::InvalidName,
        why: "it has characters that no name there has".to_owned(),
    };
    let mut first = page(vec![tool("ripgrep", 1_000_000)], None);
    first.passed_over = vec![passed_over("rіpgrеp"), passed_over("a b")];
    let merged = Run::default().over(&["top"], &lists(vec![("top", "", first)])).merged;
    assert_eq!(merged.skipped[&SeedSkip::Homoglyph], 1);
    assert_eq!(merged.skipped[&SeedSkip::InvalidName], 1);
    assert_eq!(merged.suspicious.len(), 1);
    assert_eq!(merged.suspicious[0].name, "rіpgrеp");
    assert_eq!(merged.queue.len(), 1);
    assert_eq!(merged.queue[&id("ripgrep")].popularity, Some(downloads(1_000_000)));
}
