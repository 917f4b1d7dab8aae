//! `rivetos chat`

use std::path::Path;

use rivetos_fleet::model::{Kind, ResourceId};
use rivetos_fleet::port::NodeAccess;
use rivetos_protocol::{Outcome, SentAttachment};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::signal;

use crate::chat::{Conversation, Input, TurnEnd, Typed, View, read_files};
use crate::exit::Exit;
use crate::output::{Failure, Format, Printer};
use crate::person;
use crate::settings::Chat;

/// The conversation that is gone on with unless another one is named.
const SESSION_DEFAULT: &str = "cli";

/// One message, or a conversation.
pub(crate) async fn run<A>(
    access: &A,
    chat: &Chat,
    home: &Path,
    printer: Printer,
) -> Result<Exit, Failure>
where
    A: NodeAccess,
    A::Stream: AsyncRead + AsyncWrite + Unpin,
{
    let Chat {
        agent,
        message,
        session,
        attach,
    } = chat;
    let files = read_files(attach)?;
    let conversation = conversation(access, agent, session.as_deref());
    match message {
        Some(message) => one_message(&conversation, (message, files), printer).await,
        None => talk(&conversation, files, home, printer).await,
    }
}

/// The conversation of this person with `agent`.
fn conversation<'a, A: NodeAccess>(
    access: &'a A,
    agent: &str,
    session: Option<&str>,
) -> Conversation<'a, A> {
    Conversation {
        access,
        node: ResourceId::new(Kind::Agent, agent),
        speaker: person::name(),
        session: session.unwrap_or(SESSION_DEFAULT).to_owned(),
    }
}

/// Says one thing and prints the reply.
async fn one_message<A>(
    conversation: &Conversation<'_, A>,
    (message, files): (&str, Vec<SentAttachment>),
    printer: Printer,
) -> Result<Exit, Failure>
where
    A: NodeAccess,
    A::Stream: AsyncRead + AsyncWrite + Unpin,
{
    let mut view = View::new(printer);
    Ok(ended(&conversation.say(message, files, &mut view).await?))
}

/// Talks until the person leaves or the pipe ends; `files` go with the first message.
async fn talk<A>(
    conversation: &Conversation<'_, A>,
    mut files: Vec<SentAttachment>,
    home: &Path,
    printer: Printer,
) -> Result<Exit, Failure>
where
    A: NodeAccess,
    A::Stream: AsyncRead + AsyncWrite + Unpin,
{
    let mut input = Input::open(home.join("chat_history"))?;
    let person = input.is_terminal();
    let name = &conversation.node.name;
    if person && printer.format() == Format::Text {
        printer.talk(printer.err().dim(format_args!(
            "talking to {name}: /new begins anew, /stop or Ctrl-C stops a reply, Ctrl-D leaves"
        )));
    }
    let mut exit = Exit::Ok;
    loop {
        let typed = tokio::select! {
            next = input.next(format!("{name}> ")) => {
                let (rest, typed) = next?;
                input = rest;
                typed
            }
            _ = signal::ctrl_c() => return Ok(Exit::Interrupted),
        };
        match typed {
            Typed::End => return Ok(exit),
            Typed::Line(line) if line.trim().is_empty() => {}
            Typed::Line(line) => {
                let files = std::mem::take(&mut files);
                let mut view = View::new(printer);
                let end = conversation.say(&line, files, &mut view).await;
                match end {
                    Ok(TurnEnd::Left) => return Ok(Exit::Interrupted),
                    Ok(TurnEnd::Reply(_)) if person => {}
                    Ok(end @ TurnEnd::Reply(_)) => exit = exit.or(ended(&end)),
                    // A person tries again; a script must not go on as if nothing happened.
                    Err(error) if person => printer.failure(&Failure::from(error)),
                    Err(error) => return Err(error.into()),
                }
            }
        }
    }
}

fn ended(end: &TurnEnd) -> Exit {
    match end {
        TurnEnd::Left => Exit::Interrupted,
        TurnEnd::Reply(reply) => match reply.outcome {
            Outcome::Completed | Outcome::LimitReached | Outcome::Command => Exit::Ok,
            Outcome::Interrupted => Exit::Interrupted,
            Outcome::Failed => Exit::Failed,
        },
    }
}
