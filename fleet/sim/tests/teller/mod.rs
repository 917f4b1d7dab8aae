//! Who tells a story: one command after the other to an operator's tool and a simulated world.
//! `fleet/sim/README.md` lists the commands.

mod crash;
mod run;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rivetos_engine::Exit;
use rivetos_fleet::model::{
    ErrorScope, Inventories, InventoryError, Kind, Layout, Owner, Plan, ResourceId, StepId,
    TargetId,
};
use rivetos_fleet::port::{Holder, LeaseId};
use rivetos_fleet::{
    Approval, ClaimError, DataFate, FleetId, Moment, PlanOptions, SavedPlan, Scope, Teardown,
    check_plan, plan, plan_adopt, plan_destroy, plan_forget,
};
use rivetos_sim::{Fault, Mishap, Place, SimFleet, SimWorld};

use crate::story::Operator;

/// Steps at once beside a slow one; without one it is one at a time, so that a transcript is always
/// the same.
const PARALLEL_WITH_SLOW: usize = 2;

pub(crate) struct Teller {
    folder: PathBuf,
    operator: Operator,
    fleet: SimFleet,
    faults: Vec<Fault>,
    /// The text of the plan that was saved.
    saved: String,
    /// Hours that went by.
    hours: u64,
    /// Everything that was written and is not in the transcript.
    pub(crate) written: String,
}

