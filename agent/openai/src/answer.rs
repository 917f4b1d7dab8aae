//! Asking, and asking once more.

use std::future::ready;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::{StreamExt, stream};
use rivetos_http::{AnswerReader, End, Http, Refusal, Request};
use rivetos_types::BoxStream;
use rivetos_types::model::{ModelError, StreamEvent};

use crate::error;
use crate::request::Scope;
use crate::stream::StreamParser;

/// Sends what `request` makes of [`Scope::Continued`] and reads the answer. When the vendor has
/// lost the answer that the conversation goes on from, it is sent once more in full.
pub fn answer<'a, F>(
    http: &'a Http,
    reader: StreamParser,
    request: impl Fn(Scope) -> F,
) -> BoxStream<'a, Result<StreamEvent, ModelError>>
where
    F: Future<Output = Result<Request, ModelError>> + Send + 'a,
{
    if !reader.continues() {
        return http.answer(request(Scope::Full), reader);
    }
    let lost = Arc::new(AtomicBool::new(false));
    let watching = Watching {
        reader: reader.clone(),
        lost: Arc::clone(&lost),
    };
    let mut again = Some(http.answer(request(Scope::Full), reader));
    let first = http.answer(request(Scope::Continued), watching);
    Box::pin(first.flat_map(move |event| {
        let again = again.take_if(|_| event.is_err() && lost.load(Ordering::Relaxed));
        again.map_or_else(
            || stream::once(ready(event)).right_stream(),
            StreamExt::left_stream,
        )
    }))
}

/// A reader that remembers whether the vendor has lost the answer before.
struct Watching {
    reader: StreamParser,
    lost: Arc<AtomicBool>,
}

impl AnswerReader for Watching {
    fn push(&mut self, bytes: &[u8], events: &mut Vec<StreamEvent>) -> Result<(), ModelError> {
        let result = self.reader.push(bytes, events);
        if self.reader.lost() {
            self.lost.store(true, Ordering::Relaxed);
        }
        result
    }

    fn end(&mut self, end: End, events: &mut Vec<StreamEvent>) -> Result<(), ModelError> {
        self.reader.end(end, events)
    }

    fn is_over(&self) -> bool {
        self.reader.is_over()
    }

    fn refused(&self, refusal: &Refusal) -> ModelError {
        if error::is_lost(refusal) {
            self.lost.store(true, Ordering::Relaxed);
        }
        self.reader.refused(refusal)
    }
}
