//! When logs were written. Tasks write to their logs by themselves, and nothing stands between; beside `main.log` the
//! engine keeps `main.times`: a line `MILLISECONDS LENGTH` when the kernel tells that the log has grown, which says that
//! all up to this length was written by then. A log without it (an older run's) has no times and is read all the same.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use jiff::Timestamp;

use super::inotify::{Inotify, WatchId};
use super::watch::Changes;

/// Times are told apart no finer: a task that writes without end costs a line in this time and no more.
const GRAIN: Duration = Duration::from_millis(50);

/// Writes down when the logs of tasks grow.
#[derive(Debug, Clone)]
pub(super) struct Recorder(Arc<Watched>);

#[derive(Debug)]
struct Watched {
    kernel: Option<Arc<Inotify>>,
    directories: Mutex<Directories>,
}

type Directories = HashMap<PathBuf, Logs>;

/// The logs of one task are heard of until this is dropped.
#[derive(Debug)]
pub(super) struct Recording {
    recorder: Recorder,
    directory: PathBuf,
}

/// The logs in a task's directory.
#[derive(Debug, Default)]
struct Logs {
    /// What the kernel calls the directory while it has to tell of a change.
    watched: Option<WatchId>,
    /// By the log's path, how long it was and where its times go.
    known: HashMap<PathBuf, (u64, File)>,
}

impl Recorder {
    /// Records nothing yet; and nothing ever where the kernel does not tell of changes.
    pub(super) fn new() -> Self {
        let kernel = Inotify::new().ok().map(Arc::new);
        let watched = Arc::new(Watched { kernel: kernel.clone(), directories: Mutex::default() });
        if let Some(kernel) = kernel {
            let watched = Arc::downgrade(&watched);
            thread::spawn(move || {
                while let Ok(changed) = kernel.changed() {
                    let Some(watched) = watched.upgrade() else { return };
                    if note(&mut lock(&watched.directories), &changed) {
                        thread::sleep(GRAIN);
                        for (path, logs) in lock(&watched.directories).iter_mut() {
                            logs.watch(path, &kernel);
                        }
                    }
                }
            });
        }
        Self(watched)
    }

    /// From now on the logs in this directory are heard of. What an earlier try of the task left there is forgotten.
    pub(super) fn begin(&self, directory: &Path) -> Recording {
        for log in logs(directory) {
            let _ = fs::remove_file(log.with_extension("times"));
        }
        if let Some(kernel) = &self.0.kernel {
            let mut logs = Logs::default();
            logs.arm(directory, kernel);
            lock(&self.0.directories).insert(directory.to_owned(), logs);
        }
        Recording { recorder: self.clone(), directory: directory.to_owned() }
    }
}

impl Drop for Watched {
    /// Wakes the thread that reads events, so that it ends.
    fn drop(&mut self) {
        if let Some(kernel) = &self.kernel {
            kernel.wake();
        }
    }
}

impl Drop for Recording {
    /// The task has ended: what its logs hold now is all.
    fn drop(&mut self) {
        let Some(mut logs) = lock(&self.recorder.0.directories).remove(&self.directory) else { return };
        logs.note(&self.directory);
        if let (Some(kernel), Some(watched)) = (&self.recorder.0.kernel, logs.watched) {
            let _ = kernel.remove(watched);
        }
    }
}

/// Whether a log has changed.
fn note(directories: &mut Directories, told: &[WatchId]) -> bool {
    let mut changed = false;
    for watch in told {
        let watched = directories.iter_mut().find(|(_, logs)| logs.watched == Some(*watch));
        if let Some((directory, logs)) = watched {
            logs.watched = None;
            logs.note(directory);
            changed = true;
        }
    }
    changed
}

impl Logs {
    /// Hears of the directory again, and of what has come meanwhile.
    fn watch(&mut self, directory: &Path, kernel: &Inotify) {
        if self.watched.is_none() {
            self.arm(directory, kernel);
            self.note(directory);
        }
    }

    /// The kernel tells of one change and no more: to hear of each would make each write of a task dearer.
    fn arm(&mut self, directory: &Path, kernel: &Inotify) {
        self.watched = kernel.add(directory, Changes::NextWrite).ok();
    }

    /// Writes down how long the logs are now. One whose times cannot be written has none; the run goes on.
    fn note(&mut self, directory: &Path) {
        for log in logs(directory) {
            let _ = self.note_log(log);
        }
    }

    fn note_log(&mut self, log: PathBuf) -> io::Result<()> {
        let length = fs::metadata(&log)?.len();
        let (before, times) = match self.known.entry(log) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => {
                let times = File::options().create(true).append(true).open(new.key().with_extension("times"))?;
                new.insert((0, times))
            }
        };
        if *before != length {
            *before = length;
            times.write_all(format!("{} {length}\n", Timestamp::now().as_millisecond()).as_bytes())?;
        }
        Ok(())
    }
}

