//! Containment as Linux offers it.
//!
//! One supervisor process per job ([`supervise`]) starts, watches and ends it. On its way to the
//! job's program it passes through this program twice more ([`confine`]): `enter` takes on the
//! limits outside, `apply` gives up rights inside. Between the two stand the namespaces, made by
//! `bwrap` ([`bubblewrap`]) or by this program ([`namespaces`]).

pub(super) mod bubblewrap;
mod capture;
mod cgroup;
pub(super) mod confine;
mod control;
mod disk;
mod held;
mod identity;
pub(super) mod kernel;
mod landlock;
mod launch;
mod limiter;
mod listeners;
mod loopback;
mod mounts;
mod names;
mod namespaces;
pub(super) mod order;
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
