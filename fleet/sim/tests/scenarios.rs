//! Planning stories as transcripts: `scenarios/*.txt` are told to a simulated world, what comes
//! back is `scenarios/*.out`. `UPDATE_TRANSCRIPTS=1` writes them anew.

#![cfg(test)]

mod story;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use rivetos_fleet::model::{
    DesiredSet, ErrorScope, InventoryError, Kind, Owner, Plan, ResourceId, StepId,
};
use rivetos_fleet::{Approval, Consent, check_plan, plan, plan_destroy};
use rivetos_sim::{Fault, SimWorld};
use story::{CANARY, Operator};

struct Teller {
    folder: PathBuf,
    operator: Operator,
    world: SimWorld,
    fault: Fault,
}

impl Teller {
    fn new(folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
            operator: Operator::new(""),
            world: SimWorld::new("home".parse().unwrap()),
            fault: Fault::None,
        }
    }

    fn tell(&mut self, command: &str) -> String {
        let (verb, rest) = command.split_once(' ').unwrap_or((command, ""));
        let words: Vec<&str> = rest.split_whitespace().collect();
        match (verb, &words[..]) {
            ("load", [name]) => self.load(name),
            ("replace", _) => self.replace(rest),
            ("commit", [commit]) => (*commit).clone_into(&mut self.operator.commit),
            ("secret", [digest]) => self
                .operator
                .digests
                .values_mut()
                .for_each(|d| (*digest).clone_into(d)),
            ("lose-key", []) => self.operator.digests.clear(),
            ("build", []) => self.operator.build_images(&self.world),
            ("build", [reference]) => self.world.build_image(reference),
            ("rmi", [reference]) => self.world.delete_image(reference),
            ("foreign", [id]) => self.world.squat(&self.desired(), &addr(id), Owner::Foreign),
            ("other-fleet", [id]) => {
                let other = Owner::OtherFleet("office".parse().unwrap());
                self.world.squat(&self.desired(), &addr(id), other);
            }
            ("copy", [id]) => self.world.copy(&addr(id)),
            ("drift", [id, field]) => assert!(self.world.drift(&addr(id), field, None)),
            ("drift", [id, field, value]) => {
                assert!(self.world.drift(&addr(id), field, Some(value)));
            }
            ("age-hash", [id]) => assert!(self.world.age_hash(&addr(id))),
            ("stop", [id, how @ ..]) => assert!(self.world.stop(&addr(id), &how.join(" "))),
            ("delete", [id]) => assert!(self.world.delete(&addr(id))),
            ("take-port", [port]) => self.world.take_port(port.parse().unwrap()),
            ("hide", [scope]) => self.world.hide(InventoryError {
                scope: parse_scope(scope),
                message: "the engine did not answer".to_owned(),
            }),
            ("unhide", []) => self.world.unhide(),
            ("fail", [step]) => self.fault = Fault::Fails(StepId((*step).to_owned())),
            ("kill-before", [number]) => self.fault = Fault::KilledBefore(number.parse().unwrap()),
            ("kill-during", [number]) => self.fault = Fault::KilledDuring(number.parse().unwrap()),
            ("plan", []) => return self.plan().to_string(),
            ("steps", []) => return steps(&self.plan()),
            ("up", []) => return self.up(&Approval::Yes),
            ("destroy", []) => return self.destroy(Consent::KeepData, &Approval::Yes),
            ("destroy", ["data"]) => return self.destroy(Consent::DeleteData, &Approval::Yes),
            ("destroy", ["data", name]) => {
                let approval = Approval::YesWithDataLoss {
                    fleet: (*name).to_owned(),
                };
                return self.destroy(Consent::DeleteData, &approval);
            }
            ("world", []) => return self.show_world(),
            _ => panic!("`{command}` is no command"),
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

    fn desired(&self) -> DesiredSet {
        self.operator.desired()
    }

    fn plan(&self) -> Plan {
        let desired = self.desired();
        let plan = plan(&desired, &self.world.look(&desired));
        assert_eq!(check_plan(&plan), []);
        plan
    }

    fn up(&mut self, approval: &Approval) -> String {
        let mut text = self.execute(self.plan(), approval);
        writeln!(text, "then: {}", self.plan().summary()).unwrap();
        text
    }

    fn destroy(&mut self, consent: Consent, approval: &Approval) -> String {
        let inventory = self.world.look(&self.desired());
        let plan = plan_destroy(&"home".parse().unwrap(), &inventory, consent);
        assert_eq!(check_plan(&plan), []);
        let told = plan.to_string();
        told + &self.execute(plan, approval)
    }

    fn execute(&mut self, plan: Plan, approval: &Approval) -> String {
        let fault = std::mem::replace(&mut self.fault, Fault::None);
        let approved = match plan.approve(approval.clone()) {
            Ok(approved) => approved,
            Err(refusal) => return format!("refused: {refusal}\n    fix: {}\n", refusal.fix()),
        };
        let execution = self.world.execute(&approved, &fault, |_| 0);
        let mut text = String::new();
        for step in execution.done {
            writeln!(text, "done {step}").unwrap();
        }
        for (step, error) in execution.failed {
            writeln!(text, "failed {step}: {error}").unwrap();
        }
        for step in execution.skipped {
            writeln!(text, "skipped {step}").unwrap();
        }
        if execution.killed {
            text.push_str("killed\n");
        }
        text
    }

    fn show_world(&self) -> String {
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

fn transcript(folder: &Path, script: &str) -> String {
    let mut teller = Teller::new(folder);
    let mut text = String::new();
    for line in script.lines() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            writeln!(text, "{line}").unwrap();
            continue;
        }
        write!(text, "> {line}\n{}", teller.tell(line)).unwrap();
    }
    text
}

#[test]
fn stories_go_as_they_were_told() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios");
    let mut scripts: Vec<PathBuf> = std::fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "txt"))
        .collect();
    scripts.sort();
    assert!(!scripts.is_empty());
    for script in scripts {
        let text = transcript(&folder, &std::fs::read_to_string(&script).unwrap());
        assert!(
            !text.contains(CANARY),
            "{} shows a secret",
            script.display()
        );
        let expected = script.with_extension("out");
        if std::env::var_os("UPDATE_TRANSCRIPTS").is_some() {
            std::fs::write(&expected, &text).unwrap();
        }
        let known = std::fs::read_to_string(&expected).unwrap_or_default();
        assert_eq!(text, known, "{} goes differently now", script.display());
    }
}
