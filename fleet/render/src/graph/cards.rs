//! What a person wants to see: one card for each agent, with its parts on it.

use std::collections::BTreeMap;

use rivetos_fleet::model::{Kind, ResourceId};

use super::dag::Dag;
use super::model::{Graph, Node};
use super::state::State;

/// How the parts of the datahub are named.
const DATAHUB: &str = "datahub";

/// The cards of a graph and their order.
pub(super) struct Cards<'a> {
    pub(super) all: Vec<Card<'a>>,
    /// Over the indices of `all`.
    pub(super) order: Dag,
    /// Of each node of the graph.
    pub(super) targets: Vec<&'a str>,
}

/// A resource with its parts.
pub(super) struct Card<'a> {
    pub(super) title: &'a str,
    pub(super) kind: &'static str,
    /// Index into [`Cards::targets`].
    pub(super) target: usize,
    pub(super) state: State,
    pub(super) note: &'a str,
    /// By kind.
    pub(super) parts: Vec<&'a Node>,
}

impl<'a> Cards<'a> {
    pub(super) fn of(graph: &'a Graph) -> Self {
        let mut owners: BTreeMap<(&str, Owner<'_>), Vec<usize>> = BTreeMap::new();
        for (at, node) in graph.nodes.iter().enumerate() {
            owners
                .entry((&node.target, Owner::of(&node.id)))
                .or_default()
                .push(at);
        }
        let mut targets: Vec<&str> = owners.keys().map(|(target, _)| *target).collect();
        targets.dedup();
        let mut card_of = vec![0; graph.nodes.len()];
        let mut cards = Vec::with_capacity(owners.len());
        for ((target, _), members) in owners {
            for &member in &members {
                card_of[member] = cards.len();
            }
            let target = targets.partition_point(|known| *known < target);
            cards.extend(card(graph, &members, target));
        }
        let edges = graph.order.edges();
        let order = Dag::new(
            cards.len(),
            edges.map(|(first, then)| (card_of[first], card_of[then])),
        );
        Self {
            all: cards,
            order,
            targets,
        }
    }
}

/// What a resource belongs to. Cards are in this order.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Owner<'a> {
    Itself(&'a ResourceId),
    Datahub,
    Agent(&'a str),
}

impl<'a> Owner<'a> {
    fn of(id: &'a ResourceId) -> Self {
        match id.kind {
            Kind::Network | Kind::Image => Self::Itself(id),
            Kind::Datahub => Self::Datahub,
            Kind::Volume | Kind::Config | Kind::Secret | Kind::Role | Kind::Agent => {
                if id.name == DATAHUB {
                    Self::Datahub
                } else {
                    Self::Agent(&id.name)
                }
            }
        }
    }
}

/// The card of `members`: the one that does the work, with what it is made of as its parts.
fn card<'a>(graph: &'a Graph, members: &[usize], target: usize) -> Option<Card<'a>> {
    let is_part = |node: &&Node| match node.id.kind {
        Kind::Volume | Kind::Config | Kind::Secret | Kind::Role => true,
        Kind::Network | Kind::Image | Kind::Datahub | Kind::Agent => false,
    };
    let nodes = members.iter().map(|&at| &graph.nodes[at]);
    let (mut parts, whole): (Vec<&Node>, Vec<&Node>) = nodes.partition(is_part);
    let main = match whole.last() {
        Some(main) => *main,
        None => parts.pop()?,
    };
    Some(Card {
        title: &main.id.name,
        kind: main.id.kind.as_str(),
        target,
        state: main.state,
        note: &main.note,
        parts,
    })
}
