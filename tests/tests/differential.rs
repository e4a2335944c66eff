//! Never more than native (requirements 1 and 9 of the security document): everything that can be asked
//! of a file is asked in a container and of a sysfs of the same network namespace, with the same
//! credentials, and what succeeds inside succeeds natively, with the same bytes or fewer.
//!
//! Defences: reads run as the caller and without capabilities (`assume` in viewfs::pool); the kernel reads
//! by itself only text that anybody may read (`same_for_all` in viewfs::filter); files are opened for
//! writing only where a rule says so (`open_write` there); the kernel checks modes (`default_permissions`).
//! `differential_wrong.rs` shows that the comparison finds servers that lack them.
//!
//! Loop devices 840 to 849 are this file's.

#[path = "../attacks/mod.rs"]
mod attacks;
#[path = "differential/compare.rs"]
mod compare;
#[path = "differential/reviewed.rs"]
mod reviewed;
#[path = "differential/sample.rs"]
mod sample;
#[path = "differential/vacuity.rs"]
mod vacuity;

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;
use std::sync::{Mutex, OnceLock};

use compare::{Judge, script};
use sample::{Sample, every, share};
use serde_json::json;
use tests::probe::{How, Probe, answers};
use tests::{Container, Loop, inside};
use vacuity::{enough, not_vacuous};

/// Somebody in a container.
struct Identity {
    name: &'static str,
    userns: bool,
    /// What becomes of the container's root, for the script.
    becomes: &'static str,
}

const IDENTITIES: [Identity; 6] = [
    Identity {
        name: "container's root",
        userns: false,
        becomes: "",
    },
    Identity {
        name: "root of a user namespace",
        userns: true,
        becomes: "",
    },
    Identity {
        name: "uid 1000",
        userns: false,
        becomes: "uid=1000",
    },
    Identity {
        name: "root without capabilities",
        userns: false,
        becomes: "bare=True",
    },
    Identity {
        name: "root of a user namespace inside",
        userns: false,
        becomes: "nest=True",
    },
    Identity {
        name: "root of a user namespace in a user namespace",
        userns: true,
        becomes: "nest=True",
    },
];

/// Whose driver asks for CAP_NET_ADMIN when it is written to (`netdev_store`, net/core/net-sysfs.c).
const CHECKED_STORE: &str = "/devices/virtual/net/lo/mtu";
const GRANTED: &str = "queue/read_ahead_kb";
const NOT_GRANTED: &str = "queue/nomerges";

#[test]
fn nobody_gets_more_than_native() {
    let _pointers = compare::Restricted::pointers();
    let used = Mutex::new(BTreeSet::new());
    let next = Mutex::new(IDENTITIES.iter().enumerate());
    std::thread::scope(|scope| {
        // the machine's cores are few, and a probe waits half of the time
        for _ in 0..(if share() > 1 { 2 } else { 3 }) {
            scope.spawn(|| {
                loop {
                    let Some((turn, identity)) = next.lock().expect("identities").next() else {
                        return;
                    };
                    let judge = compare_as(identity, turn);
                    used.lock().expect("reviews").extend(judge.used);
                }
            });
        }
    });
    let used = used.into_inner().expect("reviews");
    let idle: Vec<&str> = reviewed::always().filter(|r| !used.contains(r)).collect();
    println!("{} of the reviews were needed, not {idle:?}", used.len());
    // a part of the files has a part of the differences
    assert!(
        idle.is_empty() || share() > 1,
        "no difference is any more: {idle:#?}"
    );
}

/// Everything, as one identity; `turn` says which part of what there is too much of.
fn compare_as(identity: &Identity, turn: usize) -> Judge {
    let device = Loop::add(840 + turn as u32);
    let rules = format!(
        "version: 1\npolicies:\n  test:\n    base: [all]\n    rules:\n      - match: {{ subsystem: block, devname: {} }}\n        \
         show: rw\n        sysfs: {{ write: [{GRANTED}] }}\n",
        device.name()
    );
    let container = Container::new().rules(&rules);
    let container = match identity.userns {
        true => container.userns(),
        false => container,
    };
    let scratch = |file: &str| format!("{}/{file}", device.devpath());
    let (granted, not_granted) = (scratch(GRANTED), scratch(NOT_GRANTED));
    let written = BTreeMap::from([
        (granted.clone(), "64"),
        (not_granted.clone(), "1"),
        (CHECKED_STORE.into(), "65536"),
    ]);
    let mut view = Probe::inside(&container, &script("/sys", identity.becomes, &written));
    let of_native = script("/mnt/sys", identity.becomes, &written);
    let mut native = Probe::native(&view, identity.userns, &of_native);
    assert_eq!(
        native.who, view.who,
        "{}: credentials differ, the comparison proves nothing",
        identity.name
    );
    let mut judge = Judge::new(identity.name, &[&granted]);
    let sample = Sample::of(&walk(&mut native), written.keys(), turn, IDENTITIES.len());
    let sample = sample.thin(written.keys(), turn, share());
    judge.compare(&mut native, &mut view, &sample.all, How::All);
    judge.compare(&mut native, &mut view, &sample.some, How::Some);

    judge.verdict();
    not_vacuous(identity, &judge, &sample, &granted, &not_granted);
    orders(&mut judge, &mut native, &mut view, &sample);
    judge.verdict();
    judge
}

