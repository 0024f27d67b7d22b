//! The sandbox on Linux.
//!
//! One supervisor process for each job ([`supervise`]) starts, watches and ends it. Between the
//! supervisor and the job's program, this program is started twice more ([`confine`]): `enter` sets
//! the limits outside, `apply` gives up rights inside. Between the two are the namespaces, created
//! by `bwrap` ([`bubblewrap`]) or by this program ([`namespaces`]).

pub(super) mod bubblewrap;
pub(super) mod call;
mod capture;
mod cgroup;
pub(super) mod confine;
mod control;
mod disk;
mod held;
mod identity;
pub(super) mod job_request;
pub(super) mod kernel;
mod landlock;
mod launch;
mod limiter;
mod listeners;
mod loopback;
mod mounts;
mod names;
mod namespaces;
mod ownership;
pub(super) mod probe;
mod processes;
mod relay;
mod remove;
mod rlimits;
mod seccomp;
pub(super) mod self_test;
mod started;
pub(super) mod supervise;
mod view;

pub use remove::remove_tree;
