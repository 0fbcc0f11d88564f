//! Lists in their places: judged, checked by who reads them, renamed, and the reader told. The list before stays when
//! anything speaks against the new one.

use super::{Setup, remembered};
use crate::ban::ban::Ban;
use crate::ban::emit::{Emission, Format, List, emit, named_networks};
use crate::ban::guard::{Input, Limits, Previous, Refusal, judge};
use crate::ban::network::Network;
use crate::ban::selfcheck;
use crate::config::{Config, OutputConfig};
use crate::exit::Exit;
use crate::output::say;
use crate::store::{PublishedList, Store};
use anyhow::{Context, bail};
use jiff::Timestamp;
use logstat_reports::text::printable;
use logstat_reports::write::{Staged, sync_dir};
use std::collections::{BTreeMap, BTreeSet};
use std::hash::{Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};
use xxhash_rust::xxh3::{Xxh3, xxh3_64};

/// The jail of fail2ban where none is named.
pub const JAIL: &str = "logstat";
/// A program that is told of a list, or checks it, has so long.
const PATIENCE: Duration = Duration::from_secs(60);
/// A list whose times count from its writing is written anew so often: it may be loaded at a start of the machine.
const REWRITE_US: i64 = 10 * 60 * 1_000_000;
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// What a run read, for judging the lists that it makes.
#[derive(Debug, Clone, Copy, Default)]
pub struct Facts {
    /// New ones.
    pub lines: u64,
    /// Of them, those that could not be read, though not by a client's doing.
    pub rejects: u64,
    /// A proxy told some of the addresses.
    pub forwarded: bool,
    /// Bans that were taken back by hand.
    pub removed: usize,
}

/// Where a list goes, and what may speak against it.
#[derive(Debug, Clone, Copy)]
pub struct Target<'a> {
    /// Who reads it.
    pub format: Format,
    /// The file.
    pub path: &'a Path,
    /// Ask who reads it.
    pub check: bool,
    /// `None` judges nothing.
    pub limits: Option<&'a Limits>,
    /// An empty list where there is none is always well: readers do not start without.
    pub may_begin_empty: bool,
    /// How many entries logstat put there last: a list of its own that was damaged since may be replaced.
    pub own_entries: Option<usize>,
}

/// Publishes every list of the configuration that has changed.
///
/// # Errors
/// When the state cannot be read or written.
pub fn publish_lists(
    store: &mut Store,
    setup: &Setup,
    config: &Config,
    facts: &Facts,
    now: Timestamp,
) -> anyhow::Result<Exit> {
    let outputs = config.ban.as_ref().map(|ban| ban.output.as_slice()).unwrap_or_default();
    if outputs.is_empty() {
        return Ok(Exit::Done);
    }
    let mut exit = Exit::Done;
    if facts.forwarded && outputs.iter().any(|output| output.format.is_firewall()) {
        say(FORWARDED);
    }
    let (known, now_us) = (store.published_lists()?, now.as_microsecond());
    let generation = store.ban_generation()?;
    let basis = |output: &OutputConfig| Basis::of(setup, output, generation);
    let before = |output: &OutputConfig| known.iter().find(|list| list.path == output.path);
    let is_due = |output: &&OutputConfig| {
        before(output).is_none_or(|list| !list.is_up_to_date(output.format, basis(output).all, now_us))
    };
    let due: Vec<&OutputConfig> = outputs.iter().filter(is_due).collect();
    if due.is_empty() {
        return Ok(exit);
    }
    let run = Run {
        bans: remembered(store, setup)?.bans(),
        last_us: store.streams()?.iter().filter_map(|stream| stream.last_us).max(),
        setup,
        facts,
        now,
    };
    for output in due {
        let published = run.publish(store, output, basis(output), before(output));
        if let Err(error) = published {
            say(&format!("{}: {error:#}", output.path.display()));
            exit = Exit::LimitExceeded;
        }
    }
    Ok(exit)
}

/// A firewall sees the proxy.
pub const FORWARDED: &str = "some addresses come from X-Forwarded-For, and a firewall never sees those: their entries ban nobody\n\
     hint: use nginx-geo, nginx-deny, haproxy-acl or haproxy-map where the header is read, or publish at the proxy";

