//! A chat service that keeps the keys of its messages, and fails when the test says so.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rivetos_types::BoxFuture;
use rivetos_types::channel::{
    Address, Capabilities, Channel, ChannelError, Connection, EditResult, Edits, LengthMax,
    MessageKey,
};
use rivetos_types::id::{ChannelId, MessageId};
use rivetos_types::media::Attachment;
use tokio::sync::{Notify, watch};

/// The largest file that it takes, in bytes.
const FILE_BYTES_MAX: u64 = 8;

/// Where the agent's owner reads.
pub(crate) const OWNERS_CHAT: &str = "owner";

/// What happens to one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    None,
    /// It fails and does nothing.
    Before,
    /// It does its work, and then fails.
    After,
    /// It does its work after others had a turn.
    Slow,
    /// The message it is about cannot be changed any more.
    Refuse,
    /// It is done when the test lets it.
    Hold,
    /// It never works.
    Never,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Call {
    Send,
    File,
    Edit,
    Retract,
}

#[derive(Debug, Default)]
struct Service {
    faults: VecDeque<Fault>,
    file_faults: VecDeque<Fault>,
    calls: usize,
    next: u64,
    /// By number, so in the order in which the person sees them: chat, key, text.
    messages: BTreeMap<u64, (String, String, String)>,
}

impl Service {
    /// The message of this key says `text`.
    fn put(&mut self, to: &Address, key: &MessageKey, text: &str) -> EditResult {
        let mut messages = self.messages.iter();
        let known = messages.find(|(_, (_, used, _))| *used == key.0);
        let number = known.map_or(self.next, |(number, _)| *number);
        self.next = self.next.max(number + 1);
        let message = (to.chat.clone(), key.0.clone(), text.to_owned());
        self.messages.insert(number, message);
        EditResult {
            primary: MessageId(number.to_string()),
            overflow: Vec::new(),
        }
    }
}

pub(crate) struct Chat {
    units_max: usize,
    edits: Edits,
    service: Mutex<Service>,
    connection: watch::Sender<Connection>,
    /// What a chat's name begins with that takes nothing for an hour.
    busy: Mutex<Option<&'static str>>,
    changed: watch::Sender<usize>,
    /// A call is held.
    pub(crate) held: Notify,
    /// Lets it go on.
    pub(crate) release: Notify,
}

impl Chat {
    pub(crate) fn new(units_max: usize, faults: Vec<Fault>) -> Arc<Self> {
        let service = Service {
            faults: faults.into(),
            ..Service::default()
        };
        Arc::new(Self {
            units_max,
            edits: Edits::Every(Duration::from_millis(1)),
            service: Mutex::new(service),
            connection: watch::Sender::new(Connection::Up),
            busy: Mutex::default(),
            changed: watch::Sender::new(0),
            held: Notify::new(),
            release: Notify::new(),
        })
    }

    pub(crate) fn connect(&self, connection: Connection) {
        self.connection.send_replace(connection);
    }

    /// From now on the chats whose names begin so take nothing for an hour.
    pub(crate) fn is_busy(&self, name: &'static str) {
        *self.busy.lock().unwrap() = Some(name);
    }

    /// What happens to files that are sent from now on.
    pub(crate) fn fail_files(&self, faults: &[Fault]) {
        self.with(|service| service.file_faults.extend(faults));
    }

    /// What a person reads in a chat, oldest first: the keys and the texts.
    pub(crate) fn reads(&self, chat: &str) -> Vec<(String, String)> {
        let service = self.service.lock().unwrap_or_else(PoisonError::into_inner);
        let messages = service.messages.values();
        let of_chat = messages.filter(|(in_chat, _, _)| in_chat == chat);
        of_chat
            .map(|(_, key, text)| (key.clone(), text.clone()))
            .collect()
    }

    pub(crate) fn texts(&self, chat: &str) -> Vec<String> {
        self.reads(chat).into_iter().map(|(_, text)| text).collect()
    }

    /// Returns when so many calls were made.
    pub(crate) async fn called(&self, calls: usize) {
        let mut changed = self.changed.subscribe();
        // The sender lives in `self`.
        let _ = changed.wait_for(|made| *made >= calls).await;
    }

