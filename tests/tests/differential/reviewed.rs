//! What may differ from a native sysfs, and why.

#![allow(dead_code)] // each test takes what it needs

use std::collections::BTreeMap;

use tests::probe::{Difference, Kind, shape};

/// What native sysfs answered at the path of a difference, by request.
pub type Native<'a> = &'a BTreeMap<String, String>;

/// A difference that somebody has looked at.
pub struct Reviewed {
    /// Why it is right, or cannot be helped.
    pub why: &'static str,
    /// Whether it comes up in every run, so that an entry that nothing needs any more is found.
    pub always: bool,
    /// Whether it is this.
    pub is: fn(&Difference, Native<'_>) -> bool,
}

fn one_of(request: &str, all: &[&str]) -> bool {
    all.contains(&request)
}

/// Whether it is a request to write, or to open for that.
pub fn is_for_writing(request: &str) -> bool {
    const OPENS: [&str; 15] = [
        "open w",
        "open rw",
        "open neither",
        "open r truncating",
        "open w truncating",
        "open w appending",
        "open w creating",
        "reopen path w",
        "reopen path rw",
        "reopen path neither",
        "reopen r w",
        "reopen r rw",
        "reopen r neither",
        "read rw",
        "truncate",
    ];
    one_of(request, &OPENS) || request.starts_with("write")
}

/// Less than native.
pub const LESS: &[Reviewed] = &[
    Reviewed {
        why: "nothing is opened for writing but what a rule grants, and uevent files",
        always: true,
        is: |d, _| d.kind == Kind::Less && d.view == "EACCES" && is_for_writing(&d.request),
    },
    Reviewed {
        why: "modes, owners and times are the host's: a change would show in every container",
        always: true,
        is: |d, _| {
            let changes = d.request.starts_with("chmod")
                || d.request.starts_with("chown")
                || d.request == "utimes";
            d.kind == Kind::Less && d.view == "EPERM" && changes
        },
    },
    Reviewed {
        why: "sendfile and splice of FUSE give a page at a time, as they may",
        always: false,
        is: |d, _| d.kind == Kind::Less && one_of(&d.request, &["sendfile", "splice"]),
    },
];

/// Both fail, but not in the same way.
pub const ERRNO: &[Reviewed] = &[
    Reviewed {
        why: "refused before the driver is asked, or before the arguments are looked at",
        always: true,
        is: |d, _| {
            let write =
                is_for_writing(&d.request) || one_of(&d.request, &["read w", "map shared w"]);
            d.kind == Kind::Errno && d.view == "EACCES" && write
        },
    },
    Reviewed {
        why: "there are no extended attributes: getxattr says so, where sysfs says there is none of \
              this name (and the other way about for ACLs)",
        always: true,
        is: |d, _| {
            let is_xattr = d.request.contains("xattr");
            d.kind == Kind::Errno && is_xattr && one_of(&d.view, &["ENOTSUP", "ENODATA"])
        },
    },
    Reviewed {
        why: "FUSE cannot map what it does not cache to be shared: the BTF of the kernel is read",
        always: true,
        is: |d, _| d.request.starts_with("map shared") && d.view == "ENODEV",
    },
    Reviewed {
        why: "O_DIRECT is refused before the driver is asked whether it can be read at all",
        always: true,
        is: |d, _| d.request == "open r direct" && d.native == "EACCES" && d.view == "EINVAL",
    },
    Reviewed {
        why: "a private map is there, but a page of it cannot be had: the read of it fails as it does \
              natively",
        always: true,
        is: |d, _| d.kind == Kind::Errno && d.request.starts_with("map private"),
    },
    Reviewed {
        why: "a directory to mount on refuses every name (make_empty_dir_inode, fs/libfs.c); here it is \
              like any other",
        always: true,
        is: |d, _| d.kind == Kind::Errno && one_of(&d.request, &["create inside", "mkdir inside"]),
    },
];

/// Succeeds, and gives nothing that could not be had natively: each is checked for just that.
pub const NO_MORE: &[Reviewed] = &[
    Reviewed {
        why: "the number of the last uevent that the container heard is its own; the \
              host's is another as soon as something happens that it does not hear",
        always: false,
        is: |d, _| d.path == "/kernel/uevent_seqnum" && shape(&d.view) == shape(&d.native),
    },
    Reviewed {
        why: "FUSE allows private maps of any file; the page has what a read gives, then zeros",
        always: true,
        is: |d, native| {
            let page = d.view.strip_prefix("ok ");
            let read = native.get("read 0").and_then(|r| r.strip_prefix("ok"));
            let read = read.map(|r| r.strip_prefix(' ').unwrap_or(r));
            let (Some(page), Some(read)) = (page, read) else {
                return false;
            };
            // counters move meanwhile, as long as the figures stay at their places
            let text = page.trim_end_matches('\0');
            let same = text == read.trim_end_matches('\0') || shape(text) == shape(read);
            d.request.starts_with("map private") && (same || read.starts_with(page))
        },
    },
    Reviewed {
        why: "who has not read yet is not told that it has changed",
        always: false,
        is: |d, _| d.request == "poll" && d.native == "ok 15" && d.view == "ok 5",
    },
    Reviewed {
        why: "what the kernel reads by itself wakes the first poll without a change (ADR 11)",
        always: false,
        is: |d, _| d.request == "poll after read" && d.native == "ok 5" && d.view == "ok 15",
    },
    Reviewed {
        why: "a read into the page cache, which a private map is, leaves the size at what it got",
        always: true,
        is: |d, _| {
            let number = |s: &str| s.strip_prefix("ok ")?.parse::<u64>().ok();
            d.request == "seek" && number(&d.view) < number(&d.native)
        },
    },
    Reviewed {
        why: "the end of a PCI resource is where stat says; natively lseek asks the size of the inode that \
              its pages belong to, which has none (iomem_get_mapping)",
        always: false,
        is: |d, native| {
            let size = native.get("stat").and_then(|s| s.rsplit(' ').next());
            let is_size = d.view.strip_prefix("ok ") == size;
            d.request == "seek" && d.native == "ok 0" && is_size
        },
    },
    Reviewed {
        why: "no extended attribute is listed, where sysfs would list none either",
        always: true,
        is: |d, _| d.request == "listxattr" && d.view == "ok ",
    },
];

/// Why `d` is no cause for concern, if somebody has found out; `native`: all native answers there.
pub fn why(d: &Difference, native: Native<'_>) -> Option<&'static str> {
    let list = match d.kind {
        Kind::More => NO_MORE,
        Kind::Less => LESS,
        Kind::Errno => ERRNO,
    };
    list.iter().find(|r| (r.is)(d, native)).map(|r| r.why)
}

/// The reasons that come up in every run.
pub fn always() -> impl Iterator<Item = &'static str> {
    let all = [LESS, ERRNO, NO_MORE].into_iter().flatten();
    all.filter(|r| r.always).map(|r| r.why)
}
