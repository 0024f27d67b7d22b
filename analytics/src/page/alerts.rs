//! The problems that the health of the pipeline reports, with links and commands.

use batch_core::decide::health::{Code, Reason};

use super::row::Link;
use crate::{
    path,
    site::Site,
    text::{Text, Timestamp},
};

/// Problems of one kind.
pub(super) struct Alert {
    pub(super) code: &'static str,
    pub(super) subjects: Vec<Link>,
    pub(super) meaning: &'static str,
    pub(super) since: Option<Timestamp>,
    pub(super) commands: Vec<Text>,
}

/// The problems, those of one kind together.
pub(super) fn alerts(site: &Site<'_>, reasons: &[Reason]) -> Vec<Alert> {
    let mut alerts: Vec<Alert> = vec![];
    for reason in reasons {
        let code = reason.code.as_str();
        let subject =
            Link { href: target(site, reason), text: Text::last_line(&reason.subject, 120) };
        let command = reason.command.as_deref().map(Text::new);
        match alerts.last_mut().filter(|alert| alert.code == code) {
            Some(alert) => {
                alert.subjects.push(subject);
                alert.since = alert.since.min(reason.since.map(Timestamp));
                alert.commands.extend(command.filter(|it| !alert.commands.contains(it)));
            }
            None => alerts.push(Alert {
                code,
                subjects: vec![subject],
                meaning: reason.code.meaning(),
                since: reason.since.map(Timestamp),
                commands: command.into_iter().collect(),
            }),
        }
    }
    alerts
}

/// The page that shows more about a problem.
fn target(site: &Site<'_>, reason: &Reason) -> String {
    let subject = &reason.subject;
    let ecosystem = || {
        let known = site.ecosystems().into_iter().find(|id| id.as_str() == subject);
        known.map_or("ecosystems.html".to_owned(), path::ecosystem)
    };
    let run = || {
        let page = site.batches.get(&**subject).map(|_| path::run(subject));
        page.unwrap_or("runs.html".to_owned())
    };
    match reason.code {
        Code::DataStale | Code::DeadRun | Code::PrOld => run(),
        Code::ClockAhead => "runs.html".to_owned(),
        Code::StateQuarantined => "problems.html".to_owned(),
        Code::CorrelatedOutage => "breakers.html".to_owned(),
        Code::BreakerOpen | Code::QueueEmpty | Code::CoverageStuck => ecosystem(),
        Code::HostPaused => "ecosystems.html".to_owned(),
        Code::Drought => "runs-since-success.html".to_owned(),
        Code::DarwinUnproven => "environments.html".to_owned(),
        Code::UnclassifiedUp
            if site.records.failures.iter().any(|it| it.category() == "unknown") =>
        {
            path::list(&path::category("unknown"), 1)
        }
        Code::UnclassifiedUp => "failures.html".to_owned(),
    }
}
