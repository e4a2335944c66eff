//! Inputs far larger than any real one are refused, or read as far as they count, at once and without more memory than they have.

use std::time::{Duration, Instant};

use kobject::{UdevMessage, Uevent, synth, trace};

const LARGE: usize = 100 << 20;

/// `start`, and `again` until it is [`LARGE`].
fn large(start: &[u8], again: &[u8]) -> Vec<u8> {
    let many = again.repeat((64 << 10) / again.len());
    let mut bytes = Vec::with_capacity(LARGE + many.len());
    bytes.extend_from_slice(start);
    while bytes.len() < LARGE {
        bytes.extend_from_slice(&many);
    }
    bytes
}

/// A header of udev's, which says how many bytes of properties follow.
fn udev_header(length: usize) -> Vec<u8> {
    let mut header = b"libudev\0".to_vec();
    header.extend(0xfeed_cafe_u32.to_be_bytes());
    for word in [40, 40, u32::try_from(length).unwrap()] {
        header.extend(word.to_ne_bytes());
    }
    header.resize(40, 0);
    header
}

/// The most memory that this process has had so far, in bytes.
fn peak() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.unwrap().trim().trim_end_matches(" kB");
    kib.parse::<usize>().unwrap() << 10
}

/// One test: memory is the whole process's.
#[test]
fn a_hundred_megabytes_cost_neither_time_nor_memory() {
    let uuid = "add fe4d7c9d-b8c6-4a70-9ef1-3d8a58d18eed";
    type Read = fn(&[u8]) -> bool;
    let uevent: Read = |bytes| Uevent::parse(bytes).is_ok();
    let udev: Read = |bytes| UdevMessage::parse(bytes).is_ok();
    let write: Read = |bytes| synth::parse(bytes).is_ok();
    let trace: Read = |bytes| trace::parse(bytes).is_ok();
    let event = b"KERNEL[1.5] add /x (y)\nACTION=add\nDEVPATH=/x\n";
    let json = br#"{"source":"udev","time":1,"properties":{"ACTION":"add","DEVPATH":"/x"}}"#;
    let start = b"add@/devices/x\0ACTION=add\0DEVPATH=/devices/x\0";
    for (what, read, start, again) in [
        ("many variables", uevent, start.to_vec(), &b"A=\0"[..]),
        ("one long name", uevent, start.to_vec(), b"A"),
        ("a deep path", uevent, b"add@/devices".to_vec(), b"/x"),
        (
            "many variables of udev's",
            udev,
            udev_header(LARGE - 100),
            b"A=\0",
        ),
        (
            "a header of udev's that lies",
            udev,
            udev_header(8),
            b"A=1\0",
        ),
        ("many events", trace, event.to_vec(), event),
        ("an event of many variables", trace, event.to_vec(), b"A=\n"),
        ("many events in JSON", trace, json.to_vec(), json),
        ("deep JSON", trace, b"{".to_vec(), b"[{"),
        ("many arguments", write, uuid.into(), b" A=1"),
        ("a long action", write, b"add".to_vec(), b"d"),
        ("blanks", write, b"add ".to_vec(), b" "),
    ] {
        let bytes = large(&start, again);
        let began = Instant::now();
        assert!(!read(&bytes), "{what}");
        let took = began.elapsed();
        assert!(took < Duration::from_secs(2), "{what}: {took:?}");
        assert!(peak() < 256 << 20, "{what}: {} bytes", peak());
    }
}
