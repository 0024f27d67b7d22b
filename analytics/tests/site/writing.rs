//! How the files of the site are written.

use std::{fs, path::Path, time::SystemTime};

use analytics::{Circumstances, Page, SiteWriter, Summary, WriteErrorKind, Written};

use crate::sample;

fn put(folder: &Path, pages: &[(&str, &str)]) -> Result<Written, analytics::WriteError> {
    let mut writer = SiteWriter::begin(folder)?;
    for (path, body) in pages {
        writer.put(Page { path: (*path).into(), body: body.as_bytes().to_vec() })?;
    }
    writer.finish(Summary::default())
}

fn changed_at(path: &Path) -> SystemTime {
    fs::metadata(path).unwrap().modified().unwrap()
}

const N_ASSETS: u64 = 3;

#[test]
fn the_second_build_writes_what_changed_and_removes_what_is_gone() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let first =
        put(folder, &[("index.html", "1"), ("p/eco/a.html", "a"), ("p/eco/b.html", "b")]).unwrap();
    assert_eq!((first.n_written, first.n_unchanged, first.n_removed), (3 + N_ASSETS, 0, 0));
    let long_ago = SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_000);
    for name in ["p/eco/a.html", "index.html"] {
        fs::File::options()
            .write(true)
            .open(folder.join(name))
            .unwrap()
            .set_modified(long_ago)
            .unwrap();
    }

    let second = put(folder, &[("index.html", "2"), ("p/eco/a.html", "a")]).unwrap();
    assert_eq!((second.n_written, second.n_unchanged, second.n_removed), (1, 1 + N_ASSETS, 1));
    assert_eq!(changed_at(&folder.join("p/eco/a.html")), long_ago);
    assert_ne!(changed_at(&folder.join("index.html")), long_ago);
    assert!(!folder.join("p/eco/b.html").exists());

    put(folder, &[("index.html", "2")]).unwrap();
    assert!(!folder.join("p").exists(), "empty folders go too");
    assert!(!folder.join("manifest.partial").exists());
}

#[test]
fn files_of_other_programs_are_kept() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    put(folder, &[("p/a.html", "a")]).unwrap();
    #[expect(clippy::disallowed_methods, reason = "somebody else writes it")]
    fs::write(folder.join("p/mine.txt"), "mine").unwrap();
    put(folder, &[]).unwrap();
    assert!(folder.join("p/mine.txt").exists() && !folder.join("p/a.html").exists());
}

#[test]
fn a_folder_with_files_of_others_and_no_manifest_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    #[expect(clippy::disallowed_methods, reason = "somebody else writes it")]
    fs::write(folder.path().join("index.html"), "mine").unwrap();
    let error = put(folder.path(), &[("index.html", "ours")]).unwrap_err();
    assert!(matches!(error.kind, WriteErrorKind::NotOurs), "{error}");
    assert_eq!(fs::read(folder.path().join("index.html")).unwrap(), b"mine");
}

#[test]
fn a_file_in_place_of_the_folder_is_refused_and_kept() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let error = put(file.path(), &[("index.html", "1")]).unwrap_err();
    assert!(matches!(error.kind, WriteErrorKind::NotAFolder), "{error}");
    assert!(file.path().is_file());
}

#[test]
fn the_next_build_removes_files_of_an_interrupted_one() {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = SiteWriter::begin(folder.path()).unwrap();
    writer.put(Page { path: "p/a.html".into(), body: b"a".to_vec() }).unwrap();
    drop(writer);
    let written = put(folder.path(), &[("index.html", "1")]).unwrap();
    assert_eq!(written.n_removed, 1);
    assert!(!folder.path().join("p").exists());
}

#[test]
fn a_manifest_cannot_remove_files_outside_of_the_folder() {
    let outside = tempfile::tempdir().unwrap();
    let folder = outside.path().join("site");
    put(&folder, &[]).unwrap();
    let manifest = r#"{"schema_version": 2, "generated_at": null, "data_as_of": null, "source_commit": null,
            "counts": {}, "n_bytes": 0, "files": {"../mine": {"bytes": 1, "digest": 1},
            "/etc/hostname": {"bytes": 1, "digest": 1}, "p/../../mine": {"bytes": 1, "digest": 1}}}"#;
    #[expect(clippy::disallowed_methods, reason = "somebody else writes it")]
    for (path, text) in
        [(folder.join("manifest.json"), manifest), (outside.path().join("mine"), "mine")]
    {
        fs::write(path, text).unwrap();
    }
    assert_eq!(put(&folder, &[]).unwrap().n_removed, 0);
    assert!(outside.path().join("mine").exists());
}

