//! Decides for which cells a recipe is offered, from its results in the environments.
//!
//! A structural failure in any environment of a cell removes the cell, because recipes know nothing
//! smaller. A result that says nothing about the recipe (skipped, blocked) changes nothing: the cell
//! stays as the builder declared it.

use crate::model::{Cell, Environment, RemovedCell, Verdict};

/// The results of one recipe, by cell.
///
/// Results of environments that the recipe is not for do not exist: nothing is tested there.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CellResults([Counts; Cell::ALL.len()]);

/// The results in the environments of one cell.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Counts {
    passed: u8,
    failed: u8,
}

impl CellResults {
    /// Sorts `results` by cell.
    pub fn of(results: impl IntoIterator<Item = (Environment, Verdict)>) -> Self {
        let mut cells = Self::default();
        for (environment, verdict) in results {
            let counts = &mut cells.0[environment.cell() as usize];
            match verdict {
                Verdict::Pass => counts.passed = counts.passed.saturating_add(1),
                Verdict::Fail => counts.failed = counts.failed.saturating_add(1),
                Verdict::Skipped { .. } | Verdict::Blocked => (),
            }
        }
        cells
    }

    /// Whether `cell` is removed: the recipe failed in one of its environments.
    pub fn is_removed(&self, cell: Cell) -> bool {
        0 < self.counts(cell).failed
    }

    /// Whether the environments of `cell` contradict each other.
    pub fn is_split(&self, cell: Cell) -> bool {
        self.is_removed(cell) && 0 < self.counts(cell).passed
    }

    /// Whether a cell is left in which the recipe was seen to work. If not, the recipe is not merged.
    pub fn is_mergeable(&self) -> bool {
        let works = |&cell: &Cell| 0 < self.counts(cell).passed && !self.is_removed(cell);
        Cell::ALL.iter().any(works)
    }

    fn counts(&self, cell: Cell) -> Counts {
        self.0[cell as usize]
    }
}

/// The cells that `results` remove, each with the environments that say so. Empty when nothing
/// failed.
pub fn removed(results: &[(Environment, Verdict)]) -> Vec<RemovedCell> {
    let cells = CellResults::of(results.iter().copied());
    let with = |cell: Cell, wanted: Verdict| {
        let is_it = move |&&(place, verdict): &&(Environment, Verdict)| {
            place.cell() == cell && verdict == wanted
        };
        results.iter().filter(is_it).map(|&(place, _)| place).collect()
    };
    let is_removed = |cell: &Cell| cells.is_removed(*cell);
    let found = Cell::ALL.iter().copied().filter(is_removed);
    found
        .map(|cell| RemovedCell {
            cell,
            failed_in: with(cell, Verdict::Fail),
            given_up: with(cell, Verdict::Pass),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ValidationSkip;

    const VERDICTS: [Verdict; 4] = [
        Verdict::Pass,
        Verdict::Fail,
        Verdict::Skipped { reason: ValidationSkip::Fault },
        Verdict::Blocked,
    ];

    /// All 4^11 combinations of results, each with every environment.
    #[test]
    fn of_all_combinations_of_results_only_a_structural_failure_removes_a_cell() {
        let n = Environment::ALL.len();
        let mut n_mergeable = 0_u32;
        for matrix in 0..1_usize << (2 * n) {
            let verdict = |i: usize| VERDICTS[matrix >> (2 * i) & 3];
            let all = Environment::ALL.iter().copied().enumerate();
            let cells = CellResults::of(all.clone().map(|(i, place)| (place, verdict(i))));
            // The rules once more, in another way: as bits of environments.
            let (mut failed, mut passed) = (0_u8, 0_u8);
            for (i, place) in all {
                let bit = 1 << place.cell() as u8;
                match verdict(i) {
                    Verdict::Fail => failed |= bit,
                    Verdict::Pass => passed |= bit,
                    Verdict::Skipped { .. } | Verdict::Blocked => (),
                }
            }
            for &cell in Cell::ALL {
                let bit = 1 << cell as u8;
                assert_eq!(cells.is_removed(cell), failed & bit != 0, "{matrix:x} {cell}");
                assert_eq!(cells.is_split(cell), failed & passed & bit != 0, "{matrix:x} {cell}");
            }
            assert_eq!(cells.is_mergeable(), passed & !failed != 0, "{matrix:x}");
            n_mergeable += u32::from(cells.is_mergeable());
        }
        // Counted by cells: a cell of k environments has (3^k - 2^k) combinations with a pass and
        // without a failure among 4^k.
        let without = |k: u32| 4_u32.pow(k) - (3_u32.pow(k) - 2_u32.pow(k));
        let never = [4, 1, 3, 1, 1, 1].map(without).iter().product::<u32>();
        assert_eq!(n_mergeable, 4_u32.pow(11) - never);
    }

    #[test]
    fn a_removed_cell_names_the_environments_that_failed_and_the_passes_that_are_given_up() {
        let results = [
            (Environment::DebianX86, Verdict::Pass),
            (Environment::RhelX86, Verdict::Fail),
            (Environment::AlpineX86, Verdict::Blocked),
            (Environment::DebianArm, Verdict::Pass),
            (Environment::MacArm, Verdict::Fail),
        ];
        let expected = [
            RemovedCell {
                cell: Cell::LinuxGlibcX86,
                failed_in: vec![Environment::RhelX86],
                given_up: vec![Environment::DebianX86],
            },
            RemovedCell {
                cell: Cell::DarwinArm,
                failed_in: vec![Environment::MacArm],
                given_up: vec![],
            },
        ];
        assert_eq!(removed(&results), expected);
        assert!(CellResults::of(results).is_mergeable(), "it works on arm64");
    }
}
