//! Access to single devices, as runtimes give it: whatever names a device, what all say of it holds together.

use crate::{
    access::Access,
    name,
    text::{File, Map, Policy, Rule, Value},
};

/// What one entry gives.
#[derive(Clone, Debug)]
pub(crate) struct Grant {
    /// Where it stands, for notes.
    pub source: String,
    /// What is above its rule.
    pub comments: Vec<String>,
    pub what: What,
    pub access: Access,
    /// What the rule is called: its path inside.
    pub name: String,
    /// The name inside, if it is another than the host's.
    pub link: Option<String>,
    /// `mode`, `uid`, `gid`.
    pub node: Map,
}

/// Which devices.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum What {
    /// The one of this name below /dev.
    Name(String),
    /// The one of this number: `c 195:0`.
    Number(String),
    /// The one to which the host's udev makes this link, now one and then another.
    Link(String),
    /// Those in this directory below /dev.
    Directory(String),
}

impl What {
    /// What a name below /dev means.
    pub fn named(name: &str) -> What {
        match name::is_link_of_udev(name) {
            true => What::Link(name.to_owned()),
            false => What::Name(name.to_owned()),
        }
    }

    /// Whether it names all that `other` names, and more.
    fn is_around(&self, other: &What) -> bool {
        match (self, other) {
            (What::Directory(dir), What::Name(name) | What::Directory(name)) => name
                .strip_prefix(dir.as_str())
                .is_some_and(|rest| rest.starts_with('/')),
            _ => false,
        }
    }

    fn matching(&self) -> Map {
        match self {
            What::Name(devname) => vec![("devname", Value::Word(name::literal(devname)))],
            What::Number(devnum) => vec![("devnum", Value::Word(devnum.clone()))],
            What::Link(link) => vec![("link", Value::Word(name::literal(link)))],
            What::Directory(dir) => {
                vec![(
                    "devname",
                    Value::Word(format!("{}/*/**", name::literal(dir))),
                )]
            }
        }
    }
}

/// The rules of these grants. What is within a directory comes before it, and has what the directory gives as well.
pub(crate) fn rules(file: &mut File, policy: &mut Policy, grants: &[Grant]) {
    let mut whats: Vec<&What> = Vec::new();
    for grant in grants {
        if !whats.contains(&&grant.what) {
            whats.push(&grant.what);
        }
    }
    let mut sorted: Vec<&What> = Vec::new();
    for what in whats {
        let before = sorted.iter().position(|other| other.is_around(what));
        sorted.insert(before.unwrap_or(sorted.len()), what);
    }
    for what in sorted {
        let rule = rule(file, grants, what);
        policy.rules.push(rule);
    }
}

fn rule(file: &mut File, grants: &[Grant], what: &What) -> Rule {
    let mut access = Access::default();
    let mut rule = Rule {
        matching: what.matching(),
        ..Rule::default()
    };
    let mut links: Vec<String> = Vec::new();
    let mut source = None;
    for grant in grants {
        let around = grant.what.is_around(what);
        if !around && grant.what != *what {
            continue;
        }
        access = access | grant.access;
        links.extend(grant.link_of(what));
        if around {
            continue;
        }
        source.get_or_insert(grant.source.as_str());
        rule.comments.extend(grant.comments.iter().cloned());
        rule.name.get_or_insert_with(|| grant.name.clone());
        for (key, value) in &grant.node {
            match rule.node.iter_mut().find(|(known, _)| known == key) {
                Some((_, known)) if known != value => {
                    let text = format!(
                        "a device has one node, its `{key}` is {} here",
                        value.text()
                    );
                    let note = file.note(&grant.source, text);
                    rule.comments.push(note);
                    *known = value.clone();
                }
                Some(_) => {}
                None => rule.node.push((key, value.clone())),
            }
        }
        let taken = grant.link.iter().find(|link| name::is_standard(link));
        if let Some(link) = taken {
            let text = format!("`{link}` is a name of every container's own, which no link takes");
            let note = file.note(&grant.source, text);
            rule.comments.push(note);
        }
    }
    links.dedup();
    if !links.is_empty() {
        rule.node.push(("link", Value::words(links)));
    }
    let source = source.unwrap_or_default();
    match (access.show(), access.mknod) {
        (Some(show), mknod) => {
            rule.show = show;
            if show == "ro" && mknod {
                let text =
                    "`m` has no equivalent without `w`: the node is there, another cannot be made";
                rule.comments.push(file.note(source, text));
            }
        }
        (None, _) => {
            let text = "no access is without reading, so this rule, which would give more than was given, is off";
            rule.comments.push(file.note(source, text));
            rule.show = "rw";
            rule.off = true;
        }
    }
    rule
}

impl Grant {
    /// The link to a device of `what`, which this is about or which is in the directory that this is about.
    fn link_of(&self, what: &What) -> Option<String> {
        let link = self
            .link
            .as_deref()
            .filter(|link| !name::is_standard(link))?;
        let link = name::link(link);
        match (&self.what, what) {
            (What::Directory(dir), What::Name(name)) => {
                Some(format!("{link}{}", name::link(&name[dir.len()..])))
            }
            (What::Directory(dir), What::Directory(inner)) if dir != inner => {
                Some(format!("{link}{}/%k", name::link(&inner[dir.len()..])))
            }
            (What::Directory(_), _) => Some(format!("{link}/%k")),
            _ => Some(link),
        }
    }
}
