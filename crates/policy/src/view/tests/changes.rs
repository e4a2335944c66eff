//! What a view says that has changed.

use super::*;

#[test]
fn a_change_tells_what_came_and_went() {
    let mut table = table(&PAD);
    let mut view = view(
        "      - { match: { subsystem: input, property: { NAME: pad } }, show: ro }\n      - { match: { subsystem: input }, show: rw }\n",
        &table,
    );
    let event = path(&format!("{INPUT}/event3"));
    // Another number under the same name.
    table.insert(facts(&format!(
        "{event} input MAJOR=13 MINOR=68 DEVNAME=input/event3"
    )));
    let change = view.refresh(&table, &event);
    let [(before, after)] = &change.altered[..] else {
        panic!("{change:?}")
    };
    assert_eq!(
        (before.devnum.unwrap().minor, after.devnum.unwrap().minor),
        (67, 68)
    );
    assert_eq!(
        change.paths,
        [
            "/class/input/event3",
            "/bus/input/devices/event3",
            "/dev/char/13:67",
            "/dev/char/13:68",
            &event.to_string()
        ]
        .map(Bytes::from)
        .into_iter()
        .collect::<BTreeSet<_>>()
        .into_iter()
        .collect::<Vec<_>>()
    );
    // Another answer for a device above.
    table.insert(facts(&format!("{INPUT} input NAME=pad")));
    let change = view.refresh(&table, &path(INPUT));
    assert_eq!(
        change
            .altered
            .iter()
            .map(|(before, after)| (before.show, after.show))
            .collect::<Vec<_>>(),
        [(Show::Rw, Show::Ro); 2]
    );
    // Gone, from the bottom.
    table.remove(&event);
    let change = view.refresh(&table, &event);
    assert_eq!(
        change
            .vanished
            .iter()
            .map(|shown| &shown.devpath)
            .collect::<Vec<_>>(),
        [&event]
    );
    table.remove(&path(INPUT));
    let change = view.refresh(&table, &path(INPUT));
    assert_eq!(change.vanished.len(), 1);
    // With it the directories on its way.
    for gone in [
        "/devices/pci0",
        "/devices/pci0/usb1/1:1.0/input",
        "/bus/usb/devices/1:1.0",
    ] {
        assert!(
            change.paths.iter().any(|path| path == gone),
            "{gone} in {:?}",
            change.paths
        );
    }
    assert_eq!(view.shown().count(), 0);
    assert_eq!(view.sight(&path("/devices/pci0")), None);
}

#[test]
fn a_hidden_device_comes_and_goes_in_silence() {
    let mut table = table(&PAD);
    let mut view = view(
        "      - { match: { subsystem: input }, show: rw }\n",
        &table,
    );
    let hidden = path("/devices/pci0/usb1/1:1.1");
    table.insert(facts("/devices/pci0/usb1/1:1.1 usb driver=usbhid"));
    assert!(view.refresh(&table, &hidden).is_empty());
    assert_eq!(at(&view, &table, "/devices/pci0/usb1/1:1.1"), "");
    table.remove(&hidden);
    assert!(view.refresh(&table, &hidden).is_empty());
}

#[test]
fn udevs_answer_shows_what_waited() {
    let mut table = table(&["/devices/a input DEVNAME=a ?"]);
    let mut view = view(
        "      - { match: { property: { ID_PAD: '1' } }, show: rw }\n",
        &table,
    );
    assert_eq!(view.waiting().count(), 1);
    let mut facts = facts("/devices/a input DEVNAME=a");
    facts.udev = crate::Udev::Known(Properties::from_iter([("ID_PAD", "1")]).into());
    table.insert(facts);
    let change = view.refresh(&table, &path("/devices/a"));
    assert_eq!((change.appeared.len(), view.waiting().count()), (1, 0));
}

#[test]
fn another_policy_is_one_change() {
    let table = table(&PAD);
    let mut view = view(
        "      - { match: { subsystem: input }, show: rw }\n",
        &table,
    );
    let all = crate::Rules::builtin("all").unwrap().policy("all").unwrap();
    let change = view.set_policy(all, &table);
    assert_eq!(
        (
            change.appeared.len(),
            change.vanished.len(),
            change.altered.len()
        ),
        (3, 0, 0)
    );
    assert_eq!(view.policy().name(), "all");
    assert!(view.refresh_all(&table).is_empty());
}

#[test]
fn what_shows_below_a_device_is_found_by_its_place() {
    let table = table(&PAD);
    let view = view(
        "      - { match: { subsystem: input }, show: rw }\n",
        &table,
    );
    let below = |top: &str| view.shown_below(&path(top)).count();
    assert_eq!(below("/devices/pci0"), 2);
    assert_eq!(below(INPUT), 2);
    assert_eq!(below(&format!("{INPUT}/event3")), 1);
    assert_eq!(below("/devices/pci"), 0);
}
