//! Which kind of file system a directory is on, by `/proc/self/mountinfo`. Does not touch the directory.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// Those of a network: neither `flock` nor the shared memory of SQLite's log reaches from one machine to another.
const NETWORK: [&str; 17] = [
    "nfs",
    "nfs4",
    "cifs",
    "smb3",
    "smbfs",
    "afs",
    "ceph",
    "fuse.ceph",
    "fuse.ceph-fuse",
    "glusterfs",
    "fuse.glusterfs",
    "fuse.sshfs",
    "fuse.s3fs",
    "fuse.rclone",
    "lustre",
    "beegfs",
    "ncpfs",
];

/// The kind of network file system that an absolute `path` without links is on; `None` for a local one.
pub(super) fn network_of(mountinfo: &[u8], path: &Path) -> Option<&'static str> {
    let mounts = mountinfo.split(|&byte| byte == b'\n').filter_map(mount);
    let over = mounts.filter(|(point, _)| path.starts_with(OsStr::from_bytes(point)));
    // Of several mounts on one directory, the last one covers the others.
    let (_, kind) = over.max_by_key(|(point, _)| point.len())?;
    NETWORK.into_iter().find(|network| network.as_bytes() == kind)
}

/// Where it is mounted and of what kind it is, from `36 35 98:0 /root /point options [tags …] - kind source options`.
fn mount(line: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let mut fields = line.split(|&byte| byte == b' ');
    let point = unescape(fields.nth(4)?);
    fields.find(|field| *field == b"-")?;
    Some((point, fields.next()?))
}

/// The kernel writes blanks, tabs, newlines and backslashes as three octal digits behind a backslash.
fn unescape(field: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(field.len());
    let mut rest = field;
    while let Some((&first, tail)) = rest.split_first() {
        let octal =
            tail.get(..3).filter(|_| first == b'\\').and_then(|digits| std::str::from_utf8(digits).ok());
        if let Some(byte) = octal.and_then(|digits| u8::from_str_radix(digits, 8).ok()) {
            bytes.push(byte);
            rest = &tail[3..];
        } else {
            bytes.push(first);
            rest = tail;
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOUNTS: &[u8] = b"\
27 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
40 27 0:40 / /srv/nfs rw shared:9 master:2 - nfs4 192.0.2.1:/export rw
41 40 254:1 / /srv/nfs/local rw - xfs /dev/vdb rw
42 27 0:41 / /mnt/two\\040words rw - cifs //192.0.2.2/share rw
43 27 254:2 / /stacked rw - ext4 /dev/vdc rw
44 43 0:42 / /stacked rw - nfs 192.0.2.1:/b rw
broken
";

    #[test]
    fn the_innermost_mount_counts() {
        let of = |path: &str| network_of(MOUNTS, Path::new(path));
        assert_eq!(of("/var/lib/logstat"), None);
        assert_eq!(of("/srv/nfs/logstat"), Some("nfs4"));
        assert_eq!(of("/srv/nfsx"), None);
        assert_eq!(of("/srv/nfs/local/logstat"), None);
        assert_eq!(of("/mnt/two words/state"), Some("cifs"));
        assert_eq!(of("/stacked/state"), Some("nfs"));
        assert_eq!(network_of(b"", Path::new("/")), None);
    }

    #[test]
    fn a_backslash_that_escapes_nothing_stays() {
        assert_eq!(unescape(br"a\134b\04"), br"a\b\04");
        assert_eq!(unescape(br"\999\777"), br"\999\777");
    }
}
