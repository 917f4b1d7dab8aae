//! Pictures of fleets and plans.

#![cfg(test)]

#[path = "../../planner/tests/support/mod.rs"]
mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use proptest::prelude::*;
use rivetos_config::PortRange;
use rivetos_fleet::model::{
    Action, Blocked, Desired, DesiredSet, Foreign, Inventory, Kept, Kind, Layout, NetworkSpec,
    Plan, ResourceId, Spec, TargetId, Uid,
};
use rivetos_fleet::{PlanOptions, desired, plan};
use rivetos_render::{Drawing, Graph};
use roxmltree::{Document, Node};
use support::resolve;

const ALL: [Drawing; 3] = [Drawing::Dot, Drawing::Mermaid, Drawing::Svg];

fn fleet(agents: &[String]) -> Layout {
    let mut text = format!(
        "fleet: home\nruntime: {{default_agent: {}}}\nagents:\n",
        agents[0]
    );
    for name in agents {
        writeln!(text, "  {name}: {{provider: rehearsal}}").unwrap();
    }
    text.push_str("providers: {rehearsal: {}}\ndeployment:\n  target: docker\n");
    text.push_str("  datahub: {postgres: true}\n");
    desired(&resolve(&text).unwrap())
}

fn names(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("a{number}")).collect()
}

/// A plan with something of everything.
fn mixed(set: &Layout) -> Plan {
    let seen = set.keys().map(|id| (id.clone(), Inventory::default()));
    let fleet = "home".parse().unwrap();
    let mut plan = plan(&fleet, set, &seen.collect(), &PlanOptions::default());
    plan.report.blocked.clear();
    let actions = [Action::Update, Action::Replace, Action::Start];
    for (step, action) in plan.steps.iter_mut().zip(actions) {
        step.action = action;
    }
    let id = |kind, name: &str| ResourceId::new(kind, name);
    let report = &mut plan.report;
    report.kept.push(Kept {
        resource: id(Kind::Volume, "old"),
        native_name: "home-old-data".to_owned(),
    });
    report.foreign.push(Foreign {
        resource: id(Kind::Config, "a0"),
        native_name: "home-a0-config".to_owned(),
        owner: "not made by RivetOS".to_owned(),
    });
    report.blocked.insert(
        id(Kind::Agent, "a0"),
        Blocked {
            why: "its \"image\" <is> not there & \\ never was #1".to_owned(),
            fix: "build it".to_owned(),
        },
    );
    report.unchanged.insert(id(Kind::Agent, "a1"));
    report.left_out.insert(id(Kind::Role, "a1"));
    plan
}

#[test]
fn texts_for_other_tools_are_as_recorded() {
    let set = fleet(&names(2));
    let plan = Graph::of_plan(&mixed(&set), &set);
    insta::assert_snapshot!("plan_dot", plan.draw(Drawing::Dot));
    insta::assert_snapshot!("plan_mermaid", plan.draw(Drawing::Mermaid));
    let fleet = Graph::of_fleet(&set);
    insta::assert_snapshot!("fleet_dot", fleet.draw(Drawing::Dot));
    insta::assert_snapshot!("fleet_mermaid", fleet.draw(Drawing::Mermaid));
    insta::assert_snapshot!("plan_svg", plan.draw(Drawing::Svg));
}

#[test]
fn equal_fleets_look_equal() {
    for drawing in ALL {
        let draw = |set: &Layout| Graph::of_plan(&mixed(set), set).draw(drawing);
        assert_eq!(draw(&fleet(&names(7))), draw(&fleet(&names(7))));
    }
}

#[test]
fn the_parts_of_an_agent_are_on_its_card_and_every_state_is_explained() {
    let set = fleet(&names(100));
    let text = Graph::of_plan(&mixed(&set), &set).draw(Drawing::Svg);
    let picture = Document::parse(&text).unwrap();
    // A hundred agents, the datahub, two images, the network and what stays of an agent.
    assert_eq!(boxes(&picture, "box").len(), 105);
    assert_eq!(boxes(&picture, "frame").len(), 1);
    let words: BTreeSet<&str> = texts(&picture).collect();
    let explained = ["blocked", "stays with its data", "left out by an option"];
    for word in ["100 agents", "a0", "main"].iter().chain(&explained) {
        assert!(words.contains(*word), "{word} is not in {words:?}");
    }
    assert!(texts(&picture).any(|text| text.starts_with("its \"image\" <is> not there &")));
    let size = size(&picture);
    assert!(size.0 < 4000 && size.1 < 2500, "{size:?}");
}

#[test]
fn nothing_is_drawn_of_nothing() {
    let empty = DesiredSet {
        fleet: "home".parse().unwrap(),
        resources: BTreeMap::new(),
        port_range: PortRange::default(),
    };
    let text = Graph::of_fleet(&one(empty)).draw(Drawing::Svg);
    assert!(texts(&Document::parse(&text).unwrap()).any(|text| text == "Fleet home"));
}

fn one(set: DesiredSet) -> Layout {
    Layout::from([(TargetId::docker(None), set)])
}

