//! Man pages and completions: they are beside the binaries, have all that `--help` has, and no tool complains of them.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tests::binaries::directory;
use tests::{Output, run};

/// A command as one types it, with its man page.
struct Documented {
    words: Vec<String>,
    /// `devns-run.1`
    page: String,
    help: String,
}

fn help(words: &[String]) -> String {
    let mut command = Command::new(directory().join(&words[0]));
    run(command.args(&words[1..]).arg("--help")).ok().stdout
}

/// The first words of the lines under `heading`.
fn listed<'a>(help: &'a str, heading: &str) -> Vec<&'a str> {
    let lines = help.lines().skip_while(|line| *line != heading).skip(1);
    let lines = lines.take_while(|line| line.is_empty() || line.starts_with("  "));
    let entries = lines.filter(|line| line.starts_with("  ") && !line.starts_with("      "));
    entries
        .filter_map(|line| line.split_whitespace().next())
        .collect()
}

/// All commands and their subcommands.
fn documented() -> Vec<Documented> {
    let mut all = Vec::new();
    for (name, section) in [("devns", 1), ("fusefs-sysfs", 8), ("fusefs-dev", 8)] {
        let words = vec![name.to_string()];
        let own = help(&words);
        for sub in listed(&own, "Commands:")
            .into_iter()
            .filter(|sub| *sub != "help")
        {
            let words = vec![name.to_string(), sub.to_string()];
            all.push(Documented {
                page: format!("{name}-{sub}.{section}"),
                help: help(&words),
                words,
            });
        }
        all.push(Documented {
            page: format!("{name}.{section}"),
            help: own,
            words,
        });
    }
    assert!(all.len() >= 9, "{}", all.len());
    all
}

impl Documented {
    /// Its long options: `--policy`.
    fn options(&self) -> BTreeSet<String> {
        let lines = self
            .help
            .lines()
            .map(str::trim_start)
            .filter(|line| line.starts_with('-'));
        let words = lines.filter_map(|line| {
            line.split([' ', ',', '=', '['])
                .find(|word| word.starts_with("--"))
        });
        words
            .filter(|word| word.len() > 2)
            .map(String::from)
            .collect()
    }
}

fn page(name: &str) -> PathBuf {
    let path = directory().join("man").join(name);
    assert!(
        path.is_file(),
        "{path:?} is not there: `cargo build --release` makes it"
    );
    path
}

/// As a reader sees it, at 80 columns.
fn rendered(name: &str) -> String {
    let mut man = Command::new("man");
    man.args(["--warnings", "-l"]).arg(page(name));
    man.env("MANWIDTH", "80")
        .env("LC_ALL", "C.UTF-8")
        .env("MAN_KEEP_FORMATTING", "");
    let output = run(&mut man).ok();
    assert_eq!(output.stderr, "", "{output}");
    output.stdout
}

fn completions(path: &str) -> PathBuf {
    directory().join("completions").join(path)
}

const PAGES_OF_FORMATS: [&str; 1] = ["devns-rules.5"];

#[test]
fn every_command_and_option_has_its_page() {
    let documented = documented();
    for command in &documented {
        let text = rendered(&command.page);
        for option in command.options() {
            let there = text
                .split(|c: char| !(c == '-' || c.is_ascii_alphanumeric()))
                .any(|word| word == option);
            assert!(there, "{} has no {option}:\n{text}", command.page);
        }
        for sub in listed(&command.help, "Commands:")
            .into_iter()
            .filter(|sub| *sub != "help")
        {
            let name = format!("{}-{sub}(1)", command.words[0]);
            assert!(text.contains(&name), "{} has no {name}", command.page);
        }
    }
    let there = fs::read_dir(directory().join("man")).unwrap();
    let there: BTreeSet<String> = there
        .map(|e| e.unwrap().file_name().into_string().unwrap())
        .collect();
    let expected = documented
        .iter()
        .map(|command| command.page.as_str())
        .chain(PAGES_OF_FORMATS);
    assert_eq!(there, expected.map(String::from).collect());
}

#[test]
fn every_page_has_what_readers_look_for() {
    let documented = documented();
    let commands = documented.iter().map(|command| command.page.as_str());
    for name in commands.chain(PAGES_OF_FORMATS) {
        let text = rendered(name);
        let sections: Vec<&str> = text
            .lines()
            .filter(|line| line.starts_with(|c: char| c.is_ascii_uppercase()))
            .collect();
        let wanted = [
            "NAME",
            "SYNOPSIS",
            "DESCRIPTION",
            "EXIT STATUS",
            "EXAMPLES",
            "FILES",
            "SEE ALSO",
        ];
        let found: Vec<&str> = wanted
            .into_iter()
            .filter(|section| sections.contains(section))
            .collect();
        assert_eq!(found, wanted, "{name}");
        let title = name.rsplit_once('.').unwrap().0;
        assert!(
            text.contains(&format!("NAME\n       {title} - ")),
            "{name}\n{text}"
        );
    }
}

