//! What shows at a path, computed from the list of devices each time.

use crate::{
    globs::{any_glob, leads_to},
    naive::{About, Dev, Model, Rule, Show, Sight, Verdict, Why, below, name},
};

const HIDDEN: Verdict = (false, 0, false);

impl Model {
    /// What path rules say: the rule that matches, and whether one before it leads further.
    fn say(&self, path: &str) -> (Option<Show>, bool) {
        let mut leads = false;
        for rule in &self.file.rules {
            let About::Paths(patterns) = &rule.about else {
                continue;
            };
            if any_glob(patterns, path) {
                return (Some(rule.show), leads);
            }
            // Enough of what could be below: the patterns of these tests have no other letters.
            leads |=
                rule.show == Show::Ro && patterns.iter().any(|pattern| leads_to(pattern, path));
        }
        (None, leads)
    }

    pub fn verdict(&self, path: &str) -> Verdict {
        if path.is_empty() || path == "/" {
            return (true, 0, false);
        }
        if matches!(path, "relative" | "/a/../b" | "/class//x") {
            return HIDDEN;
        }
        let parts: Vec<&str> = path[1..].split('/').collect();
        let fixed = [
            "/block",
            "/bus",
            "/class",
            "/dev",
            "/dev/block",
            "/dev/char",
            "/devices",
            "/module",
        ];
        if fixed.contains(&path)
            || (parts.len() == 2 && matches!(parts[0], "class" | "bus"))
            || (parts.len() == 3 && parts[0] == "bus" && matches!(parts[2], "devices" | "drivers"))
        {
            return (true, 0, false);
        }
        let (rule, leads) = self.say(path);
        if rule == Some(Show::Hide) && !leads {
            return HIDDEN;
        }
        let sighted: Vec<&Dev> = self
            .devices
            .iter()
            .filter(|dev| self.sight(dev).is_some())
            .collect();
        let shown: Vec<&Dev> = self.devices.iter().filter(|dev| self.shows(dev)).collect();

        // What belongs to a device.
        let mut containing: Vec<&Dev> = self
            .devices
            .iter()
            .filter(|dev| dev.path == path || below(path, &dev.path))
            .collect();
        containing.sort_by_key(|dev| dev.path.len());
        if let Some(dev) = containing.last() {
            let (dir, file, link) = self.inside(dev, path);
            return if rule == Some(Show::Hide) {
                (dir, 0, false)
            } else {
                (dir, file, link)
            };
        }

        // Symlinks to devices.
        let class = |subsystem: &str, of: &str| {
            sighted
                .iter()
                .any(|dev| dev.is(subsystem) && name(&dev.path) == of)
        };
        let link = match parts[..] {
            ["block", of] => Some(class("block", of)),
            ["class", subsystem, of] | ["bus", subsystem, "devices", of] => {
                Some(class(subsystem, of))
            }
            ["dev", kind @ ("block" | "char"), number] => Some(sighted.iter().any(|dev| {
                dev.devnum().is_some_and(|(letter, major, minor)| {
                    kind.starts_with(letter) && number == format!("{major}:{minor}")
                })
            })),
            ["bus", bus, "drivers", driver, of]
                if self
                    .devices
                    .iter()
                    .any(|dev| dev.is(bus) && name(&dev.path) == of) =>
            {
                Some(sighted.iter().any(|dev| {
                    dev.is(bus) && name(&dev.path) == of && dev.driver.as_deref() == Some(driver)
                }))
            }
            _ => None,
        };
        if let Some(link) = link {
            return match rule {
                Some(Show::Hide) => HIDDEN,
                Some(_) => (false, 1, link),
                None => (false, 0, link),
            };
        }
        if matches!(
            parts[..],
            ["block", _, _, ..]
                | ["class", _, _, _, ..]
                | ["dev", "block" | "char", _, _, ..]
                | ["bus", _, "devices", _, _, ..]
        ) {
            return HIDDEN;
        }
        if let ["bus", bus, "drivers", _, of, _, ..] = parts[..]
            && self
                .devices
                .iter()
                .any(|dev| dev.is(bus) && name(&dev.path) == of)
        {
            return HIDDEN;
        }

        // Drivers, modules, the way, and path rules.
        let mut verdict = HIDDEN;
        match parts[..] {
            ["devices", ..] => verdict.0 = self.way(path),
            ["bus", bus, "drivers", driver, ref rest @ ..]
                if shown
                    .iter()
                    .any(|dev| dev.is(bus) && dev.driver.as_deref() == Some(driver)) =>
            {
                match rest {
                    [] => verdict.0 = true,
                    ["bind" | "unbind" | "new_id" | "remove_id" | "uevent"] => {}
                    [_] => verdict = (false, 1, true),
                    _ => {}
                }
            }
            ["module", module, ref rest @ ..]
                if shown
                    .iter()
                    .any(|dev| dev.module.as_deref() == Some(module)) =>
            {
                match rest {
                    [] => verdict.0 = true,
                    ["uevent"] => {}
                    _ => verdict = (true, 1, true),
                }
            }
            _ => {}
        }
        match rule {
            Some(Show::Hide) => (true, 0, false),
            Some(_) => (true, 1, true),
            None => (verdict.0 || leads, verdict.1, verdict.2),
        }
    }

    fn inside(&self, dev: &Dev, path: &str) -> Verdict {
        let decided = self.decide(dev);
        let Some(sight) = self.sight(dev) else {
            return HIDDEN;
        };
        if path == dev.path {
            return (true, 0, false);
        }
        let rel = &path[dev.path.len() + 1..];
        let way = self.way(path);
        match sight {
            Sight::HiddenAncestor => (way, 0, false),
            Sight::Ancestor if rel.contains('/') => (way, 0, false),
            Sight::Ancestor => (way, 1, true),
            Sight::Rw | Sight::Ro => {
                let mut rels = vec![rel];
                if let Why::Rule {
                    through: Some(through),
                    ..
                } = &decided.why
                {
                    rels.push(&path[through.len() + 1..]);
                }
                let says = |globs: fn(&Rule) -> &Vec<String>| {
                    decided.rule.is_some_and(|index| {
                        rels.iter()
                            .any(|rel| any_glob(globs(&self.file.rules[index]), rel))
                    })
                };
                if says(|rule| &rule.hide) {
                    return HIDDEN;
                }
                let file = match sight {
                    Sight::Rw if rel == "uevent" => 3,
                    Sight::Rw if says(|rule| &rule.write) => 2,
                    _ => 1,
                };
                (true, file, true)
            }
        }
    }
}
