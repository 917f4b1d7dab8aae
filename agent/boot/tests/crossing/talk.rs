//! A conversation, as the turn machine leads it.

use std::collections::BTreeMap;
use std::sync::Arc;

use rivetos_core::turn::{Abort, Limits, Opening, Room, Turn, TurnAction, TurnInput};
use rivetos_types::id::TurnId;
use rivetos_types::media::{Attachment, FileDigest, MediaType};
use rivetos_types::message::{
    ContentPart, Message, TokenUsage, ToolResult, ToolStatus, VendorBlock, text_of,
};
use rivetos_types::model::{ModelError, ModelRequest, StreamEvent};
use rivetos_types::store::Thinking;
use rivetos_types::tool::ToolSpec;
use serde_json::json;

use super::streams::Stream;
use super::vendors::{ASKED, Heard};

/// What happens next.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Event {
    /// The one at this place of [`ASKED`] says one of its streams, in chunks of so many bytes.
    Answers {
        who: usize,
        stream: usize,
        chunk: usize,
    },
    /// From now on tools end like this.
    Results(ToolStatus),
    /// The person says something meanwhile.
    Steers,
    /// The model finds the conversation too long.
    Overflows,
    /// The person stops the turn.
    Stops,
}

/// A turn: what the person says, and what happens then. Afterwards the person stops it.
#[derive(Debug, Clone)]
pub(crate) struct Said {
    pub(crate) with_files: bool,
    pub(crate) thinking: Option<Thinking>,
    pub(crate) events: Vec<Event>,
}

pub(crate) struct Talk<'a> {
    streams: &'a [Stream],
    summary: Option<Arc<str>>,
    history: Vec<Message>,
    heard: Heard,
    turns: usize,
    answers: usize,
    thinking: Option<Thinking>,
    tools_end: ToolStatus,
}

const PICTURE: &[u8] = b"\x89PN";

fn file(media: MediaType) -> ContentPart {
    ContentPart::Attachment(Attachment {
        name: "a".into(),
        media,
        bytes: 3,
        digest: FileDigest(media.name().into()),
        path: ".media/a".into(),
        pixels: None,
        pages: None,
        text: None,
    })
}

impl<'a> Talk<'a> {
    pub(crate) fn new(streams: &'a [Stream]) -> Self {
        Self {
            streams,
            summary: None,
            history: Vec::new(),
            heard: Heard::default(),
            turns: 0,
            answers: 0,
            thinking: None,
            tools_end: ToolStatus::Ok,
        }
    }

    /// The person says something more, and nobody has answered yet.
    pub(crate) fn ends(&mut self) {
        self.turn(Said {
            with_files: false,
            thinking: self.thinking,
            events: Vec::new(),
        });
    }

    pub(crate) fn turn(&mut self, said: Said) {
        self.thinking = said.thinking;
        let mut turn = Turn::new(self.opening(said.with_files));
        let mut events = said.events.into_iter();
        loop {
            match turn.next() {
                TurnAction::Finish { .. } => break,
                TurnAction::Ask { .. } => panic!("nobody is to be asked"),
                TurnAction::Compact => turn.on(TurnInput::Compacted {
                    summary: Some("it was long".into()),
                    kept_messages: turn.compactable().kept_messages,
                }),
                TurnAction::CallTools { calls } => {
                    for planned in calls {
                        let result = ToolResult {
                            call_id: planned.call.id,
                            content: "a.txt".into(),
                            status: self.tools_end,
                            files: Vec::new(),
                        };
                        turn.on(TurnInput::ToolEnded {
                            result,
                            elapsed_ms: 0,
                        });
                    }
                }
                TurnAction::CallModel => {
                    let request = self.request(&turn);
                    for asked in &ASKED {
                        asked.check(&request, &self.heard);
                    }
                    let event = events.next().unwrap_or(Event::Stops);
                    turn.on(self.input(event, &request));
                }
            }
        }
        let (summary, carried) = turn.carried();
        let mut history = carried.to_vec();
        history.extend(turn.messages().iter().cloned());
        (self.summary, self.history) = (summary, history);
    }

