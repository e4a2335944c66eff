//! The keys of a rule.

use super::{
    ANCESTORS, Kind, NAME, OWNER, RELATIVE, SYSFS_PATH, Says, TEMPLATE, globs, key, matching::MATCH,
};

/// A rule.
pub(crate) static RULE: Kind = Kind {
    name: "rule",
    required: &["show"],
    least: 2,
    keys: &[
        key(
            "name",
            "What the rule is called in the log and in answers; no other rule of the policy has it. Default: file and line.",
            Says::Text(NAME),
            &["\"serial adapters on the lab's hub\""],
        ),
        key(
            "match",
            "Which devices the rule is about. All keys must hold; a list of values means any of them.",
            Says::Map(&MATCH),
            &["{ \"subsystem\": \"block\", \"devname\": \"sdc*\" }"],
        ),
        key(
            "path",
            "Files of /sys that belong to no device: globs from the root of sysfs. They can be shown `ro`; inside a device they \
             can only be hidden.",
            globs(&Says::Text(SYSFS_PATH)),
            &["\"/kernel/mm/transparent_hugepage/**\"", "[\"/firmware/**\", \"/power/**\"]"],
        ),
        key(
            "show",
            "What the container may have of it.",
            Says::Words(&[
                ("rw", "node, device cgroup, /sys, events: to read and write"),
                ("ro", "the same to read; ioctls still pass"),
                ("hide", "nothing: not there at all"),
            ]),
            &["\"rw\""],
        ),
        key(
            "scope",
            "How far the rule goes. Default `subtree`.",
            Says::Words(&[
                ("subtree", "the device and everything below it"),
                ("device", "the device alone"),
            ]),
            &["\"device\""],
        )
        .or("\"subtree\""),
        key(
            "ancestors",
            "What shows of the devices above one that this rule shows. Default: as the policy says, else `files`.",
            ANCESTORS,
            &["\"skeleton\""],
        )
        .or("\"files\""),
        key(
            "node",
            "The device's node in /dev: mode, owner, links.",
            Says::Map(&NODE),
            &["{ \"mode\": \"0660\", \"gid\": \"input\", \"link\": \"input/pad%n\" }"],
        ),
        key(
            "sysfs",
            "Attributes that can be written, or that are hidden.",
            Says::Map(&SYSFS),
            &["{ \"write\": [\"**/brightness\"], \"hide\": [\"power/**\"] }"],
        ),
        key(
            "events",
            "Which of the device's events the container hears. Default `kernel`.",
            Says::Words(&[
                ("kernel", "the kernel's uevents"),
                ("udev", "what udev says after them, as the host's udev said it"),
                ("both", "the kernel's and udev's"),
                ("none", "none"),
            ]),
            &["\"both\""],
        )
        .or("\"kernel\""),
        key(
            "on_revoke",
            "What happens when the device is taken away while somebody in the container holds it. Default `report`.",
            Says::Words(&[
                ("report", "the log says who holds it"),
                ("kill", "the container is ended"),
            ]),
            &["\"kill\""],
        )
        .or("\"report\""),
    ],
};

/// `node` of a rule.
pub(crate) static NODE: Kind = Kind {
    name: "node",
    required: &[],
    least: 0,
    keys: &[
        key(
            "mode",
            "The node's permission bits: octal digits in quotes. With `ro` it never has write bits. Default: the kernel's for \
             the device, else 0600.",
            Says::Quoted("^0?[0-7]{3}$"),
            &["\"0660\""],
        ),
        key(
            "uid",
            "Whose the node is: a number as the container counts, or a name of its own /etc/passwd. Default: the container's \
             root.",
            Says::Text(OWNER),
            &["1000", "\"games\""],
        ),
        key(
            "gid",
            "Whose group the node has: a number as the container counts, or a name of its own /etc/group. Default: the \
             container's root.",
            Says::Text(OWNER),
            &["104", "\"input\""],
        ),
        key(
            "link",
            "Links to the node, names below /dev: one or a list. `%n` is the kernel's number, `%k` the kernel's name, \
             `%E{PROPERTY}` a property, `%%` a `%`.",
            globs(&Says::Text(TEMPLATE)),
            &["\"input/pad%n\"", "[\"modem\", \"serial/%E{ID_SERIAL}\"]"],
        ),
    ],
};

/// `sysfs` of a rule.
pub(crate) static SYSFS: Kind = Kind {
    name: "sysfs",
    required: &[],
    least: 0,
    keys: &[
        key(
            "write",
            "Attributes that can be written, from the device's directory on: globs. Only with `show: rw`. Default: none; \
             `uevent` always can be, and stays inside.",
            globs(&Says::Text(RELATIVE)),
            &["\"leds/*/brightness\"", "[\"uevent\", \"**/brightness\"]"],
        ),
        key(
            "hide",
            "Attributes and directories that are not there, from the device's directory on: globs. Default: none.",
            globs(&Says::Text(RELATIVE)),
            &["[\"power/**\"]"],
        ),
    ],
};
