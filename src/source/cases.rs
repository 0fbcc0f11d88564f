//! Each case of a log that moves, and what is read of it.

use std::fs::{self, File};
use std::os::unix::fs::symlink;

use super::history::{LIMITS, World};
use super::identity::Fingerprint;
use super::resume::{Contents, Found, GapCause, Likeness, Plan, Relation, Sight, resume};
use super::testing::{PACKED, log_lines, pack};
use super::{Compression, Disk, Limits, ReadError};

fn lines(range: std::ops::Range<u32>) -> Vec<u8> {
    range.flat_map(|line| format!("{line:06} 192.0.2.1 GET /\n").into_bytes()).collect()
}

fn world() -> World {
    World::new(LIMITS)
}

/// Each of the lines below `end` was counted once, and no other.
fn assert_once(world: &World, end: u32) {
    let numbers: Vec<_> = world.texts().iter().map(|line| line[..6].to_owned()).collect();
    let expected: Vec<_> = (0..end).map(|line| format!("{line:06}")).collect();
    assert_eq!(numbers, expected);
}

fn assert_nothing_to_do(plan: &Plan) {
    assert!(plan.reads.is_empty() && plan.gaps.is_empty() && plan.waiting.is_empty(), "{plan:?}");
}

/// Cuts a file in place, keeping its inode.
fn cut(world: &World, name: &str, length: u64) {
    File::options().write(true).open(world.path(name)).unwrap().set_len(length).unwrap();
}

#[test]
fn a_log_that_grows_is_read_on() {
    let mut world = world();
    for run in 0..5 {
        world.append("a.log", &lines(run * 300..run * 300 + 300));
        world.run();
        assert_nothing_to_do(&world.run());
    }
    assert_once(&world, 1500);
    assert_eq!(world.known.len(), 1);
}

#[test]
fn renamed_while_being_read() {
    let mut world = world();
    world.append("a.log", &lines(0..500));
    world.run();
    world.append("a.log", &lines(500..600));
    world.rename("a.log", "a.log.1");
    world.append("a.log", &lines(700..750));
    // The writer still holds the old file: it is not done.
    let plan = world.run_as("a.log", false, true);
    assert!(plan.reads.iter().all(|read| !read.finish));
    world.append("a.log.1", &lines(600..700));
    world.run();
    assert_once(&world, 750);
    assert!(world.known.iter().any(|stream| stream.finished && stream.path.ends_with("a.log.1")));
}

#[test]
fn copytruncate() {
    for written_since in [0, 3, 2000] {
        let mut world = world();
        world.append("a.log", &lines(0..1000));
        world.run();
        world.append("a.log", &lines(1000..1200));
        fs::copy(world.path("a.log"), world.path("a.log.1")).unwrap();
        cut(&world, "a.log", 0);
        world.append("a.log", &lines(1200..1200 + written_since));
        world.run();
        assert_once(&world, 1200 + written_since);
        assert!(world.gaps.is_empty());
    }
}

#[test]
fn copytruncate_between_copy_and_truncate() {
    let mut world = world();
    world.append("a.log", &lines(0..1000));
    world.run();
    fs::copy(world.path("a.log"), world.path("a.log.1")).unwrap();
    world.append("a.log", &lines(1000..1100));
    let plan = world.run();
    assert!(plan.copies.iter().any(|copy| copy.path.ends_with("a.log.1")));
    // Now the copy is shorter than what was read.
    cut(&world, "a.log", 0);
    world.append("a.log", &lines(1100..1200));
    world.run();
    assert_nothing_to_do(&world.run());
    assert_once(&world, 1200);
}

#[test]
fn inode_reused() {
    let mut world = world();
    world.append("a.log", &lines(0..300));
    world.run();
    fs::copy(world.path("a.log"), world.path("a.log.1")).unwrap();
    // The same inode, another content, longer than before.
    cut(&world, "a.log", 0);
    world.append("a.log", &lines(300..1000));
    let plan = world.run();
    assert_eq!(plan.reads.iter().map(|read| (read.from, read.stream)).collect::<Vec<_>>(), [(0, None)]);
    assert_once(&world, 1000);
}

#[test]
fn an_archive_of_what_was_read() {
    for compression in PACKED {
        let mut world = world();
        world.append("a.log", &lines(0..3000));
        world.run();
        fs::write(world.path("a.log.1.gz"), world.compress("a.log", compression)).unwrap();
        fs::remove_file(world.path("a.log")).unwrap();
        world.append("a.log", &lines(3000..3100));
        let plan = world.run();
        assert_eq!(plan.reads.len(), 1, "{compression}");
        assert_nothing_to_do(&world.run());
        assert_once(&world, 3100);
    }
}

