//! Twenty agents: two runs at once, and runs that are killed.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use crate::live::{Live, PREVIEW, Parts, UP};
use crate::live_engine::Engine;
use crate::run::{Fate, Moment, Run};
use crate::world::{Ended, progress, skipped};

const AGENTS: usize = 20;
const DESTROY: [&str; 3] = ["infra", "destroy", "--yes"];
/// Set where `./test --soak` kills a run at every line of its journal.
const SOAK: &str = "RIVETOS_TEST_SOAK";
/// How long that may take; what is left then is skipped.
const SOAK_MAX: Duration = Duration::from_hours(4);

/// A fleet of twenty agents without a datahub; nothing of it is there yet.
fn twenty(name: &str) -> Option<Live> {
    let live = Live::new(name)?;
    live.build();
    write(&live, "one");
    Some(live)
}

/// Writes the file with all agents on `model`.
fn write(live: &Live, model: &str) {
    let names: Vec<String> = (1..AGENTS).map(|n| format!("a{n}")).collect();
    let provider = format!("rehearsal, model: {model}");
    let mut agents = vec![("ada", provider.as_str())];
    agents.extend(names.iter().map(|name| (name.as_str(), provider.as_str())));
    live.write_parts(&Parts {
        agents: &agents,
        deployment: "",
        ..Parts::default()
    });
}

/// Exactly the twenty containers are there and run, and nothing is left to do.
fn is_up(live: &Live) {
    live.must(0, &PREVIEW);
    let running = format!("label=io.rivetos.fleet={}", live.fleet);
    let running = live.docker(&["ps", "--quiet", "--filter", &running]);
    assert_eq!(running.lines().count(), AGENTS);
    assert_eq!(live.ours("container").len(), AGENTS);
}

#[test]
fn of_two_runs_at_once_one_applies() {
    let Some(live) = twenty("twice") else {
        return;
    };
    let runs = [Run::begin(&live, &UP), Run::begin(&live, &UP)];
    let ended = runs.map(Run::end);
    let refused = ended.iter().find(|run| run.code == Some(5));
    let said = ended.iter().map(Ended::snapshot).collect::<String>();
    assert!(ended.iter().any(|run| run.code == Some(0)), "{said}");
    let refused = refused.unwrap_or_else(|| panic!("both went on:\n{said}"));
    assert!(refused.stderr.contains("tester"), "who holds it:\n{said}");
    is_up(&live);
}

/// Runs the program and kills it as soon as its journal is as `when` wants.
fn killed(live: &Live, args: &[&str], when: impl FnMut(&[Moment]) -> bool) -> Fate {
    let mut run = Run::begin(live, args);
    let fate = run.until(when);
    match fate {
        Fate::Reached => run.kill(),
        Fate::Ended => {
            let ended = run.end();
            assert_eq!(ended.code, Some(0), "{}", ended.snapshot());
        }
    }
    fate
}

/// Kills one run after the other, each at the first moment of a kind that no run was killed at
/// yet, until one gets to its end. Returns how many were killed.
fn killed_at_each_kind(live: &Live, args: &[&str]) -> usize {
    let mut met = BTreeSet::new();
    loop {
        let fate = killed(live, args, |moments| {
            let new = moments.iter().find(|moment| !met.contains(*moment));
            new.cloned().is_some_and(|moment| met.insert(moment))
        });
        match fate {
            Fate::Reached => {}
            Fate::Ended => return met.len(),
        }
    }
}

#[test]
fn wherever_a_run_is_killed_the_next_one_goes_on() {
    let Some(live) = twenty("killed") else {
        return;
    };
    // A network, volumes, configurations, secrets, agents: begun and done.
    let at = killed_at_each_kind(&live, &UP);
    assert!(at >= 10, "killed {at} times only");
    is_up(&live);

    write(&live, "two");
    let at = killed_at_each_kind(&live, &UP);
    assert!(at >= 4, "killed {at} times only");
    is_up(&live);

    let at = killed_at_each_kind(&live, &DESTROY);
    assert!(at >= 4, "killed {at} times only");
    let left = ["container", "network"].map(|kind| live.ours(kind));
    assert_eq!(left.concat(), Vec::<String>::new());
    assert_eq!(live.ours("volume").len(), AGENTS, "data stays");
}

#[test]
fn every_line_of_the_journal() {
    if std::env::var_os(SOAK).is_none() {
        skipped("a kill at every line of a run's journal: `./test --soak` does it");
        return;
    }
    let Some(shared) = Live::new("soak") else {
        return;
    };
    shared.build();
    let Some(engine) = Engine::start() else {
        return;
    };
    engine.take_images(&shared);
    let live = Live::on(&engine.host, "soak");
    write(&live, "one");
    let began = Instant::now();
    for line in 1.. {
        if began.elapsed() > SOAK_MAX {
            skipped(&format!(
                "kills from line {line} of the journal on: out of time"
            ));
            return;
        }
        progress(&format!(
            "a kill at line {line} of the journal, after {} s",
            began.elapsed().as_secs()
        ));
        match killed(&live, &UP, |moments| moments.len() >= line) {
            Fate::Ended => return,
            Fate::Reached => live.must(0, &UP),
        };
        is_up(&live);
        goes_with_its_data(&live, &engine);
    }
}

/// Takes the fleet down. An engine of version 20.10 now and then goes on counting endpoints on a
/// network that has none; then what the program says of it must help.
fn goes_with_its_data(live: &Live, engine: &Engine) {
    let destroy = [
        "infra",
        "destroy",
        "--delete-data",
        "--confirm",
        &live.fleet,
    ];
    let ended = live.world.rivetos(&destroy);
    if ended.code == Some(0) {
        return;
    }
    let said = ended.snapshot();
    assert!(
        said.contains("hint: nothing on the engine uses it: restart the engine"),
        "{said}"
    );
    progress("the engine lost count of a network's endpoints and is restarted");
    engine.restart();
    live.must(0, &destroy);
}
