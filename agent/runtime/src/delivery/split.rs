//! One text as messages that a service takes.

use rivetos_types::channel::LengthMax;

/// A message is at least so full before it is cut at a good point, in percent.
const FULL_PERCENT_MIN: usize = 30;

/// The longest first line of a block of code that is repeated, in bytes.
const OPENING_BYTES_MAX: usize = 32;

/// The fewest backticks that begin a block of code.
const TICKS_MIN: usize = 3;

/// The most; a line of more is text, as nobody writes blocks of blocks so deep.
const TICKS_MAX: usize = 16;

/// The shortest message in which blocks of code are closed and opened again, in the service's unit.
const FENCED_UNITS_MIN: usize = 100;

/// The parts of `text`, in order. Each but the last depends only on what it and the ones before it
/// say, so a text that grows keeps its parts. Parts of nothing but white space are left out: no
/// service takes them.
pub(crate) fn split(text: &str, max: LengthMax) -> Vec<String> {
    let mut parts = Vec::new();
    let mut rest = text;
    let mut fence: Option<Fence<'_>> = None;
    while !rest.is_empty() {
        let opening = fence.map_or_else(String::new, |fence| format!("{}\n", fence.opening));
        let left = units_of(max).saturating_sub(measure(&opening, max));
        if fits(rest, left, max) {
            push(&mut parts, opening + rest);
            break;
        }
        let piece;
        (piece, rest, fence) = if units_of(max) >= FENCED_UNITS_MIN {
            cut_fenced(rest, fence, left, max)
        } else {
            let (piece, after) = rest.split_at(cut_of(rest, units_of(max), max));
            (piece, after, None)
        };
        let mut part = opening + piece;
        if let Some(fence) = fence {
            let closing = fence.closing();
            let on_line = part.ends_with('\n');
            part.push_str(if on_line {
                closing.trim_start()
            } else {
                &closing
            });
        }
        push(&mut parts, part);
    }
    parts
}

/// The next piece of a text, what is behind it, and the block of code that goes on there. The
/// piece leaves room for the end of the block.
fn cut_fenced<'a>(
    text: &'a str,
    before: Option<Fence<'a>>,
    units: usize,
    max: LengthMax,
) -> (&'a str, &'a str, Option<Fence<'a>>) {
    // Of a piece that is shorter another block may be open; the room only grows.
    let mut room = 1 + TICKS_MIN;
    loop {
        let (piece, after) = text.split_at(cut_of(text, units.saturating_sub(room), max));
        let fence = fence_after(before, piece);
        let closing = fence.map_or(0, |fence| fence.closing().len());
        if closing <= room {
            return (piece, after, fence);
        }
        room = closing;
    }
}

fn push(parts: &mut Vec<String>, part: String) {
    if !part.trim().is_empty() {
        parts.push(part);
    }
}

/// Where a text that is too long is cut: behind the last paragraph, line or word that leaves the
/// message full enough, else where it is full.
fn cut_of(text: &str, units: usize, max: LengthMax) -> usize {
    let mut full = 0;
    let mut used = 0;
    for (at, char) in text.char_indices() {
        used += units_of_char(char, max);
        if used > units && full > 0 {
            break;
        }
        full = at + char.len_utf8();
    }
    let window = text.get(..full).unwrap_or(text);
    let least = full * FULL_PERCENT_MIN / 100;
    ["\n\n", "\n", " "]
        .iter()
        .find_map(|end| {
            let cut = window.rfind(end)? + end.len();
            (cut > least).then_some(cut)
        })
        .unwrap_or(full)
}

/// A block of code that is open.
#[derive(Debug, Clone, Copy)]
struct Fence<'a> {
    /// Its first line.
    opening: &'a str,
    /// So many backticks end it, or more.
    ticks: usize,
}

impl<'a> Fence<'a> {
    /// The block that `line` begins, if it does.
    fn opened_by(line: &'a str) -> Option<Self> {
        let ticks = ticks_of(line);
        let line = line.trim_end();
        let (fence, info) = line.split_at_checked(ticks)?;
        let begins = (TICKS_MIN..=TICKS_MAX).contains(&ticks) && !info.contains('`');
        let opening = if line.len() > OPENING_BYTES_MAX {
            fence
        } else {
            line
        };
        begins.then_some(Self { opening, ticks })
    }

    fn is_closed_by(self, line: &str) -> bool {
        ticks_of(line) >= self.ticks && line.trim_start_matches('`').trim().is_empty()
    }

    /// What ends it, on a line of its own.
    fn closing(self) -> String {
        format!("\n{}", "`".repeat(self.ticks))
    }
}

fn ticks_of(line: &str) -> usize {
    line.len() - line.trim_start_matches('`').len()
}

/// The block of code that `piece` ends in, if any.
fn fence_after<'a>(before: Option<Fence<'a>>, piece: &'a str) -> Option<Fence<'a>> {
    piece.lines().fold(before, |open, line| match open {
        Some(fence) if fence.is_closed_by(line) => None,
        Some(fence) => Some(fence),
        None => Fence::opened_by(line),
    })
}

/// Looks no further than it has to.
fn fits(text: &str, units: usize, max: LengthMax) -> bool {
    let mut left = units;
    text.chars().all(|char| {
        let rest = left.checked_sub(units_of_char(char, max));
        left = rest.unwrap_or(0);
        rest.is_some()
    })
}

fn measure(text: &str, max: LengthMax) -> usize {
    match max {
        LengthMax::Utf16Units(_) => text.encode_utf16().count(),
        LengthMax::Chars(_) => text.chars().count(),
        LengthMax::Bytes(_) => text.len(),
    }
}

fn units_of_char(char: char, max: LengthMax) -> usize {
    match max {
        LengthMax::Utf16Units(_) => char.len_utf16(),
        LengthMax::Chars(_) => 1,
        LengthMax::Bytes(_) => char.len_utf8(),
    }
}

fn units_of(max: LengthMax) -> usize {
    match max {
        LengthMax::Utf16Units(units) | LengthMax::Chars(units) | LengthMax::Bytes(units) => units,
    }
}

#[cfg(test)]
mod tests;
