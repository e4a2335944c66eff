//! The table against two naive models: the kernel's v1 list, and the meaning that v2 gives grants.

use kobject::DevKind;

use super::*;

/// security/device_cgroup.c: `dev_exception_add`, `dev_exception_rm`, `match_exception`.
#[derive(Default)]
struct Kernel(Vec<(Range, Access)>);

impl Kernel {
    fn write(&mut self, change: Change) {
        let same = self.0.iter_mut().find(|(range, _)| *range == change.range);
        match (change.allow, same) {
            (true, Some((_, access))) => *access = *access | change.access,
            (true, None) => self.0.push((change.range, change.access)),
            (false, Some((_, access))) => *access = *access - change.access,
            (false, None) => panic!("{change:?} takes away what is not there"),
        }
        self.0.retain(|(_, access)| !access.is_empty());
    }

    fn passes(&self, device: Range, access: Access) -> bool {
        self.0.iter().any(|(range, granted)| {
            (range.kind, range.major) == (device.kind, device.major)
                && (range.minor.is_none() || range.minor == device.minor)
                && granted.contains(access)
        })
    }
}

/// Grants in the order they were made; the last one of a range counts.
#[derive(Default)]
struct Grants(Vec<(Range, Option<Access>)>);

impl Grants {
    fn last(&self, range: Range) -> Option<Access> {
        self.0
            .iter()
            .rev()
            .find(|(granted, _)| *granted == range)?
            .1
    }

    fn passes(&self, device: Range, access: Access) -> bool {
        let all = Range {
            minor: None,
            ..device
        };
        self.last(device)
            .or(self.last(all))
            .is_some_and(|granted| granted.contains(access))
    }

    /// True if v1 can say it: no device of the major was granted less than the major.
    fn expressible(&self, device: Range) -> bool {
        let all = Range {
            minor: None,
            ..device
        };
        let Some(granted) = self.last(all) else {
            return true;
        };
        (0..4)
            .filter_map(|minor| {
                self.last(Range {
                    minor: Some(minor),
                    ..device
                })
            })
            .all(|exact| exact.contains(granted))
    }
}

fn accesses() -> Vec<Access> {
    let bits = [Access::READ, Access::WRITE, Access::MKNOD];
    (0..8u32)
        .map(|n| {
            (0..3)
                .filter(|i| n & 1 << i != 0)
                .fold(Access::NONE, |set, i| set | bits[i])
        })
        .collect()
}

fn range(major: u32, minor: Option<u32>) -> Range {
    Range {
        kind: DevKind::Char,
        major,
        minor,
    }
}

fn sync(table: &mut Table, kernel: &mut Kernel) -> Vec<Change> {
    let changes = table.changes();
    for change in &changes {
        kernel.write(*change);
        table.applied(*change);
    }
    assert_eq!(table.changes(), []);
    changes
}

#[test]
fn never_more_than_v2_and_the_same_where_v1_can() {
    let mut seed = 0x9e37_79b9_7f4a_7c15u64;
    let mut random = move |below: u64| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        seed % below
    };
    let (mut same, mut less) = (0, 0);
    for _ in 0..300 {
        let (mut table, mut kernel, mut grants) =
            (Table::default(), Kernel::default(), Grants::default());
        for _ in 0..30 {
            let kind = [DevKind::Block, DevKind::Char][random(2) as usize];
            let minor = (random(3) > 0).then(|| random(4) as u32);
            let range = Range {
                kind,
                major: random(2) as u32,
                minor,
            };
            let access = (random(3) > 0).then(|| accesses()[random(8) as usize]);
            table.want(range, access);
            grants.0.push((range, access));
            sync(&mut table, &mut kernel);
            for (minor, access) in
                (0..4).flat_map(|minor| accesses().into_iter().map(move |a| (minor, a)))
            {
                // the kernel is never asked for nothing
                if access.is_empty() {
                    continue;
                }
                let device = Range {
                    minor: Some(minor),
                    ..range
                };
                let (v1, v2) = (kernel.passes(device, access), grants.passes(device, access));
                if grants.expressible(device) || grants.last(device).is_some() {
                    assert_eq!(v1, v2, "{device} {access} in {:?}", kernel.0);
                    same += 1;
                } else {
                    assert!(!v1 || v2, "{device} {access} in {:?}", kernel.0);
                    less += usize::from(v1 != v2);
                }
            }
        }
    }
    assert!(same > 1000 && less > 100, "same {same}, less {less}");
}

#[test]
fn what_is_kept_is_never_taken_away_in_between() {
    let rw = Access::READ | Access::WRITE;
    let (mut table, mut kernel) = (Table::default(), Kernel::default());
    table.want(range(1, Some(3)), Some(rw));
    sync(&mut table, &mut kernel);
    table.want(range(1, Some(3)), Some(Access::READ | Access::MKNOD));
    let writes: Vec<String> = sync(&mut table, &mut kernel)
        .iter()
        .map(|change| {
            format!(
                "{} {} {}",
                if change.allow { "allow" } else { "deny" },
                change.range,
                change.access
            )
        })
        .collect();
    assert_eq!(writes, ["deny c 1:3 w", "allow c 1:3 m"]);
}

#[test]
fn a_narrower_device_cuts_its_major_until_it_is_revoked() {
    let rw = Access::READ | Access::WRITE;
    let (mut table, mut kernel) = (Table::default(), Kernel::default());
    table.want(range(136, None), Some(rw));
    table.want(range(136, Some(5)), Some(Access::READ));
    sync(&mut table, &mut kernel);
    assert_eq!(table.cut(range(136, Some(9))), Some((rw, Access::READ)));
    assert!(!kernel.passes(range(136, Some(6)), Access::WRITE));
    table.want(range(136, Some(5)), None);
    sync(&mut table, &mut kernel);
    assert_eq!(table.cut(range(136, None)), None);
    assert!(kernel.passes(range(136, Some(6)), rw));
}

#[test]
fn a_write_that_failed_is_planned_again() {
    let mut table = Table::default();
    table.want(range(1, Some(3)), Some(Access::READ));
    let planned = table.changes();
    assert_eq!(planned.len(), 1);
    assert_eq!(table.changes(), planned);
    table.want(range(1, Some(3)), None);
    assert_eq!(table.changes(), []);
}
