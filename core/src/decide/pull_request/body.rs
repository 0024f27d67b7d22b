//! What a pull request of a batch says.

use std::fmt::Write as _;

use super::code;
use crate::{
    decide::headline::{FailureView, headline},
    model::{
        Attempt, BatchId, Cell, Delta, EcosystemId, Environment, EnvironmentCounts, Exclusion,
        Outcome, PackageId, RecipeName, RunRecord, Tier,
    },
};

/// Maximal length of a body in characters. GitHub refuses more than 65,536.
pub const MAX_BODY: usize = 60_000;

/// Room for what is said about the rows that do not fit.
const MAX_CLOSING: usize = 400;

/// The verified recipes of a batch, for a pull request.
#[derive(Debug, Clone)]
pub struct Proposal<'a> {
    /// What the batch adds to the state.
    pub delta: &'a Delta,
    /// The record of the batch.
    pub run: &'a RunRecord,
    /// The recipes. There is at least one.
    pub recipes: Vec<ProposedRecipe<'a>>,
}

/// One of the recipes.
#[derive(Debug, Clone)]
pub struct ProposedRecipe<'a> {
    /// The package.
    pub package: &'a PackageId,
    /// The name of the recipe.
    pub recipe: &'a RecipeName,
    /// How important the package is; `None` if its entry is gone.
    pub tier: Option<Tier>,
}

/// The branches of batches begin so.
pub const BRANCHES: &str = "batch/";

/// A person decides about a pull request with this label: no run asks the forge to merge it.
pub const FOR_A_PERSON: &str = "batch:review";

/// The branch of `batch`.
pub fn branch(batch: &BatchId) -> String {
    format!("{BRANCHES}{batch}")
}

/// The label of pull requests of `ecosystem`.
pub fn label(ecosystem: &EcosystemId) -> String {
    format!("batch:{ecosystem}")
}

/// The title of the pull request of `delta`, and of its commit.
pub fn title(delta: &Delta) -> String {
    let (batch, ecosystem) = (&delta.batch, delta.batch.ecosystem());
    match delta.sweep {
        None => format!("feat(recipes): add batch {batch} {ecosystem} recipes"),
        Some(_) => {
            format!("feat(recipes): offer {ecosystem} recipes of batch {batch} on more platforms")
        }
    }
}

/// The text of the commit under its title: what is in it, and trailers by which it is found again. A forge
/// that squashes the pull request gets the same text, so that the trailers survive.
pub fn commit_message(proposal: &Proposal<'_>) -> String {
    let Proposal { run, recipes, delta } = proposal;
    let n = recipes.len();
    let recipes = if n == 1 { "recipe" } else { "recipes" };
    format!(
        "{n} {recipes} of {total} attempts, verified by installation.\n\n\
         Batch-Id: {batch}\nEcosystem: {ecosystem}\nBatch-Size: {total}\nSuccess-Rate: {rate}\n",
        total = run.total,
        batch = delta.batch,
        ecosystem = delta.batch.ecosystem(),
        rate = success_rate(run),
    )
}

/// Verified recipes per attempt, with two decimals; 0.00 without attempts.
fn success_rate(run: &RunRecord) -> String {
    let hundredths = (run.succeeded * 100).checked_div(run.total).unwrap_or(0);
    format!("{}.{:02}", hundredths / 100, hundredths % 100)
}

/// The body of the pull request, in Markdown, at most [`MAX_BODY`] characters. What does not fit is named
/// with the file that has it. Nothing that a package says acts as Markdown.
pub fn body(proposal: &Proposal<'_>) -> String {
    let mut sections = Sections::new(proposal.run);
    sections.text(&overview(proposal));
    sections.table("Recipes", RECIPES, proposal.recipes.iter().map(|it| recipe_row(it, proposal)));
    let environments = proposal.run.environments.iter();
    sections.table("Environments", ENVIRONMENTS, environments.map(environment_row));
    let restricted = proposal.run.exclusions.iter();
    sections.table("Restricted recipes", RESTRICTED, restricted.map(restricted_row));
    let left_out = proposal.delta.attempts.iter().filter_map(left_out_row);
    sections.table("Left out", LEFT_OUT, left_out);
    sections.end()
}