/// Every file. Where a part of them is enough, what the first one found is: they differ in a loop device.
fn walk(native: &mut Probe) -> Vec<(String, u32, u64)> {
    static FOUND: OnceLock<Vec<(String, u32, u64)>> = OnceLock::new();
    match share() {
        1 => native.walk(),
        _ => FOUND.get_or_init(|| native.walk()).clone(),
    }
}

/// Real root has a file open in the container before, after and while it is asked for.
fn orders(judge: &mut Judge, native: &mut Probe, view: &mut Probe, sample: &Sample) {
    let root = {
        let mut command = Command::new("nsenter");
        let pid = view.first_process().to_string();
        let script = script("/sys", "", &BTreeMap::new());
        command.args(["-t", &pid, "-m", "-p", inside::PYTHON, "-c", &script]);
        command
    };
    let mut root = Probe::of(root);
    let secrets = sample.secret.iter().take(enough(8));
    let text = sample.text.iter().take(enough(12));
    let paths: BTreeSet<String> = sample
        .pci
        .iter()
        .chain(secrets)
        .chain(text)
        .cloned()
        .collect();
    let hold = json!({ "hold": paths });

    // first, and second opens are the kernel's by then
    let held = answers(root.order(&hold));
    let opened = held.values().filter(|a| a["held"].starts_with("ok"));
    assert!(opened.count() > paths.len() / 2, "{held:?}");
    judge.compare(native, view, &paths, How::All);
    root.order(&json!({"release": true}));

    // last: what was open before does not change
    native.order(&hold);
    view.order(&hold);
    root.order(&hold);
    judge.compare_with(&paths, |_| {
        let again = json!({"again": true});
        let before = answers(native.order(&again));
        let view = answers(view.order(&again));
        (before, view, answers(native.order(&again)))
    });
    for probe in [&mut *native, &mut *view, &mut root] {
        probe.order(&json!({"release": true}));
    }

    // at the same time
    root.begin(&json!({ "churn": paths }));
    root.expect("churning");
    judge.compare(native, view, &paths, How::Some);
    root.begin(&json!({"release": true}));
    let rounds = root.answer();
    assert!(rounds.as_u64() > Some(0), "real root opened nothing");
    root.answer();
}

/// Attributes that print pointers only for CAP_SYSLOG (`%pK`, Documentation/core-api/printk-formats.rst):
/// whatever differs for it is compared; if nothing does, this machine has none.
#[test]
fn pointers_are_hidden_as_natively() {
    let _pointers = compare::Restricted::pointers();
    let container = Container::new().policy("builtin:all");
    let none = BTreeMap::new();
    let mut view = Probe::inside(&container, &script("/sys", "bare=True", &none));
    let mut native = Probe::native(&view, false, &script("/mnt/sys", "bare=True", &none));
    let mighty = format!(
        "mount -t tmpfs -o mode=755 tmpfs /mnt && mkdir /mnt/sys && mount -t sysfs sysfs /mnt/sys && \
         exec nsenter -t {} -n {} -c \"$0\"",
        view.first_process(),
        inside::PYTHON
    );
    let mut command = Command::new("unshare");
    command.args(["-m", "sh", "-euc", &mighty, &script("/mnt/sys", "", &none)]);
    let mut mighty = Probe::of(command);

    // the search finds what there is outside sysfs
    let control = "/../../proc/kallsyms".to_string();
    let mut files: BTreeSet<String> = native
        .walk()
        .into_iter()
        .filter(|(_, mode, _)| mode & 0o170_400 == 0o100_400)
        .map(|(path, ..)| path)
        .collect();
    files = every(&files, 0, share());
    files.insert(control.clone());
    let hidden = "0000000000000000";
    let (all, some) = (mighty.ask(&files, How::Some), native.ask(&files, How::Some));
    let mut pointers: BTreeSet<String> = files
        .into_iter()
        .filter(|path| {
            let read = |of: &tests::probe::Answers| of.get(path)?.get("read 0").cloned();
            match (read(&all), read(&some)) {
                (Some(all), Some(some)) => {
                    all.matches(hidden).count() < some.matches(hidden).count()
                }
                _ => false,
            }
        })
        .collect();
    assert!(pointers.remove(&control), "the search finds no pointer");
    println!("attributes with %pK: {pointers:?}");
    let mut judge = Judge::new("root without capabilities", &[]);
    judge.compare(&mut native, &mut view, &pointers, How::All);
    judge.verdict();
}
