//! What happens to a node, as sign, word and colour. Nothing is told by colour alone.

use rivetos_fleet::model::Action;

/// What happens to a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum State {
    /// Nobody asked.
    Plain,
    /// A step is planned for it.
    Changing(Action),
    /// It cannot be planned now.
    Blocked,
    /// Something that is not ours bears its name.
    Foreign,
    /// It is no longer wanted and stays because it holds data.
    Kept,
    /// Something would happen to it, and the options of the plan left it out.
    LeftOut,
    /// It is as it should be.
    Unchanged,
}

/// Colours of a state, for light and for dark surroundings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Tint {
    pub(super) line: &'static str,
    pub(super) fill: &'static str,
    pub(super) dark_line: &'static str,
    pub(super) dark_fill: &'static str,
}

const SLATE: Tint = tint("#64748b", "#f1f5f9", "#94a3b8", "#273449");
const GREEN: Tint = tint("#15803d", "#dcfce7", "#4ade80", "#123524");
const BLUE: Tint = tint("#1d4ed8", "#dbeafe", "#7cb0ff", "#172f5c");
const VIOLET: Tint = tint("#7e22ce", "#f3e8ff", "#c792ff", "#351c54");
const TEAL: Tint = tint("#0f766e", "#ccfbf1", "#2dd4bf", "#0f3532");
const RED: Tint = tint("#b91c1c", "#fee2e2", "#ff8a8a", "#4a1a1d");
const AMBER: Tint = tint("#b45309", "#fef3c7", "#fbbf4d", "#43300f");
const GREY: Tint = tint("#8794a6", "#f8fafc", "#66778e", "#1f2a3a");

const fn tint(
    line: &'static str,
    fill: &'static str,
    dark_line: &'static str,
    dark_fill: &'static str,
) -> Tint {
    Tint {
        line,
        fill,
        dark_line,
        dark_fill,
    }
}

impl State {
    /// The sign in front of a node.
    pub(super) fn glyph(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Changing(action) => action.glyph(),
            Self::Blocked => "!",
            Self::Foreign => "?",
            Self::Kept => "=",
            Self::LeftOut => "…",
            Self::Unchanged => "·",
        }
    }

    /// What the sign means.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Plain => "not looked at",
            Self::Changing(action) => action.participle(),
            Self::Blocked => "blocked",
            Self::Foreign => "not ours",
            Self::Kept => "stays with its data",
            Self::LeftOut => "left out by an option",
            Self::Unchanged => "unchanged",
        }
    }

    /// Its name in style sheets.
    pub(super) fn class(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Changing(Action::Create) => "create",
            Self::Changing(Action::Update) => "update",
            Self::Changing(Action::Replace) => "replace",
            Self::Changing(Action::Start) => "start",
            Self::Changing(Action::Delete) => "delete",
            Self::Changing(Action::Adopt) => "adopt",
            Self::Changing(Action::Forget) => "forget",
            Self::Blocked => "blocked",
            Self::Foreign => "foreign",
            Self::Kept => "kept",
            Self::LeftOut => "leftout",
            Self::Unchanged => "unchanged",
        }
    }

    pub(super) fn tint(self) -> Tint {
        match self {
            Self::Plain => SLATE,
            Self::Changing(Action::Create) => GREEN,
            Self::Changing(Action::Update | Action::Adopt | Action::Forget) => BLUE,
            Self::Changing(Action::Replace) => VIOLET,
            Self::Changing(Action::Start) => TEAL,
            Self::Changing(Action::Delete) => RED,
            Self::Blocked | Self::Foreign => AMBER,
            Self::Kept | Self::LeftOut | Self::Unchanged => GREY,
        }
    }
}
