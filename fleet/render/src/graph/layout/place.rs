//! From columns to coordinates.

use std::collections::{BTreeMap, BTreeSet};

use super::column::{Board, Tenant};
use super::frame::{Block, blocks};
use super::{
    BAND_GAP, BAND_HEAD, BAND_PADDING, CARD_WIDTH, COLUMN_GAP, LANE, Piece, ROW_GAP, length,
};
use crate::graph::dag::Dag;

/// How far apart lines end that end at the same card, at most.
const PORT_GAP: i32 = 12;
/// Lines that climb more than this get more room, by the part
const STEEP: i32 = 400;
/// of this.
const STEEP_PART: i32 = 10;
/// But not more than this.
const COLUMN_GAP_MAX: i32 = 200;

/// A part of the picture, in pixels from its upper left corner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(in crate::graph) struct Rect {
    pub(in crate::graph) x: i32,
    pub(in crate::graph) y: i32,
    pub(in crate::graph) width: i32,
    pub(in crate::graph) height: i32,
}

impl Rect {
    pub(in crate::graph) fn right(self) -> i32 {
        self.x + self.width
    }

    pub(in crate::graph) fn bottom(self) -> i32 {
        self.y + self.height
    }
}

/// A line from left to right: level from the first to the second point of each stretch, and a
/// curve between one stretch and the next.
pub(in crate::graph) struct Line {
    pub(in crate::graph) stretches: Vec<[(i32, i32); 2]>,
}

/// Around cards that belong together.
pub(in crate::graph) struct Frame {
    pub(in crate::graph) rect: Rect,
    pub(in crate::graph) cards: Vec<usize>,
}

/// Where everything is.
#[derive(Default)]
pub(in crate::graph) struct Layout {
    /// By card.
    pub(in crate::graph) cards: Vec<Rect>,
    pub(in crate::graph) frames: Vec<Frame>,
    /// By band.
    pub(in crate::graph) bands: Vec<Rect>,
    pub(in crate::graph) lines: Vec<Line>,
    pub(in crate::graph) width: i32,
    pub(in crate::graph) height: i32,
}

/// Places `pieces` in `bands` bands.
pub(in crate::graph) fn place(pieces: &[Piece], bands: usize, order: &Dag) -> Layout {
    let blocks = blocks(pieces, order);
    let board = Board::new(&blocks, order);
    let seats = seat_rects(&blocks, &board, bands);
    let mut layout = Layout {
        cards: vec![Rect::default(); pieces.len()],
        bands: seats.bands,
        ..Layout::default()
    };
    for (block, seat) in blocks.iter().zip(&seats.rects) {
        for (card, (x, y)) in block.offsets() {
            layout.cards[card] = Rect {
                x: seat.x + x,
                y: seat.y + y,
                width: CARD_WIDTH,
                height: pieces[card].height,
            };
        }
        if block.is_framed() {
            layout.frames.push(Frame {
                rect: *seat,
                cards: block.cards.clone(),
            });
        }
    }
    layout.lines = lines(&board, &seats.rects, &seats.column_ends);
    let extent = |far: fn(Rect) -> i32| layout.bands.iter().map(|&band| far(band)).max();
    layout.width = extent(Rect::right).unwrap_or(0);
    layout.height = extent(Rect::bottom).unwrap_or(0);
    layout
}

struct Seats {
    /// By seat.
    rects: Vec<Rect>,
    bands: Vec<Rect>,
    /// Right ends of the columns.
    column_ends: Vec<i32>,
}