impl Teller {
    pub(crate) fn new(folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
            operator: Operator::new(""),
            fleet: SimFleet::new("home".parse().unwrap()),
            faults: Vec::new(),
            saved: String::new(),
            hours: 0,
            written: String::new(),
        }
    }

    /// What comes back when `command` is given.
    pub(crate) fn tell(&mut self, command: &str) -> String {
        let (verb, rest) = command.split_once(' ').unwrap_or((command, ""));
        let words: Vec<&str> = rest.split_whitespace().collect();
        match (verb, &words[..]) {
            ("load", [name]) => self.load(name),
            ("replace", _) => self.replace(rest),
            ("drop-line", _) => self.drop_line(rest),
            ("commit", [commit]) => (*commit).clone_into(&mut self.operator.commit),
            ("secret", [value]) => self.operator.rotate(value),
            ("certificate", [value]) => self.operator.certify(value),
            ("lose-key", []) => self.operator.lose_key(),
            ("build", []) => self.operator.build_images(&self.fleet),
            ("at", [place, rest @ ..]) => self.at(place, rest),
            ("plan", options) => return self.preview(&plan_options(options)),
            ("steps", []) => return steps(&self.plan(&PlanOptions::default())),
            ("save", options) => {
                let (layout, seen) = self.look();
                self.save(plan(&fleet_id(), &layout, &seen, &plan_options(options)));
            }
            ("save-destroy", words) => {
                let (layout, seen) = self.look();
                let (teardown, _) = teardown(words);
                self.save(plan_destroy(&fleet_id(), &layout, &seen, &teardown));
            }
            ("later", [hours]) => self.hours += hours.parse::<u64>().unwrap(),
            ("tamper", _) => self.tamper(rest),
            ("up-saved", words) => return self.up_saved(teardown(words).1),
            ("up", options) => return self.up(&plan_options(options)),
            ("destroy", words) => return self.destroy(words),
            ("adopt", [id, name]) => return self.adopt(id, name),
            ("forget", [id]) => return self.forget(id),
            ("forget-target", [target]) => {
                self.operator.before.remove(&target_id(target));
            }
            ("crash-everywhere", []) => {
                let plan = self.plan(&PlanOptions::default());
                return crash::everywhere(&self.operator, &self.fleet, &plan);
            }
            ("world", []) => return self.show_world(),
            _ => meddle(&self.fleet, &self.operator, verb, &words),
        }
        String::new()
    }

    fn load(&mut self, name: &str) {
        self.operator.text = std::fs::read_to_string(self.folder.join(name)).unwrap();
    }

    fn replace(&mut self, rest: &str) {
        let (old, new) = rest.split_once(" => ").unwrap();
        assert!(
            self.operator.text.contains(old),
            "`{old}` is not in the configuration"
        );
        self.operator.text = self.operator.text.replace(old, new);
    }

    fn drop_line(&mut self, part: &str) {
        let lines = self.operator.text.lines();
        let kept: Vec<&str> = lines.filter(|line| !line.contains(part)).collect();
        self.operator.text = kept.join("\n");
    }

    /// `at STEP-OR-NUMBER MISHAP`: what goes wrong in the next run.
    fn at(&mut self, place: &str, what: &[&str]) {
        let at = match place.parse() {
            Ok(number) => Place::Number(number),
            Err(_) => Place::Step(StepId(place.to_owned())),
        };
        let mishap = match what {
            ["fail"] => Mishap::FailsBefore,
            ["lose-answer"] => Mishap::FailsAfter,
            ["slow", others] => Mishap::Slow {
                others: others.parse().unwrap(),
            },
            ["unhealthy"] => Mishap::Unhealthy,
            ["kill"] => Mishap::Killed { after_calls: 0 },
            ["kill-after", calls] => Mishap::Killed {
                after_calls: calls.parse().unwrap(),
            },
            ["ctrl-c"] => Mishap::Interrupted,
            [verb, words @ ..] => {
                let operator = self.operator.clone();
                let verb = (*verb).to_owned();
                let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
                Mishap::Meddled(Arc::new(move |fleet| {
                    let words: Vec<&str> = words.iter().map(String::as_str).collect();
                    meddle(fleet, &operator, &verb, &words);
                }))
            }
            [] => panic!("nothing happens at {place}"),
        };
        self.faults.push(Fault { at, mishap });
    }

    fn plan(&self, options: &PlanOptions) -> Plan {
        let layout = self.operator.desired();
        let seen = self.fleet.look(&layout);
        let plan = plan(&fleet_id(), &layout, &seen, options);
        assert_eq!(check_plan(&plan), []);
        plan
    }

    fn preview(&mut self, options: &PlanOptions) -> String {
        let plan = self.plan(options);
        self.note(&plan);
        let pending = if plan.steps.is_empty() {
            Exit::Ok
        } else {
            Exit::ChangesPending
        };
        let exit = pending.or(Exit::from(&plan.report));
        format!("{plan}exit {}\n", exit.code())
    }

    /// A plan is stored and shown in this form too.
    fn note(&mut self, plan: &Plan) {
        self.written.push_str(&serde_json::to_string(plan).unwrap());
    }

    fn up(&mut self, options: &PlanOptions) -> String {
        let (mut text, mut exit) = self.execute(self.plan(options), Approval::Yes);
        let options = PlanOptions {
            replace: BTreeSet::new(),
            ..options.clone()
        };
        let rest = self.plan(&options);
        writeln!(text, "then: {}", rest.summary()).unwrap();
        if exit == Some(Exit::Ok) {
            let converged = if rest.steps.is_empty() {
                Exit::Ok
            } else {
                Exit::Failed
            };
            exit = Some(converged.or(Exit::from(&rest.report)));
        }
        ended(text, exit)
    }

    fn look(&self) -> (Layout, Inventories) {
        let layout = self.operator.desired();
        let seen = self.fleet.look(&layout);
        (layout, seen)
    }

    fn save(&mut self, plan: Plan) {
        let (layout, seen) = self.look();
        let saved = SavedPlan::seal(plan, (&layout, &seen), &self.operator.key(), self.moment());
        self.saved = saved.to_json();
        self.written.push_str(&self.saved);
    }

    fn tamper(&mut self, rest: &str) {
        let (old, new) = rest.split_once(" => ").unwrap();
        assert!(self.saved.contains(old), "`{old}` is not in the saved plan");
        self.saved = self.saved.replace(old, new);
    }

    fn moment(&self) -> Moment<'static> {
        Moment {
            tool: "0.1.0",
            unix_ms: self.hours * 3_600_000,
        }
    }

    fn up_saved(&mut self, approval: Approval) -> String {
        let layout = self.operator.desired();
        let fleet = fleet_id();
        let of = (&fleet, &layout);
        let saved = SavedPlan::open(&self.saved, of, &self.operator.key(), self.moment());
        let saved = match saved {
            Ok(saved) => saved,
            Err(error) => {
                let exit = if error.is_stale() {
                    Exit::Stale
                } else {
                    Exit::Blocked
                };
                let text = format!("refused: {error}\n    fix: {}\n", error.fix());
                return ended(text, Some(exit));
            }
        };
        let moved = saved.moved(&self.fleet.look(&layout));
        if !moved.is_empty() {
            let text = format!("stale: {} moved\n", moved.join(", "));
            return ended(text, Some(Exit::Stale));
        }
        let (text, exit) = self.execute(saved.into_plan(), approval);
        ended(text, exit)
    }

    fn destroy(&mut self, words: &[&str]) -> String {
        let (teardown, approval) = teardown(words);
        let layout = self.operator.desired();
        let plan = plan_destroy(&fleet_id(), &layout, &self.fleet.look(&layout), &teardown);
        assert_eq!(check_plan(&plan), []);
        let told = plan.to_string();
        let (text, exit) = self.execute(plan, approval);
        ended(told + &text, exit)
    }

    fn adopt(&mut self, id: &str, name: &str) -> String {
        let layout = self.operator.desired();
        let (target, id) = place(&self.operator, id);
        let seen = self.fleet.look(&layout);
        let everything = self.fleet.at(&target).everything();
        let object = everything.iter().find(|object| object.native_name == name);
        let object = object.unwrap_or_else(|| panic!("there is no `{name}`"));
        let present = &seen[&target].observed;
        self.claim(plan_adopt(&layout, (&target, &id), present, object))
    }

    fn forget(&mut self, id: &str) -> String {
        let layout = self.operator.desired();
        let (target, id) = place(&self.operator, id);
        let seen = self.fleet.look(&layout);
        self.claim(plan_forget(
            &layout,
            (&target, &id),
            &seen[&target].observed,
        ))
    }

    fn claim(&mut self, plan: Result<Plan, ClaimError>) -> String {
        match plan {
            Ok(plan) => {
                let told = plan.to_string();
                let (text, exit) = self.execute(plan, Approval::Yes);
                ended(told + &text, exit)
            }
            Err(error) => ended(format!("refused: {error}\n"), Some(Exit::Blocked)),
        }
    }

    fn execute(&mut self, plan: Plan, approval: Approval) -> (String, Option<Exit>) {
        self.note(&plan);
        let faults = std::mem::take(&mut self.faults);
        let approved = match plan.approve(approval) {
            Ok(approved) => approved,
            Err(refusal) => {
                let text = format!("refused: {refusal}\n    fix: {}\n", refusal.fix());
                return (text, Some(Exit::from(&refusal)));
            }
        };
        let (said, locked) = run::lock(&self.fleet);
        if locked.is_some() {
            return (said, locked);
        }
        let touched = approved.steps().iter().map(|step| step.target.clone());
        self.operator.before.extend(touched);
        let is_slow = |fault: &Fault| matches!(fault.mishap, Mishap::Slow { .. });
        let parallel = if faults.iter().any(is_slow) {
            PARALLEL_WITH_SLOW
        } else {
            1
        };
        let told = run::run(&self.fleet, &approved, faults, parallel);
        self.written.push_str(&told.written);
        (said + &told.text, told.exit)
    }

    /// What is there now, for the end of every transcript.
    pub(crate) fn show_world(&self) -> String {
        let all = self.fleet.everything();
        let targets: BTreeSet<&TargetId> = all.iter().map(|(target, _)| target).collect();
        let mut lines: Vec<String> = all
            .iter()
            .filter(|(_, object)| object.id.kind != Kind::Image)
            .map(|(target, o)| {
                let line = format!("{} `{}` ({}) {:?}", o.id, o.native_name, o.owner, o.life);
                if targets.len() > 1 {
                    format!("{target}: {line}\n")
                } else {
                    line + "\n"
                }
            })
            .collect();
        lines.sort();
        lines.concat()
    }
}

