use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

fn set(cpus: &[u32]) -> CpuSet {
    cpus.iter().copied().collect()
}

#[test]
fn lists_are_the_kernels() {
    for (text, cpus) in [
        ("", &[][..]),
        ("0", &[0]),
        ("0-1", &[0, 1]),
        ("0,2", &[0, 2]),
        ("0-2,4,6-7", &[0, 1, 2, 4, 6, 7]),
        ("31-32,63-64", &[31, 32, 63, 64]),
    ] {
        assert_eq!(set(cpus).to_string(), text);
        for text in [text.to_owned(), format!("{text}\n")] {
            assert_eq!(
                CpuSet::parse_list(text.as_bytes()),
                Ok(set(cpus)),
                "{text:?}"
            );
        }
    }
    // not how it writes, but clear all the same
    assert_eq!(CpuSet::parse_list(b"4,0-2,2-3"), Ok((0..5).collect()));
}

#[test]
fn masks_are_the_kernels() {
    for (text, cpus) in [
        ("0", &[][..]),
        ("3", &[0, 1]),
        ("00", &[]),
        ("00000000", &[]),
        ("80000001", &[0, 31]),
        ("1,00000000", &[32]),
        (
            "ff,00000000,0000000f",
            &[0, 1, 2, 3, 64, 65, 66, 67, 68, 69, 70, 71],
        ),
        ("00000000,00000000", &[]),
    ] {
        let digits = text.len() - text.matches(',').count();
        assert_eq!(
            CpuSet::parse_mask(format!("{text}\n").as_bytes()),
            Ok((set(cpus), digits))
        );
        assert_eq!(set(cpus).mask(digits), text);
    }
    assert_eq!(set(&[0, 5, 32]).mask(1), "1");
    assert_eq!(set(&[0, 5, 32]).mask(9), "1,00000021");
}

#[test]
fn numbers_are_cpufreqs() {
    assert_eq!(CpuSet::parse_numbers(b"0 1 5\n"), Ok(set(&[0, 1, 5])));
    // as kernels before 6.4 end it
    assert_eq!(CpuSet::parse_numbers(b"0 1 \n"), Ok(set(&[0, 1])));
    assert_eq!(CpuSet::parse_numbers(b"\n"), Ok(set(&[])));
    assert_eq!(set(&[0, 1, 5]).numbers(), "0 1 5");
}

#[test]
fn refuses_what_the_kernel_never_prints() {
    for text in [
        " (null)\n",
        "0-",
        "-1",
        "1-0",
        "0,",
        ",",
        "0-1-2",
        "+1",
        "01",
        "0x1",
        "0-7:2/4",
        "0\n\n",
        "0 1",
        "65536",
        "0-4294967295",
        "99999999999",
        "\u{ff10}",
    ] {
        assert!(CpuSet::parse_list(text.as_bytes()).is_err(), "{text:?}");
    }
    for text in [
        "",
        "\n",
        ",",
        "g",
        "0x1",
        "1,",
        ",1",
        "1,1",
        "1,000000001",
        "000000001",
        "+1",
        " 1",
    ] {
        assert!(CpuSet::parse_mask(text.as_bytes()).is_err(), "{text:?}");
    }
    let longest = vec!["ffffffff"; 2048].join(",");
    assert!(CpuSet::parse_mask(longest.as_bytes()).is_ok());
    assert!(CpuSet::parse_mask(format!("{longest},00000000").as_bytes()).is_err());
    for text in ["a", "0,1", "1 -2", "65536"] {
        assert!(CpuSet::parse_numbers(text.as_bytes()).is_err(), "{text:?}");
    }
    assert!(CpuSet::parse_list(b"\xff").is_err());
}

fn any_cpus() -> impl Strategy<Value = BTreeSet<u32>> {
    prop_oneof![
        prop::collection::btree_set(0u32..100, 0..60),
        prop::collection::btree_set(0u32..LIMIT, 0..20),
    ]
}

proptest! {
    #[test]
    fn reads_back_what_it_shows(cpus in any_cpus(), more in 0usize..20) {
        let set: CpuSet = cpus.iter().copied().collect();
        prop_assert_eq!(set.iter().collect::<BTreeSet<_>>(), cpus.clone());
        prop_assert_eq!(set.is_empty(), cpus.is_empty());
        prop_assert_eq!(CpuSet::parse_list(set.to_string().as_bytes()), Ok(set.clone()));
        prop_assert_eq!(CpuSet::parse_numbers(set.numbers().as_bytes()), Ok(set.clone()));
        let digits = (cpus.last().map_or(0, |last| *last as usize / 4) + 1 + more).min(LIMIT as usize / 4);
        prop_assert_eq!(CpuSet::parse_mask(set.mask(digits).as_bytes()), Ok((set, digits)));
    }

    #[test]
    fn intersects_as_sets_do(a in any_cpus(), b in any_cpus()) {
        let of = |cpus: &BTreeSet<u32>| cpus.iter().copied().collect::<CpuSet>();
        let both: BTreeSet<u32> = a.intersection(&b).copied().collect();
        prop_assert_eq!(of(&a).intersection(&of(&b)), of(&both));
        for cpu in a.iter().chain(&b) {
            prop_assert_eq!(of(&both).contains(*cpu), both.contains(cpu));
        }
    }

    #[test]
    fn a_list_has_no_neighbours_apart(cpus in any_cpus()) {
        let text = cpus.iter().copied().collect::<CpuSet>().to_string();
        let ends: Vec<u32> = text.split([',', '-']).filter(|n| !n.is_empty()).map(|n| n.parse().unwrap()).collect();
        let starts = text.split(',').filter_map(|r| r.split('-').next()?.parse::<u32>().ok());
        for start in starts {
            prop_assert!(start == 0 || !cpus.contains(&(start - 1)));
        }
        prop_assert!(ends.is_sorted());
    }

    #[test]
    fn reads_or_refuses_anything(text in prop::collection::vec(any::<u8>(), 0..40), plain in "[0-9a-f,\\- \n]{0,30}") {
        for text in [&text[..], plain.as_bytes()] {
            let _ = (CpuSet::parse_list(text), CpuSet::parse_mask(text), CpuSet::parse_numbers(text));
        }
    }
}