    fn opening(&mut self, with_files: bool) -> Opening {
        self.turns += 1;
        let mut content = vec![ContentPart::text(format!("word {}", self.turns))];
        if with_files {
            content.extend([MediaType::Png, MediaType::Pdf, MediaType::Ogg].map(file));
        }
        Opening {
            turn: TurnId::from(format!("http/{}", self.turns).as_str()),
            summary: self.summary.clone(),
            history: Arc::new(self.history.clone()),
            content,
            // Tools that are not there are run here nevertheless.
            rules: Arc::new(BTreeMap::new()),
            room: Room {
                window_tokens: 10_000_000,
                answer_tokens: 0,
                prompt_bytes: 0,
            },
            limits: Limits {
                steps_max: 20,
                turn_ms_max: 60_000,
                step_calls_max: 8,
                call_output_bytes_max: 4096,
                turn_output_bytes_max: 65_536,
                answer_bytes_max: 1024 * 1024,
                same_failures_max: 3,
                same_results_max: 4,
                turn_micro_usd_max: None,
                history_bytes_max: usize::MAX,
            },
        }
    }

    fn request(&self, turn: &Turn) -> ModelRequest {
        let messages = turn.conversation().unwrap();
        let bytes = |digest: &FileDigest| match digest.0.as_str() {
            "image/png" => Arc::from(PICTURE),
            _ => Arc::from(*b"%PDF-1.4"),
        };
        let shown = turn.shown(&messages).into_iter();
        let images = shown.map(|one| (one.digest.clone(), bytes(&one.digest)));
        ModelRequest {
            system: "be brief".into(),
            images: images.collect(),
            tools: [ToolSpec {
                name: "shell".into(),
                description: "Runs.".into(),
                parameters: json!({ "type": "object" }),
            }]
            .into(),
            model: None,
            thinking: self.thinking,
            messages: messages.into(),
        }
    }

    fn input(&mut self, event: Event, request: &ModelRequest) -> TurnInput {
        match event {
            Event::Answers { who, stream, chunk } => self.answer(who, stream, chunk, request),
            Event::Results(status) => {
                self.tools_end = status;
                TurnInput::Restored
            }
            Event::Steers => TurnInput::Steered {
                content: vec![ContentPart::text("by the way")],
            },
            Event::Overflows => TurnInput::Overflowed {
                reason: "too long".into(),
            },
            Event::Stops => TurnInput::Aborted {
                by: Abort::Person,
                partial: "and so".into(),
            },
        }
    }

    /// What becomes of an answer is what the runtime makes of it.
    fn answer(
        &mut self,
        who: usize,
        stream: usize,
        chunk: usize,
        request: &ModelRequest,
    ) -> TurnInput {
        let asked = &ASKED[who];
        let theirs = self.streams.iter();
        let theirs = theirs.filter(|one| one.api == asked.vendor.reads());
        let theirs: Vec<&Stream> = theirs.collect();
        let stream = theirs[stream % theirs.len()];
        self.answers += 1;
        let body = stream.once_more(self.answers);
        let (events, ended) = asked.read(request, &body, chunk);
        self.heard.hear(asked, &body, &events);
        let mut content: Vec<ContentPart> = Vec::new();
        let (mut calls, mut done) = (Vec::new(), None);
        for event in events {
            match event {
                StreamEvent::Text(more) => match content.last_mut() {
                    Some(ContentPart::Text { text }) => text.push_str(&more),
                    Some(_) | None => content.push(ContentPart::text(more)),
                },
                StreamEvent::Reasoning(_) => {}
                StreamEvent::ToolCall(call) => calls.push(call),
                StreamEvent::Vendor(block) => content.push(ContentPart::Vendor(block)),
                StreamEvent::Done { stop, .. } => done = Some(stop),
            }
        }
        match (done, ended) {
            (Some(stop), Ok(())) => TurnInput::Answered {
                content,
                calls,
                stop,
                usage: TokenUsage::default(),
                micro_usd: 0,
                elapsed_ms: 0,
            },
            (_, Err(ModelError::TooLong { message })) => TurnInput::Overflowed { reason: message },
            (_, ended) => TurnInput::Failed {
                reason: ended.map_or_else(|error| error.to_string(), |()| "nothing".into()),
                partial: text_of(&content),
            },
        }
    }
}

/// The blocks among events.
pub(crate) fn blocks(events: &[StreamEvent]) -> impl Iterator<Item = &VendorBlock> {
    events.iter().filter_map(|event| match event {
        StreamEvent::Vendor(block) => Some(block),
        StreamEvent::Text(_)
        | StreamEvent::Reasoning(_)
        | StreamEvent::ToolCall(_)
        | StreamEvent::Done { .. } => None,
    })
}
