//! Requests to the registry: a thin async layer over pure functions.

use async_trait::async_trait;
use batch_core::{
    decide::recipe::one_line,
    io::{Http, HttpError, Request, Response},
    model::{Artifact, Cell, PackageFacts, PackageName, Recipe, RecipeName},
    plugin::{Missing, RecipeBuilder, SourceError, SourceErrorKind},
};

use crate::{
    ID, Pypi, contents,
    project::{self, File, Newest},
    quota::API_HOST,
    recipe, wheel,
};

/// The origin by which recipes, quotas and caches refer to the registry.
pub(crate) const ORIGIN: &str = "https://pypi.org";
/// The largest answer about a project that is read, in bytes; some projects have thousands of
/// files.
const MAX_ANSWER: usize = 64 << 20;

#[async_trait]
impl RecipeBuilder for Pypi {
    async fn inspect(
        &self,
        http: &dyn Http,
        name: &PackageName,
    ) -> Result<Option<PackageFacts>, SourceError> {
        let path = ["pypi", name.as_str(), "json"];
        let request = Request::get(ORIGIN, &path, &[]).map_err(source_error)?;
        let accept = Some("application/json");
        let request = Request { accept, max_bytes: MAX_ANSWER, ..request };
        let response = http.send(request).await.map_err(source_error)?;
        let address = Address::of(&response);
        let Some(body) = response.found().map_err(source_error)? else { return Ok(None) };
        let newest = project::newest(name, &body).map_err(|why| odd_answer(API_HOST, why))?;
        let release = match newest {
            Some(Newest::Release(release)) => release,
            Some(Newest::Withdrawn { info, version, why }) => {
                return Ok(Some(recipe::withdrawn(name, info, version, &why)));
            }
            None => return Ok(None),
        };
        let wheels = wheel::best(&release.files);
        let Some(first) = wheels.first() else {
            let sources = release.files.iter().filter(|file| is_source(file));
            let artifacts = sources.map(|file| address.artifact(file, vec![]));
            let artifacts = artifacts.collect::<Result<_, _>>().map_err(source_error)?;
            return Ok(Some(recipe::facts(name, release, artifacts, None)));
        };
        let request = address.request(first.file).map_err(source_error)?;
        let digest = first.file.digest();
        let url = request.url.clone();
        let contents = contents::read(http, request, name, &digest).await;
        let contents =
            contents.map_err(|error| source_error(SourceErrorKind::of_listed_file(error)))?;
        let Some(contents) = contents else {
            return Err(source_error(SourceErrorKind::Unserved { url }));
        };
        let artifacts = wheels.iter().map(|it| address.artifact(it.file, it.cells.clone()));
        let mut artifacts: Vec<Artifact> =
            artifacts.collect::<Result<_, _>>().map_err(source_error)?;
        if let Some(read) = artifacts.first_mut() {
            read.digest_verified = Some(contents.is_verified);
        }
        Ok(Some(recipe::facts(name, release, artifacts, Some(&contents))))
    }

    fn build(&self, facts: &PackageFacts) -> Result<Recipe, Missing> {
        recipe::build(facts)
    }

    fn recipe_name(&self, facts: &PackageFacts) -> RecipeName {
        recipe::recipe_name(facts)
    }
}

/// Whether the file is a source distribution: not a wheel, and not an installer for Windows or for
/// one distribution.
fn is_source(file: &File) -> bool {
    let name = file.filename.as_str();
    [".tar.gz", ".zip", ".tar.bz2", ".tgz", ".tar.xz"].iter().any(|end| name.ends_with(end))
}

/// The address of an answer: mirrors name files relative to it.
struct Address(Request);

impl Address {
    fn of(response: &Response) -> Self {
        let request = Request::get(response.url.as_str(), &[], &[]);
        Self(request.expect("an address that has answered is one"))
    }

    fn request(&self, file: &File) -> Result<Request, HttpError> {
        let not_url = || HttpError::NotUrl { text: one_line(&file.url) };
        let url = self.0.url.join(&file.url).map_err(|_| not_url())?;
        Ok(Request { url, ..self.0.clone() })
    }

    /// The artifact for `cells`; an empty list or all six cells stand for any machine.
    fn artifact(&self, file: &File, cells: Vec<Cell>) -> Result<Artifact, HttpError> {
        let cells = if cells.len() == Cell::ALL.len() { vec![] } else { cells };
        let url = self.request(file)?.url.to_string();
        Ok(Artifact::unread(cells, url, file.digest()))
    }
}

pub(crate) fn source_error(kind: impl Into<SourceErrorKind>) -> SourceError {
    SourceError { ecosystem: ID, kind: kind.into() }
}

pub(crate) fn odd_answer(host: &str, reason: String) -> SourceError {
    source_error(SourceErrorKind::Schema { host: host.to_owned(), reason })
}