impl PublishedList {
    /// Would it be the same, made anew?
    fn is_up_to_date(&self, format: Format, basis: u64, now_us: i64) -> bool {
        let still_holds = self.next_end_us.is_none_or(|end_us| now_us < end_us);
        self.told && self.basis == basis && still_holds && self.is_right(format, now_us)
    }

    /// Is the file as it was written, and its times still about right?
    fn is_right(&self, format: Format, now_us: i64) -> bool {
        let age_us = now_us.saturating_sub(self.published_us);
        let is_old = format.counts_from_writing() && !(0..REWRITE_US).contains(&age_us);
        !is_old && self.is_whole()
    }

    /// Is the file as it was written?
    fn is_whole(&self) -> bool {
        std::fs::read(&self.path).is_ok_and(|bytes| xxh3_64(&bytes) == self.written)
    }
}

/// Lists of one state at one moment.
struct Run<'a> {
    bans: Vec<Ban>,
    /// Last request that was read.
    last_us: Option<i64>,
    setup: &'a Setup,
    facts: &'a Facts,
    now: Timestamp,
}

impl Run<'_> {
    fn publish(
        &self,
        store: &mut Store,
        output: &OutputConfig,
        basis: Basis,
        before: Option<&PublishedList>,
    ) -> anyhow::Result<()> {
        let replaced = self.put(store, output, basis, before, &self.bans);
        if let (Err(_), Some(before)) = (&replaced, before) {
            self.lift(store, output, before);
        }
        replaced
    }

    /// Takes out of the list before whom it should no longer hold, although it may not be replaced: who is never banned,
    /// was taken back, or has served the time. Nobody is added.
    fn lift(&self, store: &mut Store, output: &OutputConfig, before: &PublishedList) {
        let Ok(bytes) = std::fs::read(&before.path) else { return };
        let (hosts, networks): (BTreeSet<Network>, BTreeSet<Network>) =
            named_networks(&bytes).into_iter().partition(|network| network.is_host());
        let was_in = |ban: &&Ban| {
            hosts.contains(&ban.network) || networks.iter().any(|network| network.covers(ban.network))
        };
        let still: Vec<Ban> = self.bans.iter().filter(was_in).cloned().collect();
        let now_us = self.now.as_microsecond();
        let Ok(list) = self.emit(output, &still) else { return };
        let is_less = list.entries as u64 <= before.entries;
        if !is_less || digest(output.format, &still, &list, now_us) == before.digest || !before.is_whole() {
            return;
        }
        // Whatever keeps the new list away but its size is no reason to hold on to somebody.
        let limits = Limits { max_age_s: i64::MAX, max_rejects_percent: 100, ..output.limits() };
        let lifted = self.write(output, &list, Some(&limits), Some(before)).and_then(|()| {
            // What was refused is due again.
            let basis = Basis { all: 0, settings: before.settings };
            self.note(store, output, basis, (&list, &still), (None, false))
        });
        // Why it was refused is told already.
        if let Some(error) = lifted.err().filter(|error| error.downcast_ref::<Refusal>().is_none()) {
            say(&format!("{}: {error:#}", output.path.display()));
        }
    }

    fn emit(&self, output: &OutputConfig, bans: &[Ban]) -> anyhow::Result<List> {
        let jail = output.jail.as_ref().map_or(JAIL, |jail| jail.get_ref());
        let emission = Emission { now_s: self.now.as_second(), floor: &self.setup.floor, jail };
        Ok(emit(output.format, bans, &emission)?)
    }

    fn write(
        &self,
        output: &OutputConfig,
        list: &List,
        limits: Option<&Limits>,
        before: Option<&PublishedList>,
    ) -> anyhow::Result<()> {
        let target = Target {
            format: output.format,
            path: &output.path,
            check: output.check,
            limits,
            may_begin_empty: true,
            own_entries: before.map(|list| usize::try_from(list.entries).unwrap_or(usize::MAX)),
        };
        let (published_us, now_us) =
            (before.map_or(i64::MIN, |list| list.published_us), self.now.as_microsecond());
        let ran_out = ran_out(&self.bans, published_us, now_us) + self.facts.removed;
        replace(&target, list, &self.input(list, ran_out))
    }

    /// Writes a list of these bans, if it is another one than before, and tells of it.
    fn put(
        &self,
        store: &mut Store,
        output: &OutputConfig,
        basis: Basis,
        before: Option<&PublishedList>,
        bans: &[Ban],
    ) -> anyhow::Result<()> {
        let now_us = self.now.as_microsecond();
        let list = self.emit(output, bans)?;
        let digest = digest(output.format, bans, &list, now_us);
        let same = before.filter(|list| list.digest == digest);
        let is_right = same.is_some_and(|list| list.is_right(output.format, now_us));
        if !is_right {
            let mut limits = output.limits();
            if before.is_some_and(|list| list.told && list.basis == basis.all) {
                // Nothing new was read, and bans end however old the log is.
                limits.max_age_s = i64::MAX;
            }
            if before.is_some_and(|list| list.settings != basis.settings) {
                // Whoever changed the settings wants it so.
                limits.max_shrink_percent = 100;
            }
            self.write(output, &list, Some(&limits), before)?;
        }
        self.note(store, output, basis, (&list, bans), (same, is_right))
    }

    /// Notes that a list was published, and tells whoever is to be told.
    fn note(
        &self,
        store: &mut Store,
        output: &OutputConfig,
        basis: Basis,
        (list, bans): (&List, &[Ban]),
        (same, is_right): (Option<&PublishedList>, bool),
    ) -> anyhow::Result<()> {
        let now_us = self.now.as_microsecond();
        let ends = bans.iter().map(|ban| ban.until_us).filter(|until_us| *until_us > now_us);
        let mut published = PublishedList {
            path: output.path.clone(),
            format: output.format.name().to_owned(),
            basis: basis.all,
            settings: basis.settings,
            digest: digest(output.format, bans, list, now_us),
            entries: list.entries as u64,
            written: same.filter(|_| is_right).map_or_else(|| xxh3_64(&list.bytes), |list| list.written),
            published_us: same.filter(|_| is_right).map_or(now_us, |list| list.published_us),
            next_end_us: ends.min(),
            told: output.on_change.is_empty() || same.is_some_and(|list| list.told),
        };
        store.note_published(&published)?;
        if !published.told {
            tell(&output.on_change)?;
            published.told = true;
            store.note_published(&published)?;
        }
        Ok(())
    }

    /// A run that found nothing new is no empty log.
    fn input(&self, list: &List, ran_out: usize) -> Input {
        let has_read = self.last_us.is_some();
        Input {
            entries: list.entries,
            ran_out,
            lines: self.facts.lines.max(u64::from(has_read)),
            rejects: self.facts.rejects,
            last_request_s: self.last_us.map(|us| us.div_euclid(1_000_000)),
            now_s: Some(self.now.as_second()),
        }
    }
}

