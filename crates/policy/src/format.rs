//! Rule files in the one layout that they all have.
//!
//! What a file says does not change, nor does a comment. The language's keys have an order; lists, rules and policies keep theirs. A
//! `match` and the like stand on one line if they fit, policies and rules have a line for each key.

mod lines;
mod place;
mod scalar;

use crate::{
    RuleErrors,
    load::Loader,
    yaml::{
        self, Position,
        written::{self, Collection, Comment, Item, Node, Scalar, Value},
    },
};
use lines::{Lines, WIDTH};
use place::Place;

/// YAML takes no longer key than 1,024 characters.
const LONGEST_KEY: usize = 1_000;

/// The text of a rule file in the layout that all have. It need not be right in all else, but it must be YAML, and without anchors,
/// aliases, tags and merge keys: those would be lost.
pub fn format(file: &str, text: &str) -> Result<String, RuleErrors> {
    let mut loader = Loader::default();
    let number = loader.add(file, text);
    if let Err(e) = yaml::parse(number, text) {
        loader.error(e.at, format!("invalid YAML: {}", e.message), None);
        return Err(loader.finish().1);
    }
    let written = match written::read(text) {
        Ok(written) => written,
        Err(errors) => {
            for e in errors {
                loader.error(e.at, e.message, e.expected.map(str::to_owned));
            }
            return Err(loader.finish().1);
        }
    };
    let mut lines = Lines::default();
    for comment in &written.header {
        lines.blank(comment.after_blank);
        lines.comment(0, &comment.text);
    }
    match written.root {
        None => return Ok(lines.finish()),
        Some(Node {
            value: Value::Collection(mut root),
            ..
        }) if root.map => {
            if let Some(at) = too_long(&root) {
                loader.error(at, "a key that is too long", None);
                return Err(loader.finish().1);
            }
            settle(&mut root, Place::File);
            lines.blank(written.apart);
            match root.items.is_empty() {
                true => lines.code(0, "{}", None),
                false => collection(&mut lines, &mut root, Place::File, 0),
            }
        }
        Some(root) => {
            let expected = "keys and values".to_owned();
            loader.error(root.at, "a rules file is no map", expected);
            return Err(loader.finish().1);
        }
    }
    Ok(lines.finish())
}

fn too_long(collection: &Collection) -> Option<Position> {
    collection.items.iter().find_map(|item| {
        let key = item.key.as_ref().map(|key| scalar::written(key, true));
        if key.is_some_and(|key| key.chars().count() > LONGEST_KEY) {
            return Some(item.at);
        }
        match &item.value.value {
            Value::Collection(inner) => too_long(inner),
            Value::Scalar(_) => None,
        }
    })
}

/// Puts keys in their order. What stands before the first key of an item of a list stands before the item, since that is one line.
fn settle(collection: &mut Collection, place: Place) {
    if collection.map {
        collection
            .items
            .sort_by_key(|item| item.key.as_ref().map(|key| place.rank(&key.text)));
    }
    for item in &mut collection.items {
        let under = place.within(item);
        let Value::Collection(inner) = &mut item.value.value else {
            continue;
        };
        settle(inner, under);
        if item.key.is_some() {
            continue;
        }
        let begins = item.before.len();
        item.before.append(&mut item.head);
        if let Some(first) = inner.items.first_mut().filter(|it| !it.before.is_empty()) {
            item.before.append(&mut first.before);
        }
        if begins == 0
            && let Some(first) = item.before.first_mut()
        {
            first.after_blank |= std::mem::take(&mut item.after_blank);
        }
    }
}

/// A list or a map with lines of its own.
fn collection(lines: &mut Lines, collection: &mut Collection, place: Place, indent: usize) {
    let mut apart = false;
    for (index, item) in collection.items.iter_mut().enumerate() {
        let key = item.key.as_ref().map(|key| key_text(key, place));
        let under = place.within(item);
        let room = WIDTH.saturating_sub(indent + key.as_ref().map_or(2, |k| k.chars().count() + 2));
        let inline = inline(&item.value, under, room);
        let airy = place.is_airy() && (apart || inline.is_none());
        apart = inline.is_none();
        above(lines, item, index > 0, airy, indent);
        match inline {
            Some(value) => {
                let comments = item.head.drain(..).chain(item.tail.drain(..)).collect();
                let comment = one(lines, comments, indent);
                match key {
                    Some(key) => {
                        lines.code(indent, format!("{key}: {value}").trim_end(), comment);
                    }
                    None => {
                        lines.item(indent);
                        lines.code(indent, &value, comment);
                    }
                }
            }
            None => block(lines, item, key, under, indent),
        }
    }
    for comment in &collection.last {
        lines.blank(comment.after_blank);
        lines.comment(indent, &comment.text);
    }
}