#[test]
fn an_archive_of_what_was_half_read() {
    for compression in PACKED {
        let mut world = world();
        world.append("a.log", &lines(0..2000));
        world.run();
        world.append("a.log", &lines(2000..3000));
        fs::write(world.path("a.log.1.gz"), world.compress("a.log", compression)).unwrap();
        fs::remove_file(world.path("a.log")).unwrap();
        world.append("a.log", &lines(3000..3100));
        world.run();
        assert_nothing_to_do(&world.run());
        assert_once(&world, 3100);
    }
}

#[test]
fn plain_and_archive_are_one_stream() {
    for read_before in [false, true] {
        let mut world = world();
        world.append("a.log.1", &lines(0..2));
        if read_before {
            world.run();
        }
        fs::write(world.path("a.log.1.gz"), world.compress("a.log.1", Compression::Gzip)).unwrap();
        world.append("a.log", &lines(2..5));
        let plan = world.run();
        assert_eq!(plan.copies.len(), 1);
        assert!(plan.copies[0].path.ends_with("a.log.1.gz"));
        assert_once(&world, 5);
        fs::remove_file(world.path("a.log.1")).unwrap();
        assert_nothing_to_do(&world.run());
        assert_once(&world, 5);
    }
}

#[test]
fn an_archive_that_is_being_written_waits() {
    let mut world = world();
    world.append("a.log", &lines(0..900));
    world.run();
    world.append("a.log", &lines(900..1000));
    let packed = world.compress("a.log", Compression::Gzip);
    fs::remove_file(world.path("a.log")).unwrap();
    fs::write(world.path("a.log.1.gz"), &packed[..packed.len() - 3]).unwrap();
    world.append("a.log", &lines(1000..1010));
    let plan = world.run();
    // The lost stream may be in there, so there is no gap yet.
    assert!(plan.gaps.is_empty());
    assert!(matches!(plan.waiting[0].error, ReadError::Truncated { .. }), "{plan:?}");
    fs::write(world.path("a.log.1.gz"), &packed).unwrap();
    world.run();
    assert_once(&world, 1010);
}

#[test]
fn several_rotations_between_runs() {
    let mut world = world();
    world.append("a.log", &lines(0..100));
    world.run();
    world.append("a.log", &lines(100..200));
    fs::write(world.path("a.log.3.gz"), world.compress("a.log", Compression::Gzip)).unwrap();
    fs::remove_file(world.path("a.log")).unwrap();
    world.append("a.log.2", &lines(200..300));
    world.append("a.log.1", &lines(300..400));
    world.append("a.log", &lines(400..500));
    let plan = world.run();
    let order: Vec<_> =
        plan.reads.iter().map(|read| read.path.file_name().unwrap().to_string_lossy().into_owned()).collect();
    assert_eq!(order, ["a.log.3.gz", "a.log.2", "a.log.1", "a.log"]);
    assert_eq!(plan.reads[0].stream, Some(1));
    assert_once(&world, 500);
}

#[test]
fn a_last_line_without_newline() {
    let mut world = world();
    world.append("a.log", b"000000 one\n000001 t");
    world.run();
    assert_eq!(world.texts(), ["000000 one"]);
    world.append("a.log", b"wo\n000002 thr");
    world.run();
    assert_eq!(world.texts(), ["000000 one", "000001 two"]);
    world.rename("a.log", "a.log.1");
    world.append("a.log", b"");
    world.run();
    assert_nothing_to_do(&world.run());
    assert_eq!(world.texts(), ["000000 one", "000001 two", "000002 thr"]);
}

#[test]
fn a_line_longer_than_the_limit_over_several_runs() {
    let mut world = world();
    world.append("a.log", b"000000\n000001 ");
    for _ in 0..20 {
        world.append("a.log", &[b'x'; 777]);
        world.run();
    }
    assert_eq!(world.lines.len(), 2);
    assert!(world.lines[1].1.ends_with(b" over-long"));
    assert!(world.known[0].skipping);
    assert_eq!(world.known[0].offset, fs::metadata(world.path("a.log")).unwrap().len());
    world.append("a.log", b"\n000002\n");
    world.run();
    assert_once(&world, 3);
}

#[test]
fn nuls_after_a_crash() {
    let mut world = world();
    world.append("a.log", b"000000\n000001 cut");
    world.append("a.log", &[0; 4000]);
    world.run();
    // They may be a page that is still to be written.
    assert_eq!((world.lines.len(), world.nul_bytes), (1, 0));
    world.append("a.log", b"000002\n");
    world.run();
    world.append("a.log", &[0; 10]);
    world.run();
    world.append("a.log", b"000003\n");
    world.run();
    assert_once(&world, 4);
    assert_eq!(world.nul_bytes, 4010);
}

