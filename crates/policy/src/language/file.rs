//! The keys of a file, of its `containers` and of a policy.

use super::{ANCESTORS, ANY_TEXT, Kind, NAME, NAMED_GLOBS, Says, globs, key, rule::RULE};

/// A rules file.
pub(crate) static FILE: Kind = Kind {
    name: "file",
    required: &["version"],
    least: 1,
    keys: &[
        key(
            "version",
            "The version of the rule language: 1.",
            Says::Version,
            &["1"],
        ),
        key(
            "include",
            "Other rule files whose policies and containers are read too: paths or globs, relative to this file. \
             Built-in policies need no include.",
            globs(&Says::Text(NAME)),
            &["[\"conf.d/*.yaml\"]", "\"common.yaml\""],
        ),
        key(
            "containers",
            "Which container gets which policy. The first entry that matches decides; a container that none matches gets \
             `minimal`.",
            Says::List {
                of: &Says::Map(&BINDING),
                alone: false,
                least: 0,
            },
            &["[{ \"match\": { \"name\": \"lab-*\" }, \"policy\": \"all\" }]"],
        ),
        key(
            "policies",
            "The policies, by name. A policy is a list of rules and what goes with it.",
            Says::Named {
                of: &Says::Map(&POLICY),
                least: 0,
            },
            &[
                "{ \"disks\": { \"rules\": [{ \"match\": { \"subsystem\": \"block\" }, \"show\": \"ro\" }] } }",
            ],
        ),
    ],
};

/// An entry of `containers`.
pub(crate) static BINDING: Kind = Kind {
    name: "binding",
    required: &["match", "policy"],
    least: 2,
    keys: &[
        key(
            "match",
            "Which containers this entry is about. All keys must hold.",
            Says::Map(&CONTAINER),
            &["{ \"name\": \"steam-*\", \"label\": { \"app\": \"games\" } }"],
        ),
        key(
            "policy",
            "The policy that such a container gets: one of this file, of an included one, or a built-in one.",
            Says::Text(NAME),
            &["\"minimal\""],
        ),
    ],
};

/// `match` of an entry of `containers`.
pub(crate) static CONTAINER: Kind = Kind {
    name: "container",
    required: &[],
    least: 1,
    keys: &[
        key(
            "id",
            "The container's id: a glob, or a list of which one must match. Quote an id that consists of digits.",
            ANY_TEXT,
            &["\"3f2a*\""],
        ),
        key(
            "name",
            "The container's name: a glob, or a list of which one must match. `**` is every container.",
            ANY_TEXT,
            &["\"web-*\"", "[\"web-*\", \"lab\"]"],
        ),
        key(
            "image",
            "The image that the container was made from: a glob, or a list of which one must match.",
            ANY_TEXT,
            &["\"docker.io/library/debian:*\"", "\"**/steam:*\""],
        ),
        key(
            "label",
            "Labels of the container, by key: each must be there and match its glob, or one of a list.",
            NAMED_GLOBS,
            &[
                "{ \"team\": \"storage\" }",
                "{ \"app\": [\"games\", \"video\"] }",
            ],
        ),
        key(
            "annotation",
            "Annotations of the container (OCI), by key: each must be there and match its glob, or one of a list.",
            NAMED_GLOBS,
            &["{ \"io.kubernetes.cri.sandbox-namespace\": \"lab\" }"],
        ),
        key(
            "cgroup",
            "The path of the container's cgroup: a glob, or a list of which one must match.",
            ANY_TEXT,
            &["\"/machine.slice/**\""],
        ),
    ],
};

/// A policy.
pub(crate) static POLICY: Kind = Kind {
    name: "policy",
    required: &[],
    least: 0,
    keys: &[
        key(
            "base",
            "Policies whose rules are tried after this policy's own, in this order. Default `[minimal]`; `[]` is none.",
            Says::List {
                of: &Says::Text(NAME),
                alone: true,
                least: 0,
            },
            &["[]", "[\"minimal\"]", "\"all\""],
        )
        .or("[\"minimal\"]"),
        key(
            "ancestors",
            "What shows of the devices above a shown one, for the rules of this policy that do not say. Default `files`.",
            ANCESTORS,
            &["\"skeleton\""],
        )
        .or("\"files\""),
        key(
            "cpus",
            "Which CPUs /sys/devices/system/cpu has. Default: what the first of its bases says that says it, else `host`.",
            Says::Words(&[
                ("host", "all that the host has"),
                ("cgroup", "those of the container's cpuset, live"),
            ]),
            &["\"cgroup\""],
        )
        .or("\"host\""),
        key(
            "limits",
            "How much the container may have of its own in /dev. What is not said is as the first of its bases has it that \
             says it.",
            Says::Map(&LIMITS),
            &["{ \"inodes\": 1000, \"bytes\": \"4M\" }"],
        ),
        key(
            "rules",
            "The rules. The first that matches a device, or one above it, decides; what none matches is hidden.",
            Says::List {
                of: &Says::Map(&RULE),
                alone: false,
                least: 0,
            },
            &["[{ \"match\": { \"driver\": \"ftdi_sio\" }, \"show\": \"rw\" }]"],
        ),
    ],
};

/// `limits` of a policy.
pub(crate) static LIMITS: Kind = Kind {
    name: "limits",
    required: &[],
    least: 0,
    keys: &[
        key(
            "inodes",
            "How many files, directories, links and the like the container may make of its own in /dev. Default 4096; 0 is none.",
            Says::Text("^[0-9]+$"),
            &["1000", "0"],
        )
        .or("4096"),
        key(
            "bytes",
            "What the container's own files in /dev may hold, in bytes, or with K, M or G (1024, its square, its cube). Default \
             16M; 0 is nothing.",
            Says::Text("^[0-9]+[KMG]?$"),
            &["\"4M\"", "65536"],
        )
        .or("\"16M\""),
    ],
};
