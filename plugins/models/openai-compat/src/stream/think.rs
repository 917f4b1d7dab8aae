//! Reasoning that stands in the text itself, between `<think>` and `</think>`.
//!
//! Only in front of the answer, and only there is it looked for: an answer may talk about the tag.

use rivetos_types::model::StreamEvent;

const OPEN: &str = "<think>";
const CLOSE: &str = "</think>";

/// Blanks in front of an answer that are held back because a tag may follow, in bytes.
const HELD_BYTES_MAX: usize = 1024;

/// Tells reasoning from the answer. The tags may come in pieces, and the last one not at all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Thinking {
    place: Place,
    /// What may be the beginning of a tag.
    held: String,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Place {
    #[default]
    Start,
    Thought,
    /// Behind a thought. Blanks in front of the answer are not part of it.
    Behind,
    Said,
}

impl Thinking {
    pub(super) fn push(&mut self, text: String, out: &mut Vec<StreamEvent>) {
        if self.place == Place::Said {
            out.push(StreamEvent::Text(text));
            return;
        }
        self.held.push_str(&text);
        while self.step(out) {}
    }

    /// Nothing follows: what was held back is no tag.
    pub(super) fn end(&mut self, out: &mut Vec<StreamEvent>) {
        let held = std::mem::take(&mut self.held);
        match self.place {
            Place::Start | Place::Said => push(StreamEvent::Text, held, out),
            Place::Behind => push(StreamEvent::Text, held.trim_start().to_owned(), out),
            Place::Thought => push(StreamEvent::Reasoning, held, out),
        }
    }

    /// Goes on as far as it is clear what it is. Returns whether there may be more.
    fn step(&mut self, out: &mut Vec<StreamEvent>) -> bool {
        match self.place {
            Place::Said => push(StreamEvent::Text, std::mem::take(&mut self.held), out),
            Place::Start | Place::Behind => {
                let rest = self.held.trim_start();
                if let Some(thought) = rest.strip_prefix(OPEN) {
                    self.held = thought.to_owned();
                    self.place = Place::Thought;
                    return true;
                }
                if OPEN.starts_with(rest) && self.held.len() <= HELD_BYTES_MAX {
                    return false;
                }
                if self.place == Place::Behind {
                    self.held = rest.to_owned();
                }
                self.place = Place::Said;
                return true;
            }
            Place::Thought => {
                if let Some((thought, rest)) = self.held.split_once(CLOSE) {
                    let (thought, rest) = (thought.to_owned(), rest.to_owned());
                    push(StreamEvent::Reasoning, thought, out);
                    self.held = rest;
                    self.place = Place::Behind;
                    return true;
                }
                let clear = self.held.len() - begun(&self.held);
                let held = self.held.split_off(clear);
                let thought = std::mem::replace(&mut self.held, held);
                push(StreamEvent::Reasoning, thought, out);
            }
        }
        false
    }
}

fn push(kind: fn(String) -> StreamEvent, text: String, out: &mut Vec<StreamEvent>) {
    if !text.is_empty() {
        out.push(kind(text));
    }
}

/// How much of the end of `text` may be the beginning of the last tag.
fn begun(text: &str) -> usize {
    let tails = (1..CLOSE.len()).rev();
    let mut begun = tails.filter(|length| text.ends_with(&CLOSE[..*length]));
    begun.next().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(texts: &[&str]) -> (String, String) {
        let mut thinking = Thinking::default();
        let mut pieces = Vec::new();
        for text in texts {
            thinking.push((*text).to_owned(), &mut pieces);
        }
        thinking.end(&mut pieces);
        let (mut thought, mut said) = (String::new(), String::new());
        for piece in pieces {
            match &piece {
                StreamEvent::Reasoning(text) => thought.push_str(text),
                StreamEvent::Text(text) => said.push_str(text),
                _ => unreachable!("{piece:?}"),
            }
        }
        (thought, said)
    }

    fn check(text: &str, thought: &str, said: &str) {
        let expected = (thought.to_owned(), said.to_owned());
        assert_eq!(read(&[text]), expected);
        for (at, _) in text.char_indices() {
            let (a, b) = text.split_at(at);
            assert_eq!(read(&[a, b]), expected, "split at {at}");
        }
        let letters: Vec<_> = text.split("").collect();
        assert_eq!(read(&letters), expected, "letter by letter");
    }

    #[test]
    fn thoughts_stand_in_front_of_the_answer() {
        check("<think>hm</think>\n\nyes", "hm", "yes");
        check(
            " \n<think>a < b </ c</think><think>é</think> yes",
            "a < b </ cé",
            "yes",
        );
        check("<think></think>yes", "", "yes");
        check("<think>hm</think>", "hm", "");
    }

    #[test]
    fn a_thought_may_not_end() {
        check("<think>hm", "hm", "");
        check("<think>hm</thin", "hm</thin", "");
        check("<thin", "", "<thin");
    }

    #[test]
    fn an_answer_may_talk_about_the_tag() {
        check("It is <think>hm</think>.", "", "It is <think>hm</think>.");
        check("  <b>yes</b>", "", "  <b>yes</b>");
        check("<think>hm</think>a <think>", "hm", "a <think>");
    }

    #[test]
    fn blanks_are_not_waited_for_for_ever() {
        let blanks = " ".repeat(HELD_BYTES_MAX + 1);
        let mut pieces = Vec::new();
        Thinking::default().push(blanks.clone(), &mut pieces);
        assert_eq!(pieces, [StreamEvent::Text(blanks)]);
    }
}
