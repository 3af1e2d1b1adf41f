//! Shards on both runtimes: the grid, the stop, the pinning, and what happens when something is refused or breaks.

mod same_state;
mod seccomp;

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use mu_core::runtime::probe::{self, Refusal};
use mu_core::runtime::{
    Cause, Clock, Flow, Running, RuntimeChoice, RuntimeKind, RuntimeOptions, STEP, ShardEnd, ShardLoop, ShardSpec,
    StartError, StepTime, cores, start,
};

/// Each runtime this host allows; without io_uring only one is left, and the test says so.
fn runtimes() -> Vec<(RuntimeChoice, RuntimeKind)> {
    let mut runtimes = vec![(RuntimeChoice::Mio, RuntimeKind::Mio)];
    match probe::io_uring() {
        Ok(()) => runtimes.push((RuntimeChoice::Glommio, RuntimeKind::Glommio)),
        Err(refusal) => eprintln!("glommio is not tested on this host: {refusal}"),
    }
    runtimes
}

/// Far longer than anything here takes on a busy machine; only a failure waits for it.
const PATIENCE: Duration = Duration::from_secs(30);

struct Steps<F>(F);

impl<F: FnMut(StepTime) -> Flow> ShardLoop for Steps<F> {
    fn step(&mut self, step: StepTime) -> Flow {
        (self.0)(step)
    }
}

fn spec(shard: u8, cpu: usize, step: impl FnMut(StepTime) -> Flow + Send + 'static) -> ShardSpec {
    ShardSpec { shard, cpu, build: Box::new(move || Ok(Box::new(Steps(step)))) }
}

fn last_cpu() -> usize {
    *cores::allowed().expect("the kernel says where we may run").last().expect("at least one CPU")
}

fn options(choice: RuntimeChoice) -> RuntimeOptions {
    let mut options = RuntimeOptions::new(choice, cores::allowed().expect("known"));
    options.deadline = PATIENCE;
    options
}

/// Runs one shard that reports each step it is told of, until it has been told of `count` calls.
fn recorded(
    choice: RuntimeChoice,
    count: usize,
    mut work: impl FnMut(&StepTime) + Send + 'static,
) -> (RuntimeOptions, Vec<StepTime>) {
    let options = options(choice);
    let (report, steps) = channel();
    let mut calls = 0;
    let running = start(
        vec![spec(0, last_cpu(), move |step| {
            work(&step);
            report.send(step).expect("the test listens");
            calls += 1;
            if calls == count { Flow::Stop } else { Flow::Continue }
        })],
        &options,
    )
    .expect("started");
    let ends = running.join();
    assert_eq!(ends.len(), 1);
    assert_eq!((ends[0].shard, &ends[0].cause), (0, &Cause::Finished));
    (options, steps.iter().collect())
}

fn assert_on_the_grid(options: &RuntimeOptions, steps: &[StepTime]) {
    let mut next = steps[0].step;
    for step in steps {
        let number = u32::try_from(step.step).expect("a short run");
        assert_eq!(step.step, next, "no step is skipped or repeated");
        assert_eq!(step.scheduled, options.origin + STEP * number, "scheduled on the grid, not after the last step");
        assert!(step.now >= step.scheduled, "never early: {step:?}");
        assert!(step.due >= 1 && step.now < step.scheduled + STEP * step.due, "all that was due and no more: {step:?}");
        next += u64::from(step.due);
    }
}

#[test]
fn both_runtimes_step_on_the_grid() {
    for (choice, _) in runtimes() {
        let (options, steps) = recorded(choice, 40, |_| ());
        assert_on_the_grid(&options, &steps);
    }
}

#[test]
fn after_an_overrun_all_due_steps_come_in_one_call_and_nothing_drifts() {
    for (choice, _) in runtimes() {
        let mut calls = 0;
        let (options, steps) = recorded(choice, 20, move |step| {
            calls += 1;
            let busy_until = step.now + STEP * 24;
            while calls == 5 && Clock::now() < busy_until {
                std::hint::spin_loop();
            }
        });
        assert_on_the_grid(&options, &steps);
        assert!(steps[5].due >= 24, "120 ms of work leave at least 24 steps due: {:?}", steps[5]);
    }
}

/// A shard that runs until it is stopped, and a way to wait for its next step.
fn endless(choice: RuntimeChoice) -> (Running, Receiver<()>) {
    let (report, steps) = channel();
    let endless = spec(3, last_cpu(), move |_| {
        // The test may have stopped listening.
        let _ = report.send(());
        Flow::Continue
    });
    (start(vec![endless], &options(choice)).expect("started"), steps)
}

#[test]
fn a_stop_ends_a_shard_that_would_go_on() {
    for (choice, kind) in runtimes() {
        let (running, steps) = endless(choice);
        assert_eq!(running.kinds(), [kind]);
        steps.recv_timeout(PATIENCE).expect("it steps");
        running.stop();
        let ends = running.join();
        assert_eq!((ends[0].shard, &ends[0].cause), (3, &Cause::Stopped));
    }
}

