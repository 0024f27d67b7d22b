//! Ports and their real adapters: the only module that touches time, network or files.

pub mod archive;
mod aside;
mod atomic;
mod cache;
mod clock;
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
mod page;
mod payload;
mod polite;
mod prune;
mod regular;
mod retry;
mod rewrite;
mod rows;
mod seed_journal;
mod state;
mod state_error;
mod transport;

pub use aside::aside;
pub use clock::{Clock, SystemClock, within};
pub use error::HttpError;
pub use facts::{FactSink, Journal, Outbox, append_facts, read_facts};
pub use fs_state::{FsState, Laid};
pub use grouped_counts::GroupedCounts;
pub use history::{HistoryFilter, Visited, Visitor};
pub use http::{CachedFile, Http, Method, Request, Response, json};
pub use layout::Layout;
pub use limits::{Limit, LimitError, LimitErrorKind, limited};
pub use lock::{Holder, RunLock};
pub use mirror::{MirrorTransport, Origins};
#[cfg(feature = "net")]
pub use net::NetTransport;
pub use polite::{Deadlines, PATIENCE, PoliteConfig, PoliteHttp, SLOWEST, Traffic};
pub use prune::{CacheLimits, Pruned, prune_cache};
pub use regular::read_within;
pub use retry::RetryPolicy;
pub use rows::{each_entry, each_item, published_day, published_number, read_list};
pub use seed_journal::SeedJournal;
pub use state::{Quarantined, QueueFile, Records, StateReader, StateWriter};
pub use state_error::{StateError, StateErrorKind};
pub use transport::{
    Body, Headers, Reply, Transport, TransportError, TransportErrorKind, Validators,
};
