//! The checks of a commit: check runs, and statuses, the older kind.

use crate::{
    Checks, Conclusion, ForgeError,
    checks::RawCheck,
    git::CommitId,
    github::{
        Github,
        answers::{Annotation, CheckRun, CheckRuns, StatusState, Statuses},
        api::PER_PAGE,
    },
};

impl Github {
    pub(super) async fn all_checks(&self, commit: &CommitId) -> Result<Checks, ForgeError> {
        let query = [("per_page", PER_PAGE)];
        let mut checks = Checks::default();
        let runs = self.api.get(&["commits", commit.as_str(), "check-runs"], &query)?;
        for run in self.api.pages(runs, |page: CheckRuns| page.check_runs).await? {
            let conclusion = if run.status == "completed" {
                // One without a conclusion has certainly not passed.
                Some(run.conclusion.unwrap_or(Conclusion::Unknown))
            } else {
                None
            };
            let summary = match conclusion {
                Some(conclusion) if !conclusion.has_passed() => self.evidence(&run).await?,
                Some(_) | None => String::new(),
            };
            let (name, url) = (&*run.name, run.html_url.as_deref());
            checks.add(&self.api.cleaner, &RawCheck { name, conclusion, summary: &summary, url });
        }
        let statuses = self.api.get(&["commits", commit.as_str(), "status"], &query)?;
        for status in self.api.pages(statuses, |page: Statuses| page.statuses).await? {
            let raw = RawCheck {
                name: &status.context,
                conclusion: match status.state {
                    StatusState::Pending => None,
                    StatusState::Success => Some(Conclusion::Success),
                    StatusState::Error | StatusState::Failure => Some(Conclusion::Failure),
                    StatusState::Unknown => Some(Conclusion::Unknown),
                },
                summary: status.description.as_deref().unwrap_or_default(),
                url: status.target_url.as_deref(),
            };
            checks.add(&self.api.cleaner, &raw);
        }
        Ok(checks)
    }

    /// What a check that failed says: its title, summary and text, and the annotations, which are
    /// all that a job of a workflow leaves.
    async fn evidence(&self, run: &CheckRun) -> Result<String, ForgeError> {
        let output = [&run.output.title, &run.output.summary, &run.output.text];
        let mut parts: Vec<String> = output.into_iter().flatten().cloned().collect();
        if 0 < run.output.annotations_count {
            let path = ["check-runs", &run.id.to_string(), "annotations"];
            let request = self.api.get(&path, &[("per_page", PER_PAGE)])?;
            let annotations: Vec<Annotation> = self.api.ask(request).await?;
            parts.extend(annotations.into_iter().filter_map(|annotation| {
                let Annotation { path, start_line, message } = annotation;
                message.map(|message| format!("{path}:{start_line}: {message}"))
            }));
        }
        parts.retain(|part| !part.trim().is_empty());
        Ok(parts.join("\n"))
    }
}
