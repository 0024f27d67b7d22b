//! The shell around core's decisions: stages, generators, validators, sandbox and command line.
#![cfg_attr(not(test), deny(unused_crate_dependencies))]

pub mod bundled;
pub mod cli;
pub mod env;
pub mod exit;
pub mod failure;
pub mod generator;
pub mod machine;
pub mod net;
pub mod plugins;
pub mod progress;
pub mod run;
pub mod scaffold;
pub mod schema;
pub mod scripted;
pub mod seeds;
pub mod settings;
pub mod stage;
pub mod toolchain;
pub mod validator;