    async fn call<T>(
        &self,
        call: Call,
        work: impl FnOnce(&mut Service) -> Result<T, ChannelError>,
    ) -> Result<T, ChannelError> {
        let fault = self.with(|service| {
            service.calls += 1;
            let faults = match call {
                Call::File => &mut service.file_faults,
                Call::Send | Call::Edit | Call::Retract => &mut service.faults,
            };
            faults.pop_front().unwrap_or(Fault::None)
        });
        let transient = || ChannelError::Transient {
            reason: "the line broke".into(),
            retry_after: Some(Duration::ZERO),
        };
        let done = match fault {
            Fault::None => self.with(work),
            Fault::Slow => {
                tokio::task::yield_now().await;
                self.with(work)
            }
            Fault::Refuse if call != Call::Edit => Err(transient()),
            Fault::Before => Err(transient()),
            Fault::After => self.with(work).and(Err(transient())),
            Fault::Refuse => Err(ChannelError::EditRefused {
                reason: "it is too old".into(),
            }),
            Fault::Hold => {
                self.held.notify_one();
                self.release.notified().await;
                self.with(work)
            }
            Fault::Never => Err(ChannelError::Permanent {
                reason: "the test says so".into(),
            }),
        };
        self.tell();
        done
    }

    fn with<T>(&self, work: impl FnOnce(&mut Service) -> T) -> T {
        work(&mut self.service.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn tell(&self) {
        let calls = self.with(|service| service.calls);
        self.changed.send_replace(calls);
    }
}

impl Channel for Chat {
    fn id(&self) -> ChannelId {
        ChannelId::from("chat")
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            length_max: LengthMax::Utf16Units(self.units_max),
            edits: self.edits,
            file_bytes_max: FILE_BYTES_MAX,
        }
    }

    fn owner(&self) -> Option<Address> {
        Some(Address {
            chat: OWNERS_CHAT.to_owned(),
            thread: None,
            reply_to: None,
        })
    }

    fn connection(&self) -> Connection {
        self.connection.borrow().clone()
    }

    fn connection_changed(&self, seen: Connection) -> BoxFuture<'_, ()> {
        let mut connection = self.connection.subscribe();
        Box::pin(async move {
            let _ = connection.wait_for(|now| *now != seen).await;
        })
    }

    fn send<'a>(
        &'a self,
        to: &'a Address,
        key: &'a MessageKey,
        text: &'a str,
    ) -> BoxFuture<'a, Result<EditResult, ChannelError>> {
        let busy = *self.busy.lock().unwrap();
        if busy.is_some_and(|name| to.chat.starts_with(name)) {
            let busy = ChannelError::Transient {
                reason: "too many messages".into(),
                retry_after: Some(Duration::from_hours(1)),
            };
            return Box::pin(std::future::ready(Err(busy)));
        }
        Box::pin(self.call(Call::Send, move |service| {
            assert!(text.encode_utf16().count() <= self.units_max, "{text}");
            Ok(service.put(to, key, text))
        }))
    }

    fn send_file<'a>(
        &'a self,
        to: &'a Address,
        key: &'a MessageKey,
        file: &'a Attachment,
        content: Vec<u8>,
    ) -> BoxFuture<'a, Result<EditResult, ChannelError>> {
        Box::pin(self.call(Call::File, move |service| {
            assert!(file.bytes <= FILE_BYTES_MAX, "{file:?}");
            let content = String::from_utf8(content).unwrap();
            Ok(service.put(to, key, &format!("<{}: {content}>", file.name)))
        }))
    }

    fn edit<'a>(
        &'a self,
        _: &'a Address,
        shown: &'a EditResult,
        text: &'a str,
    ) -> BoxFuture<'a, Result<EditResult, ChannelError>> {
        Box::pin(self.call(Call::Edit, move |service| {
            assert!(text.encode_utf16().count() <= self.units_max, "{text}");
            let number: u64 = shown.primary.as_str().parse().unwrap();
            let Some(message) = service.messages.get_mut(&number) else {
                let reason = "it is gone".to_owned();
                return Err(ChannelError::EditRefused { reason });
            };
            text.clone_into(&mut message.2);
            Ok(shown.clone())
        }))
    }

    fn retract<'a>(
        &'a self,
        _: &'a Address,
        shown: &'a EditResult,
    ) -> BoxFuture<'a, Result<(), ChannelError>> {
        Box::pin(self.call(Call::Retract, move |service| {
            let number: u64 = shown.primary.as_str().parse().unwrap();
            service.messages.remove(&number);
            Ok(())
        }))
    }

    fn typing<'a>(&'a self, _: &'a Address) -> BoxFuture<'a, ()> {
        Box::pin(std::future::ready(()))
    }
}
