//! Plans of installation: data that must name no shell, no place of this machine and no stranger.

use std::collections::{BTreeMap, BTreeSet};

use url::Url;

use super::{Bench, Outcome};
use crate::{
    decide::recipe::allowed_cells,
    io::Origins,
    model::{Access, Environment, InstallPlan, InstallStep, WORK_DIR},
    plugin::EcosystemPlugin,
};

const SHELLS: &[&str] = &[
    "sh",
    "bash",
    "dash",
    "zsh",
    "ksh",
    "ash",
    "fish",
    "busybox",
    "cmd",
    "cmd.exe",
    "powershell",
    "pwsh",
    "env",
    "xargs",
    "eval",
];
/// Files and folders that every system has.
const EVERYWHERE: &[&str] = &["/dev/null", "/usr/bin/"];
const MIRROR: &str = "http://127.0.0.1:4873/";

/// A plan, and what it was made for.
struct Made {
    of: String,
    plan: InstallPlan,
    mirrored: InstallPlan,
    again: InstallPlan,
}

/// A mirror on this machine for every declared host.
fn mirrors(plugin: &EcosystemPlugin) -> Origins {
    let hosts: BTreeSet<&str> = plugin.rate_limit.quotas().iter().map(|quota| quota.host).collect();
    let pairs: Vec<(String, String)> =
        hosts.iter().map(|host| (format!("https://{host}"), format!("{MIRROR}{host}"))).collect();
    let pairs = pairs.iter().map(|(registry, mirror)| (&**registry, &**mirror));
    Origins::new(pairs).unwrap_or_default()
}

fn plans(bench: &Bench) -> Vec<Made> {
    let plugin = bench.subject.plugin;
    let Some(installer) = plugin.installer else { return vec![] };
    let mirrors = mirrors(plugin);
    let mut made = vec![];
    for (case, facts, recipe) in bench.recipes() {
        let cells = allowed_cells(&recipe.metadata);
        let fit = Environment::ALL.iter().copied().filter(|it| cells.contains(&it.cell()));
        for environment in fit {
            let plan = |origins: &Origins| installer.install(recipe, facts, environment, origins);
            made.push(Made {
                of: format!("{} in {environment}", case.name),
                plan: plan(&Origins::default()),
                mirrored: plan(&mirrors),
                again: plan(&Origins::default()),
            });
        }
    }
    made
}

/// One message for each problem, however many plans have it.
fn of_plans(bench: &Bench, check: impl Fn(&Made) -> Vec<String>) -> Outcome {
    if bench.subject.plugin.installer.is_none() {
        return Outcome::NotApplicable(
            "the plugin has no installer yet; write NativeInstaller and set `installer`".to_owned(),
        );
    }
    let plans = plans(bench);
    if plans.is_empty() {
        return Outcome::no_recipe();
    }
    let mut found = BTreeMap::new();
    for made in &plans {
        for problem in check(made) {
            found.entry(problem).or_insert(&made.of);
        }
    }
    found.iter().map(|(problem, of)| format!("{of}: {problem}")).collect::<Vec<_>>().into()
}

fn runs(plan: &InstallPlan) -> impl Iterator<Item = (&[String], &BTreeMap<String, String>, bool)> {
    plan.steps.iter().filter_map(|step| match step {
        InstallStep::Run { argv, env, network } => Some((argv.as_slice(), env, *network)),
        InstallStep::Fetch { .. }
        | InstallStep::Unpack { .. }
        | InstallStep::Link { .. }
        | InstallStep::LinkEntries { .. }
        | InstallStep::Substitute { .. }
        | InstallStep::Export { .. }
        | InstallStep::Inspect { .. }
        | InstallStep::Present { .. } => None,
    })
}

pub(super) fn run_no_shell(bench: &Bench) -> Outcome {
    of_plans(bench, |made| {
        let mut problems = vec![];
        for (argv, _, _) in runs(&made.plan) {
            let Some(program) = argv.first() else {
                problems.push("a step runs nothing: argv is empty".to_owned());
                continue;
            };
            let name = program.rsplit('/').next().unwrap_or(program);
            if SHELLS.contains(&name) {
                problems.push(format!(
                    "it starts {name}, which reads texts of packages as commands; start the \
                     program itself, one word of argv for each argument"
                ));
            }
            if program.contains(char::is_whitespace) {
                problems.push(format!("{program:?} is a line, not a program; split it into argv"));
            }
            let is_flag = |word: &&String| *word == "-c" || *word == "-e";
            let line = argv.iter().skip_while(|word| !is_flag(word)).nth(1);
            if line.is_some_and(|line| line.contains(char::is_whitespace)) {
                problems.push("it hands a program text of ours to interpret".to_owned());
            }
        }
        problems
    })
}

pub(super) fn name_no_place_of_this_machine(bench: &Bench) -> Outcome {
    of_plans(bench, |made| {
        let texts = texts(&made.plan);
        let odd = texts.iter().filter(|text| names_a_place(text));
        odd.map(|text| format!("{text:?} is no place in the sandbox's work folder")).collect()
    })
}

/// Absolute, above the work folder, or somebody's home.
fn names_a_place(text: &str) -> bool {
    let is_everywhere = |path: &str| EVERYWHERE.iter().any(|known| path.starts_with(known));
    // `NAME=/path`, `--flag=/path`, `/a:/b`; addresses have their own rule.
    let parts = text.split(['=', ':', ' ', '"', ',']).filter(|_| !text.contains("://"));
    let mut parts =
        parts.map(|part| part.strip_prefix(WORK_DIR).map_or(part, |it| &it[1.min(it.len())..]));
    parts.any(|path| {
        path.starts_with('/') && !is_everywhere(path)
            || path.starts_with('~')
            || path.contains("$HOME")
            || path.split('/').any(|part| part == "..")
    })
}

