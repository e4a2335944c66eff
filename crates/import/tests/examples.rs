//! What imports look like: each file of `tests/data` gives exactly `NAME.rules.yaml`, notes in comments at its end.
//!
//! With `BLESS=1` in the environment the test writes the files instead; read the difference before committing it.

use std::{env, fs, path::PathBuf};

use import::{Import, Imported, Seen, SeenDevice};
use policy::Rules;

fn data(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/data")
        .join(name)
}

fn read(name: &str) -> String {
    fs::read_to_string(data(name)).unwrap()
}

#[track_caller]
fn check(name: &str, import: Import) {
    let Imported { rules, notes } = match import.finish("imported") {
        Ok(imported) => imported,
        Err(e) => panic!("{e}"),
    };
    assert_eq!(policy::format(name, &rules).as_deref(), Ok(&*rules));
    if let Err(e) = Rules::parse(name, &rules) {
        panic!("{e}");
    }
    let mut text = rules;
    text.push_str("\n# Notes:\n");
    for note in notes {
        text.push_str(&format!("# {:?}: {:?}\n", note.source, note.text));
    }
    let expected = data(name);
    if env::var_os("BLESS").is_some() {
        fs::write(&expected, &text).unwrap();
    }
    assert_eq!(fs::read_to_string(&expected).unwrap_or_default(), text);
}

#[test]
fn flags() {
    let mut import = Import::new();
    for flag in read("flags.txt").lines() {
        import.device(flag, None).unwrap();
    }
    check("flags.rules.yaml", import);
}

#[test]
fn flags_of_devices_that_are_there() {
    let serial = SeenDevice {
        devname: "ttyUSB3".into(),
        subsystem: Some("tty".into()),
        serial: Some("FTDI_FT232R_USB_UART_A6008isP".into()),
        usb: Some("/devices/pci0000:00/0000:00:14.0/usb1/1-2".into()),
        node: Some((0o660, 0, 20)),
    };
    let disk = SeenDevice {
        devname: "sda".into(),
        subsystem: Some("block".into()),
        node: Some((0o660, 0, 6)),
        ..SeenDevice::default()
    };
    // a link that somebody made
    let meter = SeenDevice {
        devname: "ttyUSB4".into(),
        ..SeenDevice::default()
    };
    let mut import = Import::new();
    for (flag, seen) in [
        (
            "/dev/serial/by-id/usb-FTDI_FT232R_USB_UART_A6008isP-if00-port0:/dev/modem",
            Seen::Device(serial),
        ),
        ("/dev/sda", Seen::Device(disk)),
        ("/dev/meter:/dev/meter:rw", Seen::Device(meter)),
        ("/dev/mine", Seen::Directory),
    ] {
        import.device(flag, Some(seen)).unwrap();
    }
    check("seen.rules.yaml", import);
}

#[test]
fn specifications() {
    for (file, expected) in [
        ("gpu.cdi.json", "gpu.rules.yaml"),
        ("nic.cdi.yaml", "nic.rules.yaml"),
    ] {
        let mut import = Import::new();
        import.cdi(file, &read(file)).unwrap();
        check(expected, import);
    }
}

#[test]
fn rulesets() {
    let mut import = Import::new();
    import
        .devfs_rules("jails.devfs.rules", &read("jails.devfs.rules"))
        .unwrap();
    check("jails.rules.yaml", import);
}

#[test]
fn nothing_gives_nothing() {
    let imported = Import::new().finish("imported").unwrap();
    assert_eq!(imported.rules, "version: 1\npolicies: {}\n");
}
