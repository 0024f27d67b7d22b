//! How the go command installs a command into a folder of its own. Data: the orchestrator runs it.

use std::{collections::BTreeMap, time::Duration};

use batch_core::{
    io::Origins,
    model::{Environment, InstallPlan, InstallStep, PackageFacts, Recipe, WORK_DIR},
    plugin::NativeInstaller,
};

use crate::{Go, recipe, registry::ORIGIN};

/// Where the go command puts what it builds, below the sandbox's work folder.
const BIN: &str = "bin";
/// The database that says what each version's content must be.
const SUMS: &str = "https://sum.golang.org";

/// Everything is compiled anew, the standard library included; large tools have a thousand packages.
const TO_COMPILE: Duration = Duration::from_secs(10 * 60);

/// Nothing of the machine's own settings, no other compiler than the one that is here, no C.
const SETTINGS: &[(&str, &str)] = &[
    ("CGO_ENABLED", "0"),
    ("GOENV", "off"),
    // Written folders can be removed again; binaries do not name this machine's folders, and are
    // linked without what only debuggers read, which takes time and memory.
    ("GOFLAGS", "-mod=mod -modcacherw -trimpath -buildvcs=false -ldflags=-w"),
    ("GOTOOLCHAIN", "local"),
    ("GOVCS", "*:off"),
    ("GOWORK", "off"),
];

/// The go command takes no relative paths.
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
        InstallPlan { steps, bin_dirs, runs_package_code: false }
    }
}

fn environment(origins: &Origins) -> BTreeMap<String, String> {
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    let mut env: BTreeMap<String, String> = SETTINGS.iter().map(owned).collect();
    let folders =
        FOLDERS.iter().map(|(name, dir)| ((*name).to_owned(), format!("{WORK_DIR}/{dir}")));
    env.extend(folders);
    env.insert("GOSUMDB".to_owned(), sums(origins));
    // Without `direct`: a module's own host is nobody that we know.
    env.insert("GOPROXY".to_owned(), origins.to_mirror(ORIGIN));
    env
}

/// Contents are compared with the checksum database, which the proxy hands through, wherever it can
/// be asked. A mirror may hold modules that the database has never seen, and need not hand it
/// through: who sets a mirror vouches for it, unless the database has a mirror as well.
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