/// What somebody else does to the fleet's targets.
fn meddle(fleet: &SimFleet, operator: &Operator, verb: &str, words: &[&str]) {
    let squat = |id: &str, owner| {
        let (target, id) = place(operator, id);
        let layout = operator.desired();
        fleet.at(&target).squat(&layout[&target], &id, owner);
    };
    let at = |id: &str| {
        let (target, id) = place(operator, id);
        (fleet.at(&target), id)
    };
    let first = || {
        let layout = operator.desired();
        fleet.at(layout.keys().next().expect("a fleet has a target"))
    };
    match (verb, words) {
        ("build", [reference]) => first().build_image(reference),
        ("rmi", [reference]) => first().delete_image(reference),
        ("foreign", [id]) => squat(id, Owner::Foreign),
        ("other-fleet", [id]) => squat(id, Owner::OtherFleet("office".parse().unwrap())),
        ("copy", [id]) => {
            let (world, id) = at(id);
            world.copy(&id);
        }
        ("drift", [id, field, value @ ..]) => {
            let (world, id) = at(id);
            let value = (!value.is_empty()).then(|| value.join(" "));
            assert!(world.drift(&id, field, value.as_deref()));
        }
        ("age-hash", [id]) => {
            let (world, id) = at(id);
            assert!(world.age_hash(&id));
        }
        ("stop", [id, how @ ..]) => {
            let (world, id) = at(id);
            assert!(world.stop(&id, &how.join(" ")));
        }
        ("delete", [id]) => {
            let (world, id) = at(id);
            assert!(world.delete(&id));
        }
        ("take-port", [port]) => first().take_port(port.parse().unwrap()),
        ("hide", [scope]) => {
            let (world, scope) = scope_of(fleet, operator, scope);
            world.hide(InventoryError {
                scope,
                message: "the engine did not answer".to_owned(),
            });
        }
        ("lock", [who]) => first().lock_for(holder(who, unix_ms(), Duration::from_mins(1))),
        ("lock-silent", [who]) => first().lock_for(holder(who, 0, Duration::from_millis(60))),
        ("unhide", []) => fleet.all().iter().for_each(|world| world.unhide()),
        _ => panic!("`{verb}` with {words:?} is no command"),
    }
}

