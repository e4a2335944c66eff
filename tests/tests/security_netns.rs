//! The user namespace that owns a quiet network namespace belongs to nobody inside
//! (requirement 2): who has its owner's euid has every capability in it, and from there in the
//! network namespace: CAP_NET_ADMIN, and with CAP_SYS_ADMIN a sysfs of its own.

#[path = "../attacks/mod.rs"]
mod attacks;

use attacks::{Attempts, both};
use tests::Container;

fn body(caps: &str) -> String {
    format!("CAPS = {caps}\n{}", include_str!("../attacks/netns.py"))
}

#[track_caller]
fn nobody_gets_in(name: &str, container: &Container, caps: &str) {
    let all = Attempts::inside(container, &body(caps));
    // with a user namespace of its own the container is in the owner already: EINVAL, and there it
    // has what it was given
    let join = if name == "userns" { "EINVAL" } else { "EPERM" };
    all.are(&[
        ("owner's namespace", "ok"),
        ("join", join),
        ("veth", "EPERM"),
        ("int80", "ok"),
    ]);
    // in a user namespace the owner's uid is not even mapped: EINVAL where the filter would say
    // EPERM; a kernel without x32 says ENOSYS where the filter lets it through
    for call in ["set", "x32 set", "int80 set"] {
        all.all(call, &["EPERM", "EINVAL", "ENOSYS"]);
    }
    let uid = all.get("a file of the owner");
    assert!(!uid.contains("4293918720"), "{name}: {}", all.output);
    let nested = all.get("nested");
    assert!(
        !nested.contains("join ok") && !nested.contains("veth ok"),
        "{name}: {}",
        all.output
    );
}

/// Defences: `become_thread(OWNER_UID, ..)` in sys::namespace::make (without it euid 0 owns the
/// namespace: "join" and "veth" succeed), and the capabilities that are left out.
#[test]
fn root_without_any_capability_owns_nothing() {
    for (name, container) in both() {
        nobody_gets_in(name, &container, "0");
    }
}

/// Defence: `deny_uid(OWNER_UID)` in the filter of run/stage.rs (without it `setuid` and the
/// others, CAP_SETUID being there, give "OWNER, join ok, veth ok"), for every ABI of the kernel.
#[test]
fn root_with_the_default_capabilities_cannot_become_the_owner() {
    for (name, container) in both() {
        nobody_gets_in(name, &container, "None");
    }
}

/// The map of a nested namespace may name the owner's uid, and a process in there be it: it is not
/// in the parent of what it would own any more. Against vacuity: the map was taken.
#[test]
fn the_owner_of_a_nested_namespace_owns_nothing_above_it() {
    let all = Attempts::inside(&Container::new(), &body("None"));
    let nested = all.get("nested");
    assert_eq!(
        nested, "ok map ok, uid 0, join EPERM, veth EPERM",
        "{}",
        all.output
    );
}

/// What is asked for does work: the defences above do not rest on a namespace that is useless.
#[test]
fn real_capabilities_work_in_it() {
    for (name, container) in both() {
        let all = Attempts::inside(&container.args(["--cap-add", "NET_ADMIN"]), &body("None"));
        assert_eq!(all.get("veth"), "ok", "{name}: {}", all.output);
    }
}
