//! Finds packages that imitate others. Seeding asks about each new candidate, and routing about each
//! entry that is not attempted yet; both get the same answer to the same knowledge.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    hash::{DefaultHasher, Hash as _, Hasher as _},
    sync::{LazyLock, OnceLock},
};

use unicode_security::skeleton;

use crate::{
    decide::system::is_system_command,
    model::{CommandName, Popularity, Threshold},
};

/// Shorter names differ by one letter too often by chance.
const SHORTEST: usize = 5;
/// A package whose popularity is less than one part in this many of another's may live off the
/// other's name.
const FAR_FEWER: u64 = 100;

/// Names that are worth imitating.
#[derive(Debug, Default)]
pub(in crate::decide) struct Popular {
    /// Each with its numbers, of which each counts something else.
    names: BTreeMap<String, Vec<Popularity>>,
    /// The names by their appearance.
    by_look: HashMap<String, Vec<String>>,
    /// The names in the order in which they were added.
    numbered: Vec<String>,
    /// The numbers of the names, by the hash of the name itself and of the name without one letter.
    /// Two names that are one typing error apart share such a hash, so nothing else has to be
    /// compared. The set is flat because it has about twelve times as many entries as there are
    /// names. It is made when it is needed: often no suspect gets so far.
    by_near: OnceLock<BTreeSet<(u64, usize)>>,
}

/// The package to check.
#[derive(Clone, Copy)]
pub(in crate::decide) struct Suspect<'a> {
    pub(in crate::decide) name: &'a str,
    /// The commands that are known.
    pub(in crate::decide) commands: &'a [CommandName],
    pub(in crate::decide) popularity: Option<&'a Popularity>,
    /// Whether it names a repository; `None` if nobody knows.
    pub(in crate::decide) has_repository: Option<bool>,
    /// From which number on a package of its registry counts as popular.
    pub(in crate::decide) threshold: Option<Threshold>,
}

impl Popular {
    /// Adds the name of a package that many people use.
    pub(in crate::decide) fn add(&mut self, name: &str, popularity: Option<&Popularity>) {
        if let Some(known) = self.names.get_mut(name) {
            let is_new = |it: &&Popularity| !known.iter().any(|other| is_alike(other, it));
            known.extend(popularity.filter(is_new).cloned());
            return;
        }
        self.add_look(name);
        self.names.entry(name.to_owned()).or_default().extend(popularity.cloned());
        let number = self.numbered.len();
        self.numbered.push(name.to_owned());
        if let Some(by_near) = self.by_near.get_mut() {
            by_near.extend(numbered_near(name, number));
        }
    }

    /// Adds a name of which only the look is worth imitating: other names may resemble it.
    pub(in crate::decide) fn add_look(&mut self, name: &str) {
        if !self.names.contains_key(name) {
            self.names.insert(name.to_owned(), vec![]);
            self.by_look.entry(look(name)).or_default().push(name.to_owned());
        }
    }

    /// Why a person should look at `suspect` first; `None` when there is no reason.
    pub(in crate::decide) fn evidence(&self, suspect: &Suspect<'_>) -> Option<String> {
        let name = suspect.name;
        if let Some(command) = shadowed(name, suspect.commands) {
            return Some(format!("it would hide the system's command {command}"));
        }
        self.imitated(suspect)
    }

    /// The same without a look at commands: a name alone says nothing about them.
    pub(in crate::decide) fn imitated(&self, suspect: &Suspect<'_>) -> Option<String> {
        if self.names.contains_key(suspect.name) {
            return None;
        }
        self.looks_like(suspect.name).or_else(|| self.imitates(suspect))
    }

    /// Whether `name`, in whatever characters, looks like a popular name and is a different one.
    pub(in crate::decide) fn looks_like(&self, name: &str) -> Option<String> {
        let other = self.by_look.get(&look(name))?.iter().filter(|other| *other != name).min()?;
        Some(format!("its name looks like that of {other}, which is popular"))
    }

