//! Random devices.

use crate::{
    links,
    naive::{Dev, Udev},
    places::{self, PLACES},
    random::{Extra, Random},
};

/// Attributes that devices may have.
pub const ATTRS: [&str; 3] = ["idVendor", "serial", "queue/rotational"];

/// A device at one of the places, a little different each time.
pub fn device(random: &mut Random, place: usize) -> Dev {
    let (path, subsystem, driver, module, lines) = PLACES[place];
    let text = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let bound = !random.extra(Extra::Unusual, 4);
    let mut kernel: Vec<(String, String)> = lines
        .split(' ')
        .filter_map(|line| line.split_once('='))
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .collect();
    if random.extra(Extra::Unusual, 6) {
        for (key, value) in &mut kernel {
            if key == "MINOR" {
                // no two devices of a host have one number
                *value = (77 + 100 * place).to_string();
            }
        }
    }
    if random.extra(Extra::Unusual, 4) {
        kernel.push(("ID_S".to_owned(), random.pick(links::VALUES).to_string()));
    }
    if random.extra(Extra::Unusual, 4) {
        kernel.push(("ID_X".to_owned(), random.number(2).to_string()));
    }
    let mut dev = Dev {
        path: path.replace("USB", places::USB),
        subsystem: text(subsystem),
        driver: text(driver).filter(|_| bound),
        module: text(module).filter(|_| bound),
        kernel,
        udev: Udev::Absent,
        host_links: Vec::new(),
        link_priority: 0,
        tags: Vec::new(),
        attrs: attributes(random),
        arrival: 0,
        own: path.contains("/net/") && random.chance(2),
    };
    udev(random, &mut dev);
    dev
}

/// Udev says something about it, or nothing.
pub fn udev(random: &mut Random, dev: &mut Dev) {
    dev.udev = Udev::Absent;
    dev.host_links = links::of_udev(random);
    dev.link_priority = [0, 0, 0, 7, -7][random.number(5)];
    dev.tags = ["seat", "uaccess"]
        .iter()
        .filter(|_| random.chance(3))
        .map(|tag| (*tag).to_owned())
        .collect();
    if !random.extra(Extra::Udev, 1) || random.chance(6) {
        return;
    }
    dev.udev = Udev::Unknown;
    if random.chance(3) {
        return;
    }
    let mut known = Vec::new();
    for key in ["ID_X", "ID_Y"] {
        if random.chance(2) {
            known.push((key.to_owned(), random.number(2).to_string()));
        }
    }
    if random.chance(2) {
        known.push(("ID_S".to_owned(), random.pick(links::VALUES).to_string()));
    }
    dev.udev = Udev::Known(known);
}

/// Attributes are said, cannot be read, or are not there.
pub fn attributes(random: &mut Random) -> Vec<(&'static str, Option<String>)> {
    let mut attrs = Vec::new();
    for name in ATTRS {
        let value = random.number(6);
        if random.extra(Extra::Attributes, 1) && value < 5 {
            attrs.push((name, (value < 4).then(|| (value % 2).to_string())));
        }
    }
    attrs
}
