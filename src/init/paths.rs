//! One spelling for each file, so that a log under two names is one source. Asks the file system for links; reads and
//! changes nothing.

use super::found::Target;
use super::sources::Proxy;
use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Replaces folders and files that are known by another name already with that name. What does not exist has one name.
pub fn unify(proxies: &mut [Proxy]) {
    let mut names = Names::default();
    for proxy in proxies {
        let targets = proxy.found.logs.iter_mut().map(|log| &mut log.target);
        for target in targets.chain(&mut proxy.found.left_out) {
            if let Target::File { glob } = target {
                *glob = names.first(glob);
            }
        }
        for glob in &mut proxy.found.error_logs {
            *glob = names.first(glob);
        }
    }
}

/// The first name of each file and folder, by its real path.
#[derive(Default)]
struct Names {
    folders: HashMap<PathBuf, PathBuf>,
    files: HashMap<PathBuf, String>,
}

impl Names {
    fn first(&mut self, glob: &str) -> String {
        let path = Path::new(glob);
        let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else { return glob.to_owned() };
        let is_plain = |text: &str| !text.contains(['*', '?', '[']);
        let mut first = glob.to_owned();
        if let Some(real) = folder.to_str().filter(|text| is_plain(text)).and_then(real) {
            let folder = self.folders.entry(real).or_insert_with(|| folder.to_owned());
            first = folder.join(name).to_string_lossy().into_owned();
        }
        // A log may be a link to another one, or to the file of the day, whose name would be wrong tomorrow.
        let live = first.trim_end_matches('*');
        match Some(live).filter(|live| is_plain(live)).and_then(real) {
            Some(real) => self.files.entry(real).or_insert(first).clone(),
            None => first,
        }
    }
}

fn real(path: &str) -> Option<PathBuf> {
    fs::canonicalize(path).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn a_file_has_the_name_that_was_first() {
        let folder = tempfile::tempdir().expect("a folder");
        let at = |name: &str| folder.path().join(name).display().to_string();
        fs::create_dir(at("logs")).expect("a folder");
        symlink(at("logs"), at("link")).expect("a link");
        fs::write(at("logs/today.log"), "").expect("a file");
        symlink(at("logs/today.log"), at("current.log")).expect("a link");
        let mut names = Names::default();
        assert_eq!(names.first(&at("logs/a.log*")), at("logs/a.log*"));
        assert_eq!(names.first(&at("link/a.log*")), at("logs/a.log*"));
        assert_eq!(names.first(&at("link/*.log*")), at("logs/*.log*"));
        assert_eq!(names.first(&at("current.log*")), at("current.log*"));
        assert_eq!(names.first(&at("link/today.log*")), at("current.log*"));
        assert_eq!(names.first("/nowhere/../a.log*"), "/nowhere/../a.log*");
    }
}
