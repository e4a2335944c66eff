//! Where sysfs speaks of CPUs.

use kobject::CpuSet;

/// Directories of which there is one for each CPU, named by its number (drivers/base/cpu.c,
/// arch/x86/kernel/cpu/mce/core.c, kernel/time/clockevents.c).
const OF_ONE: [&[u8]; 3] = [
    b"/devices/system/cpu/cpu",
    b"/devices/system/machinecheck/machinecheck",
    b"/devices/system/clockevents/clockevent",
];

const CPUS: &[u8] = b"/devices/system/cpu/";
const NODES: &[u8] = b"/devices/system/node/node";
const FREQUENCIES: &[u8] = b"/devices/system/cpu/cpufreq/policy";

/// The CPU whose directory `path` is, or is below of.
pub fn cpu(path: &[u8]) -> Option<u32> {
    let (cpu, _) = OF_ONE.iter().find_map(|dir| numbered(path, dir))?;
    Some(cpu)
}

/// The number of the cpufreq policy whose directory `path` is, or is below of. It has the number of
/// one of its CPUs (cpufreq_policy_alloc, drivers/cpufreq/cpufreq.c).
pub fn frequency_policy(path: &[u8]) -> Option<u32> {
    let (number, _) = numbered(path, FREQUENCIES)?;
    Some(number)
}

/// The link of a CPU that leads to its cpufreq policy.
pub fn frequency_link(cpu: u32) -> Vec<u8> {
    format!("/devices/system/cpu/cpu{cpu}/cpufreq").into_bytes()
}

/// The number after `prefix`, as the kernel writes it, and what follows: nothing or `/...`.
fn numbered<'a>(path: &'a [u8], prefix: &[u8]) -> Option<(u32, &'a [u8])> {
    let rest = path.strip_prefix(prefix)?;
    let end = rest.iter().position(|byte| *byte == b'/');
    let (number, below) = rest.split_at(end.unwrap_or(rest.len()));
    let plain =
        number.iter().all(u8::is_ascii_digit) && (number == b"0" || !number.starts_with(b"0"));
    let number = std::str::from_utf8(number).ok().filter(|_| plain)?;
    Some((number.parse().ok()?, below))
}

/// How a file names CPUs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// `0-3,8`
    List,
    /// `1,0000000f`
    Mask,
    /// `0 1 2`
    Numbers,
}

impl Format {
    /// How the file at `path` names CPUs, if that is what it is for.
    pub fn of(path: &[u8]) -> Option<Format> {
        if let Some((_, below)) = numbered(path, OF_ONE[0]) {
            return Format::of_cpu(below);
        }
        if let Some((_, below)) = numbered(path, FREQUENCIES) {
            let names: [&[u8]; 3] = [b"/affected_cpus", b"/related_cpus", b"/freqdomain_cpus"];
            return names.contains(&below).then_some(Format::Numbers);
        }
        if let Some((_, below)) = numbered(path, NODES) {
            return match below {
                b"/cpulist" => Some(Format::List),
                b"/cpumap" => Some(Format::Mask),
                _ => None,
            };
        }
        match path.strip_prefix(CPUS)? {
            b"online" | b"present" | b"possible" | b"offline" | b"enabled" | b"isolated"
            | b"nohz_full" | b"housekeeping" => Some(Format::List),
            _ => None,
        }
    }

    /// Of a file below the directory of a CPU: drivers/base/topology.c, drivers/base/cacheinfo.c.
    fn of_cpu(below: &[u8]) -> Option<Format> {
        if let Some(name) = below.strip_prefix(b"/topology/") {
            return match name {
                _ if name.ends_with(b"_list") => Some(Format::List),
                _ if name.ends_with(b"_cpus") || name.ends_with(b"_siblings") => Some(Format::Mask),
                _ => None,
            };
        }
        let (_, below) = numbered(below, b"/cache/index")?;
        match below {
            b"/shared_cpu_list" => Some(Format::List),
            b"/shared_cpu_map" => Some(Format::Mask),
            _ => None,
        }
    }

