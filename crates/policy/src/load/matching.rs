//! `match` of a rule.

use crate::{
    glob::Globs,
    load::{Loader, globs},
    matcher::{Condition, DevnumPattern, Matcher},
    words::quoted,
    yaml::{Node, Value},
};

pub(super) const MATCH: [&str; 13] = [
    "subsystem",
    "devtype",
    "devname",
    "devpath",
    "driver",
    "devnum",
    "property",
    "attr",
    "tag",
    "link",
    "parent",
    "not",
    "any",
];

impl Loader {
    /// One `match`: all its keys must hold.
    pub fn matcher(&mut self, node: &Node, what: &str) -> Option<Matcher> {
        let before = self.errors;
        let map = self.keyed(node, what, &MATCH)?;
        if map.is_empty() && self.errors == before {
            self.error(
                node.at,
                format!("{what} is empty and would match every device"),
                "at least one key, `devpath: /**` for every device".to_owned(),
            );
        }
        let mut conditions = Vec::new();
        for (key, _, value) in map.iter() {
            match key {
                "subsystem" => conditions.push(Condition::Subsystem(self.globs(
                    value,
                    "`subsystem`",
                    globs::one_part,
                ))),
                "devtype" => conditions.push(Condition::Devtype(self.globs(
                    value,
                    "`devtype`",
                    globs::any_text,
                ))),
                "devname" => conditions.push(Condition::Devname(self.globs(
                    value,
                    "`devname`",
                    globs::devname,
                ))),
                "devpath" => conditions.push(Condition::Devpath(self.globs(
                    value,
                    "`devpath`",
                    globs::sysfs_path,
                ))),
                "driver" => conditions.push(Condition::Driver(self.globs(
                    value,
                    "`driver`",
                    globs::one_part,
                ))),
                "devnum" => conditions.push(Condition::Devnum(self.devnums(value))),
                "property" => self.properties(value, &mut conditions),
                "attr" => self.attributes(value, &mut conditions),
                "tag" => {
                    conditions.push(Condition::Tag(self.globs(value, "`tag`", globs::one_part)))
                }
                "link" => {
                    conditions.push(Condition::Link(self.globs(value, "`link`", globs::devname)))
                }
                "parent" => conditions.push(Condition::Parent(
                    self.matchers(value, "`parent`", "`parent`"),
                )),
                "not" => conditions.push(Condition::Not(self.matchers(value, "`not`", "`not`"))),
                _ => {
                    if !matches!(value.value, Value::List(_)) {
                        self.error(
                            value.at,
                            "`any` is not a list",
                            "a list of matches, one of which must hold".to_owned(),
                        );
                    }
                    conditions.push(Condition::Any(self.matchers(
                        value,
                        "`any`",
                        "a match in `any`",
                    )));
                }
            }
        }
        self.look_at_match(&map, &conditions);
        Some(Matcher(conditions))
    }

    fn matchers(&mut self, node: &Node, what: &str, each: &str) -> Vec<Matcher> {
        self.items(node, what)
            .into_iter()
            .filter_map(|item| self.matcher(item, each))
            .collect()
    }

    fn properties(&mut self, node: &Node, conditions: &mut Vec<Condition>) {
        let Some(map) = self.named(node, "property") else {
            return;
        };
        for (key, _, value) in map.iter() {
            let globs: Globs = self.globs(value, &quoted(key), globs::any_text);
            conditions.push(Condition::Property {
                key: key.into(),
                globs,
            });
        }
    }

    fn attributes(&mut self, node: &Node, conditions: &mut Vec<Condition>) {
        let Some(map) = self.named(node, "attr") else {
            return;
        };
        for (name, at, value) in map.iter() {
            match globs::device_path(name) {
                Ok(()) if name.contains(['*', '?', '[']) => self.error(
                    at,
                    format!("{} is not the name of one attribute", quoted(name)),
                    "a name without globs, like `idVendor` or `queue/rotational`".to_owned(),
                ),
                Ok(()) => {}
                Err((message, expected)) => self.error(
                    at,
                    format!("{}: {message}", quoted(name)),
                    expected.to_owned(),
                ),
            }
            let globs: Globs = self.globs(value, &quoted(name), globs::any_text);
            conditions.push(Condition::Attr {
                name: name.into(),
                globs,
            });
        }
    }

    fn devnums(&mut self, node: &Node) -> Vec<DevnumPattern> {
        let mut patterns = Vec::new();
        for item in self.items(node, "`devnum`") {
            let Some(text) = self.string(item, "`devnum`") else {
                continue;
            };
            match DevnumPattern::parse(text) {
                Some(pattern) => patterns.push(pattern),
                None => self.error(
                    item.at,
                    format!("{} is not a device number", quoted(text)),
                    "`c 13:64`, `c 13:64-95` or `b 7:*`".to_owned(),
                ),
            }
        }
        patterns
    }
}

#[cfg(test)]
pub(super) const KEYS: [(&str, &[&str]); 1] = [("match", &MATCH)];
