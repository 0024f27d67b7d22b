//! Finds packages that imitate others.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    hash::{DefaultHasher, Hash as _, Hasher as _},
};

use unicode_security::skeleton;

use crate::{
    decide::system::is_system_command,
    model::{CommandName, PackageId, Popularity, Threshold},
};

/// Shorter names differ by one letter too often by chance.
const SHORTEST: usize = 5;
/// A package whose popularity is less than one part in this many of another's may live off the
/// other's name.
const FAR_FEWER: u64 = 100;

/// Names that are worth imitating.
#[derive(Debug, Default)]
pub(super) struct Popular {
    names: BTreeMap<String, Option<Popularity>>,
    /// The names by their appearance.
    by_look: HashMap<String, BTreeSet<String>>,
    /// The names in the order in which they were added.
    numbered: Vec<String>,
    /// The numbers of the names, by the hash of the name itself and of the name without one letter.
    /// Two names that are one typing error apart share such a hash, so nothing else has to be
    /// compared. The set is flat because it has about twelve times as many entries as there are
    /// names.
    by_near: BTreeSet<(u64, usize)>,
}

/// The package to check.
pub(super) struct Suspect<'a> {
    pub(super) id: &'a PackageId,
    pub(super) commands: &'a [CommandName],
    pub(super) popularity: Option<&'a Popularity>,
    pub(super) has_repository: Option<bool>,
}

impl Popular {
    pub(super) fn add(&mut self, name: &str, popularity: Option<&Popularity>) {
        if let Some(known) = self.names.get_mut(name) {
            *known = known.take().or_else(|| popularity.cloned());
            return;
        }
        self.names.insert(name.to_owned(), popularity.cloned());
        self.by_look.entry(look(name)).or_default().insert(name.to_owned());
        let number = self.numbered.len();
        self.numbered.push(name.to_owned());
        self.by_near.extend(near(name).into_iter().map(|key| (key, number)));
    }

    /// Why a person should look at `suspect` first; `None` when there is no reason.
    pub(super) fn evidence(
        &self,
        suspect: &Suspect<'_>,
        threshold: Option<Threshold>,
    ) -> Option<String> {
        let name = suspect.id.name.as_str();
        if let Some(command) = shadowed(name, suspect.commands) {
            return Some(format!("it would hide the system's command {command}"));
        }
        if self.names.contains_key(name) {
            return None;
        }
        self.looks_like(name).or_else(|| self.imitates(suspect, threshold))
    }

    /// Whether `name`, in whatever characters, looks like a popular name and is a different one.
    pub(super) fn looks_like(&self, name: &str) -> Option<String> {
        let other = self.by_look.get(&look(name))?.iter().find(|other| *other != name)?;
        Some(format!("its name looks like that of {other}, which is popular"))
    }

    /// Whether the name is one typing error away from a popular name, has far fewer users, and
    /// names no repository.
    fn imitates(&self, suspect: &Suspect<'_>, threshold: Option<Threshold>) -> Option<String> {
        let name = suspect.id.name.as_str();
        if suspect.has_repository != Some(false) || name.len() < SHORTEST {
            return None;
        }
        let near = near(name).into_iter();
        let nearby = near.flat_map(|key| self.by_near.range((key, 0)..=(key, usize::MAX)));
        let nearby = nearby.filter_map(|(_, number)| self.numbered.get(*number));
        let is_near =
            |other: &&String| other.len() >= SHORTEST && strsim::osa_distance(name, other) == 1;
        let mut nearby: Vec<&String> = nearby.filter(is_near).collect();
        nearby.sort();
        let (other, theirs) = nearby.into_iter().find_map(|other| {
            let theirs = self.names.get(other)?.as_ref();
            Some((other, far_more(theirs, threshold, suspect.popularity)?))
        })?;
        let ours = suspect.popularity.map_or("no known users".to_owned(), |it| {
            format!("{} {} against {theirs}", it.value, it.unit)
        });
        Some(format!(
            "its name differs by one typing error from {other}, it has {ours}, and names no repository"
        ))
    }
}

/// How many users a popular package has, if that is far more than `ours`. Only numbers of the same
/// kind are compared. A package without a number counts as having exactly as many users as make a
/// package popular.
fn far_more(
    theirs: Option<&Popularity>,
    threshold: Option<Threshold>,
    ours: Option<&Popularity>,
) -> Option<u64> {
    let Some(ours) = ours else {
        return theirs.map(|theirs| theirs.value).or(threshold.map(|popular| popular.value));
    };
    let is_alike = |unit: &str, days| (unit, days) == (ours.unit.as_str(), ours.period_days);
    let theirs = theirs.filter(|it| is_alike(&it.unit, it.period_days)).map(|it| it.value);
    let popular = threshold.filter(|it| is_alike(it.unit, it.period_days)).map(|it| it.value);
    theirs.or(popular).filter(|theirs| ours.value.saturating_mul(FAR_FEWER) < *theirs)
}

fn shadowed<'a>(name: &'a str, commands: &'a [CommandName]) -> Option<&'a str> {
    let own = name.rsplit('/').next().unwrap_or(name);
    let all = commands.iter().map(CommandName::as_str).chain([own]);
    all.into_iter().find(|command| is_system_command(command))
}

/// Equal for names that a reader cannot tell apart (UTS 39). Digits that look like letters, and
/// punctuation, are treated in the same way.
fn look(name: &str) -> String {
    let lower = name.to_lowercase();
    let plain: String = lower.chars().filter(|c| !matches!(c, '-' | '_' | '.')).collect();
    let alike = skeleton(&plain).flat_map(char::to_lowercase);
    alike
        .map(|c| match c {
            '0' => 'o',
            '1' | 'i' => 'l',
            '5' => 's',
            other => other,
        })
        .collect()
}

/// Hashes of `name` and of `name` without each one of its characters.
fn near(name: &str) -> Vec<u64> {
    let hash = |parts: [&str; 2]| {
        let mut hasher = DefaultHasher::new();
        for part in parts {
            hasher.write(part.as_bytes());
        }
        name.is_empty().hash(&mut hasher);
        hasher.finish()
    };
    let without = name.char_indices().map(|(at, c)| [&name[..at], &name[at + c.len_utf8()..]]);
    without.chain([[name, ""]]).map(hash).collect()
}