#[test]
fn a_shard_is_built_and_runs_on_its_cpu() {
    for (choice, _) in runtimes() {
        let cpu = last_cpu();
        let (report, masks) = channel();
        let build: mu_core::runtime::BuildLoop = Box::new(move || {
            report.send(cores::allowed()).expect("the test listens");
            Ok(Box::new(Steps(move |_| {
                report.send(cores::allowed()).expect("the test listens");
                Flow::Stop
            })))
        });
        let running = start(vec![ShardSpec { shard: 0, cpu, build }], &options(choice)).expect("started");
        assert!(running.placed()[0].holds(), "{:?}", running.placed());
        assert_eq!(running.placed()[0].actual, [cpu]);
        assert_eq!(running.join().len(), 1);
        assert_eq!(masks.iter().collect::<Vec<_>>(), [Some(vec![cpu]), Some(vec![cpu])]);
    }
}

#[test]
fn two_shards_share_a_cpu_and_are_listed_in_order() {
    for (choice, kind) in runtimes() {
        let cpu = last_cpu();
        let shards = (0..2).map(|shard| spec(shard, cpu, |_| Flow::Stop)).collect();
        let running = start(shards, &options(choice)).expect("started");
        assert_eq!(running.kinds(), [kind, kind]);
        let names: Vec<_> = running.placed().iter().map(|placed| placed.thread.clone()).collect();
        assert_eq!(names, ["mu-shard-0", "mu-shard-1"]);
        assert_eq!(running.join().len(), 2);
    }
}

#[test]
fn a_panic_is_caught_at_the_edge_and_reported_with_shard_and_step() {
    for (choice, _) in runtimes() {
        let ended: Arc<Mutex<Vec<ShardEnd>>> = Arc::default();
        let mut options = options(choice);
        let seen = Arc::clone(&ended);
        options.on_end = Arc::new(move |end| seen.lock().expect("not poisoned").push(end.clone()));
        let (report, steps): (Sender<u64>, _) = channel();
        let mut calls = 0;
        let bad = spec(7, last_cpu(), move |step| {
            report.send(step.step).expect("the test listens");
            calls += 1;
            assert!(calls < 3, "the third call fails");
            Flow::Continue
        });
        let ends = start(vec![bad], &options).expect("started").join();
        let step = steps.iter().last().expect("three steps");
        assert_eq!(ends, [ShardEnd { shard: 7, step, cause: Cause::Panicked("the third call fails".to_owned()) }]);
        assert_eq!(*ended.lock().expect("not poisoned"), ends);
    }
}

#[test]
fn refused_io_uring_falls_back_to_mio_or_is_an_error_as_chosen() {
    let mut auto = options(RuntimeChoice::Auto);
    auto.probe = || Err(Refusal::Seccomp);
    let running = start(vec![spec(0, last_cpu(), |_| Flow::Stop)], &auto).expect("mio needs no io_uring");
    assert_eq!(running.kinds(), [RuntimeKind::Mio]);
    assert_eq!(running.join()[0].cause, Cause::Finished);

    let mut strict = options(RuntimeChoice::Glommio);
    strict.probe = || Err(Refusal::Seccomp);
    let refused = start(vec![spec(0, last_cpu(), |_| Flow::Stop)], &strict);
    assert!(matches!(refused, Err(StartError::Refused(Refusal::Seccomp))));
}

#[test]
fn an_impossible_cpu_is_reported_with_the_shard() {
    for (choice, _) in runtimes() {
        for impossible in [1_023, 1_024, usize::MAX] {
            let specs = vec![spec(0, last_cpu(), |_| Flow::Continue), spec(1, impossible, |_| Flow::Continue)];
            match start(specs, &options(choice)) {
                Err(StartError::Shard { shard: 1, cpu, .. }) => assert_eq!(cpu, impossible),
                Err(other) => panic!("CPU {impossible}: {other}"),
                Ok(_) => panic!("CPU {impossible} does not exist"),
            }
        }
    }
}

#[test]
fn a_loop_that_cannot_be_built_is_reported() {
    for (choice, _) in runtimes() {
        let broken: [mu_core::runtime::BuildLoop; 2] =
            [Box::new(|| Err("the port is taken".to_owned())), Box::new(|| panic!("the port is taken"))];
        for build in broken {
            match start(vec![ShardSpec { shard: 2, cpu: last_cpu(), build }], &options(choice)) {
                Err(StartError::Shard { shard: 2, reason, .. }) => assert_eq!(reason, "the port is taken"),
                Err(other) => panic!("{other}"),
                Ok(_) => panic!("a shard without a loop was started"),
            }
        }
    }
}

#[test]
fn a_shard_that_hangs_while_it_is_built_is_named_at_the_deadline() {
    for (choice, _) in runtimes() {
        let (release, held) = channel::<()>();
        let build: mu_core::runtime::BuildLoop = Box::new(move || {
            let _ = held.recv();
            Err("released".to_owned())
        });
        let mut options = options(choice);
        options.deadline = Duration::from_millis(200);
        match start(vec![ShardSpec { shard: 4, cpu: last_cpu(), build }], &options) {
            Err(StartError::Deadline { shards, .. }) => assert_eq!(shards, [4]),
            Err(other) => panic!("{other}"),
            Ok(_) => panic!("a shard that hangs was called ready"),
        }
        drop(release);
    }
}
