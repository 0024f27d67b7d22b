//! The counts.

use super::*;
use crate::decide::import::{Count, Report, Sum, Total};

fn with_count(records_in: u64, records_out: u64, merged: u64, quarantined: u64) -> Report {
    let count = Count { files: 1, records_in, records_out, merged, quarantined };
    Report { kinds: [(RecordKind::Run, count)].into(), ..Report::default() }
}

#[test]
fn a_report_is_balanced_if_every_record_went_somewhere_and_no_sum_has_changed() {
    assert!(Report::default().is_balanced());
    assert!(with_count(9, 2, 3, 4).is_balanced());
    for lost in [with_count(8, 2, 3, 4), with_count(10, 2, 3, 4), with_count(24, 2, 3, 4)] {
        assert!(!lost.is_balanced(), "{lost:?}");
    }
    let with_sum = |before, after| Report {
        sums: [(Sum::Merged, Total { before, after })].into(),
        ..with_count(9, 2, 3, 4)
    };
    assert!(with_sum(7, 7).is_balanced());
    assert!(!with_sum(7, 6).is_balanced());
    let both = Report { sums: with_sum(1, 2).sums, ..with_count(1, 2, 3, 4) };
    assert!(!both.is_balanced());
    // One kind that is whole does not make up for another one that is not.
    let mut two = with_count(9, 2, 3, 4);
    two.kinds.insert(RecordKind::Audit, Count { records_in: 1, ..Count::default() });
    assert!(!two.is_balanced());
}

#[test]
fn every_kind_has_a_name_of_its_own_for_a_person() {
    let mut names = RecordKind::ALL.map(RecordKind::as_str);
    names.sort_unstable();
    assert!(names.iter().all(|name| name.len() > 3));
    assert!(names.windows(2).all(|pair| pair[0] != pair[1]), "{names:?}");
}

#[test]
fn a_file_that_cannot_be_read_counts_as_one_record_that_was_refused() {
    let imported = of_file(RecordKind::Control, "batch-control.json", "{\n");
    assert_eq!(imported.control, None);
    let count = imported.report.kinds[&RecordKind::Control];
    assert_eq!((count.files, count.records_in, count.records_out, count.quarantined), (1, 1, 0, 1));
    let [refused] = &imported.report.quarantined[..] else { panic!("{:?}", imported.report) };
    assert_eq!((&*refused.file, refused.line), ("batch-control.json", 1));
    assert!(!refused.reason.is_empty());
}
