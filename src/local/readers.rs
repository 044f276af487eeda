//! A few threads that read and write the entries of caches: more would wait for the same disk.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use crate::blocking::blocking;

/// The most threads.
const MOST: usize = 3;

type Job = Box<dyn FnOnce() + Send>;

/// The threads, which start when there is work for them.
pub(super) struct Readers {
    jobs: Sender<Job>,
    work: Arc<Work>,
    threads: Vec<JoinHandle<()>>,
}

/// What the threads share.
struct Work {
    jobs: Mutex<Receiver<Job>>,
    waiting: AtomicUsize,
    on_idle: Box<dyn Fn() + Send + Sync>,
}

impl Readers {
    /// Threads of which each calls `on_idle` when it has done a job and no other one waits.
    pub(super) fn new(on_idle: impl Fn() + Send + Sync + 'static) -> Self {
        let (jobs, received) = mpsc::channel();
        let work = Work { jobs: Mutex::new(received), waiting: AtomicUsize::new(0), on_idle: Box::new(on_idle) };
        Self { jobs, work: Arc::new(work), threads: Vec::new() }
    }

    /// Has a job done by the next thread that is free.
    pub(super) fn add(&mut self, job: impl FnOnce() + Send + 'static) {
        if self.threads.len() < MOST {
            let work = Arc::clone(&self.work);
            let thread = thread::Builder::new().name("cache".to_owned()).spawn(move || work.carry_out());
            // Where no thread is left to be had, those that are there do the work.
            self.threads.extend(thread);
        }
        let job: Job = Box::new(job);
        if self.threads.is_empty() {
            job();
            return (self.work.on_idle)();
        }
        self.work.waiting.fetch_add(1, Ordering::AcqRel);
        // The receiver lives as long as this value.
        let _ = self.jobs.send(job);
    }

    /// Waits until all jobs are done.
    pub(super) async fn end(self) {
        let Self { jobs, threads, .. } = self;
        drop(jobs);
        let ended = blocking(|| threads.into_iter().for_each(|thread| drop(thread.join())));
        // A job that panicked has told so.
        let _ = ended.await;
    }
}

impl Work {
    fn carry_out(&self) {
        loop {
            let job = self.jobs.lock().unwrap_or_else(PoisonError::into_inner).recv();
            let Ok(job) = job else { return };
            self.waiting.fetch_sub(1, Ordering::AcqRel);
            job();
            // Where one waits, whoever takes it comes by here after it.
            if self.waiting.load(Ordering::Acquire) == 0 {
                (self.on_idle)();
            }
        }
    }
}
