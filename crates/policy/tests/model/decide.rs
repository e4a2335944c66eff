//! Which rule decides about a device.

use crate::{
    naive::{About, Decided, Dev, Model, Show, Why},
    truth::or,
};

impl Model {
    fn files_by_default(&self) -> bool {
        let [top, low] = self.file.ancestors;
        top.or(low).is_none_or(|word| word == "files")
    }

    pub fn think(&self, dev: &Dev) -> Decided {
        let plain = |show, why| Decided {
            show,
            why,
            rule: None,
            by_name: false,
            files: self.files_by_default(),
        };
        if dev.own {
            return plain(Show::Rw, Why::Own);
        }
        let above = self.above(dev);
        if dev.is("net") || above.iter().any(|above| above.is("net")) {
            return Decided {
                by_name: true,
                ..plain(Show::Hide, Why::Other)
            };
        }
        let decided = self.by_rules(dev, &above);
        if decided.show == Show::Hide
            && dev.is("block")
            && dev.get("DEVTYPE") == Some("partition")
            && let Some(disk) = above.first().filter(|disk| disk.is("block"))
        {
            let mut of_disk = self.think(disk);
            if of_disk.show == Show::Rw {
                if let Why::Rule { through, .. } = &mut of_disk.why {
                    *through = Some(through.clone().unwrap_or(disk.path.clone()));
                }
                return of_disk;
            }
        }
        decided
    }

    fn by_rules(&self, dev: &Dev, above: &[&Dev]) -> Decided {
        // Every rule that is or may be about the device, up to the first that certainly is.
        let mut candidates = Vec::new();
        for (index, rule) in self.file.rules.iter().enumerate() {
            let About::Devices { keys, subtree } = &rule.about else {
                continue;
            };
            let itself = self.holds(keys, dev);
            let mut all = vec![itself.clone()];
            if *subtree {
                all.extend(above.iter().map(|above| self.holds(keys, above)));
            }
            let through = above
                .iter()
                .find(|above| *subtree && self.holds(keys, above).0 == Some(true))
                .map(|above| above.path.clone());
            let whole = or(all);
            let certain = whole.0 == Some(true);
            if whole.0 != Some(false) {
                candidates.push((index, rule.show, itself.0, through, whole));
            }
            if certain {
                break;
            }
        }
        let by_name = candidates
            .iter()
            .any(|(_, show, itself, ..)| *show == Show::Hide && *itself != Some(false));
        let plain = |why| Decided {
            show: Show::Hide,
            why,
            rule: None,
            by_name,
            files: true,
        };
        match candidates.first() {
            None => plain(Why::Default),
            Some((index, _, _, _, (None, keys)))
                if candidates.iter().any(|(_, show, ..)| *show != Show::Hide) =>
            {
                plain(Why::Unknown {
                    index: *index,
                    keys: keys.iter().cloned().collect(),
                })
            }
            // all that is unknown would hide it too
            Some(_) if candidates.last().is_some_and(|last| last.4.0.is_none()) => {
                plain(Why::Default)
            }
            Some(_) => {
                let (index, show, itself, through, _) = candidates.last().unwrap();
                let through = if *itself == Some(true) {
                    None
                } else {
                    through.clone()
                };
                Decided {
                    show: *show,
                    why: Why::Rule {
                        index: *index,
                        through,
                    },
                    rule: Some(*index),
                    by_name,
                    files: match self.file.rules[*index].ancestors {
                        Some(word) => word == "files",
                        None => self.files_by_default(),
                    },
                }
            }
        }
    }
}
