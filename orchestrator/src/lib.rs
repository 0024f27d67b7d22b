//! The shell around the decisions in core: stages, generators, validators, sandbox and command
//! line.
#![cfg_attr(not(test), deny(unused_crate_dependencies))]

// Only for the features that Cargo.toml asks for.
use {futures_channel as _, getrandom as _, hashbrown as _, hyper as _, num_traits as _};

pub mod bundled;
pub mod cli;
pub mod containers;
pub mod counted;
pub mod doctor;
pub mod env;
pub mod exit;
pub mod explained;
pub mod failure;
pub mod generator;
pub mod hosted;
pub mod machine;
pub mod merge;
pub mod net;
pub mod os_release;
pub mod plugins;
pub mod progress;
pub mod ran;
pub mod routing;
pub mod run;
pub mod scaffold;
pub mod schema;
pub mod screen;
pub mod scripted;
pub mod seeds;
pub mod settings;
pub mod simulate;
pub mod stage;
pub mod toolchain;
pub mod tsuku;
pub mod upkeep;
pub mod validator;
