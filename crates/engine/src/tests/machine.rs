//! A host of files in a temporary directory, with a gate and caches that write down what they are asked for.

use super::*;

pub(super) type Log = Arc<Mutex<Vec<String>>>;

pub(super) struct LogGate(Log);

impl Gate for LogGate {
    fn grant(&self, device: &Shown) -> sys::Result<()> {
        self.0.lock().push(format!(
            "grant {} {:?}",
            device.devnum.unwrap(),
            device.show
        ));
        Ok(())
    }

    fn revoke(&self, device: &Shown) -> sys::Result<()> {
        self.0
            .lock()
            .push(format!("revoke {}", device.devnum.unwrap()));
        Ok(())
    }
}

pub(super) struct LogCaches {
    pub(super) log: Log,
    pub(super) scene: viewfs::SharedScene,
    pub(super) held: bool,
}

impl Caches for LogCaches {
    fn forget(&self, paths: &[BString], _: Instant) -> Result<(), RelayError> {
        let shown: Vec<String> = {
            let scene = self.scene.read();
            scene
                .view
                .shown()
                .map(|(d, _)| String::from_utf8_lossy(d.name()).into_owned())
                .collect()
        };
        self.log.lock().push(format!(
            "forget {} paths, {} show",
            paths.len().min(1),
            shown.join(" ")
        ));
        match self.held {
            true => Err(RelayError::Gone),
            false => Ok(()),
        }
    }
}

pub(super) struct Host {
    pub(super) dir: tempfile::TempDir,
    pub(super) watcher: Watcher,
    pub(super) inside: Monitor,
    pub(super) log: Log,
}

/// A host with a `mem` device and a policy with these rules.
pub(super) fn host(rules: &str, udev: bool, held: bool) -> Host {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(dir.path().join("run/udev")).unwrap();
    if udev {
        std::fs::write(dir.path().join("run/udev/control"), "").unwrap();
    }
    for class in ["block", "net"] {
        std::fs::create_dir_all(dir.path().join("sys/class").join(class)).unwrap();
    }
    std::fs::create_dir_all(dir.path().join("sys/devices/virtual")).unwrap();
    plug(dir.path(), "loop1", "");
    let log = Log::default();
    let net = quiet_namespace();
    let engine = Engine::new(Config {
        policy: policy(rules),
        sysfs: Arc::new(Sysfs::at(&dir.path().join("sys")).unwrap()),
        net: Some(net.try_clone().unwrap()),
        run: dir.path().join("run"),
        monitor_buffer: 1 << 16,
        gate: Some(Arc::new(LogGate(log.clone()))),
        injector: Some(Injector::new(net.as_fd(), 0, 0).unwrap()),
    })
    .unwrap();
    let inside = Monitor::open(Some(net.as_fd()), true, 1 << 16).unwrap();
    let caches = LogCaches {
        log: log.clone(),
        scene: engine.scene(),
        held,
    };
    let of_held = log.clone();
    let outlets = Outlets {
        caches: vec![(Arc::new(caches), |change| change.paths.clone())],
        on_broken: Some(Box::new(move |_| of_held.lock().push("held".into()))),
        on_revoked: None,
        hides: None,
    };
    let mut watcher = Watcher {
        heard: Default::default(),
        added: Default::default(),
        renamed: Default::default(),
        scanned: 0,
        own_lost: false,
        engine: Arc::new(engine),
        outlets,
        waiting: Default::default(),
    };
    watcher.expect_udev();
    log.lock().clear();
    Host {
        dir,
        watcher,
        inside,
        log,
    }
}

pub(super) fn policy(rules: &str) -> Arc<Policy> {
    let text = format!("version: 1\npolicies:\n  p:\n    base: []\n    rules:\n{rules}");
    let rules = Rules::parse("t.yaml", &text);
    rules
        .unwrap_or_else(|e| panic!("{e}\n{text}"))
        .policy("p")
        .unwrap()
}

