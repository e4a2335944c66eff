//! Files of udev's database: lines that lie are left out, and no link leads out of /dev.
#![no_main]

use fuzz::device;
use host::udevdb;
use kobject::Devname;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let device = device(
        "/devices/virtual/block/loop3",
        "block",
        "MAJOR=7\nMINOR=3\n",
    );
    let said = udevdb::parse(data, &device);
    let lines = || data.split(|byte| *byte == b'\n');
    for link in &said.links {
        assert!(Devname::parse(link.as_bytes()).is_ok());
        let line = [b"S:", link.as_bytes()].concat();
        assert!(lines().any(|other| other == line), "nobody said {link}");
    }
    for (key, value) in said.properties.iter() {
        let mut said = vec![[b"E:", key, b"=", value].concat()];
        if key == b"USEC_INITIALIZED" {
            said.push([b"I:", value].concat());
        }
        assert!(
            lines().any(|other| said.iter().any(|line| line == other)),
            "nobody said {key:?}={value:?}"
        );
    }
    // of two kinds of lines for tags only one counts
    let kind = match lines().any(|line| line == b"V:1") {
        true => b"Q:",
        false => b"G:",
    };
    for tag in &said.tags {
        let line = [kind, tag.as_slice()].concat();
        assert!(lines().any(|other| other == line), "nobody said {tag:?}");
    }
});
