//! Cards in frames: what has the very same neighbours is drawn together.

use std::collections::{BTreeMap, BTreeSet};

use super::{CARD_WIDTH, FRAME_HEAD, FRAME_PADDING, GRID_GAP, Piece, length};
use crate::graph::dag::Dag;

/// So many cards are worth a frame.
const FRAME_CARDS_MIN: usize = 5;

/// Cards that are placed together: one card, or a grid of them in a frame.
pub(super) struct Block {
    pub(super) cards: Vec<usize>,
    pub(super) band: usize,
    pub(super) layer: usize,
    columns: usize,
    card_height: i32,
}

impl Block {
    pub(super) fn is_framed(&self) -> bool {
        self.cards.len() > 1
    }

    pub(super) fn width(&self) -> i32 {
        if self.is_framed() {
            2 * FRAME_PADDING + length(self.columns) * (CARD_WIDTH + GRID_GAP) - GRID_GAP
        } else {
            CARD_WIDTH
        }
    }

    pub(super) fn height(&self) -> i32 {
        if self.is_framed() {
            let rows = length(self.cards.len().div_ceil(self.columns));
            FRAME_HEAD + rows * (self.card_height + GRID_GAP) - GRID_GAP + FRAME_PADDING
        } else {
            self.card_height
        }
    }

    /// Where each card is within the block.
    pub(super) fn offsets(&self) -> impl Iterator<Item = (usize, (i32, i32))> + '_ {
        let (left, top) = if self.is_framed() {
            (FRAME_PADDING, FRAME_HEAD)
        } else {
            (0, 0)
        };
        self.cards.iter().enumerate().map(move |(at, &card)| {
            let (row, column) = (length(at / self.columns), length(at % self.columns));
            let x = left + column * (CARD_WIDTH + GRID_GAP);
            (card, (x, top + row * (self.card_height + GRID_GAP)))
        })
    }
}

/// The blocks of `pieces`, by their first card.
pub(super) fn blocks(pieces: &[Piece], order: &Dag) -> Vec<Block> {
    type Likeness<'a> = (usize, i32, &'a BTreeSet<usize>, &'a BTreeSet<usize>);
    let mut alike: BTreeMap<Likeness<'_>, Vec<usize>> = BTreeMap::new();
    for (card, piece) in pieces.iter().enumerate() {
        let neighbours = (order.before(card), order.after(card));
        alike
            .entry((piece.band, piece.height, neighbours.0, neighbours.1))
            .or_default()
            .push(card);
    }
    let mut blocks = Vec::new();
    for ((band, card_height, ..), cards) in alike {
        let layer = order.layer(cards[0]);
        let groups: Vec<Vec<usize>> = if cards.len() < FRAME_CARDS_MIN {
            cards.into_iter().map(|card| vec![card]).collect()
        } else {
            vec![cards]
        };
        blocks.extend(groups.into_iter().map(|cards| Block {
            columns: columns(cards.len(), card_height),
            cards,
            band,
            layer,
            card_height,
        }));
    }
    blocks.sort_by_key(|block| block.cards[0]);
    blocks
}

/// How many columns make a grid of `count` cards about as wide as a screen is.
fn columns(count: usize, card_height: i32) -> usize {
    let wide_enough = |columns: &usize| {
        let rows = length(count.div_ceil(*columns));
        let (width, height) = (
            length(*columns) * (CARD_WIDTH + GRID_GAP),
            rows * (card_height + GRID_GAP),
        );
        2 * width >= 3 * height
    };
    (1..=count).find(wide_enough).unwrap_or(1)
}
