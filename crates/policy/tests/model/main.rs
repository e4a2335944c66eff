//! The views of random rules on random devices: plugged, unplugged, changed, renamed and spoken of in random order, while somebody edits
//! the rules. After every step they are compared with a naive model.
//!
//! `MODEL_CASES` says how many cases are tried. One that fails is made smaller first, then told step by step.

mod asked;
mod case;
mod check;
mod decide;
mod devices;
mod generate;
mod globs;
mod links;
mod met;
mod naive;
mod paths;
mod places;
mod random;
mod reload;
mod shown;
mod truth;
mod world;
mod yaml;

use std::{cell::RefCell, thread, time::Instant};

use proptest::{
    bits,
    collection::vec,
    num,
    strategy::Strategy,
    test_runner::{Config, TestError, TestRunner},
};

use case::{Case, Seed};
use met::Count;

/// How many cases are tried if nobody says otherwise.
const CASES: usize = 100_000;

/// Where cases run: what panics there is tried again with less, which nobody has to hear.
const THREAD: &str = "cases";

/// A seed stays what it is, or the case would be another; what may be made of it gets less.
fn seed() -> impl Strategy<Value = Seed> {
    (num::u64::ANY.no_shrink(), bits::u8::ANY)
}

fn cases() -> impl Strategy<Value = Case> {
    let places = vec(num::u64::ANY.no_shrink(), 1..10);
    let parts = (vec(seed(), 1..7), vec(seed(), 1..9), places, seed());
    parts.prop_map(|(rules, steps, places, other)| Case {
        rules,
        steps,
        places,
        other,
    })
}

/// The smallest case that fails, or how often each situation was met.
fn try_cases(number: u32) -> Result<Count, Case> {
    let config = Config {
        cases: number,
        failure_persistence: None,
        max_shrink_iters: 10_000,
        ..Config::default()
    };
    let sum = RefCell::new(Count::default());
    let result = TestRunner::new(config).run(&cases(), |case| {
        case.run(&mut sum.borrow_mut(), false);
        Ok(())
    });
    match result {
        Ok(()) => Ok(sum.into_inner()),
        Err(TestError::Fail(_, case)) => Err(case),
        Err(error) => panic!("{error}"),
    }
}

#[test]
fn views_are_what_the_model_says() {
    let cases: usize = match std::env::var("MODEL_CASES") {
        Ok(text) => text.parse().expect("MODEL_CASES is a number"),
        Err(_) => CASES,
    };
    let began = Instant::now();
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        if thread::current().name() != Some(THREAD) {
            usual(info);
        }
    }));
    let threads = thread::available_parallelism().map_or(1, |number| number.get());
    let each = u32::try_from(cases.div_ceil(threads)).expect("fewer cases");
    let spawn = |_| {
        let builder = thread::Builder::new().name(THREAD.to_owned());
        builder.spawn(move || try_cases(each)).unwrap()
    };
    let running: Vec<_> = (0..threads).map(spawn).collect();
    let mut sum = Count::default();
    for thread in running {
        match thread.join().expect("a case that fails is caught") {
            Ok(count) => sum.add(&count),
            Err(case) => {
                println!("the smallest case that fails:");
                case.run(&mut Count::default(), true);
                panic!("it fails now and then only: {case:?}");
            }
        }
    }
    let took = began.elapsed();
    println!("{} cases in {took:.1?}", each as usize * threads);
    sum.check(cases);
}
