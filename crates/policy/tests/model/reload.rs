//! A file as it is after somebody has edited it.

use crate::{
    generate,
    naive::{About, File, Rule, Show},
    random::{Extra, Random},
};

/// A file of these rules.
pub fn file(random: &mut Random, rules: Vec<Rule>) -> File {
    File {
        rules,
        ancestors: [ancestors(random), ancestors(random)],
        comments: 0,
    }
}

fn ancestors(random: &mut Random) -> Option<&'static str> {
    let words = [None, None, Some("files"), Some("skeleton")];
    words[random.number(4)].filter(|_| random.extra(Extra::Words, 1))
}

/// One thing is changed, and what that was.
pub fn edit(random: &mut Random, file: &mut File) -> &'static str {
    if random.extra(Extra::Words, 3) {
        file.comments = random.number(3);
    }
    let rules = &mut file.rules;
    let what = random.number(9);
    let (at, to) = (some(random, rules), some(random, rules));
    if what == 0 || rules.is_empty() {
        rules.insert(at, generate::rule(random));
        return "a rule is added";
    }
    let rule = &mut rules[at];
    match (what, &mut rule.about) {
        (1, _) => {
            rules.remove(at);
            "a rule is removed"
        }
        (2, _) => {
            *rule = Rule {
                id: rule.id,
                ..generate::rule(random)
            };
            "a rule is replaced"
        }
        (3, _) => {
            rules.swap(at, to);
            let policy = rules[at].policy;
            rules[at].policy = rules[to].policy;
            rules[to].policy = policy;
            "two rules change places"
        }
        (4, _) => {
            let mut rule = rules.remove(at);
            rule.policy = rules.get(to).map_or(rule.policy, |other| other.policy);
            rules.insert(to, rule);
            "a rule is moved"
        }
        (5, _) => {
            file.ancestors[random.number(2)] = ancestors(random);
            "what shows of devices above is changed"
        }
        (6, About::Devices { subtree, .. }) => {
            *subtree = !*subtree;
            "a scope is changed"
        }
        (6 | 7, About::Paths(_)) => {
            let other = generate::path_rule(random);
            (rule.about, rule.show) = (other.about, other.show);
            "a path rule is changed"
        }
        (7, _) => {
            let other = generate::rule(random);
            if other.show == rule.show {
                rule.write = other.write;
                rule.hide = other.hide;
                rule.mode = other.mode;
                rule.links = other.links;
                rule.kill = other.kill;
                rule.events = other.events;
                rule.ancestors = other.ancestors;
            }
            "what a rule says besides is changed"
        }
        (_, About::Devices { .. }) if rule.show != Show::Hide => {
            rule.show = if rule.show == Show::Rw {
                Show::Ro
            } else {
                Show::Rw
            };
            rule.write.clear();
            "a rule shows otherwise"
        }
        _ => {
            rule.name = None;
            "a name is gone"
        }
    }
}

/// One of the rules: mostly the same one if there are fewer, or a failing case would not fail with less.
fn some(random: &mut Random, rules: &[Rule]) -> usize {
    let number = random.number(1 << 32);
    let all = 0..rules.len();
    all.min_by_key(|at| rules[*at].id ^ number).unwrap_or(0)
}
