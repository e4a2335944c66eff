//! YAML as it is written: how each node stands in the text, with the comments that belong to it. For whoever writes it anew.

mod comments;
mod read;

pub(crate) use read::read;

use super::Position;

/// A whole text.
#[derive(Debug)]
pub(crate) struct Written {
    /// Comments about the text as a whole, which stand first.
    pub header: Vec<Comment>,
    /// An empty line follows them.
    pub apart: bool,
    /// None: nothing but comments.
    pub root: Option<Node>,
}

/// A comment and where it stands.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Comment {
    pub at: Position,
    /// From `#` on, without blanks at its end.
    pub text: String,
    /// Nothing stands before it on its line.
    pub alone: bool,
    /// The line before is empty.
    pub after_blank: bool,
}

/// A value.
#[derive(Debug)]
pub(crate) struct Node {
    pub at: Position,
    /// Just behind it.
    pub end: Position,
    pub value: Value,
}

#[derive(Debug)]
pub(crate) enum Value {
    Scalar(Scalar),
    Collection(Collection),
}

/// A scalar, its quotes and escapes resolved.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Scalar {
    pub text: String,
    /// Written in quotes or as a block: a string, whatever it looks like.
    pub quoted: bool,
}

/// A list or a map.
#[derive(Debug)]
pub(crate) struct Collection {
    pub map: bool,
    /// Written in `[]` or `{}`.
    pub flow: bool,
    pub items: Vec<Item>,
    /// Behind the last item, on lines of their own.
    pub last: Vec<Comment>,
}

/// An item of a list, an entry of a map.
#[derive(Debug)]
pub(crate) struct Item {
    /// Where its `-` or its key stands.
    pub at: Position,
    /// Of a map's entry.
    pub key: Option<Scalar>,
    pub value: Node,
    /// It begins its line, and the line before is empty.
    pub after_blank: bool,
    /// On lines of their own before it.
    pub before: Vec<Comment>,
    /// On the line of the key or the `-`, where a list or a map follows.
    pub head: Vec<Comment>,
    /// Behind the value.
    pub tail: Vec<Comment>,
}

/// Why a text cannot be written anew.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub at: Position,
    pub message: String,
    /// What should stand there.
    pub expected: Option<&'static str>,
}
