//! What is looked at.

mod cgroups;

use std::io::Read;
use std::os::fd::AsFd;
use std::path::Path;

use host::monitor::Message;
use host::{Injector, Monitor, Sysfs, udevdb};
use kobject::Uevent;
use sys::mount::Attrs;
use sys::namespace::{self, IdMap};

use super::{Finding, State};

/// Every finding, in the order in which things depend on each other.
pub fn all() -> Vec<Finding> {
    let capabilities = capabilities();
    let can_try = capabilities.state == State::Ok;
    let mut all = vec![kernel(), capabilities];
    if can_try {
        let fuse = fuse_flags();
        all.push(fuse_device(&fuse));
        all.push(passthrough(&fuse));
        all.push(user_namespaces());
        all.push(quiet_namespace());
        all.extend(cgroups::both());
    } else {
        all.push(not_tried());
    }
    all.extend([seccomp(), statfs(), udev(), loop_devices()]);
    all
}

fn finding(
    name: &'static str,
    good: Result<String, (State, String)>,
    means: &'static str,
    without: &'static str,
    mend: &'static str,
) -> Finding {
    match good {
        Ok(found) => Finding {
            name,
            state: State::Ok,
            found,
            means,
            mend: None,
        },
        Err((state, found)) => Finding {
            name,
            state,
            found,
            means: without,
            mend: Some(mend),
        },
    }
}

fn missing(why: impl ToString) -> (State, String) {
    (State::Missing, why.to_string())
}

/// A 'no' to somebody without privileges would say nothing of the host.
fn not_tried() -> Finding {
    finding(
        "FUSE, namespaces, ..",
        Err((State::Missing, "not tried".into())),
        "",
        "what they would say without privileges is not what the host can do",
        "run `devns doctor` again as root",
    )
}

fn kernel_release() -> String {
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    release.trim().to_string()
}

fn kernel_version() -> (u32, u32) {
    let release = kernel_release();
    let mut numbers = release
        .split(['.', '-'])
        .map(|n| n.parse::<u32>().unwrap_or(0));
    (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0))
}

fn kernel() -> Finding {
    let release = kernel_release();
    finding(
        "kernel",
        // mount_setattr(2) is the youngest call that is needed
        if kernel_version() >= (5, 12) {
            Ok(format!("Linux {release}"))
        } else {
            Err(missing(format!("Linux {release}")))
        },
        "it has the calls that are needed",
        "mount_setattr(2) came with 5.12",
        "install a newer kernel",
    )
}

fn capabilities() -> Finding {
    let needed = [
        "SYS_ADMIN",
        "NET_ADMIN",
        "SETUID",
        "SETGID",
        "SETPCAP",
        "DAC_OVERRIDE",
        "SETFCAP",
    ];
    let have = sys::caps::get()
        .map(|(effective, _)| effective)
        .unwrap_or_default();
    let lacking: Vec<&str> = needed.into_iter().filter(|c| !have.has(c)).collect();
    let root = nix::unistd::geteuid().is_root();
    finding(
        "capabilities",
        match (root, lacking.is_empty()) {
            (true, true) => Ok("root with all that are needed".into()),
            (false, _) => Err(missing("not root")),
            (true, false) => Err(missing(format!("root without {}", lacking.join(" ")))),
        },
        "mounts, namespaces and events can be made",
        "mounts, namespaces and events need them",
        "run it with sudo, on the host rather than in a container",
    )
}

/// The flags of the INIT request of a mount made for this: what this kernel's FUSE can.
fn fuse_flags() -> sys::Result<u64> {
    use sys::Context;
    let (fuse, _mount) = sys::mount::fuse("devns-doctor", "devns", Attrs::NODEV)?;
    let mut request = vec![0u8; 64 << 10];
    let n = std::fs::File::from(fuse)
        .read(&mut request)
        .call(|| "read(/dev/fuse)".into())?;
    // struct fuse_in_header, then struct fuse_init_in: major, minor, max_readahead, flags, flags2
    let word = |at: usize| -> u64 {
        let bytes = request
            .get(40 + at..40 + at + 4)
            .filter(|_| n >= 40 + at + 4);
        bytes.map_or(0, |b| {
            u64::from(u32::from_ne_bytes([b[0], b[1], b[2], b[3]]))
        })
    };
    Ok(word(12) | word(16) << 32)
}

