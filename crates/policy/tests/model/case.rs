//! A case: rules, and what happens then.

use policy::ViewChange;

use crate::{
    asked, check,
    check::{ShownMap, Situations},
    devices, generate,
    met::{Count, Met},
    naive::{Dev, File, Model, below, name},
    places,
    random::Random,
    reload,
    shown::devpath,
    world::World,
};

/// A number from which something is made, and which of its parts it may have.
pub type Seed = (u64, u8);

/// All of a case. Less of it is a case too.
#[derive(Clone, Debug)]
pub struct Case {
    pub rules: Vec<Seed>,
    pub steps: Vec<Seed>,
    /// What the places are made from at which devices can be.
    pub places: Vec<u64>,
    /// What the file says beside its rules, and how closely is looked.
    pub other: Seed,
}

/// What is plugged, unplugged and so on in a case where everything may happen.
const PLUG: Situations = Situations {
    vanished: Met::Vanished,
    appeared: Met::Appeared,
    altered: Met::Altered,
    paths: Met::MovedPaths,
};
const RELOAD: Situations = Situations {
    vanished: Met::ReloadVanished,
    appeared: Met::ReloadAppeared,
    altered: Met::ReloadAltered,
    paths: Met::ReloadPaths,
};

struct Run<'a> {
    world: World,
    /// What was before the last change.
    model: Model,
    shown: ShownMap,
    count: &'a mut Count,
    /// Whether all paths are looked at, not some.
    thorough: bool,
    /// Whether to print what happens.
    tell: bool,
}

impl Case {
    /// Goes through it, and panics if the crate and the model differ.
    pub fn run(&self, count: &mut Count, tell: bool) {
        let mut random = Random::new(self.other.0, self.other.1);
        let rules = self.rules.iter();
        let rules = rules.map(|(seed, may)| generate::rule(&mut Random::new(*seed, *may)));
        let file = reload::file(&mut random, rules.collect());
        let world = World::new(file);
        let mut run = Run {
            model: Model::new(&world.file, &[]),
            world,
            shown: ShownMap::new(),
            count,
            thorough: random.chance(32),
            tell,
        };
        run.say(|run| format!("the rules\n{}", run.world.text));
        let mut reloaded = false;
        for (seed, may) in &self.steps {
            if reloaded {
                run.count.met(Met::ReloadLater);
            }
            reloaded |= run.step((*seed, *may), &self.places);
            run.everything(&mut Random::new(!seed, *may));
        }
        for _ in 0..run.world.read {
            run.count.met(Met::Read);
        }
    }
}

