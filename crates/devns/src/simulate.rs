//! `devns simulate`: a recorded trace through a policy.

use std::io::Read;
use std::path::PathBuf;
use std::time::Duration;

use cli::{Devices, Failure, Status};
use engine::{Simulation, Told};
use kobject::trace::{self, Message, Recorded};
use kobject::{Action, Devpath};
use policy::{DeviceTable, Show};
use serde_json::{Value, json};

use crate::ink::Ink;
use crate::output;
use crate::whose::{Whose, WhoseArgs, in_short, no_answer};

/// Play a recorded trace through a policy: what the container would have been told, when, and why
#[derive(clap::Args)]
#[command(after_help = HELP)]
pub struct SimulateArgs {
    #[command(flatten)]
    pub whose: WhoseArgs,
    /// Leave out what the container is not told
    #[arg(long)]
    pub told: bool,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
    /// What `devns monitor --json [--udev]` or `udevadm monitor --property` printed; `-`: stdin
    pub trace: PathBuf,
}

const HELP: &str =
    "It begins on a host without devices, or with those of --root. A trace that has nothing of
udev is of a host without one. What rules ask of attributes is not known, unless the
device is in --root.

An event is `told` as it was heard, `made up` where a change of what is known shows or
hides a device, or `withheld`.

Examples:
  devns monitor --json --udev >trace.json
  devns simulate --policy rules.yaml trace.json
  udevadm monitor --property | devns simulate --policy builtin:gamepads --told -

Exit status:
  0  played to its end
  2  wrong use, an error in a rule file, or no trace";

/// A trace may have as many bytes.
const MOST: u64 = 256 << 20;

/// Play it and print what comes of it.
pub fn run(args: &SimulateArgs) -> Result<u8, Failure> {
    let whose = Whose::asked(&args.whose)?;
    let trace = trace::parse(&read(&args.trace)?)
        .map_err(|e| Failure::new(Status::Usage, format!("{:?}: {e}", args.trace)))?;
    let speaks = |one: &Recorded| matches!(one.message, Message::Udev(_));
    let has_udev = trace.iter().any(speaks);
    let policy = whose.policy.clone();
    let mut simulation = match &args.whose.root {
        Some(root) => {
            let mut devices = Devices::load(Some(root), None).map_err(no_answer)?;
            devices.view(policy.clone());
            let has_udev = has_udev || devices.has_udev;
            Simulation::new(devices.table, policy, has_udev, devices.run)
        }
        // there is nothing below a file
        None => Simulation::new(DeviceTable::new(), policy, has_udev, "/dev/null".into()),
    };
    let start = trace.first().map_or(Duration::ZERO, |first| first.time);
    let mut played = Vec::new();
    for one in trace {
        let seconds = one.time.saturating_sub(start).as_secs_f64();
        played.push(Played::of(&mut simulation, one, seconds));
    }
    if args.told {
        for one in &mut played {
            one.lines.retain(|line| line.what != What::Withheld);
        }
        played.retain(|one| !one.lines.is_empty());
    }
    let text = match args.json {
        true => {
            let all: Vec<Value> = played.iter().map(Played::json).collect();
            format!(
                "{:#}\n",
                json!({ "policy": whose.policy.name(), "messages": all })
            )
        }
        false => text(Ink::stdout(), &played),
    };
    output::write(&text)?;
    Ok(0)
}

fn read(path: &PathBuf) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    let read = match path.as_os_str() == "-" {
        true => std::io::stdin()
            .lock()
            .take(MOST + 1)
            .read_to_end(&mut bytes),
        false => {
            std::fs::File::open(path).and_then(|file| file.take(MOST + 1).read_to_end(&mut bytes))
        }
    };
    let wrong = |message: String| Failure::new(Status::Usage, message);
    read.map_err(|e| {
        wrong(format!(
            "the trace {path:?} cannot be read: {}",
            cli::reason(&e)
        ))
    })?;
    match bytes.len() as u64 > MOST {
        true => Err(wrong(format!(
            "{path:?} is larger than a trace may be, {} MiB",
            MOST >> 20
        ))),
        false => Ok(bytes),
    }
}

/// A message, and what came of it.
struct Played {
    line: u32,
    seconds: f64,
    heard: Heard,
    lines: Vec<Line>,
}

/// A message in short.
#[derive(Clone, PartialEq)]
struct Heard {
    of_udev: bool,
    action: Action,
    devpath: Devpath,
}

/// One thing that the container is told, or not.
struct Line {
    what: What,
    event: Heard,
    why: String,
}

