//! Datagrams of udev's: header fields that lie never lead outside the datagram.
#![no_main]

use kobject::{Devpath, UdevMessage};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Ok(message) = UdevMessage::parse(data) else {
        return;
    };
    assert_eq!(
        message.get(b"ACTION"),
        Some(message.action.as_str().as_bytes())
    );
    assert_eq!(message.get(b"DEVPATH"), Some(message.devpath.as_bytes()));
    assert!(Devpath::parse(message.devpath.as_bytes()).is_ok());
    // every byte of a variable is a byte of the datagram, and no string has a NUL in it
    let held: usize = message
        .vars
        .iter()
        .map(|(key, value)| key.len() + value.len() + 2)
        .sum();
    assert!(held <= data.len());
    assert!(
        message
            .vars
            .iter()
            .all(|(key, value)| !key.contains(&0) && !value.contains(&0))
    );
});