/// Every path and word of a plan, addresses included.
fn texts(plan: &InstallPlan) -> Vec<String> {
    let mut texts = plan.bin_dirs.clone();
    for step in &plan.steps {
        match step {
            InstallStep::Fetch { to, .. } => texts.push(to.clone()),
            InstallStep::Unpack { archive: of, to: into }
            | InstallStep::Link { at: into, to: of }
            | InstallStep::LinkEntries { of, into } => texts.extend([of.clone(), into.clone()]),
            InstallStep::Substitute { within, placeholders: values } => {
                texts.push(within.clone());
                texts.extend(values.values().cloned());
            }
            InstallStep::Export { folders } => texts.extend(folders.values().cloned()),
            InstallStep::Inspect { dir, .. } => texts.push(dir.clone()),
            InstallStep::Present { within, paths } => {
                texts.push(within.clone());
                texts.extend(paths.iter().cloned());
            }
            InstallStep::Run { argv, env, .. } => {
                texts.extend(argv.iter().cloned());
                texts.extend(env.values().cloned());
            }
        }
    }
    texts
}

/// Hosts of the addresses in `text`.
fn hosts(text: &str) -> Vec<String> {
    let starts = text.match_indices("://").filter_map(|(at, _)| {
        let is_scheme = |c: char| c.is_ascii_alphanumeric() || "+.-".contains(c);
        let scheme = text[..at].rfind(|c| !is_scheme(c)).map_or(0, |i| i + 1);
        let end = text[at..].find(['"', ' ', ',', '|', '\'']).map_or(text.len(), |end| at + end);
        // `sparse+https` is https.
        let scheme = text[scheme..at].rsplit('+').next()?;
        Url::parse(&format!("{scheme}{}", &text[at..end])).ok()
    });
    starts.map(|url| url.host_str().unwrap_or_default().to_owned()).collect()
}

pub(super) fn ask_only_declared_hosts(bench: &Bench) -> Outcome {
    let declared: BTreeSet<&str> =
        bench.subject.plugin.rate_limit.quotas().iter().map(|quota| quota.host).collect();
    let facts_hosts: BTreeSet<String> = bench
        .facts()
        .flat_map(|(_, facts)| facts.artifacts.iter().flat_map(|it| hosts(&it.url)))
        .collect();
    of_plans(bench, |made| {
        let tokens = made.plan.steps.iter().filter_map(|step| {
            let InstallStep::Fetch { access: Access::TokenFrom(url), .. } = step else {
                return None;
            };
            Some(url)
        });
        let words = runs(&made.plan).flat_map(|(argv, env, _)| argv.iter().chain(env.values()));
        let asked = tokens.chain(words).flat_map(|text| hosts(text));
        let strangers = asked.filter(|host| !declared.contains(&**host));
        let mut problems: Vec<String> = strangers
            .map(|host| format!("it asks {host}, which no quota covers; declare it in quotas()"))
            .collect();
        // What a fetch asks is refused at its time, unless it is the registry's own.
        let fetched = made.plan.steps.iter().filter_map(|step| {
            let InstallStep::Fetch { artifact, .. } = step else { return None };
            Some(hosts(&artifact.url))
        });
        let unknown = fetched.flatten().filter(|host| !facts_hosts.contains(host));
        problems.extend(unknown.map(|host| {
            format!("it fetches from {host}, which the facts do not name; take their artifacts")
        }));
        problems
    })
}

pub(super) fn use_the_network_only_to_ask(bench: &Bench) -> Outcome {
    of_plans(bench, |made| {
        let mut problems = vec![];
        let asks_mirror = |argv: &[String], env: &BTreeMap<String, String>| {
            argv.iter().chain(env.values()).any(|text| text.contains(MIRROR.trim_end_matches('/')))
        };
        for (argv, env, network) in runs(&made.mirrored) {
            let shown = argv.iter().take(3).cloned().collect::<Vec<_>>().join(" ");
            if network && !asks_mirror(argv, env) {
                problems.push(format!(
                    "the step `{shown} …` may use the network, and asks none of the mirrors; set \
                     network = false, or ask origins.to_mirror(…)"
                ));
            }
        }
        let registries = texts(&made.mirrored).into_iter().flat_map(|text| hosts(&text));
        for host in registries.filter(|host| host != "127.0.0.1") {
            problems.push(format!("with a mirror of every host it asks {host} all the same"));
        }
        problems
    })
}

pub(super) fn are_the_same_again(bench: &Bench) -> Outcome {
    of_plans(bench, |made| {
        let is_same = made.plan == made.again;
        let problem = "two plans for one recipe differ; sort what comes from a map".to_owned();
        if is_same { vec![] } else { vec![problem] }
    })
}

pub(super) fn look_for_the_commands(bench: &Bench) -> Outcome {
    of_plans(bench, |made| {
        let looks =
            made.plan.steps.iter().any(|step| {
                matches!(step, InstallStep::Inspect { .. } | InstallStep::Present { .. })
            });
        let problem = "it never looks whether the commands are there; end with Inspect".to_owned();
        if looks { vec![] } else { vec![problem] }
    })
}
