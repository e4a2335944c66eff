//! What the container was given, refused and taken, and why: a line each, for the log.
//!
//! Lines are made under the scene's lock, where the reasons are, and said after it is released. What comes from devices in
//! them is their paths, which are printed with everything escaped that could end a line.

use kobject::Devpath;
use policy::{Shown, Sight, ViewChange};
use viewfs::Scene;

/// What these lines go to the log as: `RUST_LOG=audit=info` shows them, and nothing else.
const TARGET: &str = "audit";

/// Whether anybody wants them.
pub(crate) fn is_wanted() -> bool {
    log::log_enabled!(target: TARGET, log::Level::Info)
}

/// Say them.
pub(crate) fn say(lines: impl IntoIterator<Item = String>) {
    for line in lines {
        log::info!(target: TARGET, "{line}");
    }
}

/// A line for each device with a number that comes, goes or is given otherwise, revocations first.
pub(crate) fn of_change(scene: &Scene, change: &ViewChange) -> Vec<String> {
    if !is_wanted() {
        return Vec::new();
    }
    let line = |what: &str, shown: &Shown, how: String| {
        let (devnum, devpath) = (shown.devnum?, &shown.devpath);
        let why = why(scene, devpath);
        Some(format!("{what} {devnum} {how} {devpath}: {why}"))
    };
    let vanished = change.vanished.iter();
    let appeared = change.appeared.iter();
    let altered = change.altered.iter().filter(|(before, after)| {
        let given = |shown: &Shown| {
            let Shown {
                mode,
                uid,
                gid,
                on_revoke,
                ..
            } = shown.clone();
            (mode, uid, gid, on_revoke)
        };
        !before.opens_as(after) || given(before) != given(after)
    });
    let how = |before: &Shown, after: &Shown| match before.show == after.show {
        true => after.show.to_string(),
        false => format!("{} to {}", before.show, after.show),
    };
    vanished
        .filter_map(|shown| line("revoke", shown, shown.show.to_string()))
        .chain(altered.filter_map(|(before, after)| line("change", after, how(before, after))))
        .chain(appeared.filter_map(|shown| line("grant", shown, shown.show.to_string())))
        .collect()
}

/// A line for a device with a number that has come, or of which something was said, and that does not show.
pub(crate) fn refusal(scene: &Scene, devpath: &Devpath) -> Option<String> {
    if !is_wanted() || matches!(scene.view.sight(devpath), Some(Sight::Rw | Sight::Ro)) {
        return None;
    }
    let devnum = scene.table.get(devpath)?.device.devnum()?;
    let why = why(scene, devpath);
    Some(format!("refuse {devnum} {devpath}: {why}"))
}

fn why(scene: &Scene, devpath: &Devpath) -> String {
    match scene.view.decision(&scene.table, devpath) {
        Some(decision) => decision.reason.to_string(),
        None => "it is gone".into(),
    }
}
