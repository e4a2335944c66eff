//! Rule files as nobody writes them: random trees, written in random ways, with comments wherever YAML lets them stand.

use proptest::prelude::*;

/// What a file says; scalars and keys as they are written.
#[derive(Clone, Debug)]
pub enum Tree {
    Scalar(&'static str),
    List(Vec<Tree>),
    Map(Vec<(&'static str, Tree)>),
}

const SCALARS: &[&str] = &[
    "a",
    "no",
    "0660",
    "1e3",
    "~",
    "'*'",
    "\"sd*\"",
    "''",
    "c 1:3",
    "a, b",
    "\"a\\tb\"",
    "x[1]",
    "'it''s'",
    "\"#\"",
    "a#b",
    "-1",
    "größe",
    "",
    "\"/devices/platform/soc/3f980000.usb/usb1/1-1/1-1.4/1-1.4:1.0/ttyUSB0/tty/ttyUSB0\"",
    "\"several\n\n                                                            lines\"",
    "x\n                                                            y",
];

const KEYS: &[&str] = &[
    "version",
    "include",
    "containers",
    "policies",
    "rules",
    "name",
    "match",
    "show",
    "parent",
    "any",
    "not",
    "property",
    "subsystem",
    "node",
    "link",
    "sysfs",
    "write",
    "base",
    "limits",
    "mine",
    "\"yours\"",
    "'a: b'",
    "'*'",
    "x y",
    "a key that is so long that nothing has room behind it on its line, whatever it may be, were it ever so short",
];

pub fn tree() -> impl Strategy<Value = Tree> {
    let scalar = prop::sample::select(SCALARS).prop_map(Tree::Scalar);
    let tree = scalar.prop_recursive(6, 40, 5, |inner| {
        let entry = (prop::sample::select(KEYS), inner.clone());
        prop_oneof![
            1 => prop::collection::vec(inner, 0..5).prop_map(Tree::List),
            3 => prop::collection::vec(entry, 0..5).prop_map(Tree::Map),
        ]
    });
    let rules = tree.clone().prop_map(|tree| {
        let rules = match tree {
            Tree::List(_) => tree,
            other => Tree::List(vec![other]),
        };
        let policy = Tree::Map(vec![("rules", rules), ("base", Tree::List(vec![]))]);
        let policies = Tree::Map(vec![("a", policy.clone()), ("b", policy)]);
        Tree::Map(vec![("policies", policies), ("version", Tree::Scalar("1"))])
    });
    let entry = (prop::sample::select(KEYS), tree);
    prop_oneof![
        prop::collection::vec(entry, 1..5).prop_map(Tree::Map),
        rules
    ]
}

/// Writes a tree as `choices` have it.
pub struct Writer<'a> {
    choices: std::iter::Cycle<std::slice::Iter<'a, u8>>,
    pub text: String,
    /// How many comments there are; each is told by its number.
    pub comments: usize,
}

impl<'a> Writer<'a> {
    pub fn new(choices: &'a [u8]) -> Writer<'a> {
        Writer {
            choices: choices.iter().cycle(),
            text: String::new(),
            comments: 0,
        }
    }

    pub fn file(&mut self, tree: &Tree) {
        self.end();
        match self.chance(8) {
            true => {
                self.flow(tree);
                self.end();
            }
            false => self.block(tree, 0),
        }
    }

    fn chance(&mut self, of: u8) -> bool {
        self.choices.next().is_some_and(|choice| choice % of == 0)
    }

    fn pick(&mut self, below: usize) -> usize {
        let choice = self.choices.next();
        choice.map_or(0, |choice| usize::from(*choice) % below)
    }

    fn blanks(&mut self, number: usize) {
        self.text.extend(std::iter::repeat_n(' ', number));
    }

    fn comment(&mut self) {
        let comment = format!("#{}c{}.", " ".repeat(self.comments % 2), self.comments);
        self.text.push_str(&comment);
        self.comments += 1;
    }

    /// The end of a line, perhaps with a comment, perhaps with lines of comments and empty ones after it.
    fn end(&mut self) {
        if self.chance(4) {
            self.text.push(' ');
            self.comment();
        }
        self.text.push('\n');
        for _ in 0..self.pick(4) {
            if self.chance(2) {
                let indent = self.pick(9);
                self.blanks(indent);
                self.comment();
            }
            self.text.push('\n');
        }
    }

    /// A value that begins on the line that is being written, behind its key or `-`.
    fn value(&mut self, tree: &Tree, indent: usize, item: bool) {
        let empty = match tree {
            Tree::Scalar(text) => {
                self.text.push_str(text);
                return self.end();
            }
            Tree::List(items) => items.is_empty(),
            Tree::Map(entries) => entries.is_empty(),
        };
        if empty || self.chance(4) {
            self.flow(tree);
            return self.end();
        }
        if item && self.chance(2) {
            // `- key: value`, and the other keys below the first
            let line = self.text.rfind('\n').map_or(0, |at| at + 1);
            self.rest(tree, self.text.len() - line);
        } else {
            let deeper = indent + 1 + self.pick(4);
            self.end();
            self.block(tree, deeper);
        }
    }

    fn block(&mut self, tree: &Tree, indent: usize) {
        self.blanks(indent);
        self.rest(tree, indent);
    }

    /// A list or a map whose first line has its indent already.
    fn rest(&mut self, tree: &Tree, indent: usize) {
        match tree {
            Tree::Scalar(_) => self.value(tree, indent, false),
            Tree::List(items) => {
                for (index, item) in items.iter().enumerate() {
                    if index > 0 {
                        self.blanks(indent);
                    }
                    self.text.push('-');
                    let blanks = 1 + self.pick(3);
                    self.blanks(blanks);
                    self.value(item, indent, true);
                }
            }
            Tree::Map(entries) => {
                for (index, (key, value)) in entries.iter().enumerate() {
                    if index > 0 {
                        self.blanks(indent);
                    }
                    self.text.push_str(&format!("{key}: "));
                    self.value(value, indent, false);
                }
            }
        }
    }

    fn flow(&mut self, tree: &Tree) {
        let (open, close) = match tree {
            Tree::Scalar(text) => {
                let quoted = text.starts_with(['\'', '"']);
                let text = match *text {
                    "" => "~",
                    // brackets would end these
                    text if !quoted && text.contains([',', '[']) => "b",
                    text => text,
                };
                return self.text.push_str(text);
            }
            Tree::List(_) => ('[', ']'),
            Tree::Map(_) => ('{', '}'),
        };
        self.text.push(open);
        self.between();
        match tree {
            Tree::Scalar(_) => {}
            Tree::List(items) => {
                for item in items {
                    self.flow(item);
                    self.comma();
                }
            }
            Tree::Map(entries) => {
                for (key, value) in entries {
                    self.text.push_str(&format!("{key}: "));
                    self.flow(value);
                    self.comma();
                }
            }
        }
        self.text.push(close);
    }

    fn comma(&mut self) {
        if self.chance(6) {
            self.between();
        }
        self.text.push(',');
        self.between();
    }

    /// Between the parts of what stands in brackets.
    fn between(&mut self) {
        if self.chance(5) {
            self.end();
            // what stands in brackets is further in than the block around it
            self.blanks(30);
        }
    }
}
