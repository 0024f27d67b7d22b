//! A job from its first process to its last.

use std::{path::PathBuf, pin::pin, time::Duration};

use tokio::{io::AsyncReadExt as _, net::unix::pipe, process::Child, time::Instant};

use super::{
    capture::Capture,
    control::Control,
    disk, identity,
    launch::{Launch, ScratchDir, make_scratch, random, spawn},
    limiter::Limiter,
    mounts::closed_ancestor,
    processes,
    supervise::{Order, Outer, host},
    view::{Scratch, View, environment},
};
use crate::{Ended, LimiterKind, Part, Refusal, Report, process};

/// Between two looks at processes and limits.
const TICK: Duration = Duration::from_millis(40);
/// Between the request to end and the end.
const GRACE: Duration = Duration::from_secs(2);
/// What is killed is dead after this, save where the machine itself hangs. Long, since nobody else
/// knows the job's processes: who gives up leaves them to the machine.
const DEATH: Duration = Duration::from_secs(45);
/// For the last output after the last death.
const DRAIN: Duration = Duration::from_millis(500);

/// A job with all that must go when it is over.
pub(super) struct Started {
    order: Order,
    scratch: ScratchDir,
    limiter: Limiter,
    child: Child,
    main: Option<i32>,
    output: pipe::Receiver,
    control: Control,
    capture: Capture,
    began_at: Instant,
}

impl Started {
    pub(super) fn start(order: Order) -> Result<Self, Refusal> {
        let user = identity::of_job(&order.job.work_dir)
            .map_err(|message| Refusal { part: Part::Backend, message })?;
        let dir = make_scratch(&order.job.work_dir, user)
            .map_err(|error| host("cannot make a scratch folder", &error))?;
        let scratch = Scratch::below(&dir.0);
        let limiter = Limiter::create(order.limiter, &order.job.limits)
            .map_err(|message| Refusal { part: Part::Limiter, message })?;
        let ready = format!("ready {:032x}", random()?);
        let view = View::of(&order.job, &scratch, order.walls.outer != Outer::Nothing);
        if user.is_some() && order.walls.outer == Outer::Nothing {
            refuse_closed(&view)?;
        }
        let launch = Launch { order: &order, scratch: &scratch, view, user };
        let (entry, inner) = (launch.entry(&limiter)?, launch.confinement(ready.clone()));
        let env = environment(&order.job, &scratch, order.walls.outer != Outer::Nothing);
        let spawned =
            spawn(&entry, &inner, &env).map_err(|error| host("cannot start the job", &error))?;
        let (child, output) = (spawned.child, spawned.output);
        let network = order.job.network.clone().zip(launch.ports());
        let control = Control::serve(spawned.control, network)
            .map_err(|error| host("cannot serve the job", &error))?;
        let main = child.id().and_then(|pid| pid.try_into().ok());
        let capture = Capture::new(&ready);
        let began_at = Instant::now();
        Ok(Self { order, scratch: dir, limiter, child, main, output, control, capture, began_at })
    }

    /// Watches the job until it ends or must, leaves nothing of it, and reports.
    pub(super) async fn see_through(
        mut self,
        lifeline: impl Future<Output = ()>,
    ) -> Result<Report, Refusal> {
        let mut ended = self.watch(lifeline).await;
        if ended == Ended::TimedOut {
            self.ask_to_end().await;
        }
        // While its deleted files can still be seen.
        let grown = if ended == Ended::Exited { self.outgrown() } else { None };
        self.kill_all().await?;
        let exit_code = match self.child.try_wait() {
            Ok(Some(status)) if ended == Ended::Exited => process::exit_code(status),
            _ => None,
        };
        self.drain().await;
        if ended == Ended::Exited {
            ended = self.limit_behind(exit_code, grown);
        }
        self.finish(ended, exit_code.filter(|_| ended == Ended::Exited)).await
    }

    async fn watch(&mut self, lifeline: impl Future<Output = ()>) -> Ended {
        let limits = self.order.job.limits;
        let mut lifeline = pin!(lifeline);
        let mut deadline = pin!(tokio::time::sleep_until(self.began_at + limits.wall));
        let mut outgrown = pin!(disk::outgrown(self.written(), self.main, self.room()));
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut buffer = vec![0; 64 << 10];
        let mut open = true;
        loop {
            tokio::select! {
                _ = self.child.wait() => return Ended::Exited,
                () = &mut lifeline => return Ended::Cancelled,
                () = &mut deadline => return Ended::TimedOut,
                ended = &mut outgrown => return ended,
                _ = tick.tick() => {
                    if let Some(ended) = self.limiter.reached(&processes::alive(self.main)) {
                        return ended;
                    }
                }
                read = self.output.read(&mut buffer), if open => match read {
                    Ok(0) | Err(_) => open = false,
                    Ok(n) => {
                        self.capture.push(&buffer[..n]);
                        if self.capture.total() > limits.output_bytes {
                            return Ended::OutputFlood;
                        }
                    }
                }
            }
        }
    }

