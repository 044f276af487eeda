//! A few threads that read and write the entries of caches: more would wait for the same disk.

use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

/// The most threads.
const MOST: usize = 3;

type Job = Box<dyn FnOnce() + Send>;

/// The threads, which start when there is work for them.
pub(super) struct Readers {
    jobs: Sender<Job>,
    waiting: Arc<Mutex<Receiver<Job>>>,
    threads: Vec<JoinHandle<()>>,
}

impl Readers {
    pub(super) fn new() -> Self {
        let (jobs, waiting) = mpsc::channel();
        Self { jobs, waiting: Arc::new(Mutex::new(waiting)), threads: Vec::new() }
    }

    /// Has a job done by the next thread that is free.
    pub(super) fn add(&mut self, job: impl FnOnce() + Send + 'static) {
        if self.threads.len() < MOST {
            let waiting = Arc::clone(&self.waiting);
            let thread = thread::Builder::new().name("cache".to_owned()).spawn(move || work(&waiting));
            // Where no thread is left to be had, those that are there do the work.
            self.threads.extend(thread);
        }
        let job: Job = Box::new(job);
        if self.threads.is_empty() {
            return job();
        }
        // The receiver lives as long as this value.
        let _ = self.jobs.send(job);
    }

    /// Waits until all jobs are done.
    pub(super) async fn end(self) {
        let Self { jobs, threads, .. } = self;
        drop(jobs);
        let ended = tokio::task::spawn_blocking(|| threads.into_iter().for_each(|thread| drop(thread.join())));
        // A job that panicked has told so.
        let _ = ended.await;
    }
}

fn work(waiting: &Mutex<Receiver<Job>>) {
    loop {
        let job = waiting.lock().unwrap_or_else(PoisonError::into_inner).recv();
        match job {
            Ok(job) => job(),
            Err(_) => return,
        }
    }
}