fn seat_rects(blocks: &[Block], board: &Board, bands: usize) -> Seats {
    let size = |seat: usize| match board.seats[seat].tenant {
        Tenant::Block(block) => (blocks[block].width(), blocks[block].height()),
        Tenant::Lane => (0, LANE),
    };
    let widest = |column: &Vec<usize>| column.iter().map(|&seat| size(seat).0).max();
    let mut rects = vec![Rect::default(); board.seats.len()];
    let mut band_rects = Vec::with_capacity(bands);
    let mut top = 0;
    for band in 0..bands {
        let in_band = |column: &Vec<usize>| -> Vec<usize> {
            let mine = column.iter().copied();
            mine.filter(|&seat| board.seats[seat].band == band)
                .collect()
        };
        let stacks: Vec<Vec<usize>> = board.columns.iter().map(in_band).collect();
        let stack_height = |stack: &Vec<usize>| {
            let heights: i32 = stack.iter().map(|&seat| size(seat).1).sum();
            heights + ROW_GAP * length(stack.len().saturating_sub(1))
        };
        let tallest = stacks.iter().map(stack_height).max().unwrap_or(0);
        for stack in &stacks {
            let mut y = top + BAND_HEAD + (tallest - stack_height(stack)) / 2;
            for &seat in stack {
                (rects[seat].width, rects[seat].height) = size(seat);
                rects[seat].y = y;
                y += rects[seat].height + ROW_GAP;
            }
        }
        let height = BAND_HEAD + tallest + BAND_PADDING;
        band_rects.push(Rect {
            x: 0,
            y: top,
            width: 0,
            height,
        });
        top += height + BAND_GAP;
    }
    let mut column_ends: Vec<i32> = Vec::with_capacity(board.columns.len());
    let mut x = BAND_PADDING;
    for (at, column) in board.columns.iter().enumerate() {
        for &seat in column {
            rects[seat].x = x;
        }
        let end = x + widest(column).unwrap_or(0);
        column_ends.push(end);
        x = end + gap_after(board, at, &rects);
    }
    let right = column_ends.last().copied().unwrap_or(0) + BAND_PADDING;
    for band in &mut band_rects {
        band.width = right;
    }
    Seats {
        rects,
        bands: band_rects,
        column_ends,
    }
}

/// The room after a column: more where lines have far to climb.
fn gap_after(board: &Board, column: usize, rects: &[Rect]) -> i32 {
    let middle = |seat: usize| rects[seat].y + rects[seat].height / 2;
    let climbs = board
        .lines
        .iter()
        .flat_map(|line| line.windows(2))
        .filter(|pair| board.seats[pair[0]].column == column)
        .map(|pair| (middle(pair[0]) - middle(pair[1])).abs());
    let steepest = climbs.max().unwrap_or(0);
    let more = (steepest - STEEP).max(0) / STEEP_PART;
    (COLUMN_GAP + more).min(COLUMN_GAP_MAX)
}

fn lines(board: &Board, rects: &[Rect], column_ends: &[i32]) -> Vec<Line> {
    let leaving = ports(board, rects, |line| (line[0], line[1]));
    let arriving = ports(board, rects, |line| {
        (line[line.len() - 1], line[line.len() - 2])
    });
    let line = |(at, line): (usize, &Vec<usize>)| {
        let first = rects[line[0]];
        let mut stretches = vec![[
            (first.right(), leaving[at]),
            (column_ends[board.seats[line[0]].column], leaving[at]),
        ]];
        for &seat in &line[1..line.len() - 1] {
            let y = rects[seat].y + rects[seat].height / 2;
            let end = column_ends[board.seats[seat].column];
            stretches.push([(rects[seat].x, y), (end, y)]);
        }
        let end = (rects[line[line.len() - 1]].x, arriving[at]);
        stretches.push([end, end]);
        Line { stretches }
    };
    board.lines.iter().enumerate().map(line).collect()
}

/// The height at which each line touches the seat that `ends` gives first: those of one seat side
/// by side, in the order of the seats that `ends` gives second. Lines that go the same way touch
/// at one place.
fn ports(board: &Board, rects: &[Rect], ends: impl Fn(&[usize]) -> (usize, usize)) -> Vec<i32> {
    let mut ways: BTreeMap<usize, BTreeSet<(i32, usize)>> = BTreeMap::new();
    for line in &board.lines {
        let (seat, other) = ends(line);
        let middle = rects[other].y + rects[other].height / 2;
        ways.entry(seat).or_default().insert((middle, other));
    }
    let mut heights = BTreeMap::new();
    for (seat, others) in ways {
        let rect = rects[seat];
        let gap = PORT_GAP.min((rect.height - 2 * PORT_GAP) / length(others.len()));
        let first = rect.y + (rect.height - gap * (length(others.len()) - 1)) / 2;
        for (port, (_, other)) in (0..).zip(others) {
            heights.insert((seat, other), first + port * gap);
        }
    }
    let height = |line: &Vec<usize>| heights.get(&ends(line)).copied().unwrap_or_default();
    board.lines.iter().map(height).collect()
}