/// How many networks were banned at one time and no longer are at another.
#[must_use]
pub fn ran_out(bans: &[Ban], then_us: i64, now_us: i64) -> usize {
    let at = |us: i64| -> BTreeSet<Network> {
        let held = bans.iter().filter(|ban| ban.from_us <= us && us < ban.until_us);
        held.map(|ban| ban.network).collect()
    };
    // Bans that began and ended in between were in no list.
    at(then_us).difference(&at(now_us)).count()
}

/// Hashes of everything that a list is made from, apart from the time.
#[derive(Debug, Clone, Copy)]
struct Basis {
    all: u64,
    /// What whoever runs it has set.
    settings: u64,
}

impl Basis {
    fn of(setup: &Setup, output: &OutputConfig, generation: u64) -> Self {
        let mut hasher = Xxh3::new();
        setup.floor.hash(&mut hasher);
        format!("{:?} {output:?}", setup.rules.thresholds()).hash(&mut hasher);
        let settings = hasher.finish();
        generation.hash(&mut hasher);
        Self { all: hasher.finish(), settings }
    }
}

/// Whom a list bans, and until when if it says so: not how long that is from now.
fn digest(format: Format, bans: &[Ban], list: &List, now_us: i64) -> u64 {
    let mut hasher = Xxh3::new();
    if !format.tells_end() {
        list.bytes.hash(&mut hasher);
        return hasher.finish();
    }
    let mut ends: BTreeMap<Network, i64> = BTreeMap::new();
    for ban in bans.iter().filter(|ban| ban.until_us > now_us) {
        let end = ends.entry(ban.network).or_default();
        *end = ban.until_us.max(*end);
    }
    (format.name(), ends, list.entries, list.never_ban).hash(&mut hasher);
    hasher.finish()
}

