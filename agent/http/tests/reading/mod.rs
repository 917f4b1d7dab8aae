//! What holds for every reader of answers and every body, recorded or made up.

use std::fmt::Debug;

use rivetos_http::{AnswerReader, End};
use rivetos_types::model::{ModelError, StreamEvent};

/// All that was said, and how it ended.
pub(crate) type Answer = (Vec<StreamEvent>, Result<(), ModelError>);

/// A reader whose state can be compared.
pub(crate) trait Reader: AnswerReader + Clone + PartialEq + Debug {}
impl<R: AnswerReader + Clone + PartialEq + Debug> Reader for R {}

/// Reads a body that comes in these pieces.
pub(crate) fn read<'a, R: Reader>(
    mut reader: R,
    pieces: impl IntoIterator<Item = &'a [u8]>,
    end: End,
) -> Answer {
    let mut events = Vec::new();
    for piece in pieces {
        if let Err(error) = reader.push(piece, &mut events) {
            return (events, Err(error));
        }
    }
    let result = reader.end(end, &mut events);
    (events, result)
}

/// Reads a body in chunks of several sizes. All give the same answer, which is returned, and it
/// ends once.
pub(crate) fn check_chunks<R: Reader>(bytes: &[u8], end: End, new: &dyn Fn() -> R) -> Answer {
    let whole = read(new(), [bytes], end);
    for size in [1, 3, 64] {
        let answer = read(new(), bytes.chunks(size), end);
        assert_eq!(answer, whole, "in chunks of {size}");
    }
    let (events, result) = &whole;
    let done = events.iter().position(is_done);
    match result {
        Ok(()) => assert_eq!(done, events.len().checked_sub(1), "{events:?}"),
        Err(error) => assert_eq!(done, None, "{error}"),
    }
    whole
}

pub(crate) fn is_done(event: &StreamEvent) -> bool {
    matches!(event, StreamEvent::Done { .. })
}
