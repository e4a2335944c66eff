use proptest::prelude::*;

use super::*;

fn message(magic: u32, header_size: u32, offset: u32, length: u32, rest: &[u8]) -> Vec<u8> {
    let mut bytes = b"libudev\0".to_vec();
    bytes.extend(magic.to_be_bytes());
    for size in [header_size, offset, length] {
        bytes.extend(size.to_ne_bytes());
    }
    bytes.extend([0; 16]);
    bytes.extend(rest);
    bytes
}

fn good(properties: &[u8]) -> Vec<u8> {
    message(0xfeed_cafe, 40, 40, properties.len() as u32, properties)
}

#[test]
fn a_message() {
    let message = UdevMessage::parse(&good(
        b"UDEV_DATABASE_VERSION=1\0ACTION=add\0DEVPATH=/devices/x\0ID_INPUT=1\0",
    ))
    .unwrap();
    assert_eq!(message.action, Action::Add);
    assert_eq!(message.devpath.as_bytes(), b"/devices/x");
    assert_eq!(message.get(b"ID_INPUT"), Some(&b"1"[..]));
    assert_eq!(message.vars.len(), 4);
}

#[test]
fn a_longer_header_of_a_newer_udev() {
    let rest = [&b"more"[..], b"ACTION=bind\0DEVPATH=/devices/x\0"].concat();
    assert!(
        UdevMessage::parse(&message(0xfeed_cafe, 44, 44, rest.len() as u32 - 4, &rest)).is_ok()
    );
}

#[test]
fn what_is_none() {
    let vars = b"ACTION=add\0DEVPATH=/devices/x\0";
    let length = vars.len() as u32;
    for (bytes, error) in [
        (Vec::new(), "the message has no libudev header"),
        (b"libudev\0".to_vec(), "the message has no libudev header"),
        (
            b"add@/devices/x\0ACTION=add\0DEVPATH=/devices/x\0".to_vec(),
            "the message has no libudev header",
        ),
        (
            message(0xcafe_feed, 40, 40, length, vars),
            "the message has another magic number than 0xfeedcafe",
        ),
        (
            message(0xfeed_cafe, 40, 40, length + 1, vars),
            "the message's properties lie outside of it",
        ),
        (
            message(0xfeed_cafe, 40, 8, 8, vars),
            "the message's properties lie outside of it",
        ),
        (
            message(0xfeed_cafe, 8, 8, 8, vars),
            "the message's properties lie outside of it",
        ),
        (
            message(0xfeed_cafe, 40, u32::MAX, u32::MAX, vars),
            "the message's properties lie outside of it",
        ),
        (good(b""), "the message does not end in a NUL"),
        (good(b"ACTION=add"), "the message does not end in a NUL"),
        (good(b"ACTION=add\0NOISE\0"), "`NOISE` is not KEY=VALUE"),
        (good(b"DEVPATH=/devices/x\0"), "the message has no ACTION"),
        (good(b"ACTION=add\0"), "the message has no DEVPATH"),
        (
            good(b"ACTION=mount\0DEVPATH=/devices/x\0"),
            "unknown action `mount`",
        ),
        (
            good(b"ACTION=add\0DEVPATH=devices/x\0"),
            "a devpath starts with `/`",
        ),
    ] {
        assert_eq!(UdevMessage::parse(&bytes).unwrap_err().to_string(), error);
    }
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(header_size: u32, offset in 0..80u32, length in 0..80u32, rest: Vec<u8>) {
        let _ = UdevMessage::parse(&rest);
        let _ = UdevMessage::parse(&good(&rest));
        let _ = UdevMessage::parse(&message(0xfeed_cafe, header_size % 64, offset, length, &rest));
    }
}

fn text() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(1..=255u8, 0..12)
}

proptest! {
    #[test]
    fn what_is_written_reads_back(
        subsystem in text(), devtype in text(), tags in text(), more in prop::collection::vec((0..9u8, text()), 0..4)
    ) {
        let mut vars = Properties::new();
        for (key, value) in [
            (&b"ACTION"[..], b"change".as_slice()), (b"DEVPATH", b"/devices/x"), (b"SUBSYSTEM", &subsystem),
            (b"DEVTYPE", &devtype), (b"TAGS", &tags),
        ] {
            vars.push(key, value);
        }
        for (key, value) in more {
            vars.push(&[b'K', b'0' + key], &value);
        }
        let message = UdevMessage {
            action: Action::Change,
            devpath: Devpath::parse(b"/devices/x").unwrap(),
            vars,
        };
        prop_assert_eq!(UdevMessage::parse(&message.to_bytes()), Ok(message));
    }
}
