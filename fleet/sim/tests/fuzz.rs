//! A world that somebody described is there as described, or refused.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

#[path = "../../../agent/protocol/tests/fuzzing/mod.rs"]
mod fuzzing;
#[path = "../../planner/tests/support/mod.rs"]
mod support;

use fuzzing::fuzz;
use rivetos_fleet::model::Layout;
use rivetos_fleet::{FleetId, PlanOptions, desired, plan};
use rivetos_sim::WorldFile;
use support::resolve;

const FLEET: &str = "fleet: home\nruntime: {default_agent: ada}\nagents: {ada: {provider: p}, bob: {provider: p, deploy: {target: \
                     local}}}\nproviders: {p: {kind: rehearsal}}\ndeployment: {target: docker}\n";

fn layout() -> Layout {
    desired(&resolve(FLEET).unwrap())
}

#[test]
fn a_described_world_can_be_planned_for() {
    let words = [
        "  docker:\n",
        "  local:\n",
        "    answers: false\n",
        "      agent/ada: {state: stopped}\n",
        "hidden: [volume]",
        "owner: foreign",
        "born_as: volume/rob",
        "made_from: an_older_one",
        "fields: {memory: null}",
        "18446744073709551615",
    ];
    let (fleet, layout): (FleetId, Layout) = ("home".parse().unwrap(), layout());
    fuzz("world", &words, |bytes| {
        let text = String::from_utf8_lossy(bytes);
        let Ok(file) = WorldFile::parse(&text) else {
            return;
        };
        let Ok(world) = file.around(&fleet, &layout) else {
            return;
        };
        let seen = world.look(&layout);
        let options = PlanOptions::default();
        let first = plan(&fleet, &layout, &seen, &options);
        assert_eq!(plan(&fleet, &layout, &seen, &options), first);
        // What the plan says can be done in the world for which it was made.
        world.allow_data_loss(false);
        for step in &first.steps {
            let done = world.carry_out(step);
            assert!(done.is_ok(), "{} fails: {done:?}", step.id);
        }
    });
}
