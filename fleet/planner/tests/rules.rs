//! Rules over specs and plans, and what may be executed.

#![cfg(test)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use rivetos_config::parse;
use rivetos_fleet::model::{
    Action, Cost, Fingerprint, Kind, Op, Plan, PlanReport, Privilege, Reason, ResourceId, Risk,
    Step, StepId, TargetId,
};
use rivetos_fleet::{
    Approval, BuildInfo, Context, FleetSpec, Note, Refusal, ResolveError, Severity, check_plan,
    check_spec,
};

fn resolve(text: &str) -> Result<FleetSpec, ResolveError> {
    let config = parse(text, "rivet.config.yaml", &BTreeMap::new())
        .unwrap_or_else(|problems| panic!("{problems:?}"))
        .config;
    let context = Context {
        build: BuildInfo {
            version: "0.1.0".to_owned(),
            commit: "0123456789ab".to_owned(),
        },
        home: PathBuf::from("/fleets/home"),
        program: None,
        seed: BTreeMap::new(),
        digests: BTreeMap::new(),
    };
    FleetSpec::resolve(&config, context)
}

fn notes(agents: &[&str], deployment: &str) -> Vec<String> {
    let agents: Vec<String> = agents
        .iter()
        .map(|name| format!("{name}: {{provider: rehearsal}}"))
        .collect();
    let text = format!(
        "fleet: home\nruntime: {{default_agent: ada}}\nagents: {{{}}}\nproviders: {{rehearsal: {{}}}}\n\
         deployment: {deployment}\n",
        agents.join(", ")
    );
    let notes = check_spec(&resolve(&text).unwrap());
    notes
        .iter()
        .map(|note| format!("{:?}: {note}", note.severity()))
        .collect()
}

#[test]
fn a_sound_fleet_has_no_notes() {
    assert_eq!(
        notes(
            &["ada", "bob"],
            "{target: docker, datahub: {postgres: true}}"
        ),
        [""; 0]
    );
    assert_eq!(notes(&["ada"], "{target: local}"), [""; 0]);
}

#[test]
fn an_agent_without_a_shell_is_mentioned() {
    assert_eq!(
        notes(&["ada"], "{target: docker, image: {variant: scratch}}"),
        ["Warn: the `scratch` image has no shell, so its agents have no shell tool"]
    );
}

#[test]
fn names_must_fit_the_target() {
    let long = "a".repeat(59);
    assert_eq!(
        notes(
            &["ada", &long],
            "{target: docker, datahub: {postgres: true}}"
        ),
        [
            format!(
                "Deny: agent `{long}` becomes `agent_{long}`, which is longer than 63 characters"
            ),
            format!(
                "Deny: agent `{long}` becomes `home-{long}`, which is longer than 63 characters"
            ),
        ]
    );
}

#[test]
fn local_agents_need_a_port_each() {
    assert_eq!(
        notes(
            &["ada", "bob"],
            "{target: local, local: {port_range: 43100-43100}}"
        ),
        ["Deny: 2 agents need a port each and the range has 1"]
    );
}

#[test]
fn the_file_of_one_agent_is_no_fleet() {
    let text = "agents: {ada: {provider: rehearsal}}\nproviders: {rehearsal: {}}\n";
    assert_eq!(resolve(text), Err(ResolveError::NoDeployment));
}

fn removal(kind: Kind, risk: Risk, after: &[&str]) -> Step {
    let resource = ResourceId::new(kind, "ada");
    Step {
        id: StepId(format!("{resource}#remove")),
        resource,
        action: Action::Delete,
        op: Op::Remove {
            native_id: "n1".to_owned(),
            native_name: "home-ada".to_owned(),
            fingerprint: Fingerprint::default(),
        },
        reasons: vec![Reason::Destroy],
        risk,
        target: TargetId::docker(None),
        needs: Privilege::Engine,
        cost: Cost::Instant,
        after: after
            .iter()
            .map(|id| StepId((*id).to_owned()))
            .collect::<BTreeSet<_>>(),
    }
}

fn plan(steps: Vec<Step>) -> Plan {
    Plan {
        fleet: "home".parse().unwrap(),
        steps,
        report: PlanReport::default(),
    }
}

#[test]
fn a_damaged_plan_is_not_executed() {
    let hidden = plan(vec![removal(Kind::Volume, Risk::None, &[])]);
    assert_eq!(
        check_plan(&hidden),
        [Note::HiddenDataLoss(StepId("volume/ada#remove".to_owned()))]
    );
    assert!(matches!(
        hidden.approve(Approval::Yes),
        Err(Refusal::Unsound(_))
    ));

    let disordered = plan(vec![
        removal(Kind::Config, Risk::None, &["agent/ada#remove"]),
        removal(Kind::Agent, Risk::Downtime, &[]),
    ]);
    let notes = check_plan(&disordered);
    assert!(matches!(&notes[..], [Note::OutOfOrder { .. }]), "{notes:?}");
    assert!(notes.iter().all(|note| note.severity() == Severity::Deny));
}

#[test]
fn data_goes_only_in_the_fleets_name() {
    let plan = plan(vec![removal(Kind::Volume, Risk::DataLoss, &[])]);
    let volume = ResourceId::new(Kind::Volume, "ada");
    let typed = |fleet: &str| Approval::YesWithDataLoss {
        fleet: fleet.to_owned(),
    };
    assert_eq!(
        plan.clone().approve(Approval::Yes),
        Err(Refusal::DataLoss(vec![volume]))
    );
    assert!(matches!(
        plan.clone().approve(typed("hom")),
        Err(Refusal::WrongName { .. })
    ));
    assert!(plan.approve(typed("home")).is_ok());
}
