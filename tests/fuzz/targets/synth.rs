//! Writes to a `uevent` file: what is taken makes an event that a monitor can read and that fits the
//! kernel's buffer.
#![no_main]

use kobject::{Device, Devpath, Properties, Uevent, synth};
use libfuzzer_sys::fuzz_target;

/// `UEVENT_NUM_ENVP` and `UEVENT_BUFFER_SIZE` of include/linux/kobject.h.
const MOST_VARS: usize = 64;
const MOST_BYTES: usize = 2048;

fuzz_target!(|data: &[u8]| {
    let parsed = match synth::parse(data) {
        Ok(parsed) => parsed,
        Err(e) => {
            assert!([12, 22].contains(&e.errno()));
            return;
        }
    };
    let Some(synthetic) = parsed else {
        assert!(data.is_empty());
        return;
    };
    // nothing but letters (Latin-1's too, to the kernel) and digits gets through, whatever was written
    assert!(synthetic.uuid.iter().all(|uuid| uuid.len() == 36));
    assert!(synthetic.uuid.is_some() || synthetic.args.is_empty());
    for word in synthetic.args.iter().flat_map(|(key, value)| [key, value]) {
        assert!(
            !word.is_empty()
                && word
                    .iter()
                    .all(|byte| byte.is_ascii_alphanumeric() || *byte >= 0xc0)
        );
    }
    let Ok(event) = synthetic.uevent(&device()) else {
        return;
    };
    assert_eq!(event.action, synthetic.action);
    assert!(event.vars.len() < MOST_VARS);
    assert!(
        event
            .vars
            .iter()
            .map(|(key, value)| key.len() + value.len() + 2)
            .sum::<usize>()
            <= MOST_BYTES
    );
    assert!(event.seqnum().is_none());
    let read = Uevent::parse(&event.to_bytes()).expect("the event that is sent parses");
    assert_eq!(read, event);
});

fn device() -> Device {
    let devpath = Devpath::parse(b"/devices/virtual/block/loop3").expect("a devpath");
    let mut device = Device::new(devpath);
    device.subsystem = Some("block".into());
    let text = b"MAJOR=7\nMINOR=3\nDEVNAME=loop3\nDEVTYPE=disk\nMODALIAS=none\n";
    device.properties = Properties::parse_lines(text);
    device
}