    fn written(&self) -> Vec<PathBuf> {
        let job = &self.order.job;
        let work = job.writable.then(|| job.work_dir.clone());
        work.into_iter().chain([self.scratch.0.clone()]).collect()
    }

    /// A control group counts what waits in sockets as memory.
    fn room(&self) -> disk::Room {
        let limits = self.order.job.limits;
        let is_watched = self.order.limiter == LimiterKind::Watchdog;
        disk::Room { disk: limits.disk_bytes, sockets: is_watched.then_some(limits.memory_bytes) }
    }

    fn outgrown(&self) -> Option<Ended> {
        disk::exceeds(&self.written(), &processes::alive(self.main), self.room())
    }

    /// The first process of a namespace takes all others with it at once, so it is not asked.
    async fn ask_to_end(&mut self) {
        let spared = self.main.filter(|_| self.order.walls.outer != Outer::Nothing);
        processes::terminate(spared);
        let Self { child, output, capture, .. } = self;
        let listen = async { tokio::join!(child.wait(), listen(output, capture)) };
        // Who does not end is killed next.
        let _ = tokio::time::timeout(GRACE, listen).await;
    }

    async fn kill_all(&mut self) -> Result<(), Refusal> {
        if self.order.walls.outer != Outer::Nothing {
            // With it dies its namespace, and with that at one stroke all that is in it.
            let _ = self.child.start_kill();
        }
        let by = Instant::now() + DEATH;
        let mut again = tokio::time::interval(Duration::from_millis(5));
        while !processes::kill(self.main) {
            if Instant::now() > by {
                return Err(host("the job does not die", &"it hangs in the kernel"));
            }
            again.tick().await;
        }
        // It is dead; this is its exit status.
        let _ = tokio::time::timeout(DEATH, self.child.wait()).await;
        while processes::any() {
            if Instant::now() > by {
                return Err(host("the job does not die", &"it starts processes all the time"));
            }
            processes::kill(None);
            again.tick().await;
        }
        Ok(())
    }

    /// Nobody writes any more; what lies in the pipe is read.
    async fn drain(&mut self) {
        let Self { output, capture, .. } = self;
        let _ = tokio::time::timeout(DRAIN, listen(output, capture)).await;
    }

    /// Whether a job that ended by itself did so because of a limit.
    fn limit_behind(&self, exit_code: Option<i32>, grown: Option<Ended>) -> Ended {
        const FILE_TOO_LARGE: i32 = 128 + 25;
        if let Some(ended) = grown {
            return ended;
        }
        if exit_code == Some(FILE_TOO_LARGE) {
            return Ended::DiskFull;
        }
        match self.limiter.reached(&[]) {
            // It got over it.
            _ if exit_code == Some(0) => Ended::Exited,
            Some(ended) => ended,
            None => Ended::Exited,
        }
    }

    async fn finish(self, ended: Ended, exit_code: Option<i32>) -> Result<Report, Refusal> {
        let duration_ms = self.began_at.elapsed().as_millis();
        self.limiter.remove().await;
        let capture = &self.capture;
        if !capture.is_ready() && ended != Ended::Cancelled {
            return Err(Refusal {
                part: part_of(self.order.limiter, &capture.preamble()),
                message: format!(
                    "the sandbox did not start the job ({ended:?}): {}",
                    capture.preamble()
                ),
            });
        }
        Ok(Report {
            exit_code,
            ended,
            output: capture.text(),
            output_bytes: capture.total(),
            truncated: capture.truncated(),
            duration_ms: u64::try_from(duration_ms).unwrap_or(u64::MAX),
            backend: self.order.walls.backend(),
            limiter: self.order.limiter,
            uid: self.control.uid(),
            refused: self.control.refused(),
        })
    }
}

/// Without mounts nothing can be shown that lies below a folder which only root may enter.
fn refuse_closed(view: &View) -> Result<(), Refusal> {
    let mut shown = view.read_only.iter().chain(&view.read_write);
    match shown.find_map(|path| Some((path, closed_ancestor(path)?))) {
        None => Ok(()),
        Some((path, dir)) => Err(Refusal {
            part: Part::Backend,
            message: format!(
                "a job is not root, and nobody else may enter {}, which holds {}; with \
                 CAP_SYS_ADMIN or as an ordinary user this is no obstacle",
                dir.display(),
                path.display()
            ),
        }),
    }
}

/// Joining a group is the first thing that a job does.
fn part_of(limiter: LimiterKind, preamble: &str) -> Part {
    let is_group = limiter != LimiterKind::Watchdog && preamble.contains("cgroup.procs");
    if is_group { Part::Limiter } else { Part::Backend }
}

async fn listen(output: &mut pipe::Receiver, capture: &mut Capture) {
    let mut buffer = vec![0; 64 << 10];
    while let Ok(n @ 1..) = output.read(&mut buffer).await {
        capture.push(&buffer[..n]);
    }
}