#[test]
fn paths_outside_of_the_folder_and_equal_paths_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    for path in
        ["../x.html", "/x.html", "a//b", "", ".", "..", "a/./b", "a b", "a\\b", "manifest.json"]
    {
        let error = put(folder.path(), &[(path, "x")]).unwrap_err();
        assert!(matches!(error.kind, WriteErrorKind::BadPath), "{path}: {error}");
    }
    let error = put(folder.path(), &[("a.html", "1"), ("A.html", "2")]).unwrap_err();
    assert!(matches!(error.kind, WriteErrorKind::SamePath), "{error}");
}

#[cfg(unix)]
#[test]
fn every_user_may_read_a_page() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    put(folder.path(), &[("index.html", "1")]).unwrap();
    let mode = fs::metadata(folder.path().join("index.html")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o644);
}

#[test]
fn a_whole_site_is_written_once() {
    let folder = tempfile::tempdir().unwrap();
    let build = || {
        analytics::write(folder.path(), &sample::state(), &Circumstances::at(sample::now()))
            .unwrap()
            .0
    };
    let first = build();
    assert!(first.n_written > 300);
    let second = build();
    assert_eq!(second, Written { n_written: 0, n_unchanged: first.n_written, ..first });
}

#[test]
fn the_script_and_the_style_stay_small() {
    let assets = Path::new(env!("CARGO_MANIFEST_DIR")).join("../website/assets");
    for (name, limit) in [("site.js", 8 * 1024), ("site.css", 14 * 1024)] {
        let n_bytes = fs::metadata(assets.join(name)).unwrap().len();
        assert!((1..=limit).contains(&n_bytes), "{name} has {n_bytes} bytes");
    }
}

#[cfg(unix)]
#[test]
fn a_pipe_or_a_link_in_place_of_a_page_is_replaced_and_never_opened() {
    let folder = tempfile::tempdir().unwrap();
    put(folder.path(), &[("index.html", "1"), ("p/eco/a.html", "a")]).unwrap();
    let outside = tempfile::NamedTempFile::new().unwrap();
    let (page, other) = (folder.path().join("index.html"), folder.path().join("p/eco/a.html"));
    fs::remove_file(&page).unwrap();
    fs::remove_file(&other).unwrap();
    make_pipe(&page);
    std::os::unix::fs::symlink(outside.path(), &other).unwrap();
    put(folder.path(), &[("index.html", "1"), ("p/eco/a.html", "a")]).unwrap();
    for (path, text) in [(page, "1"), (other, "a")] {
        assert!(fs::symlink_metadata(&path).unwrap().is_file());
        assert_eq!(fs::read(&path).unwrap(), text.as_bytes());
    }
    assert_eq!(fs::read(outside.path()).unwrap(), b"");
}

#[cfg(unix)]
#[expect(clippy::disallowed_methods, reason = "a test makes its own pipe")]
fn make_pipe(path: &Path) {
    assert!(std::process::Command::new("mkfifo").arg(path).status().unwrap().success());
}

#[test]
fn the_manifest_says_what_the_site_is_made_of() {
    let folder = tempfile::tempdir().unwrap();
    let circumstances = Circumstances {
        source_commit: Some("0123abcd".to_owned()),
        ..Circumstances::at(sample::now())
    };
    let (written, _) = analytics::write(folder.path(), &sample::state(), &circumstances).unwrap();
    let text = fs::read(folder.path().join("manifest.json")).unwrap();
    let manifest: serde_json::Value = serde_json::from_slice(&text).unwrap();
    assert_eq!(manifest["source_commit"], "0123abcd");
    assert_eq!(manifest["counts"]["packages"], 200);
    assert_eq!(manifest["n_bytes"], written.n_bytes);
    let sizes = manifest["files"].as_object().unwrap().values();
    assert_eq!(sizes.filter_map(|it| it["bytes"].as_u64()).sum::<u64>(), written.n_bytes);
}

#[test]
fn a_site_that_no_host_accepts_is_not_written() {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = SiteWriter::begin(folder.path()).unwrap();
    let half = usize::try_from(analytics::MAX_SITE / 2).unwrap();
    let page = |name: &str| Page { path: name.into(), body: vec![b'x'; half] };
    writer.put(page("a.html")).unwrap();
    let error = writer.put(page("b.html")).unwrap_err();
    assert!(matches!(error.kind, WriteErrorKind::TooLarge), "{error}");
}
