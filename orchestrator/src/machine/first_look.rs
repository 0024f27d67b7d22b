//! What a machine seems to have, for a plan that is only shown.

use std::collections::BTreeMap;

use batch_core::{
    decide::preflight::Choice,
    model::{EcosystemId, SkipReason},
};
use batch_sandbox::Sandbox;

use super::{Found, Machine, Tester, of_this};
use crate::{env::Env, settings::Settings};

impl Machine {
    /// The abilities of this machine for a run for `choice` in which `tester` tests recipes, as far as
    /// they show without its tools and without a job in its sandbox: what is missing is an obstacle, and
    /// what is there and does not work is seen by the run. What runs containers is not searched.
    pub async fn at_first_look(
        env: &Env,
        settings: &Settings,
        (choice, stops): (&Choice, &BTreeMap<EcosystemId, SkipReason>),
        tester: Tester,
    ) -> Self {
        let environment = of_this();
        let chosen = || env.registry.iter().filter(|plugin| choice.includes(&plugin.id));
        let needs_sandbox =
            tester == Tester::Ecosystem && chosen().any(|plugin| !stops.contains_key(&plugin.id));
        let sandbox =
            needs_sandbox && Sandbox::may_work(&env.host, settings.sandbox.preference()).await;
        let mut obstacles = BTreeMap::new();
        for plugin in chosen() {
            let obstacle = if let Some(stop) = stops.get(&plugin.id) {
                Some(stop.clone())
            } else {
                let tool = env.may_have_toolchain(plugin).await;
                Found { environment, tool, sandbox }.obstacle(plugin, tester)
            };
            obstacles.extend(obstacle.map(|obstacle| (plugin.id.clone(), obstacle)));
        }
        Self { environment, obstacles, others: BTreeMap::new() }
    }
}