fn fuse_device(flags: &sys::Result<u64>) -> Finding {
    finding(
        "/dev/fuse",
        flags
            .as_ref()
            .map(|_| "a mount was made".into())
            .map_err(missing),
        "/sys and /dev can be served",
        "/sys and /dev cannot be served",
        "load the module with `modprobe fuse`, or give this machine /dev/fuse",
    )
}

fn passthrough(flags: &sys::Result<u64>) -> Finding {
    const FUSE_PASSTHROUGH: u64 = 1 << 37;
    let has = flags.as_ref().is_ok_and(|f| f & FUSE_PASSTHROUGH != 0);
    finding(
        "FUSE passthrough",
        if has {
            Ok("the kernel has it".into())
        } else {
            Err((State::Without, "the kernel has none".into()))
        },
        "not used yet: every read of an attribute is served",
        "every read of an attribute is served: slower, otherwise the same",
        "a kernel from 6.9 on has it",
    )
}

fn user_namespaces() -> Finding {
    let map = IdMap {
        outside: 100_000,
        count: 65_536,
    };
    finding(
        "user namespaces",
        namespace::make(map, false)
            .map(|_| "one was made".into())
            .map_err(missing),
        "--userns works, and device events can be kept apart",
        "neither --userns nor a network namespace without the host's events can be made",
        "see user.max_user_namespaces and kernel.unprivileged_userns_clone in sysctl(8)",
    )
}

/// Send an event into a namespace as `devns run` does, and hear it.
fn quiet_namespace() -> Finding {
    let try_it = || -> sys::Result<bool> {
        let made = namespace::make(IdMap::IDENTITY, true)?;
        let Some(net) = made.net else {
            return Ok(false);
        };
        Sysfs::mount(Some(net.as_fd()))?;
        let monitor = Monitor::open(Some(net.as_fd()), false, 1 << 16)?;
        let event = Uevent::parse(b"change@/devices/devns-doctor\0ACTION=change\0DEVPATH=/devices/devns-doctor\0SUBSYSTEM=none\0");
        if let Ok(event) = event {
            Injector::new(net.as_fd(), 0, 0)?.send(&event)?;
        }
        Ok(matches!(monitor.receive()?, Some(Message::Kernel(_))))
    };
    finding(
        "device events",
        match try_it() {
            Ok(true) => Ok("one was delivered into a network namespace".into()),
            Ok(false) => Err(missing(
                "one that was sent into a network namespace did not arrive",
            )),
            Err(e) => Err(missing(e)),
        },
        "a container hears of its devices alone",
        "a container cannot be told of its devices",
        "a kernel from 4.18 on with network namespaces, not in a container",
    )
}

fn seccomp() -> Finding {
    let actions =
        std::fs::read_to_string("/proc/sys/kernel/seccomp/actions_avail").unwrap_or_default();
    finding(
        "seccomp",
        if actions.contains("errno") {
            Ok("filters work".into())
        } else {
            Err(missing("the kernel has no filters"))
        },
        "calls that would leave the container can be refused",
        "calls that would leave the container cannot be refused",
        "a kernel with CONFIG_SECCOMP_FILTER",
    )
}

/// The flag that is needed is younger than asking as such; nothing in /proc tells of it.
fn statfs() -> Finding {
    let actions =
        std::fs::read_to_string("/proc/sys/kernel/seccomp/actions_avail").unwrap_or_default();
    let fits = actions.contains("user_notif") && kernel_version() >= (5, 19);
    finding(
        "statfs",
        if fits {
            Ok("filters can ask".into())
        } else {
            Err((State::Without, "filters cannot ask".into()))
        },
        "statfs(2) says that /sys is a sysfs, as libudev and libusb want it",
        "libudev finds devices only where SYSTEMD_DEVICE_VERIFY_SYSFS=0 is set, libusb none",
        "a kernel from 5.19 on has it",
    )
}

fn udev() -> Finding {
    let present = udevdb::present(Path::new("/run"));
    finding(
        "udev",
        match present {
            true => Ok("the host has it".into()),
            false => Err((State::Without, "the host has none".into())),
        },
        "rules can match what it finds out (`property: { ID_MODEL: ... }`)",
        "rules match what the kernel says alone; `property: { ID_... }` matches nothing",
        "start systemd-udevd if rules need what it finds out",
    )
}

fn loop_devices() -> Finding {
    let there = Path::new("/dev/loop-control").exists();
    finding(
        "loop devices",
        if there {
            Ok("/dev/loop-control is there".into())
        } else {
            Err((State::Without, "there are none".into()))
        },
        "`devns demo` can plug some",
        "`devns demo` has nothing to plug",
        "load the module with `modprobe loop`",
    )
}