/// Resources with edges among them; they may close cycles.
fn any_set() -> impl Strategy<Value = DesiredSet> {
    let edges = |count: usize| {
        let ends = proptest::collection::vec((0..count, 0..count), 0..3 * count);
        (Just(count), ends)
    };
    (1_usize..40)
        .prop_flat_map(edges)
        .prop_map(|(count, edges)| {
            let id = |number: usize| ResourceId::new(Kind::Network, format!("n{number}"));
            let fleet = "home".parse().unwrap();
            let resource = |number: usize| Desired {
                id: id(number),
                uid: Uid::derive(&fleet, &id(number)),
                spec: Spec::Network(NetworkSpec {
                    native_name: format!(
                        "<{number}> \u{7} & \"long enough to be too long for a card\""
                    ),
                    driver: "bridge".to_owned(),
                }),
                after: edges
                    .iter()
                    .filter(|(_, then)| *then == number)
                    .map(|(first, _)| id(*first))
                    .collect(),
            };
            DesiredSet {
                resources: (0..count).map(|n| (id(n), resource(n))).collect(),
                fleet: fleet.clone(),
                port_range: PortRange::default(),
            }
        })
}

proptest! {
    #[test]
    fn cards_never_overlap_and_lie_in_the_picture(set in any_set()) {
        let text = Graph::of_fleet(&one(set.clone())).draw(Drawing::Svg);
        let picture = Document::parse(&text).unwrap();
        let cards = boxes(&picture, "box");
        prop_assert_eq!(cards.len(), set.resources.len());
        let (width, height) = size(&picture);
        for (at, a) in cards.iter().enumerate() {
            prop_assert!(a.left >= 0 && a.top >= 0 && a.right <= width && a.bottom <= height);
            for b in &cards[..at] {
                prop_assert!(a.is_beside(b), "{:?} {:?}\n{}", a, b, text);
            }
        }
        for bands in [boxes(&picture, "band"), boxes(&picture, "frame")] {
            for (at, a) in bands.iter().enumerate() {
                for b in &bands[..at] {
                    prop_assert!(a.is_beside(b), "{:?} {:?}", a, b);
                }
            }
        }
        // Level stretches of lines run beside cards, not through them.
        for (left, right, y) in level_stretches(&picture) {
            for card in &cards {
                let through = card.top < y && y < card.bottom && left < card.right && card.left < right;
                prop_assert!(!through, "{:?} {:?}\n{}", card, (left, right, y), text);
            }
        }
    }
}

#[derive(Debug)]
struct Box {
    left: i64,
    top: i64,
    right: i64,
    bottom: i64,
}

impl Box {
    fn is_beside(&self, other: &Self) -> bool {
        self.right <= other.left
            || other.right <= self.left
            || self.bottom <= other.top
            || other.bottom <= self.top
    }
}

fn number(node: Node<'_, '_>, name: &str) -> i64 {
    node.attribute(name).unwrap().parse().unwrap()
}

fn size(picture: &Document<'_>) -> (i64, i64) {
    let root = picture.root_element();
    (number(root, "width"), number(root, "height"))
}

fn with_class<'a>(
    picture: &'a Document<'a>,
    class: &'static str,
) -> impl Iterator<Item = Node<'a, 'a>> {
    let nodes = picture.descendants();
    nodes.filter(move |node| node.attribute("class") == Some(class))
}

/// How far everything but the background is moved.
fn shift(picture: &Document<'_>) -> (i64, i64) {
    let moved = picture.descendants().find_map(|node| {
        let inner = node.attribute("transform")?.strip_prefix("translate(")?;
        inner.strip_suffix(')')?.split_once(' ')
    });
    let (x, y) = moved.unwrap();
    (x.parse().unwrap(), y.parse().unwrap())
}

fn boxes(picture: &Document<'_>, class: &'static str) -> Vec<Box> {
    let (x, y) = shift(picture);
    with_class(picture, class)
        .map(|node| {
            let (left, top) = (x + number(node, "x"), y + number(node, "y"));
            Box {
                left,
                top,
                right: left + number(node, "width"),
                bottom: top + number(node, "height"),
            }
        })
        .collect()
}

/// `(left, right, height)` of the parts of lines that are level, from their `H` commands.
fn level_stretches(picture: &Document<'_>) -> Vec<(i64, i64, i64)> {
    let (x, y) = shift(picture);
    let mut stretches = Vec::new();
    for node in with_class(picture, "line") {
        let path = node.attribute("d").unwrap();
        let mut at = (0, 0);
        let mut commands: Vec<(char, Vec<i64>)> = Vec::new();
        for c in path.chars() {
            if c.is_ascii_alphabetic() {
                commands.push((c, vec![0]));
            } else if c == ' ' {
                commands.last_mut().unwrap().1.push(0);
            } else {
                let last = commands.last_mut().unwrap().1.last_mut().unwrap();
                *last = *last * 10 + i64::from(c.to_digit(10).unwrap());
            }
        }
        for (command, numbers) in commands {
            if command == 'H' {
                stretches.push((x + at.0, x + numbers[0], y + at.1));
                at.0 = numbers[0];
            } else {
                at = (numbers[numbers.len() - 2], numbers[numbers.len() - 1]);
            }
        }
    }
    stretches
}

fn texts<'a>(picture: &'a Document<'a>) -> impl Iterator<Item = &'a str> {
    let nodes = picture.descendants();
    nodes
        .filter(|node| node.has_tag_name("text"))
        .filter_map(|node| node.text())
}
