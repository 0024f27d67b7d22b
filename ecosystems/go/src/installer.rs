//! How the go command installs a command into a separate folder. This is only data; the
//! orchestrator runs the steps.

use std::{collections::BTreeMap, time::Duration};

use batch_core::{
    io::Origins,
    model::{Environment, InstallPlan, InstallStep, PackageFacts, Recipe, WORK_DIR},
    plugin::NativeInstaller,
};

use crate::{Go, recipe, registry::ORIGIN};

/// The folder into which the go command installs programs, relative to the sandbox's work folder.
const BIN: &str = "bin";
/// The database that states the checksum of each version's content.
const SUMS: &str = "https://sum.golang.org";

/// Everything is compiled, including the standard library; large tools have a thousand packages.
const TO_COMPILE: Duration = Duration::from_secs(10 * 60);

/// Keeps the machine's own settings out, uses only the installed compiler, and builds without C.
const SETTINGS: &[(&str, &str)] = &[
    ("CGO_ENABLED", "0"),
    ("GOENV", "off"),
    // The created folders can be removed; the binaries contain no paths of this machine and no
    // debug data, which would cost time and memory.
    ("GOFLAGS", "-mod=mod -modcacherw -trimpath -buildvcs=false -ldflags=-w"),
    ("GOTOOLCHAIN", "local"),
    ("GOVCS", "*:off"),
    ("GOWORK", "off"),
];

/// The go command accepts only absolute paths.
const FOLDERS: &[(&str, &str)] =
    &[("GOBIN", BIN), ("GOCACHE", "cache"), ("GOMODCACHE", "modules"), ("GOPATH", "gopath")];

impl NativeInstaller for Go {
    fn longest_step(&self) -> Option<Duration> {
        Some(TO_COMPILE)
    }

    fn programs_know_their_version(&self) -> bool {
        false
    }

    fn install(
        &self,
        recipe: &Recipe,
        facts: &PackageFacts,
        _: Environment,
        origins: &Origins,
    ) -> InstallPlan {
        let steps = recipe.steps.iter().filter(|step| step.action == recipe::STEP.name);
        let env = environment(origins);
        let runs = steps.filter_map(|step| {
            let package = step.params.get(recipe::MODULE)?.as_str()?;
            let package = format!("{package}@{}", facts.version);
            let argv = ["go", "install", &package].map(str::to_owned).to_vec();
            Some(InstallStep::Run { argv, env: env.clone(), network: true })
        });
        let executables = recipe.commands(recipe::STEP.name, recipe::EXECUTABLES);
        let inspect = InstallStep::Inspect { dir: BIN.to_owned(), executables };
        let (steps, bin_dirs) = (runs.chain([inspect]).collect(), vec![BIN.to_owned()]);
        InstallPlan { steps, bin_dirs }
    }
}

fn environment(origins: &Origins) -> BTreeMap<String, String> {
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    let mut env: BTreeMap<String, String> = SETTINGS.iter().map(owned).collect();
    let folders =
        FOLDERS.iter().map(|(name, dir)| ((*name).to_owned(), format!("{WORK_DIR}/{dir}")));
    env.extend(folders);
    env.insert("GOSUMDB".to_owned(), sums(origins));
    // Without `direct`, so that no module's own host is contacted: such hosts are unknown to us.
    env.insert("GOPROXY".to_owned(), origins.to_mirror(ORIGIN));
    env
}

/// The setting for the checksum database, through the proxy: contents are compared with it whenever
/// it can be reached. A mirror may hold modules that the database does not know, and need not offer
/// the database. So with a mirror for modules only, whoever configured the mirror is responsible
/// for the contents; if the database has a mirror as well, contents are compared.
fn sums(origins: &Origins) -> String {
    let (sums, proxy) = (origins.to_mirror(SUMS), origins.to_mirror(ORIGIN));
    if sums != SUMS {
        format!("sum.golang.org {sums}")
    } else if proxy != ORIGIN {
        "off".to_owned()
    } else {
        "sum.golang.org".to_owned()
    }
}