#[derive(Clone, Copy, PartialEq)]
enum What {
    Told,
    MadeUp,
    Withheld,
}

impl What {
    fn as_str(self) -> &'static str {
        match self {
            What::Told => "told",
            What::MadeUp => "made up",
            What::Withheld => "withheld",
        }
    }
}

impl Heard {
    fn of(message: &Message) -> Heard {
        let (of_udev, action, devpath) = match message {
            Message::Kernel(event) => (false, event.action, &event.devpath),
            Message::Udev(message) => (true, message.action, &message.devpath),
        };
        Heard {
            of_udev,
            action,
            devpath: devpath.clone(),
        }
    }

    fn source(&self) -> &'static str {
        if self.of_udev { "udev" } else { "kernel" }
    }

    fn json(&self) -> Value {
        json!({
            "source": self.source(),
            "action": self.action.as_str(),
            "devpath": self.devpath.to_string(),
        })
    }
}

impl Played {
    fn of(simulation: &mut Simulation, one: Recorded, seconds: f64) -> Played {
        let Recorded { line, message, .. } = one;
        let heard = Heard::of(&message);
        let before = simulation.decision(&heard.devpath);
        let outcome = simulation.hear(message.clone());
        let why = |what: What, event: &Heard| {
            let is_it = event.devpath == heard.devpath;
            let now = simulation.decision(&event.devpath);
            let decision = now.as_ref().or(before.as_ref().filter(|_| is_it));
            match (outcome.passed_over, what, decision) {
                (Some(why), ..) => why.to_string(),
                // the kernel has said it before
                (None, _, None) => "it is gone".into(),
                (None, What::Withheld, Some(decision)) if decision.show != Show::Hide => {
                    format!("its rule says `events: {}`", decision.events().as_str())
                }
                (None, _, Some(decision)) => in_short(&decision.reason),
            }
        };
        let mut lines: Vec<Line> = Vec::new();
        for told in outcome.told {
            let (event, what) = match told {
                Told::Kernel(event) => {
                    let is_same = matches!(&message, Message::Kernel(heard) if *heard == event);
                    let what = if is_same { What::Told } else { What::MadeUp };
                    (Heard::of(&Message::Kernel(event)), what)
                }
                Told::Udev(told) => {
                    let event = Heard::of(&Message::Udev(told));
                    let what = if event == heard {
                        What::Told
                    } else {
                        What::MadeUp
                    };
                    (event, what)
                }
                Told::Withheld(event) => (Heard::of(&Message::Kernel(event)), What::Withheld),
            };
            let why = why(what, &event);
            lines.push(Line { what, event, why });
        }
        if lines.is_empty() {
            let what = What::Withheld;
            let (event, why) = (heard.clone(), why(what, &heard));
            lines.push(Line { what, event, why });
        }
        Played {
            line,
            seconds,
            heard,
            lines,
        }
    }

    fn json(&self) -> Value {
        let lines = self.lines.iter().map(|line| {
            let mut value = line.event.json();
            value["what"] = json!(line.what.as_str());
            value["why"] = json!(line.why);
            value
        });
        let mut value = self.heard.json();
        value["line"] = json!(self.line);
        value["seconds"] = json!(self.seconds);
        value["outcome"] = lines.collect();
        value
    }
}

fn text(ink: Ink, played: &[Played]) -> String {
    let mut out = String::new();
    let mut counts = [0; 3];
    for one in played {
        let Heard {
            action, devpath, ..
        } = &one.heard;
        let source = one.heard.source();
        let head = format!("{:10.3}  {source:6} {:8}", one.seconds, action.as_str());
        out += &format!("{} {devpath}\n", ink.dim(head));
        for line in &one.lines {
            counts[line.what as usize] += 1;
            let word = format!("{:8}", line.what.as_str());
            let word = match line.what {
                What::Told => ink.green(word),
                What::MadeUp => ink.yellow(word),
                What::Withheld => ink.red(word),
            };
            let event = match line.event == one.heard {
                true => String::new(),
                false => {
                    let Heard {
                        action, devpath, ..
                    } = &line.event;
                    format!("{} {action} {devpath}: ", line.event.source())
                }
            };
            out += &format!("{:10}  {word} {event}{}\n", "", line.why);
        }
    }
    let [told, made_up, withheld] = counts;
    let messages = match played.len() {
        1 => "1 message".to_owned(),
        n => format!("{n} messages"),
    };
    out + &format!("{messages}: {told} told, {made_up} made up, {withheld} withheld\n")
}
