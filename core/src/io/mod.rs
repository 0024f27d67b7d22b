//! The ports and their real adapters. Only this module touches time, network or files.

pub mod archive;
mod artifacts;
mod atomic;
mod cache;
mod clock;
mod digest;
mod error;
mod exchange;
mod facts;
mod fs_state;
mod gate;
mod grouped_counts;
mod history;
mod http;
mod layout;
mod limits;
mod lock;
mod mirror;
#[cfg(feature = "net")]
mod net;
mod old_tree;
mod page;
mod payload;
mod polite;
mod prune;
mod regular;
mod retry;
mod rewrite;
mod rows;
mod run_blocking;
mod seed_journal;
mod set_aside;
mod state;
mod state_error;
mod transport;

pub use artifacts::{
    ArtifactError, ArtifactFolder, ArtifactStage, BatchArtifacts, Manifest, RunIdentity, StageFacts,
};
pub use atomic::replace_file;
pub use clock::{Clock, SystemClock, within};
pub use error::HttpError;
pub use facts::{FactSink, FactWriter, Journal, Outbox, append_facts, read_facts};
pub use fs_state::{
    ArchiveKind, EntryLines, FoundFile, FoundKind, FsState, InitializedFile, Located, OutputFile,
};
pub(crate) use fs_state::{HistoryRecord, OldFiles, Surveyed, TransitionLine, remove_archived};
pub use grouped_counts::GroupedCounts;
pub use history::{HistoryFilter, Visited, Visitor};
pub use http::{CachedFile, Http, Method, Request, Response, json, text};
pub use layout::Layout;
pub use limits::{Limit, LimitError, LimitErrorKind, limited};
pub use lock::{Holder, RunLock};
pub use mirror::{MirrorTransport, Origins};
#[cfg(feature = "net")]
pub use net::NetTransport;
pub use old_tree::OldTree;
pub use polite::{
    Account, Deadlines, MIN_BYTES_PER_SECOND, PATIENCE, PoliteConfig, PoliteHttp, Traffic,
};
pub use prune::{CacheLimits, Pruned, prune_cache};
pub use regular::read_within;
pub use retry::RetryPolicy;
pub use rows::{each_entry, each_item, published_day, published_number, read_list};
pub use run_blocking::run_blocking;
pub use seed_journal::SeedJournal;
pub use state::{Quarantined, QueueFile, Records, StateReader, StateWriter};
pub use state_error::{StateError, StateErrorKind};
pub use transport::{
    Body, Headers, Reply, Transport, TransportError, TransportErrorKind, Validators,
};
