//! One text as messages that a service takes.

use rivetos_types::channel::LengthMax;

/// A message is at least so full before it is cut at a good point, in percent.
const FULL_PERCENT_MIN: usize = 30;

/// What closes a block of code that goes on in the next message.
const CLOSING: &str = "\n```";

/// The longest first line of a block that is repeated, in bytes.
const OPENING_BYTES_MAX: usize = 32;

/// The shortest message in which blocks of code are closed and opened again, in the service's unit.
const FENCED_UNITS_MIN: usize = 100;

/// The parts of `text`, in order. Each but the last depends only on what it and the ones before it
/// say, so a text that grows keeps its parts. Parts of nothing but white space are left out: no
/// service takes them.
pub(crate) fn split(text: &str, max: LengthMax) -> Vec<String> {
    let mut parts = Vec::new();
    let mut rest = text;
    let mut fence: Option<&str> = None;
    while !rest.is_empty() {
        let opening = fence.map_or_else(String::new, |line| format!("{line}\n"));
        let left = units_of(max).saturating_sub(measure(&opening, max));
        if fits(rest, left, max) {
            push(&mut parts, opening + rest);
            break;
        }
        let fenced = units_of(max) >= FENCED_UNITS_MIN;
        let taken = if fenced {
            measure(&opening, max) + CLOSING.len()
        } else {
            0
        };
        let cut = cut_of(rest, units_of(max) - taken, max);
        let (piece, after) = rest.split_at(cut);
        if fenced {
            fence = fence_after(fence, piece);
        }
        let mut part = opening + piece;
        if fence.is_some() {
            let on_line = part.ends_with('\n');
            part.push_str(if on_line {
                CLOSING.trim_start()
            } else {
                CLOSING
            });
        }
        push(&mut parts, part);
        rest = after;
    }
    parts
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

/// The first line of the block of code that `piece` ends in, if any.
fn fence_after<'a>(before: Option<&'a str>, piece: &'a str) -> Option<&'a str> {
    let lines = piece.lines().filter(|line| line.starts_with("```"));
    lines.fold(before, |open, line| match open {
        Some(_) => None,
        None if line.len() > OPENING_BYTES_MAX => Some("```"),
        None => Some(line.trim_end()),
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
