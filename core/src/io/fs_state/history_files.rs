//! The names of the files of history, which say to which run a file belongs, and their order.

use std::path::Path;

use crate::{
    io::{HistoryFilter, Layout, StateError, fs_state::history_record::HistoryRecord, regular},
    model::{Month, RunName},
};

/// The names of the files that can contain records that fit `filter`, newest first. Files whose
/// names do not contain the start of a run come last.
pub(super) fn names<T: HistoryRecord>(
    dir: &Path,
    filter: &HistoryFilter,
) -> Result<Vec<String>, StateError> {
    let of_failure = filter.failure.as_deref().and_then(RunName::batch_of_failure);
    if let Some(batch) = filter.batch.as_deref().or(of_failure) {
        return Ok(vec![format!("{}{}", T::PREFIX, Layout::batch_file_name(batch))]);
    }
    let is_wanted = |name: &String| {
        let takes = |stem: &str| {
            let is_elsewhere = filter.failure.is_some() && RunName::parse(stem).is_some();
            !is_elsewhere && filter.takes_name(stem)
        };
        Layout::is_lines(name) && stem::<T>(name).is_some_and(takes)
    };
    // A folder may have a hundred thousand names. Each is parsed once, and not at each comparison.
    let with_place = |name: String| (place::<T>(&name).0, name);
    let names = regular::names(dir)?.into_iter().filter(is_wanted);
    let mut names: Vec<(Option<u64>, String)> = names.map(with_place).collect();
    names.sort_unstable_by(|a, b| b.cmp(a));
    Ok(names.into_iter().map(|(_, name)| name).collect())
}

/// The place of a file in the order of history: the greatest comes first.
pub(super) fn place<T: HistoryRecord>(name: &str) -> (Option<u64>, &str) {
    (run_name::<T>(name).map(RunName::start_number), name)
}

pub(super) fn month_of<T: HistoryRecord>(name: &str) -> Option<Month> {
    run_name::<T>(name)?.month()
}

/// What the name of a file says about its run.
pub(super) fn run_name<T: HistoryRecord>(name: &str) -> Option<RunName<'_>> {
    RunName::parse(stem::<T>(name)?)
}

/// The batch id in the name of a file.
fn stem<T: HistoryRecord>(name: &str) -> Option<&str> {
    name.strip_prefix(T::PREFIX)?.strip_suffix(".jsonl")
}
