//! What is to be seen.

use std::collections::BTreeMap;

use rivetos_fleet::model::ResourceId;

use super::dag::Dag;
use super::state::State;
use super::{dot, mermaid, svg};

/// A plan or a fleet as nodes and what they come after.
#[derive(Debug)]
pub struct Graph {
    pub(super) title: String,
    /// In one line.
    pub(super) summary: String,
    pub(super) nodes: Vec<Node>,
    /// Over the indices of `nodes`.
    pub(super) order: Dag,
}

/// One resource.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) id: ResourceId,
    /// Where it lives.
    pub(super) target: String,
    pub(super) state: State,
    /// More about it, in words; may be empty.
    pub(super) note: String,
}

/// The language of a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Drawing {
    /// Graphviz.
    Dot,
    /// Mermaid, as code hosts show it in Markdown.
    Mermaid,
    /// A picture that a browser shows.
    Svg,
}

impl Graph {
    /// The picture as text. Equal graphs give equal bytes.
    pub fn draw(&self, drawing: Drawing) -> String {
        match drawing {
            Drawing::Dot => dot::draw(self),
            Drawing::Mermaid => mermaid::draw(self),
            Drawing::Svg => svg::draw(self),
        }
    }

    /// The nodes of each target, by index.
    pub(super) fn by_target(&self) -> BTreeMap<&str, Vec<usize>> {
        let mut targets: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for (at, node) in self.nodes.iter().enumerate() {
            targets.entry(&node.target).or_default().push(at);
        }
        targets
    }
}