#[test]
fn a_file_that_shrank_to_other_content() {
    let mut world = world();
    world.append("a.log", &lines(0..1000));
    world.run();
    fs::write(world.path("a.log"), lines(1000..1100)).unwrap();
    world.run();
    assert_once(&world, 1100);
    assert_eq!(world.gaps.len(), 1);
    assert_eq!((world.gaps[0].why, world.gaps[0].unread_bytes), (GapCause::Gone, None));
}

#[test]
fn a_file_that_lost_its_end() {
    let mut world = world();
    world.append("a.log", &lines(0..1000));
    world.run();
    cut(&world, "a.log", lines(0..500).len() as u64);
    world.run();
    assert_eq!(world.gaps[0].why, GapCause::Shrank);
    world.append("a.log", &lines(1000..1010));
    world.run();
    assert_once(&world, 1010);
    assert_eq!(world.gaps.len(), 1);
}

#[test]
fn a_crash_before_the_commit() {
    let mut world = world();
    world.append("a.log", &lines(0..100));
    world.run();
    world.append("a.log", &lines(100..200));
    world.run_as("a.log", true, false);
    world.rename("a.log", "a.log.1");
    world.append("a.log", &lines(200..300));
    world.run_as("a.log", true, false);
    world.run();
    assert_once(&world, 300);
}

#[test]
fn a_file_that_cannot_be_opened_is_not_deleted() {
    let mut world = world();
    world.append("a.log", &lines(0..100));
    world.run();
    world.append("a.log", &lines(100..200));
    world.rename("a.log", "elsewhere");
    let hidden = fs::read(world.path("elsewhere")).unwrap();
    fs::remove_file(world.path("elsewhere")).unwrap();
    world.append("a.log", &lines(200..210));
    world.complete = false;
    let plan = world.run();
    assert!(plan.gaps.is_empty() && plan.finished.is_empty());
    fs::write(world.path("a.log.1"), hidden).unwrap();
    world.complete = true;
    world.run();
    assert_once(&world, 210);
    assert!(world.gaps.is_empty());
}

/// A disk of which no file can be read.
struct Failing;

impl Failing {
    fn error<T>(found: &Found) -> Result<T, ReadError> {
        let source = std::io::Error::other("input/output error");
        Err(ReadError::Io { path: found.path.clone(), position: 0, source })
    }
}

impl Contents for Failing {
    fn same_head(&mut self, found: &Found, _: &Fingerprint) -> Result<bool, ReadError> {
        Self::error(found)
    }

    fn relation(&mut self, found: &Found, _: &Fingerprint) -> Result<Relation, ReadError> {
        Self::error(found)
    }

    fn check_whole(&mut self, found: &Found) -> Result<(), ReadError> {
        Self::error(found)
    }

    fn likeness(&mut self, found: &Found, _: &Found) -> Result<Likeness, ReadError> {
        Self::error(found)
    }
}

#[test]
fn a_file_that_cannot_be_read_never_advances() {
    let mut world = world();
    world.append("a.log", &lines(0..100));
    world.run();
    world.append("a.log", &lines(100..200));
    let present = world.present(true);
    let sight = Sight { source: "a.log", known: &world.known, present: &present, complete: true };
    let plan = resume(&sight, &mut Failing);
    assert!(
        plan.reads.is_empty() && plan.gaps.is_empty() && plan.finished.is_empty() && plan.found.is_empty()
    );
    assert_eq!(plan.waiting.len(), 1);
    world.run();
    assert_once(&world, 200);
}

#[test]
fn links_to_one_file() {
    let mut world = world();
    world.append("a.log", &lines(0..50));
    fs::hard_link(world.path("a.log"), world.path("a.log.1")).unwrap();
    symlink(world.path("a.log"), world.path("a.log.2")).unwrap();
    let plan = world.run();
    assert_eq!((plan.reads.len(), plan.copies.len()), (1, 2));
    // The youngest name counts, and a live log is not done.
    assert!(plan.reads[0].path.ends_with("a.log") && !plan.reads[0].finish);
    assert_once(&world, 50);
}

#[test]
fn the_same_head_in_another_source() {
    let mut world = world();
    world.append("a.log", &lines(0..1000));
    world.run();
    let plan = world.run_as("b.log", true, true);
    assert_eq!(plan.reads.iter().map(|read| (read.from, read.stream)).collect::<Vec<_>>(), [(0, None)]);
    assert_eq!(world.lines.len(), 2000);
    assert_nothing_to_do(&world.run());
}

#[test]
fn two_files_with_the_same_first_line() {
    let mut world = world();
    world.append("a.log.1", b"#Fields: c-ip cs-uri\n");
    world.run();
    world.append("a.log", b"#Fields: c-ip cs-uri\n000000\n");
    world.run();
    world.append("a.log.1", b"000001\n");
    world.run();
    let numbered = world.texts().into_iter().filter(|line| !line.starts_with('#'));
    assert_eq!(numbered.collect::<Vec<_>>(), ["000000", "000001"]);
}

