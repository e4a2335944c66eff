//! A host whose devices come, change and go, and its caller: who keeps the table as the crate asks for it.

use std::{rc::Rc, sync::Arc};

use policy::{DeviceTable, Facts, Policy, Rules, View};

use crate::{
    naive::{Dev, File, below},
    shown::{attribute, devpath, facts},
    yaml,
};

pub struct World {
    pub file: Rc<File>,
    /// As the file is written.
    pub text: String,
    pub devices: Vec<Dev>,
    pub table: DeviceTable,
    pub view: View,
    arrived: u64,
    /// How many attributes were read.
    pub read: usize,
}

impl World {
    pub fn new(mut file: File) -> World {
        let (text, policy) = parse(&mut file);
        World {
            file: Rc::new(file),
            text,
            devices: Vec::new(),
            table: DeviceTable::new(),
            view: View::new(policy),
            arrived: 0,
            read: 0,
        }
    }

    pub fn find(&self, path: &str) -> Option<usize> {
        self.devices.iter().position(|dev| dev.path == path)
    }

    /// A device comes.
    pub fn come(&mut self, mut dev: Dev) {
        self.arrived += 1;
        dev.arrival = self.arrived;
        let facts = self.with_attributes(facts(&dev), &dev);
        assert_eq!(self.table.insert(facts), None);
        self.devices.push(dev);
    }

    /// A device goes, whatever is below it.
    pub fn go(&mut self, path: &str) -> Dev {
        let at = self.find(path).unwrap();
        assert!(self.table.remove(&devpath(path)).is_some());
        self.devices.remove(at)
    }

    /// A device is something else now; all is read again.
    pub fn change(&mut self, mut dev: Dev) {
        let at = self.find(&dev.path).unwrap();
        dev.arrival = self.devices[at].arrival;
        let facts = self.with_attributes(facts(&dev), &dev);
        assert!(self.table.insert(facts).is_some());
        self.devices[at] = dev;
    }

    /// Udev speaks of a device; what was read stays.
    pub fn udev_says(&mut self, at: usize, said: impl FnOnce(&mut Dev)) {
        said(&mut self.devices[at]);
        let dev = self.devices[at].clone();
        let known = self.table.get(&devpath(&dev.path)).unwrap();
        let facts = Facts {
            attrs: known.attrs.clone(),
            ..facts(&dev)
        };
        let facts = self.with_attributes(facts, &dev);
        self.table.insert(facts);
    }

    /// The device at `from` and those below it, which will come back below `to`.
    pub fn take(&mut self, from: &str, to: &str) -> Vec<Dev> {
        let is_moved = |dev: &&Dev| dev.path == from || below(&dev.path, from);
        let paths: Vec<String> = self
            .devices
            .iter()
            .filter(is_moved)
            .map(|dev| dev.path.clone())
            .collect();
        let moved = paths.iter().map(|path| Dev {
            path: path.replacen(from, to, 1),
            ..self.go(path)
        });
        moved.collect()
    }

    /// They are back: the same devices.
    pub fn put(&mut self, moved: Vec<Dev>) {
        for dev in moved {
            let facts = self.with_attributes(facts(&dev), &dev);
            self.table.insert_arrived(facts, Some(dev.arrival));
            self.devices.push(dev);
        }
    }

    /// Another file from now on; the view has still to take it up. `anew`: what no rule asks for any more is forgotten.
    pub fn edit(&mut self, mut file: File, anew: bool) -> Arc<Policy> {
        let policy;
        (self.text, policy) = parse(&mut file);
        self.file = Rc::new(file);
        for dev in self.devices.clone() {
            let known = match anew {
                true => facts(&dev),
                false => self.table.get(&devpath(&dev.path)).unwrap().clone(),
            };
            let facts = with_attributes(&policy, known, &dev, &mut self.read);
            self.table.insert(facts);
        }
        policy
    }

    fn with_attributes(&mut self, facts: Facts, dev: &Dev) -> Facts {
        with_attributes(self.view.policy(), facts, dev, &mut self.read)
    }
}

/// Reads what the policy asks for, and nothing else.
fn with_attributes(policy: &Policy, mut facts: Facts, dev: &Dev, read: &mut usize) -> Facts {
    for name in policy.wanted_attributes(&facts) {
        if !facts.attrs.has(&name) {
            let said = attribute(dev, &name);
            facts.attrs.insert(name, said);
            *read += 1;
        }
    }
    facts
}

fn parse(file: &mut File) -> (String, Arc<Policy>) {
    let text = yaml::yaml(file);
    match Rules::parse("test.yaml", &text) {
        Ok(rules) => (text, rules.policy("top").unwrap()),
        Err(errors) => panic!("{errors}\n{text}"),
    }
}
