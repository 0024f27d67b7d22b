//! The page of one failure.

use askama::Template;
use batch_core::{
    decide::shell_word::shell_word,
    model::{
        Confidence, EcosystemId, ExecutablesFrom, FailureRecord, PackageId, PackageName, Stage,
        StatusLabel,
    },
};

use super::{Page, cell, frame::Frame, row::Link, strip, table::Cell};
use crate::{
    html::Html,
    known::Known,
    path,
    records::StoredOutput,
    site::Site,
    text::{Text, Timestamp, counted, https_url},
};

#[derive(Template)]
#[template(path = "failure.html")]
struct FailurePage {
    frame: Frame,
    package: Link,
    ecosystem: Link,
    kind: Text,
    kind_href: String,
    headline: Text,
    remedy: Text,
    command: Option<Text>,
    commands: Html,
    message: Text,
    strip: Html,
    facts: Html,
    workflow: Option<String>,
    registry_page: Option<String>,
    output: Option<Html>,
    output_note: String,
}

pub(super) fn build(site: &Site<'_>, failure: &FailureRecord) -> Page {
    let path = path::failure(&failure.id);
    let root = path::root_of(&path);
    let known = site.known(&failure.package_id);
    let kind = failure.kind();
    let title = format!("{}: {kind}", failure.package_id);
    let (headline, remedy) = (site.headline(failure), site.remedy(failure));
    let (output, output_note) = output(site, failure);
    let page = FailurePage {
        frame: Frame::fixed(&path, &title, "Failures", Some(failure.timestamp)),
        package: Link::package(site, &failure.package_id),
        ecosystem: Link::ecosystem(&failure.package_id.ecosystem),
        kind: Text::of(format_args!("{} / {}", failure.category(), failure.subcategory())),
        kind_href: path::list(&path::kind(failure.category(), failure.subcategory()), 1),
        headline: Text::new(&headline.line),
        remedy: Text::new(&remedy.text),
        command: remedy.command.as_deref().map(Text::new),
        commands: commands(known, failure),
        message: message(failure),
        strip: strip::cell(site, known).view(root),
        facts: cell::facts(root, &facts(site, failure)),
        workflow: failure.workflow_run_url.as_deref().and_then(https_url),
        registry_page: site.registry_page(&failure.package_id),
        output,
        output_note,
    };
    super::page(path, &page)
}

/// What a person can do about the failure, besides its remedy.
fn commands(known: Option<&Known<'_>>, failure: &FailureRecord) -> Html {
    let id = Text::new(&shell_word(&failure.id));
    let package = Text::new(&shell_word(&failure.package_id.to_string()));
    let mut html = Html::with_capacity(1_024);
    let mut add = |what: &'static str, command: &'static str, word: &Text, end: &'static str| {
        html.markup("<div><dt>").markup(what).markup("</dt><dd><code>tsuku-batch ");
        html.markup(command).markup(" ").text(word.as_str()).markup(end);
        html.markup("</code></dd></div>\n");
    };
    if failure.repro.is_some() {
        add("Do exactly the same again", "repro", &id, " --run");
    }
    add("Make and verify it now, without a record", "try", &package, "");
    match known.and_then(|known| known.entry).map(|entry| entry.status.label()) {
        Some(StatusLabel::Pending | StatusLabel::Failed) => {
            add("Make it due at once", "queue retry", &package, "");
        }
        Some(StatusLabel::Blocked | StatusLabel::RequiresManual | StatusLabel::Excluded) => {
            add("Release it", "queue unblock", &package, "");
        }
        Some(StatusLabel::InProgress | StatusLabel::Success) => {}
        None => add("Queue it", "queue add", &package, ""),
    }
    add("Where it stands", "explain", &package, "");
    add("The record in the terminal", "failures show", &id, "");
    html
}