/// An item whose value has lines of its own.
fn block(lines: &mut Lines, item: &mut Item, key: Option<String>, under: Place, indent: usize) {
    let Value::Collection(inner) = &mut item.value.value else {
        return;
    };
    let comments = item.head.drain(..).chain(item.tail.drain(..)).collect();
    match key {
        Some(key) => {
            let comment = one(lines, comments, indent);
            lines.code(indent, &format!("{key}:"), comment);
        }
        None => {
            for comment in comments {
                lines.comment(indent, &comment.text);
            }
            lines.item(indent);
        }
    }
    collection(lines, inner, under, indent + 2);
}

/// The comments before an item, and the empty line before it all: at most one, and none before the first item.
fn above(lines: &mut Lines, item: &Item, follows: bool, airy: bool, indent: usize) {
    let mut first = true;
    let breaks = item.before.iter().map(|comment| comment.after_blank);
    for (comment, after_blank) in item.before.iter().zip(breaks) {
        lines.blank(match first {
            true => follows && (after_blank || airy),
            false => after_blank,
        });
        lines.comment(indent, &comment.text);
        first = false;
    }
    lines.blank(match first {
        true => follows && (item.after_blank || airy),
        false => item.after_blank,
    });
}

/// Of the comments that belong to one line the last, which stands on it; the others stand above.
fn one(lines: &mut Lines, mut comments: Vec<Comment>, indent: usize) -> Option<String> {
    let last = comments.pop();
    for comment in comments {
        lines.comment(indent, &comment.text);
    }
    last.map(|comment| comment.text)
}

/// A key. The language's own need no quotes.
fn key_text(key: &Scalar, place: Place) -> String {
    match place.has(&key.text) {
        true => key.text.clone(),
        false => scalar::written(key, true),
    }
}

/// A value on the line of its key, if it may stand there and is no wider than `room`.
fn inline(node: &Node, place: Place, room: usize) -> Option<String> {
    match &node.value {
        Value::Scalar(scalar) if scalar.text.is_empty() && !scalar.quoted => Some(String::new()),
        Value::Scalar(scalar) => Some(scalar::written(scalar, false)),
        Value::Collection(collection) => {
            if collection.items.is_empty() {
                // without its brackets it would be nothing
                return Some(empty(collection).to_owned());
            }
            if place.is_block() {
                return None;
            }
            flow(collection, place).filter(|text| text.chars().count() <= room)
        }
    }
}

/// A list in `[]`, a map in `{}`; None if a comment is in it, or a value is missing, or it is not of the language and stands otherwise.
fn flow(collection: &Collection, place: Place) -> Option<String> {
    let as_it_was = place != Place::Unknown || collection.flow;
    if !as_it_was || !collection.last.is_empty() {
        return None;
    }
    let mut texts = Vec::new();
    for item in &collection.items {
        if !(item.before.is_empty() && item.head.is_empty() && item.tail.is_empty()) {
            return None;
        }
        let under = place.within(item);
        let value = match &item.value.value {
            Value::Scalar(scalar) if scalar.text.is_empty() && !scalar.quoted => return None,
            Value::Scalar(scalar) => scalar::written(scalar, true),
            Value::Collection(inner) => flow(inner, under)?,
        };
        texts.push(match &item.key {
            Some(key) => format!("{}: {value}", key_text(key, place)),
            None => value,
        });
    }
    Some(match (texts.is_empty(), collection.map) {
        (true, _) => empty(collection).to_owned(),
        (false, true) => format!("{{ {} }}", texts.join(", ")),
        (false, false) => format!("[{}]", texts.join(", ")),
    })
}

/// A collection in which nothing is.
fn empty(collection: &Collection) -> &'static str {
    if collection.map { "{}" } else { "[]" }
}

#[cfg(test)]
mod tests;
