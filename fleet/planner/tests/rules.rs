//! Rules over specs and plans, and what may be executed.

#![cfg(test)]

mod support;

use std::collections::BTreeSet;

use rivetos_fleet::model::{
    Action, Cost, Desired, Fingerprint, Kind, NetworkSpec, Op, Plan, PlanReport, Privilege, Reason,
    ResourceId, Risk, Spec, Step, StepId, TargetId, Uid,
};
use rivetos_fleet::{Approval, Note, Refusal, ResolveError, Severity, check_plan, check_spec};
use support::resolve;

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
fn a_login_is_renewed_by_one_alone() {
    let of = |agents: &str| {
        let text = format!(
            "fleet: home\nruntime: {{default_agent: ada}}\nagents: {{{agents}}}\nproviders:\n  one: \
             {{kind: anthropic, model: m, login: {{client_id: c, token_file: t}}}}\n  same: {{kind: \
             anthropic, model: n, login: {{client_id: c, token_file: t}}}}\n  other: {{kind: \
             anthropic, model: m, login: {{client_id: c}}}}\ndeployment: {{target: docker}}\n"
        );
        let notes = check_spec(&resolve(&text).unwrap());
        notes.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(of("ada: {provider: one, fallbacks: [other]}"), [""; 0]);
    assert_eq!(of("ada: {provider: one}, bob: {provider: other}"), [""; 0]);
    assert_eq!(
        of("ada: {provider: one}, bob: {provider: same}"),
        ["the login of `same` can be one agent's, and `ada` and `bob` use it"]
    );
    assert_eq!(
        of("ada: {provider: one, fallbacks: [same]}"),
        ["agent `ada` uses the login of `same` under another name, too"]
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

/// The notes on a fleet of which `bob` is elsewhere.
fn far_notes(place: &str, address: &str) -> Vec<(String, String)> {
    let text = format!(
        "fleet: home\nruntime: {{default_agent: ada}}\nproviders: {{rehearsal: {{}}}}\nagents:\n  \
         ada: {{provider: rehearsal}}\n  bob: {{provider: rehearsal, deploy: {{{place}}}}}\n\
         deployment:\n  target: docker\n  docker: {{hosts: {{nas: {{host: 'ssh://nas'}}}}}}\n  \
         datahub: {{postgres: true{address}}}\n"
    );
    let notes = check_spec(&resolve(&text).unwrap());
    notes
        .iter()
        .map(|note| {
            let said = format!("{:?}: {note}", note.severity());
            (said, note.fix().unwrap_or_default())
        })
        .collect()
}

#[test]
fn an_agent_elsewhere_needs_an_address_of_the_datahub() {
    let tls = "tls: {ca: a, cert: b, key: c}";
    for (place, target) in [("host: nas", "docker/nas"), ("target: local", "local")] {
        let notes = far_notes(place, "");
        let [(note, fix)] = &notes[..] else {
            panic!("{notes:?}");
        };
        assert_eq!(
            *note,
            format!(
                "Deny: agent `bob` is on {target} and the datahub on docker: it cannot reach it"
            )
        );
        assert!(
            fix.contains("`deployment.datahub.address` and `deployment.datahub.tls`"),
            "{fix}"
        );
        let notes = far_notes(place, &format!(", address: '10.0.0.5:5432', {tls}"));
        assert_eq!(notes, []);
    }
    // Loopback is the same host for processes of this one, and another one for containers.
    let loopback = format!(", address: '127.0.0.1:5432', {tls}");
    assert_eq!(far_notes("target: local", &loopback), []);
    let notes = far_notes("host: nas", &loopback);
    assert_eq!(
        notes[0].0,
        "Deny: agent `bob` is on docker/nas, where `127.0.0.1:5432` is not the datahub's host"
    );
}

#[test]
fn a_published_port_may_be_an_agents() {
    let text = |port: u16| {
        format!(
            "fleet: home\nruntime: {{default_agent: ada}}\nagents: {{ada: {{provider: rehearsal}}, \
             bob: {{provider: rehearsal, deploy: {{target: local}}}}}}\nproviders: {{rehearsal: \
             {{}}}}\ndeployment: {{target: docker, docker: {{postgres_port: {port}}}}}\n"
        )
    };
    let notes = |port| check_spec(&resolve(&text(port)).unwrap());
    assert_eq!(notes(43_150), [Note::PortInRange(43_150)]);
    assert_eq!(notes(5432), []);
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

/// What makes the network of this name for the address `network/NAME`.
fn creation(name: &str, native_name: &str, after: &[&str]) -> Step {
    let resource = ResourceId::new(Kind::Network, name);
    let desired = Desired {
        uid: Uid::derive(&"home".parse().unwrap(), &resource),
        id: resource.clone(),
        spec: Spec::Network(NetworkSpec {
            native_name: native_name.to_owned(),
            driver: "bridge".to_owned(),
        }),
        after: BTreeSet::new(),
    };
    Step {
        id: StepId(format!("{resource}#create")),
        resource,
        action: Action::Replace,
        op: Op::Create {
            desired: Box::new(desired),
        },
        reasons: vec![Reason::Requested],
        ..removal(Kind::Network, Risk::None, after)
    }
}

#[test]
fn two_steps_on_one_resource_have_an_order() {
    let go = || removal(Kind::Network, Risk::None, &[]);
    let between = |after: &[&str]| removal(Kind::Agent, Risk::Downtime, after);
    let unordered = plan(vec![go(), creation("ada", "home", &[])]);
    assert_eq!(
        check_plan(&unordered),
        [Note::Unordered {
            step: StepId("network/ada#remove".to_owned()),
            other: StepId("network/ada#create".to_owned()),
        }]
    );
    let ordered = plan(vec![
        go(),
        between(&["network/ada#remove"]),
        creation("ada", "home", &["agent/ada#remove"]),
    ]);
    assert_eq!(check_plan(&ordered), []);
    let elsewhere = Step {
        target: TargetId::local(),
        ..creation("ada", "home", &[])
    };
    assert_eq!(check_plan(&plan(vec![go(), elsewhere])), []);
}

#[test]
fn what_is_there_once_is_wanted_once() {
    let twice = plan(vec![
        creation("ada", "home", &[]),
        creation("bob", "home", &[]),
    ]);
    let notes = check_plan(&twice);
    assert_eq!(
        notes.iter().map(ToString::to_string).collect::<Vec<_>>(),
        ["network/ada and network/bob both want network `home` on docker"]
    );
    let elsewhere = Step {
        target: TargetId::docker(Some("nas")),
        ..creation("bob", "home", &[])
    };
    assert_eq!(
        check_plan(&plan(vec![creation("ada", "home", &[]), elsewhere])),
        []
    );
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
