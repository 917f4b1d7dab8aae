//! The shapes of a picture.

use std::collections::BTreeSet;
use std::fmt::Write;

use super::style;
use super::words::{Face, escaped};
use crate::graph::cards::Card;
use crate::graph::layout::{Line, Rect};
use crate::graph::model::{Graph, Node};
use crate::graph::state::State;

/// Between the edge of a card and its words.
const PADDING: i32 = 14;
/// Of the badge with the sign.
const BADGE_RADIUS: i32 = 9;
const PILL_HEIGHT: i32 = 18;
const PILL_GAP: i32 = 4;
const PILL_PADDING: i32 = 5;
/// Between two entries of the legend.
const LEGEND_GAP: i32 = 20;
/// So that the tip of an arrow touches the card.
const ARROW: i32 = 7;

const NAME: Face = Face::Mono(13);
const NOTE: Face = Face::Sans(11);
const KIND: Face = Face::Sans(10);
const PILL: Face = Face::Mono(10);

/// A picture in the making.
pub(super) struct Canvas {
    text: String,
}

impl Canvas {
    pub(super) fn new(
        (width, height): (i32, i32),
        graph: &Graph,
        states: &BTreeSet<State>,
    ) -> Self {
        let text = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
             viewBox=\"0 0 {width} {height}\" role=\"img\">\n<title>{}</title>\n<desc>{}</desc>\n\
             <style>\n{}</style>\n<rect class=\"page\" width=\"{width}\" height=\"{height}\"/>\n",
            escaped(&graph.title),
            escaped(&graph.summary),
            style::sheet(states)
        );
        Self { text }
    }

    /// Everything that `draw` draws, moved.
    pub(super) fn shifted(&mut self, x: i32, y: i32, draw: impl FnOnce(&mut Self)) {
        self.put(format_args!("<g transform=\"translate({x} {y})\">"));
        draw(self);
        self.put(format_args!("</g>"));
    }

    pub(super) fn title(&mut self, graph: &Graph, margin: i32) {
        self.words("title", (margin, margin + 16), &graph.title);
        self.words("summary faint", (margin, margin + 38), &graph.summary);
    }

    pub(super) fn band(&mut self, target: &str, rect: Rect) {
        self.rect("band", rect, 14);
        self.words("head faint", (rect.x + 18, rect.y + 25), target);
    }

    pub(super) fn frame(&mut self, caption: &str, rect: Rect) {
        self.rect("frame", rect, 12);
        self.words("faint", (rect.x + 16, rect.y + 20), caption);
    }

    pub(super) fn line(&mut self, line: &Line) {
        let mut path = String::new();
        let mut at = (0, 0);
        let last = line.stretches.len().saturating_sub(1);
        for (number, &[mut from, to]) in line.stretches.iter().enumerate() {
            if number == last {
                from.0 -= ARROW;
            }
            // Writing to a string cannot fail.
            let _ = if number == 0 {
                write!(path, "M{} {}", from.0, from.1)
            } else {
                let middle = i32::midpoint(at.0, from.0);
                write!(
                    path,
                    "C{middle} {} {middle} {} {} {}",
                    at.1, from.1, from.0, from.1
                )
            };
            if number != last && to != from {
                let _ = write!(path, "H{}", to.0);
            }
            at = to;
        }
        let (x, y) = at;
        let back = x - ARROW - 1;
        self.put(format_args!("<path class=\"line\" d=\"{path}\"/>"));
        self.put(format_args!(
            "<path class=\"arrow\" d=\"M{x} {y}L{back} {} {back} {}Z\"/>",
            y - 4,
            y + 4
        ));
    }

    pub(super) fn card(&mut self, card: &Card<'_>, rect: Rect) {
        self.put(format_args!(
            "<g class=\"card {}\"><title>{}</title>",
            card.state.class(),
            escaped(&tooltip(card))
        ));
        self.rect("box", rect, 9);
        let kind_width = KIND.width(card.kind);
        let (mut left, right) = (rect.x + PADDING, rect.right() - PADDING);
        if !card.state.glyph().is_empty() {
            self.badge(card.state, (left + BADGE_RADIUS - 2, rect.y + 20));
            left += 2 * BADGE_RADIUS + 4;
        }
        let room = right - left - kind_width - 8;
        self.words("name", (left, rect.y + 25), &NAME.fit(card.title, room));
        self.words("kind faint", (right, rect.y + 24), card.kind);
        let note = NOTE.fit(card.note, rect.width - 2 * PADDING);
        self.words("faint", (rect.x + PADDING, rect.y + 45), &note);
        self.put(format_args!("</g>"));
        let mut x = rect.x + PADDING;
        for part in &card.parts {
            x += self.pill(part, (x, rect.y + 56)) + PILL_GAP;
        }
    }

    fn badge(&mut self, state: State, (x, y): (i32, i32)) {
        self.put(format_args!(
            "<circle class=\"badge\" cx=\"{x}\" cy=\"{y}\" r=\"{BADGE_RADIUS}\"/>"
        ));
        self.words("sign", (x, y + 5), state.glyph());
    }

    /// Returns its width.
    fn pill(&mut self, part: &Node, (x, y): (i32, i32)) -> i32 {
        let text = format!("{}{}", part.state.glyph(), part.id.kind);
        let width = PILL.width(&text) + 2 * PILL_PADDING;
        let tip = format!("{} {}", part.id, part.note);
        self.put(format_args!(
            "<g class=\"part {}\"><title>{}</title>",
            part.state.class(),
            escaped(tip.trim_end())
        ));
        let rect = Rect {
            x,
            y,
            width,
            height: PILL_HEIGHT,
        };
        self.rect("pillbox", rect, PILL_HEIGHT / 2);
        self.words("pill", (x + PILL_PADDING, y + 13), &text);
        self.put(format_args!("</g>"));
        width
    }

    /// What the signs mean, on one line that ends at height `y`.
    pub(super) fn legend(&mut self, states: &BTreeSet<State>, x: i32, y: i32) {
        let mut x = x;
        for &state in states {
            self.put(format_args!("<g class=\"{}\">", state.class()));
            self.badge(state, (x + BADGE_RADIUS, y - BADGE_RADIUS));
            let words = (x + 2 * BADGE_RADIUS + 6, y - BADGE_RADIUS + 4);
            self.words("faint", words, state.word());
            self.put(format_args!("</g>"));
            x += legend_entry_width(state);
        }
    }

    pub(super) fn finish(mut self) -> String {
        self.text.push_str("</svg>\n");
        self.text
    }

    fn rect(&mut self, class: &str, rect: Rect, radius: i32) {
        let Rect {
            x,
            y,
            width,
            height,
        } = rect;
        self.put(format_args!(
            "<rect class=\"{class}\" x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" \
             rx=\"{radius}\"/>"
        ));
    }

    fn words(&mut self, class: &str, (x, y): (i32, i32), text: &str) {
        if !text.is_empty() {
            let text = escaped(text);
            self.put(format_args!(
                "<text class=\"{class}\" x=\"{x}\" y=\"{y}\">{text}</text>"
            ));
        }
    }

    fn put(&mut self, element: std::fmt::Arguments<'_>) {
        // Writing to a string cannot fail.
        let _ = writeln!(self.text, "{element}");
    }
}

pub(super) fn legend_width(states: &BTreeSet<State>) -> i32 {
    states.iter().map(|&state| legend_entry_width(state)).sum()
}

fn legend_entry_width(state: State) -> i32 {
    2 * BADGE_RADIUS + 6 + NOTE.width(state.word()) + LEGEND_GAP
}

fn tooltip(card: &Card<'_>) -> String {
    let text = format!("{}/{} {}", card.kind, card.title, card.note);
    text.trim_end().to_owned()
}