fn facts(site: &Site<'_>, failure: &FailureRecord) -> Vec<(&'static str, Cell)> {
    let text = |text: &Option<String>| text.as_deref().map_or(Cell::None, Cell::text);
    let cause = site.cause(failure.fingerprint);
    let same = cause.map_or(Cell::None, |cause| {
        let (n, packages) = (cause.failures.len(), cause.packages.len());
        let failures =
            Link::new(path::list(&path::cause(cause.fingerprint), 1), counted(n, "failure"));
        let packages = Link::new(
            path::list(&path::cause_packages(cause.fingerprint), 1),
            counted(packages, "package"),
        );
        Cell::Links(Text::default(), vec![failures, packages])
    });
    let notes: Vec<&str> = failure.notes.iter().map(String::as_str).collect();
    vec![
        ("Time", Cell::Time(Timestamp(failure.timestamp))),
        ("Run", Cell::link(Link::run(site, &failure.batch_id))),
        ("Stage", Cell::text(stage(failure.stage))),
        ("Environment", Cell::text(failure.environment.map_or("none yet", |it| it.as_str()))),
        ("Exit code", failure.exit_code.map_or(Cell::None, Cell::of)),
        ("Whose fault", Cell::of(site.headline(failure).owner)),
        ("How the cause is known", Cell::text(confidence(failure.confidence))),
        ("Host or tool that failed", text(&failure.service)),
        ("With the same cause", same),
        (
            "Waits for",
            Cell::Links(
                Text::default(),
                blockers(site, &failure.package_id.ecosystem, &failure.blocked_by),
            ),
        ),
        ("Generator", text(&failure.generator)),
        ("Sandbox", text(&failure.sandbox)),
        (
            "Commands from",
            failure
                .executables_from
                .map_or(Cell::None, |it: ExecutablesFrom| Cell::text(it.as_str())),
        ),
        // The attempt itself succeeded: the recipe works elsewhere.
        ("No longer offered for", failure.removed_cell.map_or(Cell::None, Cell::of)),
        ("Notes", Cell::text(notes.join("; "))),
        (
            "Imported from",
            failure.origin.as_ref().map_or(Cell::None, |origin| {
                Cell::of(format_args!("{}, record {}", origin.file, origin.record))
            }),
        ),
        ("Fingerprint", Cell::of(failure.fingerprint)),
        ("Id", Cell::text(&failure.id)),
    ]
}

/// The whole message, or a text that says that there is none.
pub(super) fn message(failure: &FailureRecord) -> Text {
    let message = failure.message.trim_end();
    Text::new(if message.is_empty() { "(no message was recorded)" } else { message })
}

/// Links to the blocking packages. A package without a page gets no link: a failure may be older
/// than the queue.
fn blockers(site: &Site<'_>, ecosystem: &EcosystemId, names: &[PackageName]) -> Vec<Link> {
    let is_known = |name: &PackageName| {
        let id = PackageId { ecosystem: ecosystem.clone(), name: name.clone() };
        site.blocker(&id).is_some()
    };
    let link = |name: &PackageName| {
        let list = path::list(&path::blocker(ecosystem, name), 1);
        Link { href: if is_known(name) { list } else { String::new() }, text: Text::of(name) }
    };
    names.iter().map(link).collect()
}

/// The whole output, and what is said about it.
fn output(site: &Site<'_>, failure: &FailureRecord) -> (Option<Html>, String) {
    let Some(output) = &failure.output else {
        return (None, "No program ran, or its output was not stored.".to_owned());
    };
    match site.records.outputs.get(&output.sha256) {
        Some(StoredOutput::Whole(text)) => {
            let cut =
                if output.truncated { "; its middle was left out when it was stored" } else { "" };
            let mut html = Html::with_capacity(text.len() + text.len() / 8);
            html.text(Text::new(text).as_str());
            (Some(html), format!("{} bytes{cut}.", output.bytes))
        }
        Some(StoredOutput::TooOld) => {
            let note = "Stored, but too old to be shown here; SHA-256";
            (None, format!("{note} {}.", Text::new(&output.sha256)))
        }
        Some(StoredOutput::Missing) | None => {
            (None, format!("No longer stored; SHA-256 {}.", Text::new(&output.sha256)))
        }
    }
}

/// The name of a step of an attempt, as readers see it.
const fn stage(stage: Stage) -> &'static str {
    match stage {
        Stage::Seed => "seed",
        Stage::Generate => "generate",
        Stage::Validate => "validate",
        Stage::Merge => "merge",
    }
}

const fn confidence(confidence: Confidence) -> &'static str {
    match confidence {
        Confidence::Stated => "stated by the text",
        Confidence::Inferred => "inferred",
        Confidence::Lost => "lost: the text ends before any cause",
    }
}
