//! What is read of the lists of a registry, what of it is queued, and how it ends.

mod merges;
mod suspicions;
mod toy;
mod walks;