const RECIPES: &[&str] = &["recipe", "package", "version", "tier"];
const ENVIRONMENTS: &[&str] = &["environment", "passed", "failed", "blocked", "skipped"];
const RESTRICTED: &[&str] = &["package", "not for", "failed in", "passes given up", "tried again"];
const LEFT_OUT: &[&str] = &["package", "cause", "what happened"];

fn overview(proposal: &Proposal<'_>) -> String {
    let Proposal { delta, run, recipes } = proposal;
    let with = |tier| recipes.iter().filter(|recipe| recipe.tier == Some(tier)).count();
    let tiers = [Tier::CURATED, Tier::POPULAR, Tier::REST];
    let tiers = tiers.map(|tier| format!("{} of tier {}", with(tier), u8::from(tier)));
    let mut text = format!(
        "Each recipe was installed and its commands were run, in the environments below.\n\n\
         - batch: `{batch}` ({ecosystem})\n\
         - verified: {succeeded} of {total} attempts (success rate {rate}); failed {failed}, blocked \
         {blocked}\n\
         - recipes: {n} ({tiers})\n\
         - generator: {generator}\n",
        batch = delta.batch,
        ecosystem = delta.batch.ecosystem(),
        succeeded = run.succeeded,
        total = run.total,
        rate = success_rate(run),
        failed = run.failed,
        blocked = run.blocked,
        n = recipes.len(),
        tiers = tiers.join(", "),
        generator = code(&run.generator),
    );
    if let Some(url) = &run.workflow_run_url {
        let _ = writeln!(text, "- run: {}", code(url));
    }
    text
}

fn recipe_row(recipe: &ProposedRecipe<'_>, proposal: &Proposal<'_>) -> Vec<String> {
    let mut attempts = proposal.delta.attempts.iter();
    let attempt = attempts.find(|attempt| attempt.package == *recipe.package);
    let version = attempt.and_then(|attempt| attempt.upstream_version.as_deref());
    let tier = recipe.tier.map_or(String::new(), |tier| u8::from(tier).to_string());
    vec![
        code(recipe.recipe.as_str()),
        code(&recipe.package.to_string()),
        code(version.unwrap_or_default()),
        tier,
    ]
}

fn environment_row((environment, counts): (&Environment, &EnvironmentCounts)) -> Vec<String> {
    let EnvironmentCounts { passed, failed, blocked, skipped, .. } = counts;
    let numbers = [passed, failed, blocked, skipped].map(u64::to_string);
    [vec![code(environment.as_str())], numbers.to_vec()].concat()
}

fn restricted_row(exclusion: &Exclusion) -> Vec<String> {
    let Exclusion { package_id, cells, recheck_at, .. } = exclusion;
    let names = |of: &dyn Fn(&crate::model::RemovedCell) -> Vec<&'static str>| {
        cells.iter().flat_map(of).map(code).collect::<Vec<_>>().join(" ")
    };
    let places = |all: &[Environment]| all.iter().map(|&it| Environment::as_str(it)).collect();
    vec![
        code(&package_id.to_string()),
        names(&|cell| vec![Cell::as_str(cell.cell)]),
        names(&|cell| places(&cell.failed_in)),
        names(&|cell| places(&cell.given_up)),
        recheck_at.format("%Y-%m-%d").to_string(),
    ]
}

/// The row of an attempt that failed.
fn left_out_row(attempt: &Attempt) -> Option<Vec<String>> {
    let Outcome::Failed(failure) = &attempt.outcome else { return None };
    let headline = headline(&FailureView::of_attempt(failure, &attempt.package));
    Some(vec![
        code(&attempt.package.to_string()),
        code(&failure.finding.kind.to_string()),
        code(&headline.line),
    ])
}

/// A body that grows up to its limit.
struct Sections<'a> {
    text: String,
    n_chars: usize,
    /// Number of rows that did not fit.
    n_left: usize,
    run: &'a RunRecord,
}

impl<'a> Sections<'a> {
    fn new(run: &'a RunRecord) -> Self {
        Self { text: String::new(), n_chars: 0, n_left: 0, run }
    }

    /// Adds `text` if it fits.
    fn text(&mut self, text: &str) -> bool {
        let n = text.chars().count();
        let fits = self.n_chars + n + MAX_CLOSING <= MAX_BODY;
        if fits {
            self.n_chars += n;
            self.text += text;
        }
        fits
    }

