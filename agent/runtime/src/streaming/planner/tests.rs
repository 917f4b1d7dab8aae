use rivetos_types::channel::{EditResult, LengthMax};
use rivetos_types::id::MessageId;

use super::*;

const SECOND: Duration = Duration::from_secs(1);

fn planner(edits: Edits, now: Instant) -> Planner {
    let capabilities = Capabilities {
        file_bytes_max: 0,
        length_max: LengthMax::Chars(200),
        edits,
    };
    Planner::new(capabilities, Board::default(), now)
}

fn text(text: &str) -> TurnEvent {
    TurnEvent::Text { text: text.into() }
}

/// Makes the next call as a service would that works.
fn call(planner: &mut Planner, now: Instant) -> (Strand, String) {
    let Step::Call(strand, Move::Send { part, text } | Move::Edit { part, text, .. }) =
        planner.next(now)
    else {
        panic!("{:?}", planner.next(now));
    };
    let at = EditResult {
        primary: MessageId(format!("{strand:?}/{part}")),
        overflow: Vec::new(),
    };
    planner.board(strand).posted(part, at, text.clone());
    planner.called(strand, &Ok(Made::Done), now);
    (strand, text)
}

#[test]
fn edits_keep_the_distance_that_the_service_wants() {
    let now = Instant::now();
    let mut planner = planner(Edits::Every(SECOND), now);
    assert_eq!(planner.next(now), Step::Wait);
    planner.on(text("Once"));
    assert_eq!(call(&mut planner, now), (Strand::Reply, "Once".into()));
    assert_eq!(planner.next(now), Step::Wait);
    planner.on(text(" upon"));
    planner.on(text(" a time"));
    assert_eq!(planner.next(now), Step::WaitUntil(now + SECOND));
    let now = now + SECOND;
    let whole = "Once upon a time".to_owned();
    assert_eq!(call(&mut planner, now), (Strand::Reply, whole));

    planner.on(text("!"));
    let error = Err(ChannelError::Transient {
        reason: "too fast".into(),
        retry_after: Some(SECOND * 7),
    });
    planner.called(Strand::Reply, &error, now);
    assert_eq!(planner.next(now), Step::WaitUntil(now + SECOND * 7));
}

#[test]
fn the_log_has_eight_lines_and_results_replace_their_calls() {
    let now = Instant::now();
    let mut planner = planner(Edits::Every(SECOND), now);
    for number in 0..10 {
        let (name, summary) = ("look".to_owned(), number.to_string());
        planner.on(TurnEvent::ToolStart {
            name: name.clone(),
            summary: summary.clone(),
        });
        planner.on(TurnEvent::ToolEnd {
            name,
            ok: number % 2 == 0,
            summary,
        });
    }
    let (strand, log) = call(&mut planner, now);
    assert_eq!(strand, Strand::Log);
    assert_eq!(log.lines().count(), LOG_LINES_MAX);
    assert!(log.ends_with("✓ look 8\n✗ look 9"), "{log}");
}

#[test]
fn a_message_that_cannot_be_changed_is_not_streamed() {
    let now = Instant::now();
    let mut never = planner(Edits::Never, now);
    never.on(text("Once"));
    assert_eq!(never.next(now), Step::Wait);

    let mut planner = planner(Edits::Every(SECOND), now);
    planner.on(text("Once"));
    call(&mut planner, now);
    planner.board(Strand::Reply).refused(0);
    planner.called(Strand::Reply, &Ok(Made::Refused), now);
    planner.on(text(" upon"));
    assert_eq!(planner.next(now + SECOND), Step::Wait);
    let mut reply = planner.into_reply();
    reply.want(vec!["Once upon a time".into()]);
    assert!(matches!(reply.next(), Some(Move::Retract { .. })));
}
