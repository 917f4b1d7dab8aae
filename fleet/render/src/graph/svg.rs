//! A picture that a browser shows: it brings its own background and has colours for light and
//! for dark surroundings.

mod paint;
mod style;
mod words;

use std::collections::BTreeSet;

use self::paint::Canvas;
use super::build::counted;
use super::cards::{Card, Cards};
use super::layout::{Layout, Piece, place};
use super::model::Graph;
use super::state::State;

/// Height of a card without parts, and
const CARD_HEIGHT: i32 = 58;
/// of one with parts.
const CARD_HEIGHT_WITH_PARTS: i32 = 84;
/// Around everything.
const MARGIN: i32 = 28;
/// For the title.
const HEAD: i32 = 62;
/// For the legend.
const FOOT: i32 = 40;
/// Narrower pictures look lost.
const WIDTH_MIN: i32 = 560;

pub(super) fn draw(graph: &Graph) -> String {
    let cards = Cards::of(graph);
    let pieces: Vec<Piece> = cards.all.iter().map(piece).collect();
    let layout = place(&pieces, cards.targets.len(), &cards.order);
    let states = states(graph);
    let explained: BTreeSet<State> = states
        .iter()
        .copied()
        .filter(|state| *state != State::Plain)
        .collect();
    let width = [
        WIDTH_MIN,
        layout.width + 2 * MARGIN,
        2 * MARGIN + words::title_width(graph),
        2 * MARGIN + paint::legend_width(&explained),
    ];
    let width = width.into_iter().max().unwrap_or(WIDTH_MIN);
    let foot = if explained.is_empty() {
        MARGIN
    } else {
        MARGIN + FOOT
    };
    let height = MARGIN + HEAD + layout.height + foot;

    let mut canvas = Canvas::new((width, height), graph, &states);
    canvas.title(graph, MARGIN);
    canvas.shifted(MARGIN, MARGIN + HEAD, |canvas| {
        content(canvas, &cards, &layout);
    });
    canvas.legend(&explained, MARGIN, height - MARGIN);
    canvas.finish()
}

fn content(canvas: &mut Canvas, cards: &Cards<'_>, layout: &Layout) {
    for (target, rect) in cards.targets.iter().zip(&layout.bands) {
        canvas.band(target, *rect);
    }
    for frame in &layout.frames {
        let kind = frame.cards.first().map_or("", |&card| cards.all[card].kind);
        canvas.frame(&counted(frame.cards.len(), kind), frame.rect);
    }
    for line in &layout.lines {
        canvas.line(line);
    }
    for (card, rect) in cards.all.iter().zip(&layout.cards) {
        canvas.card(card, *rect);
    }
}

fn piece(card: &Card<'_>) -> Piece {
    Piece {
        band: card.target,
        height: if card.parts.is_empty() {
            CARD_HEIGHT
        } else {
            CARD_HEIGHT_WITH_PARTS
        },
    }
}

fn states(graph: &Graph) -> BTreeSet<State> {
    graph.nodes.iter().map(|node| node.state).collect()
}
