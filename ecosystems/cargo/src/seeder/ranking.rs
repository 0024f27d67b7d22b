//! What the dump says about each crate, the most downloaded first.

use std::cmp::Reverse;

use batch_core::{
    model::{Candidate, CommandName, PackageId, PassedOver, Popularity, SeedSkip},
    plugin::{Cut, Listed, Names as _, Page},
};

use crate::{
    Cargo, ID,
    seeder::{array, no_name, passed_over},
};

/// Bytes of all that is kept; four times what it takes by now.
const MOST_BYTES: usize = 128 << 20;

/// The tables of the dump, as far as they are wanted.
#[derive(Default)]
pub(crate) struct Tables {
    /// What a number of downloads is, but for the number; `None` where the dump has no date.
    pub(crate) popularity: Option<Popularity>,
    pub(crate) crates: Vec<Crate>,
    /// Crates, and how often they were downloaded.
    pub(crate) downloads: Vec<(u32, u64)>,
    /// Crates, and the versions that stand for them.
    pub(crate) defaults: Vec<(u32, u32)>,
    /// Versions that may have programs.
    pub(crate) versions: Vec<Version>,
    /// Versions that have none.
    pub(crate) libraries: Vec<u32>,
    /// Rows without what they are about.
    pub(crate) n_unreadable: usize,
    texts: String,
}

#[derive(Clone, Copy)]
pub(crate) struct Crate {
    pub(crate) id: u32,
    pub(crate) name: Text,
    pub(crate) has_repository: bool,
}

#[derive(Clone, Copy)]
pub(crate) struct Version {
    pub(crate) id: u32,
    /// As Postgres writes lists; `None` where nobody has looked.
    pub(crate) programs: Option<Text>,
    pub(crate) is_yanked: bool,
}

/// A text that [`Tables::keep`] keeps.
#[derive(Clone, Copy)]
pub(crate) struct Text {
    at: u32,
    len: u32,
}

impl Tables {
    /// Texts lie one after the other, for most are shorter than what it takes to point to one.
    pub(crate) fn keep(&mut self, text: &str) -> Text {
        let number = |n| u32::try_from(n).unwrap_or(u32::MAX); // refused by `check_size` long before
        let kept = Text { at: number(self.texts.len()), len: number(text.len()) };
        self.texts.push_str(text);
        kept
    }

    fn text(&self, kept: Text) -> &str {
        let (at, len) = (kept.at as usize, kept.len as usize);
        self.texts.get(at..at + len).unwrap_or_default()
    }

    /// Whether they hold more than any registry's do.
    pub(crate) fn check_size(&self) -> Result<(), String> {
        let bytes = size_of_val(&*self.crates)
            + size_of_val(&*self.downloads)
            + size_of_val(&*self.defaults)
            + size_of_val(&*self.versions)
            + size_of_val(&*self.libraries)
            + self.texts.len();
        if MOST_BYTES < bytes { Err("its tables hold more than fits".to_owned()) } else { Ok(()) }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.crates.is_empty() && 0 < self.n_unreadable
    }

    /// In one order, whatever order the rows came in.
    pub(crate) fn sorted(mut self) -> Self {
        self.downloads.sort_unstable();
        self.defaults.sort_unstable();
        self.libraries.sort_unstable();
        let mut versions = std::mem::take(&mut self.versions);
        let key = |it: &Version| (it.id, it.programs.map(|text| self.text(text)), it.is_yanked);
        versions.sort_unstable_by(|one, other| key(one).cmp(&key(other)));
        self.versions = versions;
        let mut crates = std::mem::take(&mut self.crates);
        let key = |it: &Crate| {
            (Reverse(self.downloads_of(it.id)), self.text(it.name), it.id, it.has_repository)
        };
        crates.sort_unstable_by(|one, other| key(one).cmp(&key(other)));
        self.crates = crates;
        self
    }

    /// The page `cut` of sorted tables.
    pub(crate) fn page(&self, cut: Cut<'_>) -> Page {
        let unreadable = (0 < self.n_unreadable).then(|| {
            let why = format!("{} rows of the dump do not say what they are of", self.n_unreadable);
            Listed::PassedOver(passed_over("", SeedSkip::Unreadable, why))
        });
        let crates = self.crates.iter().map(|it| match self.candidate(it) {
            Ok(candidate) => Listed::Candidate(candidate),
            Err(passed_over) => Listed::PassedOver(passed_over),
        });
        cut.page(unreadable.into_iter().chain(crates), &Cargo)
    }

    fn candidate(&self, it: &Crate) -> Result<Candidate, PassedOver> {
        let spelling = self.text(it.name);
        let name = Cargo.normalise(spelling).map_err(|error| no_name(spelling, &error))?;
        let unknown = |why: String| passed_over(spelling, SeedSkip::CommandsUnknown, why);
        let version = found(&self.defaults, it.id, |row| row.0).map(|row| row.1);
        let version = version.ok_or_else(|| unknown("no version stands for it".to_owned()))?;
        if self.libraries.binary_search(&version).is_ok() {
            let why = "the version that stands for it has no program";
            return Err(passed_over(spelling, SeedSkip::Library, why));
        }
        let version = found(&self.versions, version, |row| row.id);
        let version =
            version.ok_or_else(|| unknown("its version is not in the dump".to_owned()))?;
        if version.is_yanked {
            let why = "the version that stands for it is yanked, as are all others then";
            return Err(passed_over(spelling, SeedSkip::Retired, why));
        }
        let programs = version.programs.and_then(|text| array::parse(self.text(text)));
        let commands = programs.map(|names| commands(&names).map_err(unknown)).transpose()?;
        Ok(Candidate {
            id: PackageId { ecosystem: ID, name },
            popularity: self.popularity_of(it.id),
            commands,
            has_repository: Some(it.has_repository),
        })
    }

    fn downloads_of(&self, id: u32) -> Option<u64> {
        found(&self.downloads, id, |row| row.0).map(|row| row.1)
    }

    fn popularity_of(&self, id: u32) -> Option<Popularity> {
        Some(Popularity { value: self.downloads_of(id)?, ..self.popularity.clone()? })
    }
}

/// The last of the sorted `rows` about `id`.
fn found<T>(rows: &[T], id: u32, id_of: impl Fn(&T) -> u32) -> Option<&T> {
    let end = rows.partition_point(|row| id_of(row) <= id);
    rows.get(end.checked_sub(1)?).filter(|row| id_of(row) == id)
}

/// As the builder has it: one name that is none makes all unknown.
fn commands(names: &[String]) -> Result<Vec<CommandName>, String> {
    let read: Result<Vec<CommandName>, _> = names.iter().map(|name| name.parse()).collect();
    let mut commands = read.map_err(|error| error.to_string())?;
    commands.sort();
    commands.dedup();
    Ok(commands)
}
