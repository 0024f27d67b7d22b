//! Parses names that a person types. An unknown name is answered with the most similar known ones.

use batch_core::{
    model::{EcosystemId, PackageId},
    plugin::{EcosystemPlugin, Registry},
};

use super::Refusal;

/// Words that are more similar than this may be meant for each other.
const NEAR: f64 = 0.5;

/// The ecosystem that has `word` as its id or as an alias.
pub(super) fn ecosystem(
    registry: &Registry,
    word: &str,
) -> anyhow::Result<&'static EcosystemPlugin> {
    registry.resolve(word).ok_or_else(|| {
        let known: Vec<String> = registry.iter().map(|plugin| plugin.id.to_string()).collect();
        Refusal::usage(format!("unknown ecosystem {word:?}{}", nearest(word, &known)))
    })
}

/// The word for every ecosystem.
const ALL: &str = "all";

/// The ecosystems that `words` name, each word with one or several of them, in rotation order. `all` means
/// every one.
pub(super) fn ecosystems(
    registry: &Registry,
    words: &[String],
) -> anyhow::Result<Vec<&'static EcosystemPlugin>> {
    let words: Vec<&str> = words.iter().flat_map(|words| words.split_whitespace()).collect();
    if words.is_empty() {
        return Err(Refusal::usage("no ecosystem is named; `all` means every one"));
    }
    let named = words.iter().filter(|word| **word != ALL).map(|word| ecosystem(registry, word));
    let named: Vec<&EcosystemPlugin> = named.collect::<anyhow::Result<_>>()?;
    let is_wanted = |plugin: &&EcosystemPlugin| {
        words.contains(&ALL) || named.iter().any(|named| named.id == plugin.id)
    };
    Ok(registry.iter().filter(is_wanted).collect())
}

/// Whether `id`, which is no ecosystem of ours, may be a misspelt one.
pub(super) fn resembles_ecosystem(registry: &Registry, id: &EcosystemId) -> bool {
    let is_near = |known: &EcosystemId| {
        strsim::normalized_damerau_levenshtein(id.as_str(), known.as_str()) > NEAR
    };
    registry.iter().any(|plugin| is_near(&plugin.id))
}

/// The package `word`, written `<ecosystem>:<name>` with any accepted spelling of the name.
pub(super) fn package(
    registry: &Registry,
    word: &str,
) -> anyhow::Result<(&'static EcosystemPlugin, PackageId)> {
    let Some((ecosystem_word, name)) = word.split_once(':') else {
        return Err(Refusal::usage(format!(
            "{word:?} is not a package id; write <ecosystem>:<name>, for example npm:prettier"
        )));
    };
    let plugin = ecosystem(registry, ecosystem_word)?;
    let name = plugin.names.normalise(name).map_err(|error| Refusal::usage(error.to_string()))?;
    Ok((plugin, PackageId { ecosystem: plugin.id.clone(), name }))
}

/// `; did you mean …?` with the known words that are most similar to `word`, or else the list of
/// known words.
pub(super) fn nearest(word: &str, known: &[String]) -> String {
    let mut ranked: Vec<(f64, &String)> = known
        .iter()
        .map(|known| (strsim::normalized_damerau_levenshtein(word, known), known))
        .collect();
    ranked.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(b.1)));
    let near: Vec<&str> = ranked
        .iter()
        .filter(|(score, _)| *score > NEAR)
        .take(3)
        .map(|(_, name)| &***name)
        .collect();
    match (near.is_empty(), known.is_empty()) {
        (false, _) => format!("; did you mean {}?", near.join(" or ")),
        (true, false) => {
            let first: Vec<&str> = known.iter().take(10).map(String::as_str).collect();
            format!("; known: {}", first.join(", "))
        }
        (true, true) => "; there are none yet".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_name_ecosystems_once_in_rotation_order_and_unknown_ones_are_refused() {
        let registry = crate::plugins::registry().unwrap();
        let found = |words: &[&str]| {
            let words: Vec<String> = words.iter().map(|&word| word.to_owned()).collect();
            let found = ecosystems(&registry, &words).map_err(|error| error.to_string())?;
            Ok::<_, String>(found.iter().map(|plugin| plugin.id.to_string()).collect::<Vec<_>>())
        };
        assert_eq!(found(&["npm crates.io", "npm"]).unwrap(), ["cargo", "npm"]);
        assert_eq!(found(&["all", "npm"]).unwrap().len(), registry.iter().count());
        assert!(found(&[" "]).unwrap_err().contains("no ecosystem is named"));
        assert!(found(&["all nmp"]).unwrap_err().contains("did you mean npm?"));
    }

    #[test]
    fn the_nearest_known_words_are_offered() {
        let known = ["cargo", "npm", "pypi"].map(str::to_owned);
        assert_eq!(nearest("nmp", &known), "; did you mean npm?");
        assert_eq!(nearest("zzz", &known), "; known: cargo, npm, pypi");
        assert_eq!(nearest("zzz", &[]), "; there are none yet");
    }
}