/// Replaces the list in its place, if nothing speaks against it.
///
/// # Errors
/// With the reason why the list before stays.
pub fn replace(target: &Target<'_>, list: &List, input: &Input) -> anyhow::Result<()> {
    let before = read(target.path)?;
    let previous = match (Previous::read(target.format, before.as_deref()), target.own_entries) {
        (Previous::Unreadable(_), Some(entries)) => Previous::Entries(entries),
        (previous, _) => previous,
    };
    let refused = if before.is_some() { "not published, the list before stays" } else { "not published" };
    let begins_empty = target.may_begin_empty && previous == Previous::None && list.entries == 0;
    if let Some(limits) = target.limits.filter(|_| !begins_empty) {
        judge(previous, input, limits).context(refused)?;
    }
    let directory = match target.path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let directory = directory.canonicalize().with_context(|| format!("{}", directory.display()))?;
    let name = target.path.file_name().and_then(|name| name.to_str()).context("not the path of a file")?;
    let staged = Staged::write(&directory, name, &list.bytes)?;
    if target.check {
        check(target.format, staged.path()).context(refused)?;
    }
    staged.rename()?;
    if let Err(error) = sync_dir(&directory) {
        let (path, error) = (target.path.display(), &error.error);
        say(&format!("{path}: is in its place, but may not outlast a loss of power: {error}"));
    }
    Ok(())
}

fn read(path: &Path) -> anyhow::Result<Option<Vec<u8>>> {
    match std::fs::metadata(path) {
        Ok(file) if !file.is_file() => bail!("not a regular file, so it is not replaced"),
        Ok(_) => Ok(Some(std::fs::read(path).context("the list before cannot be read")?)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).context("the list before cannot be looked at"),
    }
}

/// Lets the consumer look at the list.
fn check(format: Format, list: &Path) -> anyhow::Result<()> {
    let directory = tempfile::tempdir().context("no directory for the check")?;
    let text = |path: &Path| path.to_str().map(str::to_owned).context("a path that is no text");
    let Some(check) = selfcheck::check(format, &text(list)?, &text(directory.path())?)? else {
        return Ok(());
    };
    if let Some((path, text)) = &check.configuration {
        std::fs::write(path, text).context("the check's configuration cannot be written")?;
    }
    let said: PathBuf = directory.path().join("said");
    let file = std::fs::File::create(&said).context("no place for what the check says")?;
    let mut command = Command::new(check.program);
    command.args(&check.arguments).stdout(file.try_clone()?).stderr(file);
    match run(&mut command, check.program) {
        Ok(()) => Ok(()),
        Err(error) => {
            let said = std::fs::read(&said).unwrap_or_default();
            let first = printable(said.split(|byte| *byte == b'\n').next().unwrap_or_default());
            let said = if first.is_empty() { String::new() } else { format!(": {first}") };
            Err(error.context(format!("the self-check failed{said}")))
        }
    }
}

/// Runs the program that is to know of a new list.
fn tell(command: &[String]) -> anyhow::Result<()> {
    let Some((program, arguments)) = command.split_first() else { return Ok(()) };
    let mut command = Command::new(program);
    command.args(arguments).stdout(std::io::stderr());
    run(&mut command, program).context("on_change failed; the next run tries again")
}

/// Waits for a program, but not for ever.
fn run(command: &mut Command, program: &str) -> anyhow::Result<()> {
    let mut child =
        command.stdin(Stdio::null()).spawn().with_context(|| format!("{program} cannot be started"))?;
    let end = Instant::now() + PATIENCE;
    loop {
        if let Some(status) = child.try_wait()? {
            return if status.success() { Ok(()) } else { bail!("{program}: {status}") };
        }
        if Instant::now() > end {
            child.kill().and_then(|()| child.wait())?;
            bail!("{program} did not end within {} s", PATIENCE.as_secs());
        }
        sleep(LOOK_AGAIN);
    }
}
