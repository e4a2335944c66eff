//! The policies that need no file.

use std::sync::LazyLock;

use crate::load::{Definition, Root, load};

/// A name and a rule file of one policy. One whose bases are others stands after them.
const FILES: [(&str, &str); 8] = [
    ("minimal", include_str!("builtin/minimal.yaml")),
    ("all", include_str!("builtin/all.yaml")),
    ("storage", include_str!("builtin/storage.yaml")),
    ("serial", include_str!("builtin/serial.yaml")),
    ("gamepads", include_str!("builtin/gamepads.yaml")),
    ("desktop", include_str!("builtin/desktop.yaml")),
    ("gpu", include_str!("builtin/gpu.yaml")),
    ("camera", include_str!("builtin/camera.yaml")),
];

/// The names, in the order in which they are listed.
pub(crate) const NAMES: [&str; FILES.len()] = {
    let mut names = [""; FILES.len()];
    let mut at = 0;
    while at < FILES.len() {
        names[at] = FILES[at].0;
        at += 1;
    }
    names
};

/// A policy that needs no file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Builtin {
    /// What `base` and `builtin:NAME` call it.
    pub name: &'static str,
    /// What it shows, in one line.
    pub description: &'static str,
    /// Its rule file.
    pub text: &'static str,
}

/// The built-in policies.
pub fn builtins() -> impl Iterator<Item = Builtin> {
    FILES.into_iter().map(|(name, text)| Builtin {
        name,
        description: description(text),
        text,
    })
}

/// The comment on the first line.
fn description(text: &'static str) -> &'static str {
    let line = text.lines().next().unwrap_or_default();
    line.strip_prefix('#').unwrap_or_default().trim()
}

/// What the files define; a test holds that they have no errors.
pub(crate) static DEFINITIONS: LazyLock<Vec<Definition>> = LazyLock::new(|| {
    let files = FILES.iter().enumerate().filter_map(|(at, (name, text))| {
        // a base must be known, and a name must be new
        load(&file(name), Root::Text(text), &NAMES[..at]).ok()
    });
    files.flat_map(|file| file.policies).collect()
});

/// What stands for the file in messages and reasons.
fn file(name: &str) -> String {
    format!("builtin:{name}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Container, Rules};

    #[test]
    fn each_file_is_one_policy_of_its_name() {
        for (at, builtin) in builtins().enumerate() {
            let Builtin { name, text, .. } = builtin;
            let loaded =
                load(&file(name), Root::Text(text), &NAMES[..at]).unwrap_or_else(|e| panic!("{e}"));
            let defined: Vec<&str> = loaded.policies.iter().map(|policy| &*policy.name).collect();
            assert_eq!(defined, [name]);
            let rules = Rules::builtin(name).unwrap();
            assert_eq!(rules.names(), [name]);
            let chosen = rules.select(None, &Container::default()).unwrap();
            assert_eq!(chosen.name(), name);
            assert!(!chosen.devices.is_empty());
            assert!(chosen.devices.iter().all(|rule| rule.refer.rule.is_some()));
        }
        assert!(Rules::builtin("nothing").is_none());
    }

    /// So that each can be a base beside others: a rule of it that hides would hide what the others show.
    #[test]
    fn those_for_a_kind_of_device_add_to_minimal_and_only_show() {
        for Builtin { name, .. } in builtins().filter(|it| !["minimal", "all"].contains(&it.name)) {
            let policy = Rules::builtin(name).unwrap().policy(name).unwrap();
            let (own, base): (Vec<_>, Vec<_>) = policy
                .devices
                .iter()
                .partition(|rule| &*rule.refer.policy == name);
            assert!(
                own.iter().all(|rule| rule.show == crate::Show::Rw),
                "{name}"
            );
            assert!(!base.is_empty(), "{name}");
            assert!(
                base.iter().all(|rule| &*rule.refer.policy == "minimal"),
                "{name}"
            );
        }
    }

    #[test]
    fn each_is_described_in_a_line_and_stands_in_the_manual() {
        let manual = include_str!("../../../docs/rules.md");
        let rows: Vec<&str> = manual
            .lines()
            .skip_while(|line| !line.starts_with("| Built in"))
            .skip(2)
            .map_while(|line| line.strip_prefix("| `")?.split('`').next())
            .collect();
        assert_eq!(rows, NAMES);
        for Builtin {
            name, description, ..
        } in builtins()
        {
            assert!(
                description.len() > 20 && description.ends_with('.'),
                "{name}"
            );
        }
    }

    #[test]
    fn every_file_can_build_on_each_and_define_none() {
        for Builtin { name, .. } in builtins() {
            let own = format!("version: 1\npolicies:\n  own: {{ base: [{name}] }}\n");
            let own = Rules::parse("x", &own).unwrap().policy("own").unwrap();
            let its = Rules::builtin(name).unwrap().policy(name).unwrap();
            assert_eq!(own.devices.len(), its.devices.len(), "{name}");
            let taken = format!("version: 1\npolicies:\n  {name}: {{ base: [] }}\n");
            let error = Rules::parse("x", &taken).unwrap_err().to_string();
            assert!(error.contains("is a built-in policy"), "{error}");
        }
    }
}
