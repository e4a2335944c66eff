//! Machines that are not there: their /sys and what their udev wrote down, in a directory.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use host::{Sysfs, enumerate, udevdb};
use policy::{DeviceTable, Facts, Policy, Udev, View};
use tempfile::TempDir;

use crate::{binaries, run};

/// What is on a bus, and not in a class.
const BUSES: [&str; 10] = [
    "acpi", "amba", "hid", "i2c", "media", "mmc", "pci", "platform", "scsi", "usb",
];

/// A directory with `sys` and `run/udev` of a machine.
pub struct Recorded(TempDir);

impl Recorded {
    /// The machine that was recorded, `tests/data/devices/recorded.tar.gz`.
    ///
    /// # Panics
    /// When it cannot be unpacked.
    pub fn unpack() -> Recorded {
        let dir = tempfile::tempdir().expect("a directory");
        let archive = binaries::repository("tests/data/devices/recorded.tar.gz");
        let mut tar = Command::new("tar");
        tar.arg("-xzf").arg(archive).arg("-C").arg(dir.path());
        run(tar.arg("--no-same-owner")).ok();
        Recorded(dir)
    }

    /// The devices of `tests/data/devices/described.txt`.
    ///
    /// # Panics
    /// As [`Recorded::write`].
    pub fn described() -> Recorded {
        let text = binaries::repository("tests/data/devices/described.txt");
        Recorded::write(&fs::read_to_string(text).expect("the description"))
    }

    /// The devices of a text, in the form that `tests/data/devices/described.txt` explains.
    ///
    /// # Panics
    /// When a line is none of that form, or the files cannot be made.
    pub fn write(text: &str) -> Recorded {
        let recorded = Recorded(tempfile::tempdir().expect("a directory"));
        let udev = recorded.run().join("udev");
        fs::create_dir_all(udev.join("data")).expect("udev's database");
        fs::write(udev.join("control"), "").expect("udev's socket");
        let lines = text
            .lines()
            .filter(|line| !line.is_empty() && !line.starts_with('#'));
        let mut device: Option<Described> = None;
        for line in lines {
            let (key, value) = line.split_once(": ").unwrap_or_else(|| panic!("{line}"));
            if key == "P" {
                device
                    .replace(Described::at(value))
                    .iter()
                    .for_each(|done| done.write(recorded.root()));
                continue;
            }
            let device = device.as_mut().expect("a device before what is said of it");
            device.add(key, value);
        }
        device.iter().for_each(|done| done.write(recorded.root()));
        recorded
    }

    /// The directory.
    pub fn root(&self) -> &Path {
        self.0.path()
    }

    /// Its `/run`.
    pub fn run(&self) -> PathBuf {
        self.root().join("run")
    }

    /// Its `/sys`.
    ///
    /// # Panics
    /// When it cannot be opened.
    pub fn sysfs(&self) -> Sysfs {
        Sysfs::at(&self.root().join("sys")).expect("its sysfs")
    }

    /// Its devices, as an engine would know them.
    ///
    /// # Panics
    /// When they cannot be read.
    pub fn table(&self) -> DeviceTable {
        let has_udev = udevdb::present(&self.run());
        self.table_with(|device| match has_udev {
            true => udevdb::read(&self.run(), device).map_or(Udev::Unknown, Udev::Known),
            false => Udev::Absent,
        })
    }

    /// The same, with something else for what udev says.
    ///
    /// # Panics
    /// When they cannot be read.
    pub fn table_with(&self, udev: impl Fn(&kobject::Device) -> Udev) -> DeviceTable {
        let mut table = DeviceTable::new();
        for device in enumerate::devices(&self.sysfs()).expect("its devices") {
            table.insert(Facts {
                own: enumerate::is_net(&device),
                udev: udev(&device),
                ..Facts::new(device)
            });
        }
        table
    }
}

/// What a policy shows of these devices.
pub fn view(table: &DeviceTable, policy: Arc<Policy>) -> View {
    let mut view = View::new(policy);
    view.refresh_all(table);
    view
}

/// A device of a description.
struct Described {
    devpath: String,
    /// Lines of the uevent file, but for SUBSYSTEM.
    uevent: Vec<String>,
    subsystem: Option<String>,
    driver: Option<String>,
    attributes: Vec<(String, String)>,
    /// Lines of udev's database.
    udev: Vec<String>,
}

impl Described {
    fn at(devpath: &str) -> Described {
        Described {
            devpath: devpath.to_string(),
            uevent: Vec::new(),
            subsystem: None,
            driver: None,
            attributes: Vec::new(),
            udev: Vec::new(),
        }
    }

    fn add(&mut self, key: &str, line: &str) {
        let named = || line.split_once('=').unwrap_or_else(|| panic!("{line}"));
        match key {
            "K" => match named() {
                ("SUBSYSTEM", name) => self.subsystem = Some(name.to_string()),
                (name, value) => {
                    if name == "DRIVER" {
                        self.driver = Some(value.to_string());
                    }
                    self.uevent.push(line.to_string());
                }
            },
            "A" => self
                .attributes
                .push((named().0.to_string(), named().1.to_string())),
            "E" | "S" | "G" => self.udev.push(format!("{key}:{line}")),
            _ => panic!("{key}: {line}"),
        }
    }

    fn write(&self, root: &Path) {
        let dir = root.join("sys").join(&self.devpath[1..]);
        fs::create_dir_all(&dir).expect("a device's directory");
        let file = |name: &str, text: String| fs::write(dir.join(name), text).expect("a file");
        file("uevent", lines(&self.uevent));
        for (name, value) in &self.attributes {
            file(name, format!("{value}\n"));
        }
        let up = "../".repeat(self.devpath.matches('/').count());
        let link =
            |name: &str, to: String| symlink(up.clone() + &to, dir.join(name)).expect("a link");
        if let Some(name) = &self.subsystem {
            let kind = if BUSES.contains(&name.as_str()) {
                "bus"
            } else {
                "class"
            };
            link("subsystem", format!("{kind}/{name}"));
            if let Some(driver) = &self.driver {
                link("driver", format!("bus/{name}/drivers/{driver}"));
            }
        }
        let devpath = kobject::Devpath::parse(self.devpath.as_bytes()).expect("a devpath");
        let device = enumerate::device(&Sysfs::at(&root.join("sys")).expect("a sysfs"), &devpath);
        let device = device.expect("the device that was written");
        let said = device.properties.len();
        assert_eq!(said, self.uevent.len(), "the kernel's order: {devpath}");
        if (device.devnum().is_some() || !self.udev.is_empty())
            && let Some(id) = udevdb::id(&device)
        {
            let text = format!("I:1\n{}V:1\n", lines(&self.udev));
            fs::write(root.join("run/udev/data").join(id), text).expect("what udev says");
        }
    }
}

fn lines(lines: &[String]) -> String {
    lines.iter().map(|line| format!("{line}\n")).collect()
}