fn logs(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten().map(|entry| entry.path());
    entries.filter(|path| path.extension() == Some(OsStr::new("log"))).collect()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// When a log was written, as far as it is known.
#[derive(Debug, Default)]
pub(super) struct Times {
    /// Milliseconds since 1970, and how long the log was then.
    grown: Vec<(i64, u64)>,
    /// How much of the file has been read.
    read: u64,
    /// When the log was written last: that of all that came after the last time that was noted.
    last: Option<Timestamp>,
}

impl Times {
    /// Reads what has been added to the times of a log. A line that is not whole counts when it is. A log that may
    /// still grow (`growing`) has a time of its last change also before one is noted.
    pub(super) fn refresh(&mut self, log: &Path, growing: bool) -> io::Result<()> {
        let file = match File::open(log.with_extension("times")) {
            Ok(file) => Some(file),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        let changed = fs::metadata(log)?.modified().ok().and_then(|time| Timestamp::try_from(time).ok());
        self.last = changed.filter(|_| growing || file.is_some());
        let Some(mut file) = file else { return Ok(()) };
        if file.metadata()?.len() < self.read {
            // The task has restarted.
            (self.grown, self.read) = (Vec::new(), 0);
        }
        file.seek(SeekFrom::Start(self.read))?;
        let mut reader = BufReader::new(file);
        let mut line = String::new();
        while reader.read_line(&mut line)? > 0 && line.ends_with('\n') {
            self.read += line.len() as u64;
            self.grown.extend(noted(&line));
            line.clear();
        }
        Ok(())
    }

    /// Whether anything is known of when the log was written.
    pub(super) fn are_known(&self) -> bool {
        self.last.is_some()
    }

    /// When the line was written that ends here.
    pub(super) fn of_line(&self, end: u64) -> Option<Timestamp> {
        let place = self.grown.partition_point(|&(_, length)| length < end);
        let time = self.grown.get(place).and_then(|&(time, _)| Timestamp::from_millisecond(time).ok());
        time.or(self.last)
    }
}

fn noted(line: &str) -> Option<(i64, u64)> {
    let (time, length) = line.trim_end().split_once(' ')?;
    Some((time.parse().ok()?, length.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    fn until(what: &str, condition: impl Fn() -> bool) {
        let limit = Instant::now() + Duration::from_secs(30);
        while !condition() {
            assert!(Instant::now() < limit, "never: {what}");
            thread::sleep(Duration::from_millis(2));
        }
    }

    #[test]
    fn nothing_reads_events_after_the_recorder() {
        let recorder = Recorder::new();
        let kernel = recorder.0.kernel.clone().expect("this kernel tells of changes");
        drop(recorder);
        until("the thread has ended", || Arc::strong_count(&kernel) == 1);
    }

    #[test]
    fn the_times_of_a_log_are_noted_while_it_grows() -> io::Result<()> {
        let directory = tempfile::tempdir()?;
        let log = directory.path().join("main.log");
        fs::write(directory.path().join("main.times"), "1 1\n")?;
        fs::write(&log, "")?;
        let recording = Recorder::new().begin(directory.path());
        let begun = Timestamp::now().as_millisecond();
        let mut writer = File::options().append(true).open(&log)?;
        writer.write_all(b"one\n")?;
        let times = || fs::read_to_string(log.with_extension("times")).unwrap_or_default();
        until("the first line is noted", || times().ends_with(" 4\n"));
        let between = Timestamp::now().as_millisecond();
        until("time goes by", || Timestamp::now().as_millisecond() > between);
        writer.write_all(b"two\nthree\n")?;
        drop(recording);
        let mut read = Times::default();
        read.refresh(&log, false)?;
        let [one, two, three] = [4, 8, 14].map(|end| read.of_line(end).map(Timestamp::as_millisecond));
        assert!(one.is_some_and(|one| (begun..=between).contains(&one)), "{}", times());
        assert!(two > Some(between) && two == three, "{}", times());
        Ok(())
    }

    #[test]
    fn what_was_not_noted_is_as_old_as_the_log() -> io::Result<()> {
        let directory = tempfile::tempdir()?;
        let log = directory.path().join("main.log");
        fs::write(&log, "one\ntwo\n")?;
        let changed = Timestamp::try_from(log.metadata()?.modified()?).ok();
        let mut times = Times::default();
        times.refresh(&log, false)?;
        assert_eq!((times.are_known(), times.of_line(4)), (false, None));
        times.refresh(&log, true)?;
        assert_eq!((times.are_known(), times.of_line(4)), (true, changed));
        fs::write(log.with_extension("times"), "1000 4\nodd\n200")?;
        times.refresh(&log, false)?;
        assert_eq!((times.of_line(4), times.of_line(8)), (Timestamp::from_second(1).ok(), changed));
        Ok(())
    }
}
