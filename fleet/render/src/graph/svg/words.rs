//! How much room words take. There are no fonts here: widths are those of common fonts, rounded
//! up.

use crate::graph::model::Graph;

/// One sign of a monospaced font, in hundredths of the size of the font.
const MONO: usize = 61;
/// One sign of any other font on average, likewise.
const SANS: usize = 55;
/// Of the title.
pub(super) const TITLE_SIZE: usize = 20;
/// Of the line below it.
pub(super) const SUMMARY_SIZE: usize = 13;

/// The face of a text.
#[derive(Debug, Clone, Copy)]
pub(super) enum Face {
    Mono(usize),
    Sans(usize),
}

impl Face {
    /// The width of `text` in pixels.
    pub(super) fn width(self, text: &str) -> i32 {
        i32::try_from((signs(text) * self.hundredths()).div_ceil(100)).unwrap_or(i32::MAX)
    }

    /// `text`, shortened to fit into `width` pixels.
    pub(super) fn fit(self, text: &str, width: i32) -> String {
        let room = usize::try_from(width).unwrap_or(0) * 100 / self.hundredths();
        if signs(text) <= room {
            return text.to_owned();
        }
        let mut kept = String::new();
        let mut taken = 1;
        for c in text.chars() {
            taken += sign(c);
            if taken > room {
                break;
            }
            kept.push(c);
        }
        format!("{}…", kept.trim_end())
    }

    /// The width of one sign.
    fn hundredths(self) -> usize {
        match self {
            Self::Mono(size) => size * MONO,
            Self::Sans(size) => size * SANS,
        }
    }
}

/// Signs of scripts beyond Latin may be twice as wide; arrows and the like are not.
fn sign(c: char) -> usize {
    match c {
        '\0'..'\u{300}' | '\u{2000}'..'\u{2c00}' => 1,
        _ => 2,
    }
}

fn signs(text: &str) -> usize {
    text.chars().map(sign).sum()
}

pub(super) fn title_width(graph: &Graph) -> i32 {
    let title = Face::Sans(TITLE_SIZE).width(&graph.title);
    title.max(Face::Sans(SUMMARY_SIZE).width(&graph.summary))
}

/// As character data and in attributes; what XML cannot hold at all is replaced.
pub(super) fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&apos;"),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => escaped.push(' '),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_shortened() {
        assert_eq!(Face::Mono(10).fit("abcdef", 37), "abcdef");
        assert_eq!(Face::Mono(10).fit("abcdefg", 37), "abcde…");
        assert_eq!(Face::Mono(10).fit("界界界界", 37), "界界…");
        assert_eq!(Face::Mono(10).fit("abc", 0), "…");
    }

    #[test]
    fn nothing_is_markup() {
        assert_eq!(
            escaped("<a b='c'>&\"\u{1}"),
            "&lt;a b=&apos;c&apos;&gt;&amp;&quot; "
        );
    }
}