impl Run<'_> {
    fn say(&self, what: impl FnOnce(&Self) -> String) {
        if self.tell {
            println!("- {}", what(self));
        }
    }

    /// One thing happens; whether it is a reload.
    fn step(&mut self, seed: Seed, places: &[u64]) -> bool {
        let random = &mut Random::new(seed.0, seed.1);
        let what = random.number(10);
        if what == 0 {
            self.several(seed, places);
            return false;
        }
        if what <= 3 {
            self.reload(random);
            return true;
        }
        // mostly the same if there are fewer
        let number = random.number(1 << 32) as u64;
        let place = places.iter().min_by_key(|place| *place ^ number);
        let place = places::of(place.copied().unwrap_or(0));
        let path = places::path(place);
        let new = devices::device(random, place);
        match (self.world.find(&path), what) {
            (None, _) => {
                self.say(|_| format!("it comes: {new:?}"));
                self.world.come(new);
            }
            (Some(_), 4 | 5) => {
                self.say(|_| format!("{path} goes"));
                self.world.go(&path);
            }
            (Some(_), 6) => {
                self.say(|_| format!("it changes: {new:?}"));
                self.world.change(new);
            }
            (Some(at), 7) => {
                self.world.udev_says(at, |dev| devices::udev(random, dev));
                self.say(|run| format!("udev says: {:?}", run.world.devices[at]));
                self.count.met(Met::Late);
            }
            _ => {
                self.rename(random, &path);
                return false;
            }
        }
        self.refresh(&path);
        false
    }

    /// Several things at once, as after lost events.
    fn several(&mut self, (number, may): Seed, places: &[u64]) {
        for (seed, place) in places.iter().map(|seed| (*seed, places::of(*seed))) {
            let random = &mut Random::new(seed ^ number, may);
            let path = places::path(place);
            let new = devices::device(random, place);
            match self.world.find(&path) {
                Some(_) if random.chance(3) => {
                    self.say(|_| format!("unheard, {path} goes"));
                    self.world.go(&path);
                }
                None if !random.chance(3) => {
                    self.say(|_| format!("unheard, it comes: {new:?}"));
                    self.world.come(new);
                }
                _ => {}
            }
        }
        let change = self.world.view.refresh_all(&self.world.table);
        self.look(&change, PLUG);
    }

    /// A device gets another name, or another place, with all that is below it.
    fn rename(&mut self, random: &mut Random, from: &str) {
        let name = name(from);
        let to = match random.number(3) {
            0 => format!("/devices/virtual/moved/{name}"),
            1 => format!("{USB}/{name}", USB = places::USB),
            _ => format!("{from}r"),
        };
        let is_there = |dev: &Dev| dev.path == to || below(&dev.path, &to);
        if self.world.devices.iter().any(is_there) || below(&to, from) {
            return;
        }
        self.say(|_| format!("{from} moves to {to}"));
        let shown = self.shown.contains_key(&devpath(from));
        let moved = self.world.take(from, &to);
        self.refresh(from);
        self.world.put(moved);
        self.refresh(&to);
        self.count.met(Met::Renamed);
        if shown && self.shown.contains_key(&devpath(&to)) {
            self.count.met(Met::RenamedInSight);
        }
    }

    fn reload(&mut self, random: &mut Random) {
        let mut file: File = (*self.world.file).clone();
        let what = reload::edit(random, &mut file);
        let anew = random.chance(2);
        let policy = self.world.edit(file, anew);
        self.say(|run| format!("{what}; the rules are\n{}", run.world.text));
        let change = self.world.view.set_policy(policy, &self.world.table);
        self.count.met(Met::Reload);
        if change.is_empty() {
            self.count.met(Met::ReloadNothing);
        }
        self.look(&change, RELOAD);
    }

    fn refresh(&mut self, path: &str) {
        let change = self.world.view.refresh(&self.world.table, &devpath(path));
        self.no_word_of_hidden(&change);
        self.look(&change, PLUG);
    }

    /// Of a device that was hidden and is hidden nothing is said.
    fn no_word_of_hidden(&mut self, change: &ViewChange) {
        let model = Model::new(&self.world.file, &self.world.devices);
        let hidden = |model: &Model, path: &str| {
            let dev = model.devices.iter().find(|dev| dev.path == path);
            dev.is_none_or(|dev| model.sight(dev).is_none()) && !model.way(path)
        };
        let mut silent = true;
        for dev in self.model.devices.iter().chain(&model.devices) {
            let path = &dev.path;
            if hidden(&self.model, path) && hidden(&model, path) {
                let said = |list: &[kobject::Bytes]| list.iter().any(|p| **p == *path.as_bytes());
                assert!(!said(&change.paths), "{path} is hidden: {change:?}");
            } else {
                silent = false;
            }
        }
        if silent {
            assert!(change.is_empty(), "hidden devices came or went: {change:?}");
            self.count.met(Met::Silent);
        }
    }

    /// Something has changed.
    fn look(&mut self, change: &ViewChange, what: Situations) {
        let model = Model::new(&self.world.file, &self.world.devices);
        let shown = check::same_devices(&self.world, &model, self.count);
        check::same_change(&self.shown, &shown, change, what, self.count);
        if self.thorough {
            check::paths_cover(&self.model, &model, change, what, self.count);
        }
        (self.model, self.shown) = (model, shown);
    }

    /// What is asked of the view between changes.
    fn everything(&mut self, random: &mut Random) {
        let devices: Vec<&Dev> = self.model.devices.iter().collect();
        let paths = match self.thorough {
            true => asked::paths(&devices),
            false => (0..4).map(|_| asked::path(random, &devices)).collect(),
        };
        for path in paths {
            check::same_verdict(&self.world, &self.model, &path, self.count);
        }
        let again = self.world.view.refresh_all(&self.world.table);
        assert!(again.is_empty(), "a second look finds more: {again:?}");
    }
}
