//! The 38 message signatures in the history of the earlier pipeline: how an imported failure with each
//! of them is classified. The texts have the shape that the history documents; the corpus has a record
//! for each.

use std::fs;

use batch_core::model::FailureKind::{
    self, AuthRequired, BinaryDiscoveryFailed, DependencyResolutionFailed, EvidenceLost,
    ExecutableMissing, InstallFailed, NativeBuildFailed, NoBottle, PackageNotFound, RateLimited,
    RecipeExists, RecipeMissing, RequiresLlm, SchemaInvalid, ToolchainUnavailable,
    UpstreamUnavailable, VerifyFailed,
};
use serde_json::{Value, json};

use crate::{
    labels::{RECORDS, kind},
    old_tree::OldTree,
};

pub(crate) const TESTS: &[(&str, fn())] = &[("each_signature_of_the_history_has_its_kind", shapes)];
pub(crate) const OF_CORPUS: &[(&str, fn())] =
    &[("a_record_of_each_signature_in_the_corpus_has_its_kind", corpus)];

/// A signature, and how it is classified.
struct Signature {
    ecosystem: &'static str,
    category: &'static str,
    /// A record with this signature: the rest of the name of its file, and its number in the file.
    record: (&'static str, u64),
    expected: (FailureKind, Option<&'static str>, &'static str),
    transient: bool,
    text: &'static str,
}

const INSTALL: &str = "install_failed";
const STATED: &str = "stated";
const INFERRED: &str = "inferred";
const LOST: &str = "lost";
const GITHUB: Option<&str> = Some("api.github.com");

macro_rules! signatures {
    ($($ecosystem:literal $category:expr, $file:literal $n:literal =>
        $kind:ident, $service:expr, $confidence:ident, $transient:literal: $text:expr;)*) => {
        &[$(Signature {
            ecosystem: $ecosystem,
            category: $category,
            record: ($file, $n),
            expected: ($kind, $service, $confidence),
            transient: $transient,
            text: $text,
        }),*]
    };
}

const SIGNATURES: &[Signature] = signatures! {
    // 1 to 10
    "github" "generation_failed", "2026-02-18T13-59-09Z" 0 => RequiresLlm, None, STATED, false:
        "Warning: Skipping recipe review (--yes). The recipe will be installed without confirmation.\n\
         Error: 'x' resolved to github (me/x), which requires LLM for recipe generation.\n\
         Remove --deterministic-only or wait for a recipe to be contributed.";
    "crates.io" INSTALL, "2026-02-19T08-45-18Z" 0 => EvidenceLost, None, LOST, false:
        "Installing eval-time dependencies: [rust]\nInstalling rust...\nGenerating plan for rust@1.93.1\n\
         Executing plan: rust@1.93.1\n\nStep 1/4: download_file\n   ✓ Restored from cache\n\n\
         Step 3/4: run_command\n   Running: ./install.sh --p...";
    "pypi" INSTALL, "2026-04-21T22-40-44Z" 0 => EvidenceLost, None, LOST, false:
        "Installing eval-time dependencies: [python-standalone]\n✅ python-standalone@20260414\n\
         \x20  Package: x@2.5.0\nwarning:    Package contains native addons (may have platform-specific \
         behavior)\n   Installing 1 packages with hash verification\n❌ x@2.5.0\nIns...";
    "homebrew" INSTALL, "2026-04-21T22-40-44Z" 0 => EvidenceLost, None, LOST, false:
        "tsuku collects anonymous usage statistics to improve the tool.\n\nTo opt out: tsuku config set \
         telemetry false\n         or export TSUKU_NO_TELEMETRY=1\n✅ patchelf@0.18.0";
    "npm" INSTALL, "2026-02-19T08-45-18Z" 0 => ExecutableMissing, None, STATED, false:
        "Installation failed: step 1 (npm_exec) failed: expected executable x not found at \
         /tmp/action-validator-1/.install/node_modules/.bin/x";
    "homebrew" INSTALL, "2026-03-03T05-09-05Z" 18 => SchemaInvalid, None, STATED, false:
        "Error: recipe validation failed for 'x'\n  - metadata.homepage: homepage must start with https:// \
         (got: http://x.example)";
    "homebrew" INSTALL, "2026-02-18T04-27-25Z" 0 => EvidenceLost, None, LOST, false:
        "tsuku collects anonymous usage statistics to improve the tool.\nNo personal information is \
         collected. See: https://tsuku.dev/telemetry\n\nTo opt out: tsuku config set telemetry false\n\
         \x20        or export TSUKU_NO_TELEMETRY=1";
    "npm" INSTALL, "2026-02-19T14-15-55Z" 0 => EvidenceLost, None, LOST, false:
        "Installing nodejs...\nChecking runtime dependencies for nodejs...\nExecuting plan: \
         gcc-libs@15.2.0\n\nStep 3/5: homebrew_relocate\n   Relocating placehold...";
    "rubygems" INSTALL, "2026-02-19T08-45-18Z" 0 => EvidenceLost, None, LOST, false:
        "Installing ruby...\nChecking dependencies for ruby...\n  Resolving dependency 'libyaml'...\n\
         Step 3/4: homebrew_relocate\n   Relocating placeholders: libyaml (lib...";
    "rubygems" INSTALL, "2026-02-19T08-45-18Z" 1 => ExecutableMissing, None, STATED, false:
        "Installing 3 gem(s) with lockfile enforcement\n❌ x@5.4.1\nInstallation failed: step 1 (gem_exec) \
         failed: expected executable x not f...";
    // 11 to 20
    "homebrew" INSTALL, "2026-02-18T14-39-26Z" 14 => EvidenceLost, None, LOST, false: "";
    "rubygems" INSTALL, "2026-04-23T17-21-55Z" 0 => VerifyFailed, None, INFERRED, false:
        "✅ ruby@4.0.3\nInstalled ruby\n   Gem: x@0.0.23\n   Gem installed successfully\n   Created 1 \
         self-contained wrapper(s)";
    "homebrew" "recipe_not_found", "2026-02-07T23-29-03Z" 4 => PackageNotFound, None, STATED, false:
        "Warning: Skipping recipe review (--yes). The recipe will be installed without confirmation.\n\
         Error: package 'x' not found in homebrew";
    "crates.io" INSTALL, "2026-03-15T05-06-24Z" 0 => RateLimited, GITHUB, STATED, true:
        "Installing rust...\nWarning: version resolution failed: GitHub API rate limit exceeded while \
         resolving tool versions from GitHub: 60/60 requests used (unauthenticated), resets at 5:20AM, \
         using 'dev'\nGenerating plan for rust@dev\nFailed to generate plan: failed to resolve step \
         download: failed to download for checksum computation: bad status: 404 Not Found";
    "homebrew" "missing_dep", "2026-03-02T05-53-37Z" 0 => RecipeMissing, None, STATED, false:
        "Inspecting bottle contents... failed\ndeterministic generation failed: [missing_dep] missing \
         dependencies: recipe aom not found in registry; recipe webp not found in registry";
    "homebrew" "generation_failed", "2026-02-18T04-27-25Z" 2 => UpstreamUnavailable, None, STATED, true:
        "Inspecting bottle contents... failed\ndeterministic generation failed: [api_error] failed to \
         fetch bottle data for formula x@22";
    "homebrew" "recipe_not_found", "2026-02-07T03-03-36Z" 0 => RecipeMissing, None, STATED, false:
        "Error: registry: recipe gmp not found in registry\n\nSuggestion: Verify the recipe name is \
         correct. Run 'tsuku recipes' to list available recipes";
    "homebrew" "generation_failed", "2026-02-18T14-39-26Z" 13 => NoBottle, None, STATED, false:
        "Inspecting bottle contents... failed\ndeterministic generation failed: [no_bottles] formula x \
         has no bottles available";
    "npm" INSTALL, "2026-04-25T15-41-58Z" 0 => VerifyFailed, None, INFERRED, false:
        "Installed nodejs\n   Package: x@1.2.0\n   Package installed successfully\n   Verified 1 \
         executable(s)";
    "rubygems" INSTALL, "2026-03-07T23-24-35Z" 2 => DependencyResolutionFailed, None, STATED, false:
        "Failed to generate plan: failed to generate Gemfile.lock: bundle lock failed: exit status 6\n\
         Output: Fetching gem metadata from https://rubygems.org/........\nResolving dependencies...\n\
         Could not find compatible versions\n\nBecause x >= 1.7.0 depends on Ruby >= 1.8.7, < 4.0\n  ver...";
    // 21 to 30
    "homebrew" "deterministic_insufficient", "2026-02-07T04-01-41Z" 0 =>
        BinaryDiscoveryFailed, None, STATED, false:
        "Inspecting bottle contents... failed\ndeterministic generation failed: [complex_archive] formula \
         x bottle contains no binaries in bin/";
    "homebrew" INSTALL, "2026-03-02T14-01-49Z" 3 => SchemaInvalid, None, STATED, false:
        "Error: recipe validation failed for 'x'\n  - steps: step 3: when.os contains 'darwin' which is \
         not in the recipe's supported platforms";
    "npm" "validation_failed", "2026-02-19T14-15-55Z" 0 => EvidenceLost, None, LOST, false:
        "To opt out: tsuku config set telemetry false\n         or export TSUKU_NO_TELEMETRY=1\nInstalling \
         eval-time dependencies: [nodejs]\n   Total steps: 5 (including 0 from depend...";
    "homebrew" "generation_failed", "2026-02-07T23-29-03Z" 1 => RecipeExists, None, STATED, false:
        "Inspecting bottle contents... done (deterministic)\nError: recipe already exists at \
         recipes/l/x.toml\nUse --force to overwrite";
    "pypi" INSTALL, "2026-04-24T15-10-06Z" 0 => DependencyResolutionFailed, None, INFERRED, false:
        "Failed to generate plan: failed to generate locked requirements: pip download failed: exit \
         status 1\nOutput: Collecting x==0.0.46\n  Download...";
    "homebrew" "generation_failed", "2026-03-02T05-53-37Z" 6 => RecipeExists, None, STATED, false:
        "Error: recipe 'openssl' already satisfies 'openssl@3'. Use --force to create anyway.";
    "rubygems" INSTALL, "2026-03-07T23-24-35Z" 3 => NativeBuildFailed, None, STATED, false:
        "Installation failed: step 1 (gem_exec) failed: bundle install failed: exit status 5\nOutput: \
         Installing x 1.5.11 with native extensions\nGem::Ext::BuildError: ERROR: Failed to build gem \
         native extension.\n\n/home/runner/.tsuku/tools/ruby-4.0.1/bin/ruby extconf.rb\nchec...";
    "rubygems" INSTALL, "2026-03-12T04-17-04Z" 4 => ToolchainUnavailable, None, STATED, true:
        "Failed to generate plan: failed to generate dependency plans: failed to generate plan for ruby: \
         failed to decompose \"download\": failed to download for checksum computation: bad status: 404 \
         Not Found";
    "npm" "validation_failed", "2026-02-19T19-40-36Z" 6 =>
        DependencyResolutionFailed, None, STATED, false:
        "Installation failed: step 1 (npm_exec) failed: npm ci failed: exit status 1\nOutput: npm error \
         code EUSAGE\nnpm error\nnpm error Missing: x@6.1.3 from lock file\nnpm error\nnpm error [--instal...";
    "rubygems" INSTALL, "2026-03-07T23-24-35Z" 6 => NativeBuildFailed, None, STATED, false:
        "Gem::Ext::BuildError: ERROR: Failed to build gem native extension.\n\nchecking for pkg-config \
         for exiv2... not found\nchecking for -lexiv2...";
    // 31 to 38
    "rubygems" INSTALL, "2026-03-12T05-54-30Z" 2 => NativeBuildFailed, None, STATED, false:
        "Gem::Ext::BuildError: ERROR: Failed to build gem native extension.\n\nchecking for pkg-config \
         for exiv2... not found\nchecking for -lexiv2....";
    "crates.io" "validation_failed", "2026-02-19T08-45-18Z" 1 =>
        AuthRequired, Some("crates.io"), STATED, false:
        "Failed to generate plan: failed to generate Cargo.lock: failed to download crate from \
         https://crates.io/api/v1/crates/x/0.3.1/download: exit status 22\nOutput: curl: (22) The \
         requested URL returned error: 403";
    "npm" INSTALL, "2026-04-08T09-02-42Z" 0 => ToolchainUnavailable, None, STATED, true:
        "Failed to generate plan: failed to resolve step npm_install: eval-time dependencies not \
         satisfied: failed to decompose \"homebrew\": failed to get blob SHA: manifest request returned \
         404: {\"errors\":[{\"code\":\"MANIFEST_UNKNOWN\",\"message\":\"manifest unknown\"}]}";
    "rubygems" INSTALL, "2026-03-08T01-58-35Z" 5 => NativeBuildFailed, None, STATED, false:
        "Installing x 1.5.11 with native extensions\nInstalling slop 3.3.3\nGem::Ext::BuildError: ERROR: \
         Failed to build gem native extension.\n\nruby extconf.rb\ncheck...";
    "rubygems" INSTALL, "2026-03-12T08-42-47Z" 7 => InstallFailed, None, INFERRED, false:
        "Installation failed: step 1 (gem_exec) failed: bundle install failed: exit status 5\nOutput: \
         Installing websocket-extensions 0.1.5\nInstalling eventmachine 1.2.7 with native extensions\n\
         Fetching mini_m...";
    "rubygems" INSTALL, "2026-03-12T14-07-25Z" 4 => InstallFailed, None, INFERRED, false:
        "Installation failed: step 1 (gem_exec) failed: bundle install failed: exit status 5\nOutput: \
         Fetching websocket-extensions 0.1.5\nFetching logger 1.7.0\nInstalling websocket-extensions \
         0.1.5\nFetching mini_m...";
    "rubygems" "network_error", "2026-04-04T20-32-43Z" 0 =>
        UpstreamUnavailable, Some("rubygems.org"), STATED, true:
        "failed after 3 retries: tsuku create rubygems:x: exit 5: Warning: Skipping recipe review (--yes). \
         The recipe will be installed without confirmation.\nError checking package: rubygems.org \
         returned status 503";
    "rubygems" INSTALL, "2026-03-07T23-24-35Z" 3 => NativeBuildFailed, None, STATED, false:
        "Installation failed: step 1 (gem_exec) failed: bundle install failed: exit status 5\nOutput: \
         Fetching gem metadata from https://rubygems.org/.......\nInstalling x 1.5.11 with native \
         extensions\nGem::Ext::BuildError: ERROR: Failed to build gem native extension.\n\ncurrent \
         directory:...";
};

#[track_caller]
fn check(n: usize, signature: &Signature, record: &Value) {
    let (expected, service, confidence) = signature.expected;
    let found = kind(record);
    assert_eq!(found, expected, "signature {n}: {record:#}");
    assert_eq!(record["service"].as_str(), service, "signature {n}: {record:#}");
    assert_eq!(record["confidence"], confidence, "signature {n}: {record:#}");
    assert_eq!(found.row().transient, signature.transient, "signature {n}");
}

fn shapes() {
    assert_eq!(SIGNATURES.len(), 38);
    let tree = OldTree::new(&[]);
    let file = |n: usize, ecosystem: &str| {
        format!("data/failures/{ecosystem}-2026-01-01T00-00-{n:02}Z.jsonl")
    };
    for (n, Signature { ecosystem, category, text, .. }) in SIGNATURES.iter().enumerate() {
        let batch = json!({
            "schema_version": 1, "ecosystem": ecosystem, "environment": "linux-glibc-x86_64",
            "updated_at": "2026-01-01T00:00:00Z", "failures": [{
                "package_id": format!("{ecosystem}:x"), "category": category, "message": text,
                "timestamp": "2026-01-01T00:00:00Z",
            }],
        });
        tree.put(&file(n, ecosystem), &format!("{batch}\n"));
    }
    tree.import(&[]);
    let stored = fs::read_dir(tree.root().join("data/failures")).unwrap();
    let texts = stored.map(|entry| fs::read_to_string(entry.unwrap().path()).unwrap());
    let lines: Vec<String> =
        texts.flat_map(|text| text.lines().map(str::to_owned).collect::<Vec<_>>()).collect();
    let records: Vec<Value> =
        lines.iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    for (n, signature) in SIGNATURES.iter().enumerate() {
        let file = file(n, signature.ecosystem);
        let record = records.iter().find(|record| record["origin"]["file"] == *file);
        check(n + 1, signature, record.unwrap());
    }
}

fn corpus() {
    for (n, signature) in SIGNATURES.iter().enumerate() {
        let (file, record) = signature.record;
        let file = format!("data/failures/{}-{file}.jsonl", signature.ecosystem);
        check(n + 1, signature, &RECORDS[&(file, record)]);
    }
}