#[test]
fn no_tool_complains_of_a_page() {
    for command in documented()
        .iter()
        .map(|command| command.page.as_str())
        .chain(PAGES_OF_FORMATS)
    {
        let page = page(command);
        for tool in [
            &["mandoc", "-T", "lint", "-W", "warning"][..],
            &["groff", "-ww", "-man", "-K", "utf8", "-T", "utf8"],
        ] {
            let output = run(Command::new(tool[0]).args(&tool[1..]).arg(&page)).ok();
            let said = if tool[0] == "mandoc" {
                &output.stdout
            } else {
                &output.stderr
            };
            assert_eq!(said, "", "{output}");
        }
    }
}

#[test]
fn the_page_of_rules_has_all_of_the_document() {
    let text = rendered("devns-rules.5");
    let document = fs::read_to_string(tests::binaries::repository("docs/rules.md")).unwrap();
    let squeezed = |text: &str| text.split_whitespace().collect::<String>().to_lowercase();
    let page = squeezed(&text);
    let headings = document
        .lines()
        .filter_map(|line| line.strip_prefix("## ").or(line.strip_prefix("### ")));
    let mut checked = 0;
    for heading in headings {
        let heading = heading.replace('`', "");
        assert!(page.contains(&squeezed(&heading)), "{heading}");
        checked += 1;
    }
    for example in document
        .split("```yaml\n")
        .skip(1)
        .filter_map(|rest| rest.split("```").next())
    {
        for line in example.lines() {
            assert!(text.lines().any(|l| l.trim() == line.trim()), "{line}");
            checked += 1;
        }
    }
    assert!(checked > 50, "{checked}");
}

/// What bash offers for the last of `words`.
fn offered(words: &[&str]) -> BTreeSet<String> {
    let script = "source \"$1\"; shift; COMP_WORDS=(\"$@\"); COMP_CWORD=$(($# - 1))
        function=$(complete -p \"$1\" | sed 's/.*-F \\([^ ]*\\).*/\\1/')
        $function \"$1\" \"${COMP_WORDS[COMP_CWORD]}\" \"${COMP_WORDS[COMP_CWORD-1]}\"
        printf '%s\\n' \"${COMPREPLY[@]}\"";
    let mut bash = Command::new("bash");
    bash.args(["--norc", "-c", script, "bash"]);
    bash.arg(completions(&format!("bash/{}", words[0])))
        .args(words);
    let output: Output = run(&mut bash).ok();
    output
        .lines()
        .into_iter()
        .filter(|line| !line.is_empty())
        .map(String::from)
        .collect()
}

#[test]
fn bash_completes_commands_and_options() {
    let only = |words: &[&str]| offered(words).into_iter().collect::<Vec<_>>();
    assert_eq!(only(&["devns", "ru"]), ["run"]);
    assert_eq!(only(&["devns", "run", "--pol"]), ["--policy"]);
    assert_eq!(only(&["devns", "run", "--net", "h"]), ["host"]);
    assert!(offered(&["devns", "r"]).contains("run"));
    assert_eq!(only(&["fusefs-dev", "--cg"]), ["--cgroup"]);
    for command in documented() {
        let mut words: Vec<&str> = command.words.iter().map(String::as_str).collect();
        words.push("--");
        let offered: BTreeSet<String> = offered(&words)
            .into_iter()
            .filter(|word| word.starts_with("--"))
            .collect();
        assert_eq!(offered, command.options(), "{words:?}");
    }
}

#[test]
fn zsh_and_fish_read_theirs_and_know_every_option() {
    for command in documented() {
        let name = &command.words[0];
        let zsh = completions(&format!("zsh/_{name}"));
        let fish = completions(&format!("fish/{name}.fish"));
        check("zsh", &zsh);
        check("fish", &fish);
        let (zsh, fish) = (
            fs::read_to_string(zsh).unwrap(),
            fs::read_to_string(fish).unwrap(),
        );
        for option in command.options() {
            assert!(
                ["'", "'*", ")"].iter().any(|before| ["=", "["]
                    .iter()
                    .any(|after| zsh.contains(&format!("{before}{option}{after}")))),
                "zsh: {option}"
            );
            assert!(
                fish.contains(&format!("-l {}", &option[2..])),
                "fish: {option}"
            );
        }
        if let Some(sub) = command.words.get(1) {
            assert!(zsh.contains(&format!("({sub})")), "zsh: {sub}");
            assert!(fish.contains(&format!("-a \"{sub}\"")), "fish: {sub}");
        }
    }
}

fn check(shell: &str, script: &Path) {
    let output = run(Command::new(shell).arg("-n").arg(script)).ok();
    assert_eq!(output.stderr, "", "{output}");
}
