//! Recorded messages of a kernel and a udevd: every one parses, and comes back byte for byte.

use std::{fs, path::Path};

use kobject::{Action, Properties, UdevMessage, Uevent};

enum Sender {
    Kernel,
    Udev,
}

/// Reads a recording; `tests/data/uevents/README.md` describes the form.
fn datagrams(text: &str) -> Vec<Datagram> {
    let mut datagrams = Vec::new();
    for block in text
        .split("\n\n")
        .map(|block| block.trim_matches('\n'))
        .filter(|block| !block.is_empty())
    {
        let mut lines = block.lines();
        let head: Vec<&str> = lines.next().unwrap().split(' ').collect();
        let sender = match head[0] {
            "K" => Sender::Kernel,
            "U" => Sender::Udev,
            other => panic!("no sender: {other}"),
        };
        let mut bytes = Vec::new();
        for line in lines {
            if let Some(hex) = line.strip_prefix(" !") {
                bytes.extend(
                    (0..hex.len())
                        .step_by(2)
                        .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()),
                );
            } else {
                bytes.extend(unescape(&line[1..]));
                bytes.push(0);
            }
        }
        assert_eq!(bytes.len(), head[2].parse::<usize>().unwrap(), "{block}");
        datagrams.push((sender, bytes));
    }
    datagrams
}

fn unescape(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find("\\x") {
        bytes.extend_from_slice(&rest.as_bytes()[..at]);
        match u8::from_str_radix(&rest[at + 2..at + 4], 16) {
            Ok(byte) => bytes.push(byte),
            Err(_) => panic!("no escape: {text}"),
        }
        rest = &rest[at + 4..];
    }
    bytes.extend_from_slice(rest.as_bytes());
    bytes
}

type Datagram = (Sender, Vec<u8>);

/// Every recording's name and datagrams.
fn recordings() -> Vec<(String, Vec<Datagram>)> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/uevents");
    let mut recordings: Vec<_> = fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "txt"))
        .map(|path| {
            (
                path.file_name().unwrap().to_string_lossy().into_owned(),
                datagrams(&fs::read_to_string(path).unwrap()),
            )
        })
        .collect();
    recordings.sort_by(|a, b| a.0.cmp(&b.0));
    recordings
}

#[test]
fn every_message_parses_and_comes_back() {
    let (mut kernel, mut udev, mut newlines, mut tagged) = (0, 0, 0, 0);
    for (file, datagrams) in recordings() {
        for (sender, bytes) in datagrams {
            match sender {
                Sender::Kernel => {
                    let uevent =
                        Uevent::parse(&bytes).unwrap_or_else(|error| panic!("{file}: {error}"));
                    assert_eq!(uevent.to_bytes(), bytes, "{file}");
                    assert!(
                        uevent.seqnum().is_some() && uevent.subsystem().is_some(),
                        "{file}"
                    );
                    newlines +=
                        usize::from(uevent.vars.iter().any(|(_, value)| value.contains(&b'\n')));
                    kernel += 1;
                }
                Sender::Udev => {
                    let message = UdevMessage::parse(&bytes)
                        .unwrap_or_else(|error| panic!("{file}: {error}"));
                    assert_eq!(
                        message.get(b"UDEV_DATABASE_VERSION"),
                        Some(&b"1"[..]),
                        "{file}"
                    );
                    // the header too: what socket filters look at is udev's own arithmetic
                    assert_eq!(message.to_bytes(), bytes, "{file}");
                    tagged += usize::from(message.get(b"TAGS").is_some());
                    udev += 1;
                }
            }
        }
    }
    assert!(
        kernel > 500 && udev > 500 && newlines > 0 && tagged > 5,
        "{kernel} {udev} {newlines} {tagged}"
    );
}

#[test]
fn a_loop_device_is_told_of_by_both() {
    let loops = recordings()
        .into_iter()
        .find(|(file, _)| file == "loop.txt")
        .unwrap()
        .1;
    let events: Vec<Uevent> = loops
        .iter()
        .filter(|(sender, _)| matches!(sender, Sender::Kernel))
        .map(|(_, bytes)| Uevent::parse(bytes).unwrap())
        .collect();
    let loop0 = events
        .iter()
        .find(|event| event.devpath.name() == b"loop0" && event.action == Action::Add)
        .unwrap();
    assert_eq!(loop0.get(b"DEVNAME"), Some(&b"loop0"[..]));
    let properties = loop0.device_properties();
    let names: Vec<&[u8]> = properties.iter().map(|(key, _)| key).collect();
    assert_eq!(
        names,
        [&b"MAJOR"[..], b"MINOR", b"DEVNAME", b"DEVTYPE", b"DISKSEQ"]
    );
    let told = loops
        .iter()
        .filter(|(sender, _)| matches!(sender, Sender::Udev))
        .filter_map(|(_, bytes)| UdevMessage::parse(bytes).ok());
    assert!(
        told.into_iter()
            .any(|message| message.devpath == loop0.devpath
                && message.get(b"DEVNAME") == Some(b"/dev/loop0"))
    );
}

#[test]
fn an_unbind_has_no_modalias() {
    let unbinds = recordings()
        .into_iter()
        .flat_map(|(_, datagrams)| datagrams)
        .filter_map(|(sender, bytes)| match sender {
            Sender::Kernel => Uevent::parse(&bytes)
                .ok()
                .filter(|event| event.action == Action::Unbind),
            Sender::Udev => None,
        });
    let mut count = 0;
    for event in unbinds {
        assert_eq!(event.get(b"MODALIAS"), None);
        count += 1;
    }
    assert!(count > 10);
}

#[test]
fn the_same_variables_read_as_lines() {
    let mut with_node = 0;
    for (file, datagrams) in recordings() {
        for (sender, bytes) in datagrams {
            if matches!(sender, Sender::Udev) {
                continue;
            }
            let properties = Uevent::parse(&bytes).unwrap().device_properties();
            let mut lines = Vec::new();
            for (key, value) in properties.iter() {
                lines.extend([key, b"=", value, b"\n"].concat());
            }
            assert_eq!(Properties::parse_lines(&lines), properties, "{file}");
            with_node += usize::from(properties.get(b"DEVNAME").is_some());
        }
    }
    assert!(with_node > 100, "{with_node}");
}
