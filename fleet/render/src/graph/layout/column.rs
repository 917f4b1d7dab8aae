//! What stands in which column, and in which order.

use std::collections::BTreeMap;

use super::frame::Block;
use crate::graph::dag::Dag;

/// How often the order of the columns is improved, there and back.
const PASSES: usize = 6;
/// The whole height of a column when heights of seats are compared.
const HEIGHT_UNIT: usize = 1 << 20;

/// What stands in a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tenant {
    /// The block of this index.
    Block(usize),
    /// A line that passes.
    Lane,
}

/// A tenant and its neighbours in the columns beside it.
pub(super) struct Seat {
    pub(super) tenant: Tenant,
    pub(super) band: usize,
    pub(super) column: usize,
    before: Vec<usize>,
    after: Vec<usize>,
}

/// Seats, columns of them in order, and each line as the seats that it touches.
pub(super) struct Board {
    pub(super) seats: Vec<Seat>,
    /// Indices into `seats`, by column, from top to bottom; the seats of a band stand together.
    pub(super) columns: Vec<Vec<usize>>,
    pub(super) lines: Vec<Vec<usize>>,
}

/// Where lines from one block pass: a column and a band.
type Lane = (usize, usize);

impl Board {
    pub(super) fn new(blocks: &[Block], order: &Dag) -> Self {
        let seat = |(at, block): (usize, &Block)| Seat {
            tenant: Tenant::Block(at),
            band: block.band,
            column: block.layer,
            before: Vec::new(),
            after: Vec::new(),
        };
        let mut board = Self {
            seats: blocks.iter().enumerate().map(seat).collect(),
            columns: Vec::new(),
            lines: Vec::new(),
        };
        board.draw_lines(blocks, order);
        let width = board.seats.iter().map(|seat| seat.column + 1).max();
        board.columns = vec![Vec::new(); width.unwrap_or(0)];
        for (at, seat) in board.seats.iter().enumerate() {
            board.columns[seat.column].push(at);
        }
        board.sort();
        board
    }

    fn draw_lines(&mut self, blocks: &[Block], order: &Dag) {
        let block_of: BTreeMap<usize, usize> = blocks
            .iter()
            .enumerate()
            .flat_map(|(at, block)| block.cards.iter().map(move |&card| (card, at)))
            .collect();
        // All cards of a block have the same neighbours: the first one stands for them.
        for (from, block) in blocks.iter().enumerate() {
            let mut ends: Vec<usize> = order
                .after(block.cards[0])
                .iter()
                .filter_map(|card| block_of.get(card).copied())
                .collect();
            ends.sort_unstable();
            ends.dedup();
            let mut lanes = BTreeMap::new();
            for to in ends {
                self.draw_line(from, to, &mut lanes);
            }
        }
    }

    /// Lines from the same block share their lanes.
    fn draw_line(&mut self, from: usize, to: usize, lanes: &mut BTreeMap<Lane, usize>) {
        let band = self.seats[to].band;
        let mut line = vec![from];
        for column in self.seats[from].column + 1..self.seats[to].column {
            let pass = *lanes.entry((column, band)).or_insert(self.seats.len());
            if pass == self.seats.len() {
                self.seats.push(Seat {
                    tenant: Tenant::Lane,
                    band,
                    column,
                    before: Vec::new(),
                    after: Vec::new(),
                });
            }
            line.push(pass);
        }
        line.push(to);
        for pair in line.windows(2) {
            self.seats[pair[0]].after.push(pair[1]);
            self.seats[pair[1]].before.push(pair[0]);
        }
        self.lines.push(line);
    }

    /// Brings neighbours to about the same height, there and back.
    fn sort(&mut self) {
        for column in &mut self.columns {
            column.sort_by_key(|&seat| self.seats[seat].band);
        }
        for _ in 0..PASSES {
            for column in 1..self.columns.len() {
                self.follow(column, |seat| &seat.before);
            }
            for column in (0..self.columns.len().saturating_sub(1)).rev() {
                self.follow(column, |seat| &seat.after);
            }
        }
        for column in 1..self.columns.len() {
            self.follow(column, |seat| &seat.before);
        }
    }

    /// Puts each seat of `column` where the middle of its neighbours is; bands stay together.
    fn follow(&mut self, column: usize, neighbours: impl Fn(&Seat) -> &Vec<usize>) {
        let mut heights = vec![0; self.seats.len()];
        for column in &self.columns {
            for (height, &seat) in column.iter().enumerate() {
                heights[seat] = height * HEIGHT_UNIT / column.len();
            }
        }
        let mean = |seat: usize| {
            let near = neighbours(&self.seats[seat]);
            let sum: usize = near.iter().map(|&other| heights[other]).sum();
            sum.checked_div(near.len()).unwrap_or(heights[seat])
        };
        let mut sorted = self.columns[column].clone();
        sorted.sort_by_cached_key(|&seat| (self.seats[seat].band, mean(seat)));
        self.columns[column] = sorted;
    }
}
