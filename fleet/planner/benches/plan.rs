//! How long planning takes, how it grows and what it takes of memory:
//! `cargo bench -p rivetos-fleet`.

#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a program that prints figures"
)]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::hint::black_box;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use rivetos_config::parse;
use rivetos_fleet::model::{ErrorScope, Inventories, InventoryError, Kind, Layout, Plan};
use rivetos_fleet::{BuildInfo, Context, FleetId, FleetSpec, PlanOptions, desired, plan};
use rivetos_sim::SimFleet;

/// Rounds go on until so much time went by; the fastest one counts.
const PATIENCE: Duration = Duration::from_secs(3);
const ROUNDS_MIN: usize = 3;

fn fleet_id() -> FleetId {
    "home".parse().unwrap()
}

/// Agents in one file; more are more than a file may hold.
const AGENTS_OF_A_FILE: usize = 2_000;

/// Five resources for each agent: volume, configuration, secret, login and container.
fn fleet_of(agents: usize) -> Layout {
    let mut layout = Layout::new();
    for first in (0..agents).step_by(AGENTS_OF_A_FILE) {
        let part = part_of(first, agents.min(first + AGENTS_OF_A_FILE));
        for (target, set) in part {
            match layout.get_mut(&target) {
                Some(known) => known.resources.extend(set.resources),
                None => drop(layout.insert(target, set)),
            }
        }
    }
    layout
}

fn part_of(first: usize, end: usize) -> Layout {
    let mut text = format!("fleet: home\nruntime: {{default_agent: a{first}}}\nagents:\n");
    for number in first..end {
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
    desired(&FleetSpec::resolve(&config, context).unwrap())
}

/// The fastest round: whatever else the machine does only ever adds.
fn fastest(layout: &Layout, seen: &Inventories) -> (Duration, Plan) {
    let (fleet, options) = (fleet_id(), PlanOptions::default());
    let mut best = Duration::MAX;
    let began = Instant::now();
    let mut rounds = 0;
    loop {
        let start = Instant::now();
        let made = plan(&fleet, black_box(layout), black_box(seen), &options);
        best = best.min(start.elapsed());
        rounds += 1;
        if rounds >= ROUNDS_MIN && began.elapsed() > PATIENCE {
            return (best, made);
        }
    }
}

fn measure(agents: usize) {
    let layout = fleet_of(agents);
    let resources: usize = layout.values().map(|set| set.resources.len()).sum();
    let empty = SimFleet::new(fleet_id());
    let whole = SimFleet::new(fleet_id());
    for (target, set) in &layout {
        empty.at(target).provide_images(set);
        whole.at(target).settle(set);
    }
    let (from_nothing, creates) = fastest(&layout, &empty.look(&layout));
    let (no_change, nothing) = fastest(&layout, &whole.look(&layout));
    let seen = whole.look(&layout);
    let gone: Layout = layout
        .iter()
        .map(|(target, set)| {
            let mut set = set.clone();
            set.resources.clear();
            (target.clone(), set)
        })
        .collect();
    let (removal, removes) = fastest(&gone, &seen);
    let (held, holds) = fastest(&gone, &without_sight_of_agents(seen));
    assert!(nothing.steps.is_empty());
    println!(
        "{agents} agents, {resources} resources: from nothing {} ms ({} steps), without changes {} \
         ms, all gone {} ms ({} steps), all gone and no agent seen {} ms ({} blocked)",
        ms(from_nothing),
        creates.steps.len(),
        ms(no_change),
        ms(removal),
        removes.steps.len(),
        ms(held),
        holds.report.blocked.len(),
    );
}

/// Each agent could not be looked at, so whatever may belong to it stays.
fn without_sight_of_agents(mut seen: Inventories) -> Inventories {
    for inventory in seen.values_mut() {
        let agents = inventory.observed.iter().map(|object| &object.id);
        let agents = agents.filter(|id| id.kind == Kind::Agent).cloned();
        inventory.errors.extend(agents.map(|id| InventoryError {
            scope: ErrorScope::Resource(id),
            message: "the engine did not answer".to_owned(),
        }));
    }
    seen
}

fn ms(time: Duration) -> String {
    format!("{:.2}", time.as_secs_f64() * 1000.0)
}

/// The most memory that this process ever had, in MiB.
fn peak_mib() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|text| text.trim().trim_end_matches(" kB").parse::<u64>().ok());
    kib.unwrap_or_default() / 1024
}

fn main() {
    // First, because the peak of a process never goes down.
    measure(2_000);
    println!("peak memory up to there: {} MiB", peak_mib());
    for agents in [100, 1_000, 10_000] {
        measure(agents);
    }
}
