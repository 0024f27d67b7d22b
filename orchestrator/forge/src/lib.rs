#![doc = include_str!("../README.md")]

pub mod git;
mod process;
mod secret;

pub use secret::Secret;