/// A network namespace that hears nothing of the real host: it belongs to a user namespace of its
/// own. unshare(1) makes it, since a process with threads, such as a test, can not.
pub(super) fn quiet_namespace() -> OwnedFd {
    let mut child = Command::new("unshare")
        .args(["--user", "--net", "sh", "-c", "echo made; cat"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut made = [0u8; 5];
    child
        .stdout
        .as_mut()
        .unwrap()
        .read_exact(&mut made)
        .unwrap();
    let net = std::fs::File::open(format!("/proc/{}/ns/net", child.id())).unwrap();
    drop(child.stdin.take());
    child.wait().unwrap();
    net.into()
}

pub(super) fn devpath(name: &str) -> Devpath {
    Devpath::parse(format!("/devices/virtual/block/{name}").as_bytes()).unwrap()
}

pub(super) fn plug(top: &Path, name: &str, more: &str) {
    let dir = top.join(format!("sys/devices/virtual/block/{name}"));
    std::fs::create_dir_all(&dir).unwrap();
    let minor = name.trim_start_matches("loop");
    let text = format!("MAJOR=7\nMINOR={minor}\nDEVNAME={name}\nDEVTYPE=disk\n{more}");
    std::fs::write(dir.join("uevent"), text).unwrap();
    let _ = symlink("../../../../class/block", dir.join("subsystem"));
}

impl Host {
    pub(super) fn plug(&mut self, name: &str, more: &str) {
        plug(self.dir.path(), name, more);
        self.kernel(Action::Add, name);
    }

    pub(super) fn pull(&mut self, name: &str) {
        let dir = self
            .dir
            .path()
            .join(format!("sys/devices/virtual/block/{name}"));
        std::fs::remove_dir_all(dir).unwrap();
        self.kernel(Action::Remove, name);
    }

    pub(super) fn kernel(&mut self, action: Action, name: &str) {
        let mut device = Device::new(devpath(name));
        device.subsystem = Some("block".into());
        device.properties = Properties::parse_lines(b"SEQNUM=4711\n");
        self.watcher.kernel(made_up(action, &device));
        self.watcher.expect_udev();
    }

    pub(super) fn log(&self) -> Vec<String> {
        std::mem::take(&mut *self.log.lock())
    }

    /// What udev says of a device.
    pub(super) fn says(&mut self, action: Action, name: &str, lines: &str) {
        let mut vars = Properties::parse_lines(lines.as_bytes());
        vars.push(b"ACTION", action.as_str().as_bytes());
        vars.push(b"DEVPATH", devpath(name).as_bytes());
        vars.push(b"SUBSYSTEM", b"block");
        vars.push(b"SEQNUM", b"4712");
        self.watcher.udev(UdevMessage {
            action,
            devpath: devpath(name),
            vars,
        });
    }

    pub(super) fn rename(&mut self, from: &str, to: &str) {
        let blocks = self.dir.path().join("sys/devices/virtual/block");
        std::fs::rename(blocks.join(from), blocks.join(to)).unwrap();
        plug(self.dir.path(), to, "");
        let mut device = Device::new(devpath(to));
        device.subsystem = Some("block".into());
        device
            .properties
            .push(b"DEVPATH_OLD", devpath(from).as_bytes());
        self.watcher.kernel(made_up(Action::Move, &device));
    }

    /// What the container has heard since it was asked last.
    pub(super) fn heard(&self) -> Vec<String> {
        let mut heard = Vec::new();
        while let Some(message) = self.inside.receive().unwrap() {
            match message {
                Message::Kernel(event) => {
                    assert_ne!(
                        event.get(b"SEQNUM"),
                        Some(&b"4711"[..]),
                        "the kernel counts itself"
                    );
                    heard.push(describe(&event));
                }
                Message::Udev(message) => {
                    let name = String::from_utf8_lossy(message.devpath.name()).into_owned();
                    assert!(message.get(b"SEQNUM").is_some_and(|n| n != b"0"));
                    heard.push(format!("udev {} {name}", message.action));
                }
                Message::Noise | Message::Overrun => panic!("{message:?}"),
            }
        }
        heard
    }
}

pub(super) fn describe(event: &Uevent) -> String {
    format!(
        "{} {}",
        event.action,
        String::from_utf8_lossy(event.devpath.name())
    )
}
