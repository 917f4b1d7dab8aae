//! How long planning takes: `cargo bench -p rivetos-sim --bench plan`.

#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a program that prints figures"
)]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::hint::black_box;
use std::path::PathBuf;
use std::time::Instant;

use rivetos_config::parse;
use rivetos_fleet::model::{DesiredSet, Inventory, Plan, Spec, TargetId};
use rivetos_fleet::{Approval, BuildInfo, Context, FleetSpec, PlanOptions, desired};
use rivetos_sim::SimWorld;

const ROUNDS: usize = 201;

fn fleet_of(agents: usize) -> DesiredSet {
    let mut text = String::from("fleet: home\nruntime: {default_agent: a0}\nagents:\n");
    for number in 0..agents {
        writeln!(text, "  a{number}: {{provider: rehearsal}}").unwrap();
    }
    text.push_str("providers: {rehearsal: {}}\ndeployment:\n  target: docker\n");
    text.push_str("  datahub: {postgres: true}\n");
    let config = parse(&text, "bench.yaml", &BTreeMap::new()).unwrap().config;
    let context = Context {
        build: BuildInfo {
            version: "0.1.0".to_owned(),
            commit: "0123456789ab".to_owned(),
        },
        home: PathBuf::from("/home/op/.rivetos/fleets/home"),
        program: None,
        seed: BTreeMap::new(),
        digests: BTreeMap::new(),
    };
    let mut layout = desired(&FleetSpec::resolve(&config, context).unwrap());
    layout.pop_first().unwrap().1
}

fn plan(set: &DesiredSet, seen: &Inventory) -> Plan {
    let target = TargetId::docker(None);
    let layout = [(target.clone(), set.clone())].into();
    let seen = [(target, seen.clone())].into();
    rivetos_fleet::plan(&set.fleet, &layout, &seen, &PlanOptions::default())
}

/// The fastest round: whatever else the machine does only ever adds.
fn fastest_us(set: &DesiredSet, inventory: &Inventory) -> u128 {
    let round = |_| {
        let start = Instant::now();
        black_box(plan(black_box(set), black_box(inventory)));
        start.elapsed().as_micros()
    };
    (0..ROUNDS).map(round).min().unwrap()
}

fn main() {
    for agents in [10, 100, 1000] {
        let set = fleet_of(agents);
        let world = SimWorld::new(set.fleet.clone());
        for wanted in set.resources.values() {
            if let Spec::Image(image) = &wanted.spec {
                world.build_image(&image.reference);
            }
        }
        let empty = world.look(&set);
        let nothing = fastest_us(&set, &empty);
        let approved = plan(&set, &empty).approve(Approval::Yes).unwrap();
        // The world looks through all its objects at every step, which is of no interest here.
        if agents <= 100 {
            world.execute(&approved, &[], |_| 0);
            let whole = fastest_us(&set, &world.look(&set));
            println!("{agents} agents: from nothing {nothing} us, without changes {whole} us");
        } else {
            println!("{agents} agents: from nothing {nothing} us");
        }
    }
}
