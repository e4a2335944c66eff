//! Which comment belongs to what.
//!
//! A comment behind something belongs to that. One on a line of its own belongs to what comes next, unless it is indented further: then
//! it is the last of the list or map in whose column it stands, as people write it.

use super::{Collection, Comment, Item, Node, Value, Written};

/// A text of these nodes and these comments, which are in its order.
pub(super) fn place(root: Option<Node>, comments: Vec<Comment>) -> Written {
    let Some(mut root) = root else {
        return Written {
            header: comments,
            apart: false,
            root: None,
        };
    };
    let Value::Collection(top) = &mut root.value else {
        // nobody writes such a text anew
        return Written {
            header: comments,
            apart: false,
            root: Some(root),
        };
    };
    let mut header = Vec::new();
    let mut before: Option<Gap> = None;
    for comment in comments {
        match comment.alone {
            true => before = alone(top, comment, before, &mut header),
            false => behind(top, comment, &mut header),
        }
    }
    let mut apart = false;
    if let Some(first) = top.items.first_mut() {
        header.append(&mut first.before);
        apart = std::mem::take(&mut first.after_blank);
    }
    Written {
        header,
        apart,
        root: Some(root),
    }
}

/// A comment that something stands before on its line.
fn behind(collection: &mut Collection, comment: Comment, header: &mut Vec<Comment>) {
    let at = comment.at;
    let index = collection.items.partition_point(|item| item.at < at);
    let Some(item) = index
        .checked_sub(1)
        .map(|index| &mut collection.items[index])
    else {
        return match collection.items.first_mut() {
            Some(first) => first.before.push(comment),
            None => header.push(comment),
        };
    };
    let end = item.value.end;
    match &mut item.value.value {
        Value::Collection(inner) if at < end || !inner.flow => match inner.items.first() {
            None => item.before.push(comment),
            Some(first) if at < first.at => item.head.push(comment),
            Some(_) => behind(inner, comment, header),
        },
        _ => item.tail.push(comment),
    }
}

/// Where a comment is that stands alone.
enum Spot {
    /// Before this item.
    Before(Vec<usize>),
    /// Between the items of a collection in `[]` or `{}`, before the item of this number or at the end.
    Between(Vec<usize>, usize),
    /// Behind the last part of these items, each within the one before it.
    Behind(Vec<usize>),
}

/// What follows a comment that stands alone: the place of the next one between the same two items must not be further in.
struct Gap {
    path: Vec<usize>,
    /// At the end of the collection of this depth; None: before the next item.
    depth: Option<usize>,
}

fn alone(
    top: &mut Collection,
    comment: Comment,
    last: Option<Gap>,
    header: &mut Vec<Comment>,
) -> Option<Gap> {
    match spot(top, &comment) {
        Spot::Before(path) if path.is_empty() => header.push(comment),
        Spot::Before(path) => item(top, &path).before.push(comment),
        Spot::Between(path, index) => {
            let collection = collection(top, &path);
            match collection.items.get_mut(index) {
                Some(item) => item.before.push(comment),
                None => collection.last.push(comment),
            }
        }
        Spot::Behind(path) => {
            let depth = depth(top, &path, &comment, last.as_ref());
            match depth {
                Some(depth) => collection(top, &path[..depth]).last.push(comment),
                None => next(top, &path).before.push(comment),
            }
            return Some(Gap { path, depth });
        }
    }
    None
}

fn spot(top: &Collection, comment: &Comment) -> Spot {
    let at = comment.at;
    let (mut path, mut collection) = (Vec::new(), top);
    loop {
        let index = collection.items.partition_point(|item| item.at < at);
        let Some(last) = index.checked_sub(1) else {
            if !collection.items.is_empty() {
                path.push(0);
            }
            return Spot::Before(path);
        };
        let value = &collection.items[last].value;
        path.push(last);
        let inner = match &value.value {
            Value::Collection(inner) if inner.items.is_empty() && at < value.end => {
                return Spot::Before(path);
            }
            Value::Collection(inner) if !inner.items.is_empty() => Some(inner),
            Value::Scalar(_) if at < value.at => return Spot::Before(path),
            _ => None,
        };
        match inner {
            Some(inner) if !inner.flow || at < value.end => collection = inner,
            _ if collection.flow => {
                path.pop();
                return Spot::Between(path, index);
            }
            _ => return Spot::Behind(path),
        }
    }
}

/// Of which of the collections around the items of `path` it is the end, by its column; None: of none, it is about the next item.
fn depth(top: &Collection, path: &[usize], comment: &Comment, last: Option<&Gap>) -> Option<usize> {
    let mut columns = Vec::new();
    let mut next = None;
    let mut collection = top;
    for (depth, index) in path.iter().enumerate() {
        columns.push(collection.items[0].at.column);
        if index + 1 < collection.items.len() {
            next = Some(depth);
        }
        if let Value::Collection(inner) = &collection.items[*index].value.value
            && depth + 1 < path.len()
        {
            collection = inner;
        }
    }
    let column = comment.at.column;
    let outer = match next {
        Some(next) if column <= columns[next] => return None,
        Some(next) => next + 1,
        None => 0,
    };
    let most = match last.filter(|gap| gap.path == path) {
        Some(gap) => gap.depth?,
        None => path.len(),
    };
    let within = (outer..path.len()).filter(|depth| *depth <= most);
    let found = within.rev().find(|depth| columns[*depth] <= column);
    match next {
        Some(_) => found,
        // nothing comes next
        None => Some(found.unwrap_or(0)),
    }
}

fn collection<'a>(top: &'a mut Collection, path: &[usize]) -> &'a mut Collection {
    match path {
        [] => top,
        [index, rest @ ..] => match &mut top.items[*index].value.value {
            Value::Collection(inner) => collection(inner, rest),
            Value::Scalar(_) => unreachable!("a path leads through collections"),
        },
    }
}

fn item<'a>(top: &'a mut Collection, path: &[usize]) -> &'a mut Item {
    let (last, above) = path.split_last().expect("a path of an item has a part");
    &mut collection(top, above).items[*last]
}

/// The item after those of `path`, which there is.
fn next<'a>(top: &'a mut Collection, path: &[usize]) -> &'a mut Item {
    let mut path = path.to_vec();
    while let Some(last) = path.pop() {
        if last + 1 < collection(top, &path).items.len() {
            path.push(last + 1);
            return item(top, &path);
        }
    }
    unreachable!("something comes next")
}
