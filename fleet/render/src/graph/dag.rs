//! What comes after what, among numbered nodes.

use std::collections::BTreeSet;

/// A graph without cycles that says nothing twice: an edge that follows from others is not there.
#[derive(Debug)]
pub(super) struct Dag {
    before: Vec<BTreeSet<usize>>,
    after: Vec<BTreeSet<usize>>,
    layers: Vec<usize>,
}

impl Dag {
    /// Over the nodes `0..count`. An edge that would close a cycle is left out.
    pub(super) fn new(count: usize, edges: impl IntoIterator<Item = (usize, usize)>) -> Self {
        let mut dag = Self {
            before: vec![BTreeSet::new(); count],
            after: vec![BTreeSet::new(); count],
            layers: vec![0; count],
        };
        for (first, then) in edges {
            if first != then {
                dag.after[first].insert(then);
                dag.before[then].insert(first);
            }
        }
        for node in dag.sort() {
            dag.reduce(node);
        }
        dag
    }

    pub(super) fn before(&self, node: usize) -> &BTreeSet<usize> {
        &self.before[node]
    }

    pub(super) fn after(&self, node: usize) -> &BTreeSet<usize> {
        &self.after[node]
    }

    /// Length of the longest way to `node`.
    pub(super) fn layer(&self, node: usize) -> usize {
        self.layers[node]
    }

    pub(super) fn edges(&self) -> impl Iterator<Item = (usize, usize)> + '_ {
        let nodes = self.after.iter().enumerate();
        nodes.flat_map(|(first, after)| after.iter().map(move |then| (first, *then)))
    }

    /// The nodes, each after those before it; takes out what closes a cycle and sets layers.
    fn sort(&mut self) -> Vec<usize> {
        let mut waiting: Vec<usize> = self.before.iter().map(BTreeSet::len).collect();
        let mut left: BTreeSet<usize> = (0..self.before.len()).collect();
        let is_first = |node: &usize| self.before[*node].is_empty();
        let mut ready: BTreeSet<usize> = left.iter().copied().filter(is_first).collect();
        let mut order = Vec::with_capacity(self.before.len());
        while let Some(node) = ready.pop_first().or_else(|| left.first().copied()) {
            left.remove(&node);
            let late: Vec<usize> = self.before[node].intersection(&left).copied().collect();
            for first in late {
                self.before[node].remove(&first);
                self.after[first].remove(&node);
            }
            let layers = self.before[node]
                .iter()
                .map(|&first| self.layers[first] + 1);
            self.layers[node] = layers.max().unwrap_or(0);
            for &then in &self.after[node] {
                waiting[then] -= 1;
                if waiting[then] == 0 {
                    ready.insert(then);
                }
            }
            order.push(node);
        }
        order
    }

    /// Takes out edges to `node` from what is before something else that is before it.
    fn reduce(&mut self, node: usize) {
        let direct = &self.before[node];
        let Some(lowest) = direct.iter().map(|&first| self.layers[first]).min() else {
            return;
        };
        let mut known = BTreeSet::new();
        let mut open: Vec<usize> = direct.iter().copied().collect();
        while let Some(at) = open.pop() {
            // Below the lowest layer there is nothing more to find.
            let earlier = self.before[at].iter();
            open.extend(
                earlier.filter(|&&first| self.layers[first] >= lowest && known.insert(first)),
            );
        }
        for first in known {
            self.before[node].remove(&first);
            self.after[first].remove(&node);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edges(count: usize, edges: &[(usize, usize)]) -> Vec<(usize, usize)> {
        Dag::new(count, edges.iter().copied()).edges().collect()
    }

    #[test]
    fn what_follows_from_other_edges_is_not_said() {
        assert_eq!(
            edges(4, &[(0, 1), (1, 2), (0, 2), (2, 3), (0, 3), (1, 3)]),
            [(0, 1), (1, 2), (2, 3)]
        );
        assert_eq!(edges(3, &[(0, 2), (1, 2)]), [(0, 2), (1, 2)]);
    }

    #[test]
    fn a_cycle_is_cut_once() {
        assert_eq!(
            edges(3, &[(0, 1), (1, 2), (2, 0), (1, 1)]),
            [(0, 1), (1, 2)]
        );
    }

    #[test]
    fn layers_are_longest_ways() {
        let dag = Dag::new(4, [(0, 1), (1, 2), (0, 3), (3, 2)]);
        let layers: Vec<usize> = (0..4).map(|node| dag.layer(node)).collect();
        assert_eq!(layers, [0, 1, 2, 1]);
    }
}
