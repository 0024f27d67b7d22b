//! The crates of the dump with their versions and commands, sorted by downloads.

use std::cmp::Reverse;

use batch_core::{
    model::{Candidate, CommandName, Measure, PassedOver, SeedSkip},
    plugin::{Listing, PageRequest, Row},
};

use crate::seeder::array;

/// The largest size of all kept rows, in bytes; four times the present size.
const MAX_BYTES: usize = 128 << 20;

/// The needed parts of the tables of the dump.
#[derive(Default)]
pub(crate) struct Tables {
    /// The meaning of the download counts; `None` if the dump does not state its date.
    pub(crate) measure: Option<Measure>,
    pub(crate) crates: Vec<Crate>,
    /// Ids of crates with their download counts.
    pub(crate) downloads: Vec<(u32, u64)>,
    /// Ids of crates with the ids of their default versions.
    pub(crate) defaults: Vec<(u32, u32)>,
    /// Versions that may install programs.
    pub(crate) versions: Vec<Version>,
    /// Ids of versions without programs.
    pub(crate) libraries: Vec<u32>,
    /// The number of rows that lack a needed field.
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
    /// The list in the text format of Postgres; `None` if the registry has not looked into the
    /// version.
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
    /// Keeps the text. All texts lie in one buffer, because most are shorter than a pointer to a
    /// separate allocation.
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

    /// Fails if the tables are larger than those of any real registry.
    pub(crate) fn check_size(&self) -> Result<(), String> {
        let bytes = size_of_val(&*self.crates)
            + size_of_val(&*self.downloads)
            + size_of_val(&*self.defaults)
            + size_of_val(&*self.versions)
            + size_of_val(&*self.libraries)
            + self.texts.len();
        if MAX_BYTES < bytes { Err("its tables are too large".to_owned()) } else { Ok(()) }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.crates.is_empty() && 0 < self.n_unreadable
    }

    /// Sorts the rows, so that the result does not depend on their order in the dump.
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

    /// The list of sorted tables.
    pub(crate) fn list(self, wanted: PageRequest<'_>) -> Listing<'_> {
        let n_unreadable = self.n_unreadable;
        let crates = (0..self.crates.len()).map(move |at| self.evaluate(wanted, self.crates[at]));
        let what = "rows of the dump do not say what they are of";
        Listing::whole(crates).with_unreadable(n_unreadable, what)
    }

    fn evaluate(&self, wanted: PageRequest<'_>, it: Crate) -> Row {
        let spelling = self.text(it.name);
        let candidate = wanted.candidate(spelling)?;
        let passed_over = |reason, why: &str| PassedOver::because(spelling, reason, why);
        let unknown = |why: &str| passed_over(SeedSkip::CommandsUnknown, why);
        let version = found(&self.defaults, it.id, |row| row.0).map(|row| row.1);
        let version = version.ok_or_else(|| unknown("it has no default version"))?;
        if self.libraries.binary_search(&version).is_ok() {
            let why = "its default version has no program";
            return Err(passed_over(SeedSkip::Library, why));
        }
        let version = found(&self.versions, version, |row| row.id);
        let version = version.ok_or_else(|| unknown("its version is not in the dump"))?;
        if version.is_yanked {
            let why = "its default version is yanked, so all versions are yanked";
            return Err(passed_over(SeedSkip::Retired, why));
        }
        let programs = version.programs.and_then(|text| array::parse(self.text(text)));
        let commands =
            programs.map(|names| commands(&names).map_err(|why| unknown(&why))).transpose()?;
        let downloads = self.downloads_of(it.id);
        let popularity = self.measure.as_ref().and_then(|kind| kind.popularity(downloads));
        let has_repository = Some(it.has_repository);
        Ok(Candidate { popularity, commands, has_repository, ..candidate })
    }

    fn downloads_of(&self, id: u32) -> Option<u64> {
        found(&self.downloads, id, |row| row.0).map(|row| row.1)
    }
}

/// The last row about `id` among the sorted `rows`.
fn found<T>(rows: &[T], id: u32, id_of: impl Fn(&T) -> u32) -> Option<&T> {
    let end = rows.partition_point(|row| id_of(row) <= id);
    rows.get(end.checked_sub(1)?).filter(|row| id_of(row) == id)
}

/// The commands, by the same rule as in the builder: one unsafe name makes all of them unknown.
fn commands(names: &[String]) -> Result<Vec<CommandName>, String> {
    let read: Result<Vec<CommandName>, _> = names.iter().map(|name| name.parse()).collect();
    let mut commands = read.map_err(|error| error.to_string())?;
    commands.sort();
    commands.dedup();
    Ok(commands)
}
