//! Whether what was asked had to do with everything that could go wrong.

use crate::compare::Judge;
use crate::sample::{Sample, share};
use crate::{CHECKED_STORE, Identity};

/// How many are needed of what there are to be at least `all`.
pub fn enough(all: usize) -> usize {
    if share() == 1 { all } else { 3 }
}

/// The kernel's version.
fn kernel() -> (u32, u32) {
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").expect("a release");
    let mut parts = release.split(['.', '-']).map(|p| p.trim().parse());
    match (parts.next(), parts.next()) {
        (Some(Ok(major)), Some(Ok(minor))) => (major, minor),
        _ => panic!("{release:?} is no release"),
    }
}

/// What was asked had to do with everything that could go wrong.
pub fn not_vacuous(
    identity: &Identity,
    judge: &Judge,
    sample: &Sample,
    granted: &str,
    not_granted: &str,
) {
    let name = identity.name;
    let got = |path: &str, request: &str| judge.got(path, request);
    let native = |path: &str, request: &str| judge.native(path, request);
    let sizes = (sample.all.len(), sample.some.len());
    println!("{name}: {sizes:?} files");
    assert!(
        sizes.0 > 250 / share() && sizes.1 > 2000 / share(),
        "{name}: {sizes:?}"
    );

    // 64 bytes of PCI configuration are for everybody, the rest for CAP_SYS_ADMIN: this test has it
    assert!(!sample.pci.is_empty(), "no PCI device");
    for path in &sample.pci {
        let mighty = std::fs::read(format!("/sys{path}")).expect("PCI configuration");
        assert!(mighty.len() > 64, "{path}: {} bytes", mighty.len());
        for answers in [got(path, "read 0"), native(path, "read 0")] {
            let length = answers.strip_prefix("ok ").unwrap_or_default().chars();
            assert_eq!(length.count(), 64, "{name}: {path}");
        }
        assert_eq!(got(path, "read 64"), "ok ", "{name}: {path}");
    }

    // second opens of text are the kernel's (since 6.9), which natively cannot map it either
    let by_kernel = sample.text.iter();
    let by_kernel = by_kernel
        .filter(|p| got(p, "map private") == "ENODEV")
        .count();
    let is_right = match kernel() >= (6, 9) {
        true => by_kernel >= enough(6),
        false => by_kernel == 0,
    };
    assert!(is_right, "{name}: the kernel read {by_kernel} files");

    // files that only root may read: there they are, and they are read by root alone
    let secrets = sample.secret.iter().map(|p| got(p, "read 0"));
    let (read, refused): (Vec<_>, Vec<_>) = secrets.partition(|a| a.starts_with("ok"));
    let is_root = !identity.userns && identity.becomes != "uid=1000";
    match is_root {
        true => assert!(read.len() >= enough(11), "{name}: {} of 0400", read.len()),
        false => assert!(
            read.is_empty() && refused.len() >= enough(11),
            "{name}: {read:?}, {refused:?}"
        ),
    }

    // a driver that asks who writes: natively it may be opened by root, and refuses
    let mtu = std::fs::read_to_string("/sys/class/net/lo/mtu").expect("mtu of lo");
    std::fs::write("/sys/class/net/lo/mtu", mtu.trim()).expect("mtu, by real root");
    let refusal = if is_root { "EPERM" } else { "EACCES" };
    if !identity.userns {
        assert_eq!(native(CHECKED_STORE, "write"), refusal, "{name}");
    }
    assert_eq!(got(CHECKED_STORE, "write"), "EACCES", "{name}");
    assert_eq!(got(not_granted, "write"), "EACCES", "{name}");
    let may_write = identity.becomes != "uid=1000";
    let expected = if may_write { "ok 2" } else { "EACCES" };
    assert_eq!(got(granted, "write"), expected, "{name}");
}
