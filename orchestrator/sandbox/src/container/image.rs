//! Images: they are downloaded, and asked what they are.

use std::{
    collections::BTreeMap,
    future::{Future, pending},
    path::Path,
    time::Duration,
};

use super::{ANSWER, ANSWER_BYTES, ContainerRuntime, argv, outcome, unique_word};
use crate::{Job, Limits, SandboxError};

/// The time to download an image.
const PULL: Duration = Duration::from_secs(10 * 60);

/// The system in an image, as it describes itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageSystem {
    /// The processor, as `uname -m` prints it.
    pub machine: String,
    /// The text of its `/etc/os-release`.
    pub os_release: String,
}

impl ContainerRuntime {
    /// Downloads `image` unless the machine has it, and asks a container of it what it is. The folder
    /// `owner` must exist.
    pub async fn prepare(
        &self,
        image: &str,
        owner: &Path,
        cancel: impl Future<Output = ()>,
    ) -> Result<ImageSystem, SandboxError> {
        if self.ask(argv::has_image(image), ANSWER).await.is_err() {
            let pulled = self.client(argv::pull(image), PULL, ANSWER_BYTES, cancel).await?;
            if pulled.exit_code != Some(0) {
                let why = outcome::said(&pulled);
                return Err(self.fault(format!("the image {image} cannot be downloaded: {why}")));
            }
        }
        let place = |error: std::io::Error| self.fault(format!("{}: {error}", owner.display()));
        let dir = tempfile::Builder::new().prefix(".image-").tempdir_in(owner).map_err(place)?;
        let work_dir = dir.path().join("shown");
        std::fs::create_dir(&work_dir).map_err(place)?;
        let word = unique_word();
        std::fs::File::create(work_dir.join("word"))
            .and_then(|mut file| std::io::Write::write_all(&mut file, word.as_bytes()))
            .map_err(place)?;
        let script = "cat word && echo && : > /tmp/word && uname -m && cat /etc/os-release";
        let job = Job {
            argv: ["/bin/sh", "-c", script].map(str::to_owned).to_vec(),
            env: BTreeMap::new(),
            work_dir,
            writable: false,
            network: None,
            read_only: vec![],
            path_dirs: vec![],
            separate_stdout: true,
            limits: Limits { wall_time: ANSWER, ..Limits::default() },
        };
        let report = self.run(&job, image, owner, pending()).await?;
        let mut lines = report.stdout.lines();
        let (read, machine) = (lines.next().unwrap_or_default(), lines.next().unwrap_or_default());
        if !report.succeeded() || read != word {
            let said = format!("{}{}", report.stdout, report.output);
            let message = format!(
                "a container of {image} cannot read a folder of this machine, or cannot write to /tmp: {said}"
            );
            return Err(self.fault(message));
        }
        let os_release = lines.collect::<Vec<_>>().join("\n");
        Ok(ImageSystem { machine: machine.to_owned(), os_release })
    }
}
