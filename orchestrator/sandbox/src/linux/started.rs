//! A job from its first process to its last.

use std::{path::PathBuf, pin::pin, time::Duration};

use tokio::{net::unix::pipe, process::Child, time::Instant};

use super::{
    capture::Capture,
    control::Control,
    disk, identity,
    launch::{Launch, ScratchDir, make_scratch, random, spawn},
    limiter::Limiter,
    mounts::closed_ancestor,
    processes,
    supervise::{JobRequest, Namespacing, host},
    view::{Scratch, View, environment},
};
use crate::{Ended, LimiterKind, Part, Refusal, Report, process, streams::Streams};

/// The time between two checks of processes and limits.
const TICK: Duration = Duration::from_millis(40);
/// The time between the request to end and the end.
const GRACE_PERIOD: Duration = Duration::from_secs(2);
/// A killed process is dead after this time, unless the machine itself hangs. It is long, because
/// nobody else knows the processes of the job.
const KILL_TIMEOUT: Duration = Duration::from_secs(45);
/// The time for the last output after the last process has ended.
const DRAIN: Duration = Duration::from_millis(500);

/// A job, with everything that must be removed at its end.
pub(super) struct Started {
    job_request: JobRequest,
    scratch: ScratchDir,
    limiter: Limiter,
    child: Child,
    main: Option<i32>,
    streams: Streams<pipe::Receiver, pipe::Receiver, Capture>,
    control: Control,
    began_at: Instant,
}

impl Started {
    pub(super) fn start(job_request: JobRequest) -> Result<Self, Refusal> {
        let user = identity::of_job(&job_request.job.work_dir)
            .map_err(|message| Refusal { part: Part::Backend, message })?;
        let dir = make_scratch(&job_request.job.work_dir, user)
            .map_err(|error| host("cannot make a scratch folder", &error))?;
        let scratch = Scratch::below(&dir.0);
        let limiter = Limiter::create(job_request.limiter, &job_request.job.limits)
            .map_err(|message| Refusal { part: Part::Limiter, message })?;
        let ready = format!("ready {:032x}", random()?);
        let view = View::of(
            &job_request.job,
            &scratch,
            job_request.layers.namespacing != Namespacing::Nothing,
        );
        if user.is_some() && job_request.layers.namespacing == Namespacing::Nothing {
            refuse_closed(&view)?;
        }
        let launch = Launch { job_request: &job_request, scratch: &scratch, view, user };
        let (entry, inner) = (launch.entry(&limiter)?, launch.confinement(ready.clone()));
        let env = environment(
            &job_request.job,
            &scratch,
            job_request.layers.namespacing != Namespacing::Nothing,
        );
        let spawned = spawn(&entry, &inner, &env, job_request.job.separate_stdout)
            .map_err(|error| host("cannot start the job", &error))?;
        let child = spawned.child;
        let network = job_request.job.network.clone().zip(launch.ports());
        let control = Control::serve(spawned.control, network)
            .map_err(|error| host("cannot serve the job", &error))?;
        let main = child.id().and_then(|pid| pid.try_into().ok());
        let streams = Streams::new(spawned.stdout, Some(spawned.output), Capture::new(&ready));
        let began_at = Instant::now();
        Ok(Self { job_request, scratch: dir, limiter, child, main, streams, control, began_at })
    }