    /// Whether the name is one typing error away from a popular name, has far fewer users, and
    /// names no repository. One of these alone is no reason: `preact` is not `react`.
    fn imitates(&self, suspect: &Suspect<'_>) -> Option<String> {
        if suspect.has_repository != Some(false) {
            return None;
        }
        Some(format!("{}, and names no repository", self.is_near(suspect)?))
    }

    /// Whether the name is one typing error away from a popular name, and has far fewer users. Where
    /// nobody knows yet whether it names a repository, this is no reason.
    fn is_near(&self, suspect: &Suspect<'_>) -> Option<String> {
        let Suspect { name, popularity, threshold, .. } = *suspect;
        if name.len() < SHORTEST || self.names.contains_key(name) {
            return None;
        }
        let by_near = self.by_near.get_or_init(|| {
            let names = self.numbered.iter().enumerate();
            names.flat_map(|(number, name)| numbered_near(name, number)).collect()
        });
        let near = near(name).into_iter();
        let nearby = near.flat_map(|key| by_near.range((key, 0)..=(key, usize::MAX)));
        let nearby = nearby.filter_map(|(_, number)| self.numbered.get(*number));
        let is_near =
            |other: &&String| other.len() >= SHORTEST && strsim::osa_distance(name, other) == 1;
        let mut nearby: Vec<&String> = nearby.filter(is_near).collect();
        nearby.sort();
        let (other, theirs) = nearby.into_iter().find_map(|other| {
            Some((other, far_more(self.names.get(other)?, threshold, popularity)?))
        })?;
        let ours = popularity.map_or("no known users".to_owned(), |it| {
            format!("{} {} against {theirs}", it.value, it.unit)
        });
        Some(format!("its name differs by one typing error from {other}, it has {ours}"))
    }
}

/// Whether both numbers count the same, so that they can be compared.
fn is_alike(one: &Popularity, other: &Popularity) -> bool {
    (&one.unit, one.period_days) == (&other.unit, other.period_days)
}

/// How many users a popular package has, if that is far more than `ours`. Only numbers of the same
/// kind are compared. A package without a number counts as having exactly as many users as make a
/// package popular.
fn far_more(
    theirs: &[Popularity],
    threshold: Option<Threshold>,
    ours: Option<&Popularity>,
) -> Option<u64> {
    let Some(ours) = ours else {
        let first = theirs.first().map(|theirs| theirs.value);
        return first.or(threshold.map(|popular| popular.value));
    };
    let is_of_kind = |it: &Threshold| (it.unit, it.period_days) == (&*ours.unit, ours.period_days);
    let theirs = theirs.iter().find(|it| is_alike(it, ours)).map(|it| it.value);
    let popular = threshold.filter(is_of_kind).map(|it| it.value);
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
    /// For each character of ASCII. None of them combines with another one.
    static OF_ASCII: LazyLock<Vec<String>> = LazyLock::new(|| {
        (0..=127_u8).map(|byte| any_look(&char::from(byte).to_string())).collect()
    });
    if name.is_ascii() {
        return name.bytes().map(|byte| OF_ASCII[usize::from(byte)].as_str()).collect();
    }
    any_look(name)
}

fn any_look(name: &str) -> String {
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

/// The hashes of `name`, each with its number.
fn numbered_near(name: &str, number: usize) -> impl Iterator<Item = (u64, usize)> {
    near(name).into_iter().map(move |key| (key, number))
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn names_in_ascii_look_as_other_names_do(name in "[ -~]{0,12}") {
            prop_assert_eq!(look(&name), any_look(&name));
        }
    }

    #[test]
    fn a_name_that_is_added_late_is_found_as_well() {
        let mut popular = Popular::default();
        let near = |popular: &Popular, name| {
            popular.is_near(&Suspect {
                name,
                commands: &[],
                popularity: None,
                has_repository: None,
                threshold: None,
            })
        };
        assert_eq!(near(&popular, "ripgrap"), None);
        let many = Popularity {
            value: 1_000_000,
            unit: "downloads".into(),
            period_days: Some(7),
            source: "registry".into(),
            as_of: "2026-01-01".parse().unwrap(),
        };
        popular.add("ripgrep", Some(&many));
        assert!(near(&popular, "ripgrap").is_some_and(|it| it.contains("ripgrep")));
    }
}
