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
        save,
    } = chat;
    let files = read_files(attach)?;
    let save = save.as_deref();
    let conversation = conversation(access, agent, session.as_deref());
    match message {
        Some(message) => one_message(&conversation, (message, files), save, printer).await,
        None => talk(&conversation, (files, save), home, printer).await,
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
    save: Option<&Path>,
    printer: Printer,
) -> Result<Exit, Failure>
where
    A: NodeAccess,
    A::Stream: AsyncRead + AsyncWrite + Unpin,
{
    let mut view = View::new(printer);
    let end = conversation.say(message, files, &mut view).await?;
    keep_files(conversation, &end, save, &mut view).await?;
    Ok(ended(&end))
}

/// Talks until the person leaves or the pipe ends; `files` go with the first message.
async fn talk<A>(
    conversation: &Conversation<'_, A>,
    (mut files, save): (Vec<SentAttachment>, Option<&Path>),
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
                let said = conversation.say(&line, files, &mut view).await;
                let end = match said {
                    Ok(end) => keep_files(conversation, &end, save, &mut view)
                        .await
                        .map(|()| end),
                    Err(error) => Err(error.into()),
                };
                match end {
                    Ok(TurnEnd::Left) => return Ok(Exit::Interrupted),
                    Ok(TurnEnd::Reply(_)) if person => {}
                    Ok(end @ TurnEnd::Reply(_)) => exit = exit.or(ended(&end)),
                    // A person tries again; a script must not go on as if nothing happened.
                    Err(failure) if person => printer.failure(&failure),
                    Err(failure) => return Err(failure),
                }
            }
        }
    }
}

/// Fetches the files of a reply for a person who wants them here.
async fn keep_files<A>(
    conversation: &Conversation<'_, A>,
    end: &TurnEnd,
    folder: Option<&Path>,
    view: &mut View,
) -> Result<(), Failure>
where
    A: NodeAccess,
    A::Stream: AsyncRead + AsyncWrite + Unpin,
{
    if let (TurnEnd::Reply(reply), Some(folder)) = (end, folder) {
        for path in conversation.save(reply, folder).await? {
            view.aside(&format!("saved {}", path.display()));
        }
    }
    Ok(())
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
