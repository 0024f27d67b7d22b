//! The site as a whole, from records to files.
#![expect(clippy::unwrap_used, reason = "a test says by a panic what is wrong")]

mod budget;
mod count;
mod generated;
mod hostile;
mod hostile_state;
mod html;
mod links;
mod lists;
mod memory;
mod numbers;
mod sample;
mod structure;
mod unchanged;
mod writing;

use std::collections::BTreeMap;

use analytics::{Circumstances, Page};
use batch_core::io::StateError;
use chrono::{DateTime, Utc};

use crate::memory::MemoryState;

/// Every page by its path. Files that are not text are empty.
fn site(state: &MemoryState, as_of: DateTime<Utc>) -> BTreeMap<String, String> {
    let mut site = BTreeMap::new();
    let put = |page: Page| {
        let body = String::from_utf8(page.body).unwrap_or_default();
        assert!(site.insert(page.path.clone(), body).is_none(), "{} twice", page.path);
        Ok::<(), StateError>(())
    };
    analytics::pages(state, &Circumstances::at(as_of), put).unwrap();
    site
}

fn is_html(path: &str) -> bool {
    path.rsplit_once('.').is_some_and(|(_, extension)| extension == "html")
}

fn sample_site() -> BTreeMap<String, String> {
    site(&sample::state(), sample::now())
}
