//! A server that keeps pull requests like GitHub.

use std::{num::NonZeroU32, sync::Arc, time::Duration};

use batch_core::{
    io::{MirrorTransport, NetTransport, PoliteConfig, PoliteHttp, SystemClock},
    model::Quota,
};
use batch_forge::{
    Forge, Secret,
    git::CommitId,
    github::{Github, GithubSettings, QUOTA, api_origins},
};
use fake_github::{Bare, FakeGithub};
use tempfile::TempDir;

use crate::place::{Check, Place, Repository};

pub(crate) struct Hub {
    repository: Repository,
    server: FakeGithub,
    github: Github,
    _cache: TempDir,
}

impl Hub {
    pub(crate) fn start() -> Self {
        let repository = Repository::new();
        let server = FakeGithub::new(Bare::at(repository.bare()), "joe/x");
        let api = server.serve();
        let cache = tempfile::tempdir().unwrap();
        let net = Arc::new(NetTransport::new("batch-test/1 (+https://a.example)").unwrap());
        let origins = api_origins(&api).unwrap();
        let transport = Arc::new(MirrorTransport::trusted(net.clone(), origins));
        let burst = NonZeroU32::new(100).unwrap();
        let quota = Quota { period: Duration::from_millis(1), burst, ..QUOTA };
        let clock = Arc::new(SystemClock::default());
        let config = PoliteConfig::new(clock.clone(), transport, [quota], cache.path());
        let github = Github::new(GithubSettings {
            http: Arc::new(PoliteHttp::new(config)),
            clock,
            cleaner: Arc::default(),
            token: Secret::new("ghs_x").unwrap(),
            repository: "joe/x".parse().unwrap(),
            base: "main".parse().unwrap(),
            store: net,
        });
        Self { repository, server, github, _cache: cache }
    }
}

impl Place for Hub {
    fn forge(&self) -> &dyn Forge {
        &self.github
    }

    fn repository(&self) -> &Repository {
        &self.repository
    }

    fn set_checks(&self, commit: &CommitId, checks: &[Check<'_>]) {
        self.server.set_checks(commit.as_str(), checks);
    }

    fn protect(&self, required: &[&str], is_strict: bool, may_auto_merge: bool) {
        self.server.protect(required, is_strict, may_auto_merge);
    }
}