    /// Watches the job until it ends or must be ended, removes everything that it leaves, and
    /// reports.
    pub(super) async fn run_to_end(
        mut self,
        parent_closed: impl Future<Output = ()>,
    ) -> Result<Report, Refusal> {
        let mut ended = self.watch(parent_closed).await;
        if ended == Ended::TimedOut {
            self.ask_to_end().await;
        }
        // While its deleted files can still be seen.
        let grown = if ended == Ended::Exited { self.exceeded_storage() } else { None };
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

    async fn watch(&mut self, parent_closed: impl Future<Output = ()>) -> Ended {
        let limits = self.job_request.job.limits;
        let mut parent_closed = pin!(parent_closed);
        let mut deadline = pin!(tokio::time::sleep_until(self.began_at + limits.wall_time));
        let mut exceeded_storage =
            pin!(disk::exceeded_storage(self.written(), self.main, self.storage_limit()));
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = self.child.wait() => return Ended::Exited,
                () = &mut parent_closed => return Ended::Cancelled,
                () = &mut deadline => return Ended::TimedOut,
                ended = &mut exceeded_storage => return ended,
                _ = tick.tick() => {
                    if let Some(ended) = self.limiter.reached(&processes::alive(self.main)) {
                        return ended;
                    }
                }
                () = self.streams.read() => {
                    if self.streams.total() > limits.output_bytes {
                        return Ended::OutputFlood;
                    }
                }
            }
        }
    }

    fn written(&self) -> Vec<PathBuf> {
        let job = &self.job_request.job;
        let work = job.writable.then(|| job.work_dir.clone());
        work.into_iter().chain([self.scratch.0.clone()]).collect()
    }

    /// With a control group, data that waits in sockets counts as memory.
    fn storage_limit(&self) -> disk::StorageLimit {
        let limits = self.job_request.job.limits;
        let is_watched = self.job_request.limiter == LimiterKind::Watchdog;
        let sockets = is_watched.then_some(limits.memory_bytes);
        disk::StorageLimit { disk: limits.disk_bytes, files: limits.files, sockets }
    }

    fn exceeded_storage(&self) -> Option<Ended> {
        disk::exceeds(&self.written(), &processes::alive(self.main), self.storage_limit())
    }

    /// The first process of a namespace would end all others at once, so it is not asked to end.
    async fn ask_to_end(&mut self) {
        let spared =
            self.main.filter(|_| self.job_request.layers.namespacing != Namespacing::Nothing);
        processes::terminate(spared);
        let Self { child, streams, .. } = self;
        let listen = async { tokio::join!(child.wait(), streams.read_to_end()) };
        // A process that does not end is killed afterwards.
        let _ = tokio::time::timeout(GRACE_PERIOD, listen).await;
    }

    async fn kill_all(&mut self) -> Result<(), Refusal> {
        if self.job_request.layers.namespacing != Namespacing::Nothing {
            // Its namespace ends with it, and so do all processes inside at once.
            let _ = self.child.start_kill();
        }
        let by = Instant::now() + KILL_TIMEOUT;
        let mut again = tokio::time::interval(Duration::from_millis(5));
        while !processes::kill(self.main) {
            if Instant::now() > by {
                return Err(host("the job does not die", &"it hangs in the kernel"));
            }
            again.tick().await;
        }
        // It is dead. This is its exit status.
        let _ = tokio::time::timeout(KILL_TIMEOUT, self.child.wait()).await;
        while processes::any() {
            if Instant::now() > by {
                return Err(host("the job does not die", &"it starts new processes constantly"));
            }
            processes::kill(None);
            again.tick().await;
        }
        Ok(())
    }

    /// No process writes any more. The rest of the output is read from the pipe.
    async fn drain(&mut self) {
        let _ = tokio::time::timeout(DRAIN, self.streams.read_to_end()).await;
    }

    /// Whether a job that ended by itself ended because of a limit.
    fn limit_behind(&self, exit_code: Option<i32>, grown: Option<Ended>) -> Ended {
        const FILE_TOO_LARGE: i32 = 128 + 25;
        if let Some(ended) = grown {
            return ended;
        }
        if exit_code == Some(FILE_TOO_LARGE) {
            return Ended::DiskFull;
        }
        match self.limiter.reached(&[]) {
            // The job recovered from it.
            _ if exit_code == Some(0) => Ended::Exited,
            Some(ended) => ended,
            None => Ended::Exited,
        }
    }

    async fn finish(self, ended: Ended, exit_code: Option<i32>) -> Result<Report, Refusal> {
        let duration_ms = self.began_at.elapsed().as_millis();
        self.limiter.remove().await;
        let Streams { output: capture, stdout, .. } = &self.streams;
        if !capture.is_ready() && ended != Ended::Cancelled {
            return Err(Refusal {
                part: part_of(self.job_request.limiter, &capture.preamble()),
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
            stdout: stdout.text(),
            output_bytes: self.streams.total(),
            truncated: capture.truncated(),
            duration_ms: u64::try_from(duration_ms).unwrap_or(u64::MAX),
            uid: Some(self.control.uid()),
            refused: self.control.refused(),
        })
    }
}

/// Without mounts, nothing below a folder that only root may enter can be made visible.
fn refuse_closed(view: &View) -> Result<(), Refusal> {
    let mut shown = view.read_only.iter().chain(&view.read_write);
    match shown.find_map(|path| Some((path, closed_ancestor(path)?))) {
        None => Ok(()),
        Some((path, dir)) => Err(Refusal {
            part: Part::Backend,
            message: format!(
                "only root may enter {}, which contains {}, and a job is not root; run as an ordinary user, or with CAP_SYS_ADMIN",
                dir.display(),
                path.display()
            ),
        }),
    }
}

/// Joining the control group is the first action of a job.
fn part_of(limiter: LimiterKind, preamble: &str) -> Part {
    let is_group = limiter != LimiterKind::Watchdog && preamble.contains("cgroup.procs");
    if is_group { Part::Limiter } else { Part::Backend }
}
