//! Gives every card its place: columns from left to right in the order in which things come to
//! be, one band for each target.
//!
//! Longest-path layers; cards that come after and before the very same others share a frame, so
//! that a hundred agents are one grid with one line to it; within a column the order follows the
//! neighbours (barycentre). Lines that pass a column have a place of their own in it, so that
//! none runs through a card. Whole numbers only: equal graphs give equal pictures.

mod column;
mod frame;
mod place;

pub(super) use place::{Layout, Line, Rect, place};

/// All cards are of this width, in pixels.
pub(super) const CARD_WIDTH: i32 = 240;
/// Between two columns at least.
const COLUMN_GAP: i32 = 72;
/// Between two things of a column.
const ROW_GAP: i32 = 20;
/// Between the cards of a frame.
const GRID_GAP: i32 = 12;
/// Around the cards of a frame.
const FRAME_PADDING: i32 = 14;
/// For the words above the cards of a frame.
const FRAME_HEAD: i32 = 30;
/// Around the things of a band.
const BAND_PADDING: i32 = 24;
/// For the words above the things of a band.
const BAND_HEAD: i32 = 40;
/// Between two bands.
const BAND_GAP: i32 = 20;
/// For a line that passes a column.
const LANE: i32 = 12;

/// What is to be placed.
pub(super) struct Piece {
    /// Which band.
    pub(super) band: usize,
    pub(super) height: i32,
}

/// A count as a length.
fn length(count: usize) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}
