//! Bottles: which exist, where they are stored, and which machines each is for.

use batch_core::model::{Artifact, Cell, Os, PackageName};

use crate::formula::{BottleFile, Formula, Views};

/// The address of the core tap's bottles; a bottle at another address cannot be downloaded.
pub(crate) const IMAGES: &str = "https://ghcr.io/v2/homebrew/core";
/// The tag of a bottle for every platform.
const ALL: &str = "all";
/// Releases of macOS, the newest first. Unknown names are sorted last: they are newer than all
/// listed ones, or typing errors.
const RELEASES: &[&str] = &[
    "golden_gate",
    "tahoe",
    "sequoia",
    "sonoma",
    "ventura",
    "monterey",
    "big_sur",
    "catalina",
    "mojave",
    "high_sierra",
    "sierra",
    "el_capitan",
    "yosemite",
    "mavericks",
];
/// The cells in which the bottles of a formula with dependencies run: on Linux, bottles need glibc.
const BOTTLED: &[Cell] =
    &[Cell::LinuxGlibcX86, Cell::LinuxGlibcArm, Cell::DarwinArm, Cell::DarwinX86];

/// A bottle with the cells in which it runs; no cells stands for all of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Bottle {
    pub(crate) cells: Vec<Cell>,
    pub(crate) image: String,
    /// The tag of the image index that describes it.
    pub(crate) tag: String,
    pub(crate) sha256: String,
    /// The folder in the archive and below `Cellar`: name and version with revision.
    pub(crate) keg: String,
    /// Whether its programs contain absolute paths of the build machine.
    pub(crate) is_fixed: bool,
}

/// The name of the image with the bottles of `formula`. The mapping cannot be inverted.
pub(crate) fn image(formula: &str) -> String {
    formula.replace('@', "/").replace('+', "x")
}

impl Bottle {
    /// The address of the download.
    pub(crate) fn url(&self) -> String {
        format!("{IMAGES}/{}/blobs/sha256:{}", self.image, self.sha256)
    }

    /// The bottle as an artifact of facts. The fragment of the address, which is not sent, names
    /// the keg in the archive.
    pub(crate) fn artifact(&self) -> Artifact {
        let url = format!("{}#{}", self.url(), self.keg);
        Artifact::unread(self.cells.clone(), url, format!("sha256-{}", self.sha256))
    }

    /// Whether it runs on any machine with `os`.
    pub(crate) fn is_for(&self, os: Os) -> bool {
        self.cells.is_empty() || self.cells.iter().any(|cell| cell.os() == os)
    }
}

/// The keg of an artifact that [`Bottle::artifact`] made.
pub(crate) fn keg(artifact: &Artifact) -> Option<&str> {
    artifact.url.split_once('#').map(|(_, keg)| keg).filter(|keg| keg.contains('/'))
}

/// The formula of an artifact that [`Bottle::artifact`] made.
pub(crate) fn formula(artifact: &Artifact) -> Option<&str> {
    keg(artifact)?.split('/').next()
}

/// The bottles to install: one for each cell for which there is any.
pub(crate) fn bottles(views: &Views) -> Vec<Bottle> {
    let formula = &views.linux;
    let mut files = files(formula);
    if let Some((_, file)) = files.iter().find(|(tag, _)| tag == ALL) {
        let has_needs =
            !views.linux.linux_dependencies().is_empty() || !views.darwin.dependencies.is_empty();
        let widest = if has_needs { BOTTLED } else { Cell::ALL };
        let cells: Vec<Cell> =
            widest.iter().copied().filter(|cell| formula.runs_in(*cell)).collect();
        if cells.is_empty() {
            return vec![];
        }
        let cells = if cells == Cell::ALL { vec![] } else { cells };
        return bottle(formula, cells, file).into_iter().collect();
    }
    files.sort_by_key(|(tag, _)| (release(tag), tag.clone()));
    let of_cell = |&cell: &Cell| {
        let (_, file) = files.iter().find(|(tag, _)| cell_of(tag) == Some(cell))?;
        bottle(formula, vec![cell], file)
    };
    BOTTLED.iter().filter(|cell| formula.runs_in(**cell)).filter_map(of_cell).collect()
}

/// The tag and the file of each bottle at the address of the core tap's bottles.
fn files(formula: &Formula) -> Vec<(String, BottleFile)> {
    let image = image(&formula.name);
    let is_ours = |file: &BottleFile| {
        let is_digest =
            file.sha256.len() == 64 && file.sha256.bytes().all(|b| b.is_ascii_hexdigit());
        is_digest && file.url == format!("{IMAGES}/{image}/blobs/sha256:{}", file.sha256)
    };
    let stable = formula.bottle.stable.iter().flat_map(|set| &set.files);
    stable.filter(|(_, file)| is_ours(file)).map(|(t, f)| (t.clone(), f.clone())).collect()
}

/// Whether one bottle covers every system.
pub(crate) fn is_for_all(formula: &Formula) -> bool {
    files(formula).iter().any(|(tag, _)| tag == ALL)
}

/// Whether any bottle of `formula`, for any machine, can be downloaded.
pub(crate) fn is_in_place(formula: &Formula) -> bool {
    !files(formula).is_empty()
}

/// The tags of all bottles, wherever they are stored.
pub(crate) fn tags(formula: &Formula) -> Vec<&str> {
    formula.bottle.stable.iter().flat_map(|set| set.files.keys()).map(String::as_str).collect()
}

fn bottle(formula: &Formula, cells: Vec<Cell>, file: &BottleFile) -> Option<Bottle> {
    let version = formula.pkg_version()?;
    let rebuild = formula.bottle.stable.as_ref()?.rebuild;
    let tag = if rebuild == 0 { version.clone() } else { format!("{version}-{rebuild}") };
    let is_fixed = file.cellar.as_ref().is_some_and(|cellar| cellar.starts_with('/'));
    Some(Bottle {
        cells,
        image: image(&formula.name),
        tag,
        sha256: file.sha256.clone(),
        keg: format!("{}/{version}", formula.name),
        is_fixed,
    })
}

/// The cell of a platform tag; a macOS tag without `arm64_` stands for Intel.
fn cell_of(tag: &str) -> Option<Cell> {
    match tag {
        "x86_64_linux" => Some(Cell::LinuxGlibcX86),
        "arm64_linux" | "aarch64_linux" => Some(Cell::LinuxGlibcArm),
        _ if tag.ends_with("linux") => None,
        _ if tag.starts_with("arm64_") => Some(Cell::DarwinArm),
        _ => Some(Cell::DarwinX86),
    }
}

fn release(tag: &str) -> usize {
    let name = tag.strip_prefix("arm64_").unwrap_or(tag);
    RELEASES.iter().position(|release| *release == name).unwrap_or(RELEASES.len())
}

/// The names that are formulae of the core tap, each once.
pub(crate) fn names(names: &[String]) -> Vec<PackageName> {
    let mut found: Vec<PackageName> = vec![];
    for name in names.iter().filter_map(|name| name.parse().ok()) {
        if !found.contains(&name) {
            found.push(name);
        }
    }
    found
}
