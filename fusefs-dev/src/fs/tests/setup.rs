//! A /dev with a disk and an input device, over a view that the tests change.

use super::*;

pub(super) const RULES: &str = r#"
version: 1
policies:
  p:
    base: []
    limits: { inodes: 64, bytes: 1M }
    rules:
      - match: { subsystem: [block, input] }
        show: rw
        node: { link: ["disk/one-%k", "%k"] }
      - match: { subsystem: tty }
        show: ro
"#;

pub(super) const BY: Maker = Maker {
    uid: 0,
    gid: 0,
    perm: 0o644,
    umask: 0,
};

pub(super) struct Nobody;

impl Missed for Nobody {
    fn missed(&self, _: &[u8]) -> bool {
        false
    }

    fn holds_own(&self, _: &[u8]) -> bool {
        false
    }
}

pub(super) fn device(path: &str, subsystem: &str, text: &str) -> Facts {
    let mut device = Device::new(Devpath::parse(path.as_bytes()).unwrap());
    device.subsystem = Some(subsystem.into());
    device.properties = Properties::parse_lines(text.as_bytes());
    Facts::new(device)
}

pub(super) fn sda() -> Facts {
    device("/devices/x/sda", "block", "MAJOR=8\nMINOR=0\nDEVNAME=sda\n")
}

pub(super) fn event() -> Facts {
    let text = "MAJOR=13\nMINOR=64\nDEVNAME=input/event0\n";
    device("/devices/x/event0", "input", text)
}

pub(super) struct Setup {
    pub(super) scene: SharedScene,
    pub(super) fs: DevFs,
}

impl Setup {
    pub(super) fn new(facts: Vec<Facts>) -> Setup {
        Setup::with_rules(RULES, facts)
    }

    pub(super) fn with_rules(rules: &str, facts: Vec<Facts>) -> Setup {
        let policy = Rules::parse("test.yaml", rules).unwrap().policy("p");
        let mut table = DeviceTable::new();
        for facts in facts {
            table.insert(facts);
        }
        let mut view = View::new(policy.unwrap());
        view.refresh_all(&table);
        let scene = Arc::new(RwLock::new(Scene {
            table,
            view,
            generation: 0,
        }));
        let owners = Owners::new(IdMap::IDENTITY, None);
        let fs = DevFs::new(scene.clone(), Arc::new(Nobody), owners).unwrap();
        Setup { scene, fs }
    }

    pub(super) fn plug(&self, facts: Facts) {
        let scene = &mut *self.scene.write();
        let devpath = facts.device.devpath.clone();
        scene.table.insert(facts);
        scene.view.refresh(&scene.table, &devpath);
        scene.generation += 1;
    }

    pub(super) fn pull(&self, path: &str) {
        let scene = &mut *self.scene.write();
        let devpath = Devpath::parse(path.as_bytes()).unwrap();
        scene.table.remove(&devpath);
        scene.view.refresh(&scene.table, &devpath);
        scene.generation += 1;
    }

    pub(super) fn at(&self, path: &str) -> Result<Attributes, Error> {
        let parts = path.split('/').filter(|p| !p.is_empty());
        let root = self.fs.attributes(ROOT);
        parts.fold(root, |dir, name| {
            self.fs.look_up(dir?.number, name.as_bytes())
        })
    }

    pub(super) fn kind(&self, path: &str) -> Option<Kind> {
        self.at(path).ok().map(|a| a.kind)
    }

    pub(super) fn make(&self, path: &str, new: New) -> Result<Attributes, Error> {
        let (dir, name) = path.rsplit_once('/').unwrap();
        let dir = self.at(dir)?.number;
        self.fs.make(dir, name.as_bytes(), &new, BY)
    }

    pub(super) fn remove(&self, path: &str) -> Result<(), Error> {
        let (dir, name) = path.rsplit_once('/').unwrap();
        let dir = self.at(dir)?.number;
        match self.kind(path) {
            Some(Kind::Directory) => self.fs.rmdir(dir, name.as_bytes()),
            _ => self.fs.unlink(dir, name.as_bytes()),
        }
    }

    pub(super) fn rename(&self, from: &str, to: &str, how: Replace) -> Result<(), Error> {
        let (dir, name) = from.rsplit_once('/').unwrap();
        let (to_dir, to_name) = to.rsplit_once('/').unwrap();
        let from = (self.at(dir)?.number, name.as_bytes());
        self.fs
            .rename(from, (self.at(to_dir)?.number, to_name.as_bytes()), how)
    }

    pub(super) fn names(&self, path: &str) -> Vec<String> {
        let handle = self.fs.open_directory(self.at(path).unwrap().number);
        let names = self.fs.list(handle.unwrap(), true).unwrap();
        let mut names: Vec<String> = names.iter().map(|n| n.name.to_string()).collect();
        names.retain(|n| n != "." && n != "..");
        names.sort();
        names
    }
}