    /// `text` of such a file without the CPUs that `cpus` lacks, as the kernel would have written
    /// it. None when it cannot be told which it names. `(null)`, which `nohz_full` of a kernel
    /// started without that says, names none.
    pub fn restrict(self, text: &[u8], cpus: &CpuSet) -> Option<Vec<u8>> {
        let restricted = match self {
            Format::List => CpuSet::parse_list(text).map(|all| all.intersection(cpus).to_string()),
            Format::Mask => {
                CpuSet::parse_mask(text).map(|(all, digits)| all.intersection(cpus).mask(digits))
            }
            Format::Numbers => {
                CpuSet::parse_numbers(text).map(|all| all.intersection(cpus).numbers())
            }
        };
        match restricted {
            Ok(mut restricted) => {
                restricted.extend(text.ends_with(b"\n").then_some('\n'));
                Some(restricted.into_bytes())
            }
            Err(_) => (text.trim_ascii() == b"(null)").then(|| text.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directories_of_a_cpu() {
        for (path, expected) in [
            ("/devices/system/cpu/cpu0", Some(0)),
            ("/devices/system/cpu/cpu10/topology/core_id", Some(10)),
            ("/devices/system/machinecheck/machinecheck3/bank0", Some(3)),
            ("/devices/system/clockevents/clockevent1", Some(1)),
            ("/devices/system/clockevents/broadcast", None),
            ("/devices/system/cpu/cpu", None),
            ("/devices/system/cpu/cpu01", None),
            ("/devices/system/cpu/cpu+1", None),
            ("/devices/system/cpu/cpu1x", None),
            ("/devices/system/cpu/cpufreq/policy0", None),
            ("/devices/system/cpu/cpu99999999999", None),
            ("/devices/system/node/node0/cpu1", None),
        ] {
            assert_eq!(cpu(path.as_bytes()), expected, "{path}");
        }
        assert_eq!(
            frequency_policy(b"/devices/system/cpu/cpufreq/policy4/related_cpus"),
            Some(4)
        );
        assert_eq!(frequency_policy(b"/devices/system/cpu/cpufreq/boost"), None);
    }

    #[test]
    fn files_that_name_cpus() {
        use Format::{List, Mask, Numbers};
        let cpu = "/devices/system/cpu";
        for (path, expected) in [
            ("online", Some(List)),
            ("nohz_full", Some(List)),
            ("kernel_max", None),
            ("modalias", None),
            ("cpu0/topology/core_cpus_list", Some(List)),
            ("cpu0/topology/core_cpus", Some(Mask)),
            ("cpu12/topology/book_siblings", Some(Mask)),
            ("cpu0/topology/core_id", None),
            ("cpu0/topology", None),
            ("cpu0/online", None),
            ("cpu0/cache/index3/shared_cpu_list", Some(List)),
            ("cpu0/cache/index3/shared_cpu_map", Some(Mask)),
            ("cpu0/cache/index3/size", None),
            ("cpufreq/policy0/affected_cpus", Some(Numbers)),
            ("cpufreq/policy0/scaling_cur_freq", None),
            ("../node/node0/cpulist", None),
        ] {
            assert_eq!(
                Format::of(format!("{cpu}/{path}").as_bytes()),
                expected,
                "{path}"
            );
        }
        assert_eq!(
            Format::of(b"/devices/system/node/node2/cpulist"),
            Some(List)
        );
        assert_eq!(Format::of(b"/devices/system/node/node2/cpumap"), Some(Mask));
        assert_eq!(Format::of(b"/devices/system/node/online"), None);
        assert_eq!(Format::of(b"/devices/pci0000:00/local_cpulist"), None);
    }

    #[test]
    fn texts_lose_what_others_have() {
        let cpus: CpuSet = [1, 2, 33].into_iter().collect();
        for (format, text, expected) in [
            (Format::List, "0-3,32-35\n", Some("1-2,33\n")),
            (Format::List, "0\n", Some("\n")),
            (Format::List, "\n", Some("\n")),
            (Format::List, "1", Some("1")),
            // of a kernel without nohz_full
            (Format::List, " (null)\n", Some(" (null)\n")),
            (Format::List, "all 64\n", None),
            (Format::Mask, "f,ffffffff\n", Some("2,00000006\n")),
            (Format::Mask, "00000001\n", Some("00000000\n")),
            (Format::Mask, "0xf\n", None),
            (Format::Numbers, "0 1 2 3\n", Some("1 2\n")),
            (Format::Numbers, "0,1\n", None),
        ] {
            let restricted = format.restrict(text.as_bytes(), &cpus);
            assert_eq!(
                restricted.as_deref(),
                expected.map(str::as_bytes),
                "{text:?}"
            );
        }
    }
}
