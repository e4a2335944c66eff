//! The rows of the result.

use std::collections::BTreeMap;

use super::system::Kind;

/// What one operation costs on each system.
#[derive(Clone, Debug, Default)]
pub struct Row {
    /// The operation.
    pub op: String,
    /// Whether client and servers had one core for all of them.
    pub pinned: bool,
    /// Unit of the figures.
    pub unit: Unit,
    /// Median for each system that was measured and gave correct data.
    pub medians: BTreeMap<&'static str, f64>,
    /// What ours is compared with where that is not native: the median under a policy of one rule.
    pub one_rule: Option<f64>,
    /// Whose median it is compared with otherwise.
    pub base: Kind,
    /// What the ratio may be at most.
    pub target: Option<f64>,
    /// How many samples each median is of.
    pub samples: usize,
}

/// What figures are in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Unit {
    /// Microseconds.
    #[default]
    Microseconds,
    /// KiB of memory.
    Kibibytes,
}

impl Unit {
    /// As JSON has it.
    pub fn symbol(self) -> &'static str {
        match self {
            Unit::Microseconds => "us",
            Unit::Kibibytes => "KiB",
        }
    }
}

impl Row {
    /// The median of one system.
    pub fn of(&self, kind: Kind) -> Option<f64> {
        self.medians.get(kind.name()).copied()
    }

    /// Ours as a multiple of the base, or of ours under one rule.
    pub fn ratio(&self) -> Option<f64> {
        let base = self.one_rule.or(self.of(self.base))?;
        Some(self.of(Kind::Devns)? / base).filter(|r| r.is_finite())
    }

    /// Whether the ratio is within the target.
    pub fn met(&self) -> Option<bool> {
        Some(self.ratio()? <= self.target?)
    }

    /// Who does the same, correctly, in less time than we, and what multiple of theirs ours is.
    pub fn slower_than(&self) -> BTreeMap<&'static str, f64> {
        let ours = self
            .of(Kind::Devns)
            .filter(|_| self.unit == Unit::Microseconds);
        let itself = [Kind::Devns, Kind::Native, self.base].map(Kind::name);
        let others = self
            .medians
            .iter()
            .filter(|(name, _)| !itself.contains(name));
        others
            .filter_map(|(name, theirs)| Some((*name, ours? / theirs)))
            .filter(|(_, multiple)| *multiple > 1.0)
            .collect()
    }
}

/// The middle sample, or the mean of the two in the middle; none of none.
pub fn median(samples: &[f64]) -> Option<f64> {
    let mut sorted = samples.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match sorted.len() {
        0 => None,
        n if n % 2 == 1 => Some(sorted[middle]),
        _ => Some((sorted[middle - 1] + sorted[middle]) / 2.0),
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;

    /// A row of a cached stat, pinned.
    pub fn row(native: f64, devns: f64, bindfs: Option<f64>, target: f64) -> Row {
        let mut medians = BTreeMap::from([("native", native), ("devns", devns)]);
        medians.extend(bindfs.map(|b| ("bindfs", b)));
        Row {
            op: "cached stat".into(),
            pinned: true,
            medians,
            target: Some(target),
            samples: 3,
            ..Row::default()
        }
    }

    #[test]
    fn medians_of_odd_even_and_no_samples() {
        assert_eq!(median(&[9.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(&[4.0, 1.0, 9.0, 2.0]), Some(3.0));
        assert_eq!(median(&[]), None);
    }

    #[test]
    fn a_target_is_met_up_to_itself() {
        assert_eq!(row(2.0, 1.6, None, 0.8).met(), Some(true));
        assert_eq!(row(2.0, 1.7, None, 0.8).met(), Some(false));
        let mut wrong = row(2.0, 1.6, None, 0.8);
        wrong.medians.remove("devns");
        assert_eq!((wrong.ratio(), wrong.met()), (None, None));
    }

    #[test]
    fn a_thousand_rules_are_compared_with_one() {
        let mut rules = row(1.0, 4.2, None, 1.05);
        rules.one_rule = Some(4.0);
        assert_eq!((rules.ratio(), rules.met()), (Some(1.05), Some(true)));
    }

    #[test]
    fn nothing_is_a_multiple_of_nothing() {
        let mut memory = row(0.0, 4000.0, Some(900.0), 1.0);
        memory.unit = Unit::Kibibytes;
        assert_eq!(memory.ratio(), None);
        // more memory is not slower
        assert!(memory.slower_than().is_empty());
    }

    #[test]
    fn only_who_is_faster_is_named() {
        let slower = row(2.0, 1.5, Some(1.2), 0.8).slower_than();
        assert_eq!(slower, BTreeMap::from([("bindfs", 1.25)]));
        assert!(row(2.0, 1.6, Some(1.6), 0.8).slower_than().is_empty());
    }
}