fn ended(mut text: String, exit: Option<Exit>) -> String {
    if let Some(exit) = exit {
        writeln!(text, "exit {}", exit.code()).unwrap();
    }
    text
}

fn steps(plan: &Plan) -> String {
    let mut text = String::new();
    for step in &plan.steps {
        let after: Vec<String> = step.after.iter().map(ToString::to_string).collect();
        writeln!(text, "{} after [{}]", step.id, after.join(", ")).unwrap();
    }
    text
}

fn addr(text: &str) -> ResourceId {
    text.parse().unwrap()
}

/// `target`, a kind or an address, with `@TARGET` where it is not on the first one.
fn scope_of(fleet: &SimFleet, operator: &Operator, text: &str) -> (Arc<SimWorld>, ErrorScope) {
    let layout = operator.desired();
    let first = layout.keys().next().expect("a fleet has a target").clone();
    let (what, target) = match text.split_once('@') {
        Some((what, target)) => (what, target_id(target)),
        None => (text, first),
    };
    if what == "target" {
        return (fleet.at(&target), ErrorScope::Target);
    }
    if let Some(kind) = Kind::ALL.into_iter().find(|kind| kind.as_str() == what) {
        return (fleet.at(&target), ErrorScope::Kind(kind));
    }
    let (target, id) = place(operator, text);
    (fleet.at(&target), ErrorScope::Resource(id))
}

/// `[data [FLEET]] [only ADDR]… [unprotect ADDR]…`
fn teardown(words: &[&str]) -> (Teardown, Approval) {
    let mut teardown = Teardown::default();
    let mut approval = Approval::Yes;
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let mut next = || words.next().expect("one more word");
        match *word {
            "data" => teardown.data = DataFate::DeleteAll,
            "only" => teardown.data = DataFate::Delete([addr(next())].into()),
            "unprotect" => {
                teardown.unprotect.insert(addr(next()));
            }
            fleet => {
                approval = Approval::YesWithDataLoss {
                    fleet: fleet.to_owned(),
                };
            }
        }
    }
    (teardown, approval)
}

/// `--target ADDR`, `--exclude ADDR`, `--replace ADDR`, `--drift-only`
fn plan_options(words: &[&str]) -> PlanOptions {
    let mut options = PlanOptions::default();
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let mut next = || addr(words.next().expect("an address"));
        match *word {
            "--target" => options.only.insert(next()),
            "--exclude" => options.except.insert(next()),
            "--replace" => options.replace.insert(next()),
            "--drift-only" => {
                options.scope = Scope::Drift;
                true
            }
            word => panic!("`{word}` is no option"),
        };
    }
    options
}

/// Somebody on another host with the lock, whose last sign of life is of that moment.
fn holder(who: &str, beat_unix_ms: u64, ttl: Duration) -> Holder {
    Holder {
        id: LeaseId("1".to_owned()),
        who: who.to_owned(),
        operation: "infra up".to_owned(),
        host: "laptop".to_owned(),
        pid: 4711,
        process: None,
        since_unix_ms: beat_unix_ms,
        beat: 1,
        beat_unix_ms,
        ttl_ms: ttl.as_millis().try_into().unwrap(),
    }
}

fn unix_ms() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    now.as_millis().try_into().unwrap()
}

fn fleet_id() -> FleetId {
    "home".parse().unwrap()
}

/// Reads `ADDR` or `ADDR@TARGET`. Without a target the one that should bear the address is
/// meant, else the first one of the fleet.
fn place(operator: &Operator, text: &str) -> (TargetId, ResourceId) {
    if let Some((id, target)) = text.split_once('@') {
        return (target_id(target), id.parse().unwrap());
    }
    let id: ResourceId = text.parse().unwrap();
    let layout = operator.desired();
    let bears = |target: &&TargetId| layout[*target].resources.contains_key(&id);
    let found = layout.keys().find(bears).or(layout.keys().next());
    (found.expect("a fleet has a target").clone(), id)
}

/// Reads `local`, `docker` or `docker/HOST`.
fn target_id(text: &str) -> TargetId {
    match text.split_once('/') {
        Some((_, host)) => TargetId::docker(Some(host)),
        None if text == "local" => TargetId::local(),
        None => TargetId::docker(None),
    }
}