#[test]
fn byte_order_mark_line_ends_and_an_empty_file() {
    let mut world = world();
    world.append("a.log", b"");
    assert_nothing_to_do(&world.run());
    world.append("a.log", b"\xEF\xBB\xBF");
    world.run();
    world.append("a.log", b"000000\r\n");
    world.run();
    world.append("a.log", b"\xEF\xBB\xBF000001\r\n");
    world.run();
    assert_eq!(world.texts(), ["000000", "\u{feff}000001"]);
}

#[test]
fn deleted_with_unread_lines_is_a_gap_told_once() {
    let mut world = world();
    world.append("a.log", b"000000\n000001 unfinished");
    world.run();
    fs::remove_file(world.path("a.log")).unwrap();
    world.append("a.log", b"000002\n");
    world.run();
    world.run();
    assert_eq!(world.gaps.len(), 1);
    assert_eq!(world.gaps[0].unread_bytes, Some(17));
    assert_eq!(world.gaps[0].why.to_string(), "the file is gone before its end was read");
}

#[test]
fn finished_streams_may_be_deleted() {
    let mut world = world();
    world.append("a.log.1", &lines(0..10));
    world.append("a.log", &lines(10..20));
    world.run();
    fs::remove_file(world.path("a.log.1")).unwrap();
    assert_nothing_to_do(&world.run());
    // And known again, should a backup come back.
    fs::write(world.path("a.log.7.gz"), pack(Compression::Gzip, &lines(0..10))).unwrap();
    assert_nothing_to_do(&world.run());
    assert_once(&world, 20);
}

#[test]
fn a_file_replaced_after_the_plan_is_not_read() {
    let world = world();
    world.append("a.log", &lines(0..10));
    let present = world.present(true);
    fs::rename(world.path("a.log"), world.path("a.log.1")).unwrap();
    world.append("a.log", &lines(10..20));
    let error = Disk::default().check_whole(&present[0]).unwrap_err();
    assert!(error.to_string().contains("was replaced by another file meanwhile\nhint: "), "{error}");
}

#[test]
fn large_files_with_default_limits() {
    let mut world = World::new(Limits::default());
    let text = log_lines(120_000);
    let (one, two) = (text.len() / 3, text.len() / 2);
    world.append("a.log", &text[..one]);
    world.run();
    world.append("a.log", &text[one..two]);
    world.run();
    fs::copy(world.path("a.log"), world.path("a.log.1")).unwrap();
    world.append("a.log.1", &text[two..]);
    // A copy that ends in the middle of the second MiB, and one that is an archive.
    fs::write(world.path("a.log.2"), &text[..1_500_000]).unwrap();
    fs::write(world.path("a.log.3.gz"), pack(Compression::Gzip, &text[..1_500_000])).unwrap();
    fs::remove_file(world.path("a.log")).unwrap();
    world.append("a.log", b"");
    let plan = world.run();
    assert_eq!(plan.copies.len(), 2, "{plan:?}");
    assert_nothing_to_do(&world.run());
    let mut expected: Vec<_> =
        text.split_inclusive(|&byte| byte == b'\n').map(<[u8]>::trim_ascii_end).collect();
    expected.sort_unstable();
    let mut lines: Vec<_> = world.lines.iter().map(|(_, line)| line.as_slice()).collect();
    lines.sort_unstable();
    assert!(lines == expected, "{} of {}", lines.len(), expected.len());
    assert_eq!(world.known[0].fingerprint.length, text.len() as u64);
}

#[test]
fn a_small_copy_is_known_after_its_original_is_truncated() {
    let mut world = world();
    world.append("a.log", &lines(0..10));
    world.run();
    fs::copy(world.path("a.log"), world.path("a.log.1")).unwrap();
    world.append("a.log", &lines(10..11));
    world.run();
    cut(&world, "a.log", 0);
    world.run();
    assert_nothing_to_do(&world.run());
    assert_once(&world, 11);
}

#[test]
fn a_copy_that_grows_beside_its_original() {
    let mut world = world();
    let text = lines(0..2000);
    world.append("a.log.1", &text[..23 * 500]);
    world.append("a.log", &text);
    world.run();
    assert_once(&world, 2000);
    world.append("a.log.1", &text[23 * 500..23 * 1000]);
    world.run();
    cut(&world, "a.log", 0);
    world.append("a.log", &lines(2000..2010));
    world.append("a.log.1", &text[23 * 1000..]);
    world.run();
    assert_nothing_to_do(&world.run());
    assert_once(&world, 2010);
}
