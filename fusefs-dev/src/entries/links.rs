//! The links to nodes: those of rules, then those of the host's udev.

use std::cmp::Reverse;

use bstr::{BStr, BString, ByteSlice};
use kobject::Devname;
use policy::Shown;

use super::place::{Refused, place};
use super::{Entries, Item, Owners, Refusal, path_of};

/// Add the links of `shown` whose nodes are there.
pub(super) fn add(
    entries: &mut Entries,
    shown: &[&Shown],
    owners: &Owners,
    refused: &mut Vec<Refusal>,
) {
    // what lost its name to another has no node that a link could lead to
    let with_node: Vec<(&Shown, BString)> = shown
        .iter()
        .filter_map(|shown| {
            let path = path_of(shown)?;
            let is_its_own = matches!(
                entries.get(&path), Some(Item::Node { devpath, .. }) if *devpath == shown.devpath
            );
            is_its_own.then_some((*shown, path))
        })
        .collect();
    for (shown, _) in &with_node {
        for no_link in &shown.no_links {
            owners.told.debug(format!("{}: {no_link}", shown.devpath));
        }
    }
    let mut of_rules: Vec<&(&Shown, BString)> = with_node.iter().collect();
    of_rules.sort_by_key(|(shown, _)| (shown.order, shown.arrival));
    for (shown, node) in of_rules {
        for link in &shown.links {
            refused.extend(add_one(entries, shown, node, link));
        }
    }
    let mut of_udev: Vec<&(&Shown, BString)> = with_node.iter().collect();
    of_udev.sort_by_key(|(shown, _)| (Reverse(shown.link_priority), shown.arrival));
    for (shown, node) in of_udev {
        for link in &shown.host_links {
            refused.extend(add_one(entries, shown, node, link));
        }
    }
}

fn add_one(
    entries: &mut Entries,
    shown: &Shown,
    node: &BString,
    link: &Devname,
) -> Option<Refusal> {
    let path = BString::from([b"/", link.as_bytes()].concat());
    let item = Item::Link {
        target: relative(path.as_ref(), node.as_ref()),
        of: Some(shown.devpath.clone()),
        arrival: shown.arrival,
    };
    match place(entries, path.clone(), item) {
        Ok(()) => None,
        // its own node, or the same link of a rule: what is asked for is there
        Err(Refused::Taken(by)) if by == shown.devpath => None,
        Err(why) => Some(Refusal::new(shown, path, true, why)),
    }
}

/// The way from the directory of `link` to `node`, both paths below /dev (`path_make_relative_parent`,
/// src/basic/path-util.c of systemd).
fn relative(link: &BStr, node: &BStr) -> BString {
    let parts =
        |path: &BStr| -> Vec<BString> { path.split_str("/").skip(1).map(BString::from).collect() };
    let (link, node) = (parts(link), parts(node));
    let directories = &link[..link.len() - 1];
    // the node itself is never a directory on the way
    let most = directories.len().min(node.len() - 1);
    let same = (0..most)
        .take_while(|at| directories[*at] == node[*at])
        .count();
    let up = std::iter::repeat_n(BString::from(".."), directories.len() - same);
    let way: Vec<BString> = up.chain(node[same..].iter().cloned()).collect();
    bstr::join("/", way).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_as_udev_writes_them() {
        for (link, node, target) in [
            ("/x", "/loop3", "loop3"),
            ("/disk/by-id/x", "/loop3", "../../loop3"),
            ("/input/by-path/x", "/input/event3", "../event3"),
            ("/input/pad0", "/input/event3", "event3"),
            ("/a/b/c", "/a/d/e", "../d/e"),
            ("/bus/x", "/bus/usb/001/002", "usb/001/002"),
            ("/loop3/x", "/loop3", "../loop3"),
        ] {
            assert_eq!(relative(link.into(), node.into()), target, "{link} {node}");
        }
    }
}
