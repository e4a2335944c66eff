//! The device gate of cgroup v2: bpf(2), one hash map, one program.
//!
//! cgroup v2 has no `devices.allow`. A program of type `BPF_PROG_TYPE_CGROUP_DEVICE` is asked at
//! every mknod and every open of a device node instead (kernel/bpf/cgroup.c,
//! `__cgroup_bpf_check_dev_permission`). The program here is written once and never replaced: what
//! it grants stands in a map, so a grant or a revocation is one atomic map update and acts on the
//! next open.
//!
//! Needs CAP_SYS_ADMIN, or CAP_BPF and CAP_NET_ADMIN from Linux 5.8 on, over the initial user
//! namespace, and a kernel from 4.15 on with `CONFIG_CGROUP_BPF`.
//!
//! Several programs on the way from a cgroup to the root are ANDed (when attached with
//! [`ALLOW_MULTI`]), so a container that may load programs of its own can only lose by it. The
//! program stays attached, with what was granted last, when this process dies; it goes with the
//! cgroup.

mod attach;
mod call;
mod device;
mod insn;
mod map;
mod replace;

pub use attach::{ALLOW_MULTI, Attached, attach, load, query, query_effective};
pub use device::device_program;
pub use insn::{Insn, Reg, code};
pub use map::{ANY, BLOCK, CHAR, DeviceMap, Key, MAX_ENTRIES, MKNOD, READ, WRITE};
pub use replace::{ALLOW_OVERRIDE, attach_as, detach, id_of, program, replace};
