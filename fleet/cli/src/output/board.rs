//! Lines at the bottom of a terminal that are drawn again and again.

use std::fmt::Write;

/// What stands at the bottom now. Nothing else may write to the terminal meanwhile.
#[derive(Debug, Default)]
pub(crate) struct Board {
    /// How many lines it has.
    height: usize,
}

impl Board {
    /// What to write so that `lines` stand there instead, below `above`, which stays for good.
    ///
    /// Long lines are cut off by the terminal: it does not wrap while they are written.
    pub(crate) fn draw(&mut self, above: Option<&str>, lines: &[String]) -> String {
        let mut text = String::new();
        if self.height > 0 {
            let _ = write!(text, "\x1b[{}F\x1b[J", self.height);
        }
        if let Some(above) = above {
            text.push_str(above);
            text.push('\n');
        }
        if !lines.is_empty() {
            text.push_str("\x1b[?7l");
            for line in lines {
                text.push_str(&line.replace(['\n', '\r'], " "));
                text.push('\n');
            }
            text.push_str("\x1b[?7h");
        }
        self.height = lines.len();
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_replaced_and_what_is_above_stays() {
        let mut board = Board::default();
        let lines = ["a".to_owned(), "b\nb".to_owned()];
        assert_eq!(board.draw(None, &lines), "\x1b[?7la\nb b\n\x1b[?7h");
        assert_eq!(
            board.draw(Some("done"), &lines[..1]),
            "\x1b[2F\x1b[Jdone\n\x1b[?7la\n\x1b[?7h"
        );
        assert_eq!(board.draw(None, &[]), "\x1b[1F\x1b[J");
        assert_eq!(board.draw(None, &[]), "");
    }
}