    /// Adds a table, as far as it fits. A table without rows is left out.
    fn table(&mut self, title: &str, columns: &[&str], rows: impl Iterator<Item = Vec<String>>) {
        for (i, row) in rows.enumerate() {
            let mut text = String::new();
            if i == 0 {
                let _ = write!(text, "\n### {title}\n\n| {} |\n", columns.join(" | "));
                let _ = writeln!(text, "|{}", " --- |".repeat(columns.len()));
            }
            let _ = writeln!(text, "| {} |", row.join(" | "));
            // After a row that does not fit, none is added, so that no row is without its table.
            if 0 < self.n_left || !self.text(&text) {
                self.n_left += 1;
            }
        }
    }

    fn end(mut self) -> String {
        if 0 < self.n_left {
            let _ = write!(
                self.text,
                "\n{} more rows do not fit here; `data/metrics/batch-runs-{batch}.jsonl` and \
                 `data/failures/{batch}.jsonl` have all of them.\n",
                self.n_left,
                batch = self.run.batch_id,
            );
        }
        self.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        decide::record,
        model::{EnvironmentResult, FailureKind, Verdict},
        records::{attempt, delta, failed_on, succeeded},
    };

    fn batch() -> BatchId {
        "eco-2026-11-21T13-00-05Z".parse().unwrap()
    }

    fn body_of(delta: &Delta) -> String {
        let run = record::run(delta);
        let recipes = delta.attempts.iter().filter_map(|attempt| match &attempt.outcome {
            Outcome::Succeeded { recipe, .. } => {
                Some(ProposedRecipe { package: &attempt.package, recipe, tier: Some(Tier::REST) })
            }
            Outcome::Failed(_) => None,
        });
        body(&Proposal { delta, run: &run, recipes: recipes.collect() })
    }

    fn passed() -> Attempt {
        let result = EnvironmentResult {
            environment: Environment::DebianX86,
            verdict: Verdict::Pass,
            tries: 1,
            duration_ms: 1,
            sandbox: None,
            failure: None,
            verify: None,
        };
        Attempt {
            results: vec![result],
            upstream_version: Some("1.2".to_owned()),
            ..attempt("eco:lion", succeeded("lion"))
        }
    }

    #[test]
    fn the_texts_name_batch_ecosystem_counts_and_rate() {
        let failed = attempt("eco:bad", failed_on(FailureKind::InstallFailed, None));
        let delta = delta(batch(), vec![passed(), failed]);
        assert_eq!(title(&delta), "feat(recipes): add batch eco-2026-11-21T13-00-05Z eco recipes");
        let run = record::run(&delta);
        let recipes = vec![];
        assert_eq!(
            commit_message(&Proposal { delta: &delta, run: &run, recipes }),
            "0 recipes of 2 attempts, verified by installation.\n\nBatch-Id: \
             eco-2026-11-21T13-00-05Z\nEcosystem: eco\nBatch-Size: 2\nSuccess-Rate: 0.50\n"
        );
        let body = body_of(&delta);
        for part in [
            "| `lion` | `eco:lion` | `1.2` | 3 |",
            "| `linux-debian-glibc-x86_64` | 1 | 0 | 0 | 0 |",
            "| `eco:bad` | `validation_failed/install_failed` |",
            "(success rate 0.50); failed 1, blocked 0",
        ] {
            assert!(body.contains(part), "{part}:\n{body}");
        }
    }

    #[test]
    fn a_body_of_thousands_of_rows_stays_below_the_limit_and_says_what_is_missing() {
        let failed =
            |n| attempt(&format!("eco:bad{n}"), failed_on(FailureKind::InstallFailed, None));
        let attempts = [passed()].into_iter().chain((0..5_000).map(failed)).collect();
        let body = body_of(&delta(batch(), attempts));
        assert!(body.chars().count() <= MAX_BODY);
        let n_rows = body.matches("`eco:bad").count();
        assert!(
            body.contains(&format!("{} more rows do not fit here", 5_000 - n_rows)),
            "{n_rows}"
        );
    }

    #[test]
    fn what_a_package_says_is_no_markdown() {
        let mut lion = passed();
        lion.upstream_version = Some("1` @everyone <script> |\n# x".to_owned());
        let body = body_of(&delta(batch(), vec![lion]));
        assert!(body.contains("| `1' @everyone <script> \\| # x` |"), "{body}");
    }
}
