//! Containment as Linux offers it.
//!
//! One supervisor process per job ([`supervise`]) starts, watches and ends it. On its way to the
//! job's program it passes through this program twice more ([`confine`]): `enter` takes on the
//! limits outside, `apply` gives up rights inside. Between the two stands the backend.

pub(super) mod bubblewrap;
mod capture;
mod cgroup;
pub(super) mod confine;
mod disk;
pub(super) mod kernel;
mod landlock;
mod launch;
mod limiter;
pub(super) mod order;
pub(super) mod probe;
mod processes;
mod read_only_host;
mod remove;
mod seccomp;
pub(super) mod self_test;
mod started;
pub(super) mod supervise;
mod view;

pub use remove::remove_tree;
