//! Random documents, made from seeds: legal ones, and those that people break.

mod additions;
mod calls;
mod dice;
mod document;
mod faults;
mod leaves;
mod values;

use serde_json::Value;

pub(crate) use self::document::document;
use self::faults::break_document;

/// The objects of a file that is probably broken; a fourth of the seeds give legal ones.
pub(crate) fn written(seed: u64) -> Vec<Value> {
    let legal = document(seed);
    if seed.is_multiple_of(4) { legal } else { break_document(seed, legal) }
}
