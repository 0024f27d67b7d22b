//! The page of one failure.

use askama::Template;
use batch_core::model::{
    Confidence, EcosystemId, ExecutablesFrom, FailureRecord, PackageName, Stage,
};

use super::{
    Page,
    frame::Frame,
    row::{FailureRow, Link},
};
use crate::{
    path,
    records::StoredOutput,
    site::Site,
    text::{Text, https_url},
};

#[derive(Template)]
#[template(path = "failure.html")]
struct FailurePage<'a> {
    frame: Frame,
    id: Text,
    package: Link,
    row: FailureRow,
    headline: Text,
    remedy: Text,
    command: Option<Text>,
    message: Text,
    stage: &'static str,
    exit_code: Option<i32>,
    confidence: &'static str,
    owner: Text,
    service: Option<Text>,
    cause: Link,
    run: Link,
    workflow: Option<String>,
    generator: Option<Text>,
    sandbox: Option<Text>,
    blocked_by: Vec<Link>,
    notes: Vec<Text>,
    executables_from: Option<&'static str>,
    origin: Option<Text>,
    output: Option<&'a Text>,
    output_note: String,
}

pub(super) fn build(site: &Site<'_>, failure: &FailureRecord) -> Page {
    let path = path::failure(&failure.id);
    let kind = failure.kind();
    let title = format!("{}: {kind}", failure.package_id);
    let text = |text: &Option<String>| text.as_deref().map(Text::new);
    let (headline, remedy) = (site.headline(failure), site.remedy(failure));
    let (output, output_note) = output(site, failure);
    let page = FailurePage {
        frame: Frame::fixed(&path, &title, "Failures", Some(failure.timestamp)),
        id: Text::new(&failure.id),
        package: Link::package(&failure.package_id),
        row: FailureRow::new(site, failure),
        headline: Text::new(&headline.line),
        remedy: Text::new(&remedy.text),
        command: text(&remedy.command),
        message: message(failure),
        stage: stage(failure.stage),
        exit_code: failure.exit_code,
        confidence: confidence(failure.confidence),
        owner: Text::of(headline.owner),
        service: text(&failure.service),
        cause: Link {
            href: path::list(&path::cause(failure.fingerprint), 1),
            text: Text::of(failure.fingerprint),
        },
        run: Link::run(site, &failure.batch_id),
        workflow: failure.workflow_run_url.as_deref().and_then(https_url),
        generator: text(&failure.generator),
        sandbox: text(&failure.sandbox),
        blocked_by: blockers(site, &failure.package_id.ecosystem, &failure.blocked_by),
        notes: failure.notes.iter().map(|note| Text::new(note)).collect(),
        executables_from: failure.executables_from.map(ExecutablesFrom::as_str),
        origin: failure
            .origin
            .as_ref()
            .map(|origin| Text::of(format_args!("{}, record {}", origin.file, origin.record))),
        output: output.as_ref(),
        output_note,
    };
    super::page(path, &page)
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
        site.blockers.iter().any(|b| b.id.ecosystem == *ecosystem && b.id.name == *name)
    };
    let link = |name: &PackageName| {
        let list = path::list(&path::blocker(ecosystem, name), 1);
        Link { href: if is_known(name) { list } else { String::new() }, text: Text::of(name) }
    };
    names.iter().map(link).collect()
}

fn output(site: &Site<'_>, failure: &FailureRecord) -> (Option<Text>, String) {
    let Some(output) = &failure.output else {
        return (None, "No program ran, or its output was not stored.".to_owned());
    };
    match site.records.outputs.get(&output.sha256) {
        Some(StoredOutput::Whole(text)) => {
            let cut =
                if output.truncated { "; its middle was left out when it was stored" } else { "" };
            (Some(Text::new(text)), format!("{} bytes{cut}.", output.bytes))
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
