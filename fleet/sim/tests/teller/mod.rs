//! Who tells a story: one command after the other to an operator's tool and a simulated world.
//! `fleet/sim/README.md` lists the commands.

mod run;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rivetos_engine::Exit;
use rivetos_fleet::model::{
    DesiredSet, ErrorScope, InventoryError, Kind, Owner, Plan, ResourceId, StepId,
};
use rivetos_fleet::{Approval, DataFate, check_plan};
use rivetos_sim::{Fault, Mishap, Place, SimWorld};

use crate::story::{Operator, plan, plan_destroy};

/// A run with no slow step does one step after the other, so that its transcript is always the
/// same; one with a slow step does so many at once.
const PARALLEL_WITH_SLOW: usize = 8;

pub(crate) struct Teller {
    folder: PathBuf,
    operator: Operator,
    world: SimWorld,
    faults: Vec<Fault>,
    /// Everything that was written and is not in the transcript.
    pub(crate) written: String,
}

impl Teller {
    pub(crate) fn new(folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
            operator: Operator::new(""),
            world: SimWorld::new("home".parse().unwrap()),
            faults: Vec::new(),
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
            ("commit", [commit]) => (*commit).clone_into(&mut self.operator.commit),
            ("secret", [value]) => self.operator.rotate(value),
            ("lose-key", []) => self.operator.lose_key(),
            ("build", []) => self.operator.build_images(&self.world),
            ("at", [place, rest @ ..]) => self.at(place, rest),
            ("plan", []) => return self.preview(),
            ("steps", []) => return steps(&self.plan()),
            ("up", []) => return self.up(),
            ("destroy", []) => return self.destroy(DataFate::Keep, Approval::Yes),
            ("destroy", ["data"]) => return self.destroy(DataFate::DeleteAll, Approval::Yes),
            ("destroy", ["data", name]) => {
                let approval = Approval::YesWithDataLoss {
                    fleet: (*name).to_owned(),
                };
                return self.destroy(DataFate::DeleteAll, approval);
            }
            ("world", []) => return self.show_world(),
            _ => meddle(&self.world, &self.desired(), verb, &words),
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

    /// `at STEP-OR-NUMBER MISHAP`: what goes wrong in the next run.
    fn at(&mut self, place: &str, what: &[&str]) {
        let at = match place.parse() {
            Ok(number) => Place::Number(number),
            Err(_) => Place::Step(StepId(place.to_owned())),
        };
        let mishap = match what {
            ["fail"] => Mishap::FailsBefore,
            ["lose-answer"] => Mishap::FailsAfter,
            ["slow"] => Mishap::Slow,
            ["kill"] => Mishap::Killed { after_calls: 0 },
            ["kill-after", calls] => Mishap::Killed {
                after_calls: calls.parse().unwrap(),
            },
            ["ctrl-c"] => Mishap::Interrupted,
            [verb, words @ ..] => {
                let desired = self.desired();
                let verb = (*verb).to_owned();
                let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
                Mishap::Meddled(Arc::new(move |world| {
                    let words: Vec<&str> = words.iter().map(String::as_str).collect();
                    meddle(world, &desired, &verb, &words);
                }))
            }
            [] => panic!("nothing happens at {place}"),
        };
        self.faults.push(Fault { at, mishap });
    }

    fn desired(&self) -> DesiredSet {
        self.operator.desired()
    }

    fn plan(&self) -> Plan {
        let desired = self.desired();
        let plan = plan(&desired, &self.world.look(&desired));
        assert_eq!(check_plan(&plan), []);
        plan
    }

    fn preview(&mut self) -> String {
        let plan = self.plan();
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

    fn up(&mut self) -> String {
        let (mut text, mut exit) = self.execute(self.plan(), Approval::Yes);
        let rest = self.plan();
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

    fn destroy(&mut self, consent: DataFate, approval: Approval) -> String {
        let inventory = self.world.look(&self.desired());
        let plan = plan_destroy(&self.desired(), &inventory, consent);
        assert_eq!(check_plan(&plan), []);
        let told = plan.to_string();
        let (text, exit) = self.execute(plan, approval);
        ended(told + &text, exit)
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
        let is_slow = |fault: &Fault| matches!(fault.mishap, Mishap::Slow);
        let parallel = if faults.iter().any(is_slow) {
            PARALLEL_WITH_SLOW
        } else {
            1
        };
        let told = run::run(&self.world, &approved, faults, parallel);
        self.written.push_str(&told.written);
        (told.text, told.exit)
    }

    /// What is there now, for the end of every transcript.
    pub(crate) fn show_world(&self) -> String {
        let mut lines: Vec<String> = self
            .world
            .everything()
            .into_iter()
            .filter(|object| object.id.kind != Kind::Image)
            .map(|o| format!("{} `{}` ({}) {:?}\n", o.id, o.native_name, o.owner, o.life))
            .collect();
        lines.sort();
        lines.concat()
    }
}

/// What somebody else does to the world.
fn meddle(world: &SimWorld, desired: &DesiredSet, verb: &str, words: &[&str]) {
    let squat = |id: &str, owner| world.squat(desired, &addr(id), owner);
    match (verb, words) {
        ("build", [reference]) => world.build_image(reference),
        ("rmi", [reference]) => world.delete_image(reference),
        ("foreign", [id]) => squat(id, Owner::Foreign),
        ("other-fleet", [id]) => squat(id, Owner::OtherFleet("office".parse().unwrap())),
        ("copy", [id]) => world.copy(&addr(id)),
        ("drift", [id, field]) => assert!(world.drift(&addr(id), field, None)),
        ("drift", [id, field, value]) => assert!(world.drift(&addr(id), field, Some(value))),
        ("age-hash", [id]) => assert!(world.age_hash(&addr(id))),
        ("stop", [id, how @ ..]) => assert!(world.stop(&addr(id), &how.join(" "))),
        ("delete", [id]) => assert!(world.delete(&addr(id))),
        ("take-port", [port]) => world.take_port(port.parse().unwrap()),
        ("hide", [scope]) => world.hide(InventoryError {
            scope: parse_scope(scope),
            message: "the engine did not answer".to_owned(),
        }),
        ("unhide", []) => world.unhide(),
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

fn parse_scope(text: &str) -> ErrorScope {
    if text == "target" {
        return ErrorScope::Target;
    }
    match Kind::ALL.into_iter().find(|kind| kind.as_str() == text) {
        Some(kind) => ErrorScope::Kind(kind),
        None => ErrorScope::Resource(addr(text)),
    }
}
