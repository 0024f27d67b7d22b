//! Forces what was written to the disk, all at once.

use std::{io, path::Path};

/// Forces everything that was written to the file system of `folder`. With very many files this takes
/// much less time than forcing each of them.
pub fn force_to_disk(folder: &Path) -> io::Result<()> {
    #[cfg(target_os = "linux")]
    rustix::fs::syncfs(std::fs::File::open(folder)?)?;
    #[cfg(not(target_os = "linux"))]
    {
        let _ = folder;
        rustix::fs::sync();
    }
    Ok(())
}
