//! The environment of a call, which contains listed variables only.

use std::{collections::BTreeMap, path::Path};

/// Parts of the names of variables that contain a key for a language model. Recipes are made without a
/// language model, so that the same package always gives the same recipe.
const OF_MODELS: &[&str] = &[
    "ANTHROPIC",
    "CLAUDE",
    "COHERE",
    "DEEPSEEK",
    "GEMINI",
    "GOOGLE_API",
    "GROQ",
    "HUGGINGFACE",
    "HF_TOKEN",
    "LLM",
    "MISTRAL",
    "OLLAMA",
    "OPENAI",
    "OPENROUTER",
    "PERPLEXITY",
    "XAI",
];

/// The folders of a call.
#[derive(Debug, Clone, Copy)]
pub struct Setting<'a> {
    /// The program's home, where it stores everything.
    pub home: &'a Path,
    /// The temporary folder.
    pub tmp: &'a Path,
    /// The folder that contains `recipes/`, where the program finds other recipes. `None` means the
    /// program's own registry.
    pub registry: Option<&'a Path>,
}

/// Whether the variable `name` contains a key for a language model.
pub fn is_key_of_model(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    OF_MODELS.iter().any(|part| name.contains(part))
}

/// The variables of a call in `setting`: those of `passed_on` except keys for language models, and those
/// that disable update checks, telemetry and questions. The latter have priority.
pub fn variables(
    setting: Setting<'_>,
    passed_on: &BTreeMap<String, String>,
) -> BTreeMap<String, String> {
    let text = |path: &Path| path.to_string_lossy().into_owned();
    let passed_on = passed_on.iter().filter(|(name, _)| !is_key_of_model(name));
    let mut variables: BTreeMap<String, String> =
        passed_on.map(|(name, value)| (name.clone(), value.clone())).collect();
    let own = [
        ("CI", "true".to_owned()),
        ("HOME", text(setting.home)),
        ("LANG", "C.UTF-8".to_owned()),
        ("TMPDIR", text(setting.tmp)),
        ("TSUKU_HOME", text(setting.home)),
        ("TSUKU_NO_TELEMETRY", "1".to_owned()),
        ("TSUKU_NO_UPDATE_CHECK", "1".to_owned()),
    ];
    variables.extend(own.map(|(name, value)| (name.to_owned(), value)));
    if let Some(registry) = setting.registry {
        variables.insert("TSUKU_REGISTRY_URL".to_owned(), text(registry));
    }
    variables
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(passed_on: &[(&str, &str)]) -> BTreeMap<String, String> {
        let setting = Setting {
            home: Path::new("/w/home"),
            tmp: Path::new("/w/tmp"),
            registry: Some(Path::new("/r")),
        };
        let passed_on = passed_on.iter().map(|&(k, v)| (k.to_owned(), v.to_owned())).collect();
        variables(setting, &passed_on)
    }

    #[test]
    fn a_call_is_private_silent_and_without_keys() {
        let found = of(&[
            ("HTTPS_PROXY", "http://p:1"),
            ("ANTHROPIC_API_KEY", "sk"),
            ("openai_api_key", "sk"),
            ("GOOGLE_API_KEY", "sk"),
            ("TSUKU_HOME", "/home/me/.tsuku"),
        ]);
        let names: Vec<&str> = found.keys().map(String::as_str).collect();
        let expected = [
            "CI",
            "HOME",
            "HTTPS_PROXY",
            "LANG",
            "TMPDIR",
            "TSUKU_HOME",
            "TSUKU_NO_TELEMETRY",
            "TSUKU_NO_UPDATE_CHECK",
            "TSUKU_REGISTRY_URL",
        ];
        assert_eq!(names, expected);
        assert_eq!(found["TSUKU_HOME"], "/w/home");
    }
}
