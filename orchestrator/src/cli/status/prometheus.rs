//! The status as metrics, in the text format of Prometheus:
//! <https://prometheus.io/docs/instrumenting/exposition_formats/>.

use std::{collections::BTreeMap, fmt::Write as _};

use batch_core::{decide::health::Verdict, model::StatusLabel};

use super::report::StatusReport;

const VERDICTS: [Verdict; 5] =
    [Verdict::Healthy, Verdict::Degraded, Verdict::Stalled, Verdict::Paused, Verdict::NeverRun];

/// The metrics of `report`.
pub(super) fn text(report: &StatusReport) -> String {
    let mut metrics = Metrics(String::new());
    metrics.gauge("status_timestamp_seconds", "When these metrics were made.");
    metrics.sample(&[], seconds(report.at.timestamp()));
    metrics.gauge("verdict", "The health in one word; 1 for the word that applies.");
    for verdict in VERDICTS {
        let applies = verdict == report.health.verdict;
        metrics.sample(&[("verdict", verdict.as_str())], flag(applies));
    }
    metrics.gauge("problems", "Reasons of the verdict, by kind.");
    let mut kinds: BTreeMap<&str, u64> = BTreeMap::new();
    for reason in &report.health.reasons {
        *kinds.entry(reason.code.as_str()).or_default() += 1;
    }
    for (code, n) in kinds {
        metrics.sample(&[("code", code)], float(n));
    }
    metrics.gauge("last_run_age_hours", "Hours since the last run ended.");
    if let Some(hours) = report.hours_since_last_run {
        metrics.sample(&[], float(hours));
    }
    metrics.gauge("runs_since_success", "Runs since the last one with a verified recipe.");
    metrics.sample(&[], float(report.runs_since_success));
    metrics.gauge("unpushed_batches", "Batches that are kept until they are pushed.");
    metrics.sample(&[], float(u64::try_from(report.unpushed.len()).unwrap_or(u64::MAX)));
    metrics.gauge("host_paused_until_seconds", "The end of the pause that a host asked for.");
    for paused in &report.paused_hosts {
        metrics.sample(&[("host", &paused.host)], seconds(paused.until.timestamp()));
    }
    ecosystems(report, &mut metrics);
    metrics.gauge("slo_value", "What is achieved of an objective.");
    for slo in &report.slos {
        if let Some(value) = slo.value {
            metrics.sample(&[("slo", slo.id.as_str())], value);
        }
    }
    metrics.gauge("slo_target", "What an objective is to be.");
    for slo in &report.slos {
        metrics.sample(&[("slo", slo.id.as_str())], slo.target);
    }
    metrics.gauge("slo_met", "Whether an objective is met; absent without data.");
    for slo in &report.slos {
        if let Some(ok) = slo.ok {
            metrics.sample(&[("slo", slo.id.as_str())], flag(ok));
        }
    }
    metrics.0
}

fn ecosystems(report: &StatusReport, metrics: &mut Metrics) {
    metrics.gauge("queue_entries", "Entries of a queue, by status.");
    for ecosystem in &report.ecosystems {
        for &status in StatusLabel::ALL {
            let n = ecosystem.counts.get(&status).copied().unwrap_or(0);
            let id = ecosystem.id.as_str();
            metrics.sample(&[("ecosystem", id), ("status", status.as_str())], float(n));
        }
    }
    metrics.gauge("ecosystem_closed", "Whether the breaker of an ecosystem admits whole batches.");
    for ecosystem in &report.ecosystems {
        metrics.sample(&[("ecosystem", ecosystem.id.as_str())], flag(ecosystem.is_closed()));
    }
    metrics.gauge("failures", "Failures of the last 7 days, by what their evidence says.");
    for evidence in &report.evidence {
        let counts = evidence.counts;
        let known = counts.failures - counts.evidence_lost - counts.unclassified;
        for (word, n) in [
            ("known", known),
            ("unclassified", counts.unclassified),
            ("lost", counts.evidence_lost),
        ] {
            let id = evidence.ecosystem.as_str();
            metrics.sample(&[("ecosystem", id), ("evidence", word)], float(n));
        }
    }
}

/// The text that was written so far.
struct Metrics(String);

/// What the names of all metrics begin with.
const PREFIX: &str = "tsuku_batch_";

impl Metrics {
    /// Begins a metric, whose samples follow.
    fn gauge(&mut self, name: &str, help: &str) {
        let help = help.replace('\\', r"\\").replace('\n', r"\n");
        let _ = write!(self.0, "# HELP {PREFIX}{name} {help}\n# TYPE {PREFIX}{name} gauge\n");
    }

    /// Adds a sample of the metric that was begun last.
    fn sample(&mut self, labels: &[(&str, &str)], value: f64) {
        let begun = self.0.rsplit_once("# TYPE ").map(|(_, after)| after);
        let name = begun.and_then(|after| after.split(' ').next()).unwrap_or_default().to_owned();
        let pair = |(label, text): &(&str, &str)| format!("{label}=\"{}\"", escaped(text));
        let labels: Vec<String> = labels.iter().map(pair).collect();
        let labels =
            if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) };
        let _ = writeln!(self.0, "{name}{labels} {value}");
    }
}

/// The text of a label.
fn escaped(text: &str) -> String {
    text.replace('\\', r"\\").replace('"', "\\\"").replace('\n', r"\n")
}

fn flag(is_set: bool) -> f64 {
    f64::from(u8::from(is_set))
}

#[expect(clippy::cast_precision_loss, reason = "metrics are floating-point numbers")]
fn float(n: u64) -> f64 {
    n as f64
}

#[expect(clippy::cast_precision_loss, reason = "metrics are floating-point numbers")]
fn seconds(n: i64) -> f64 {
    n as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_may_be_any_text() {
        let mut metrics = Metrics(String::new());
        metrics.gauge("x", "A \\ line.\nAnother.");
        metrics.sample(&[("host", "a\\b\"c\nd"), ("n", "")], 0.5);
        metrics.sample(&[], 3.0);
        let expected = "# HELP tsuku_batch_x A \\\\ line.\\nAnother.\n# TYPE tsuku_batch_x gauge\n\
                        tsuku_batch_x{host=\"a\\\\b\\\"c\\nd\",n=\"\"} 0.5\ntsuku_batch_x 3\n";
        assert_eq!(metrics.0, expected);
    }
}
