//! Hands open files over from a process to the one that has started it, with a word about them.

use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::io::Errno;
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage,
    SendFlags, SocketFlags, SocketType, recvmsg, sendmsg, socketpair,
};

/// The most files that the kernel takes at once, SCM_MAX_FD.
const MOST: usize = 253;
const LONGEST_WORD: usize = 64 * 1024;
/// The number of all files stands before the word.
const NUMBER: usize = size_of::<u32>();

/// Two ends, each for one process.
pub(super) fn pair() -> io::Result<(OwnedFd, OwnedFd)> {
    Ok(socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)?)
}

pub(super) fn give(end: impl AsFd, word: &[u8], files: &[BorrowedFd]) -> io::Result<()> {
    let number = u32::try_from(files.len()).map_err(io::Error::other)?;
    let (first, rest) = files.split_at(files.len().min(MOST));
    send(&end, &[&number.to_ne_bytes()[..], word].concat(), first)?;
    rest.chunks(MOST).try_for_each(|files| send(&end, b"+", files))
}

/// Waits for them. Nothing at all comes from a process that has ended.
pub(super) fn take(end: impl AsFd) -> io::Result<(Vec<u8>, Vec<OwnedFd>)> {
    let (message, mut files) = receive(&end)?;
    let Some((number, word)) = message.split_first_chunk::<NUMBER>() else { return Ok((Vec::new(), files)) };
    let number = u32::from_ne_bytes(*number) as usize;
    while files.len() < number {
        let (_, more) = receive(&end)?;
        if more.is_empty() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        files.extend(more);
    }
    Ok((word.to_vec(), files))
}

fn send(end: impl AsFd, message: &[u8], files: &[BorrowedFd]) -> io::Result<()> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MOST))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    if !files.is_empty() && !ancillary.push(SendAncillaryMessage::ScmRights(files)) {
        return Err(io::Error::other("there is no room for files"));
    }
    sendmsg(end, &[IoSlice::new(message)], &mut ancillary, SendFlags::NOSIGNAL)?;
    Ok(())
}

fn receive(end: impl AsFd) -> io::Result<(Vec<u8>, Vec<OwnedFd>)> {
    let mut message = vec![0; LONGEST_WORD];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MOST))];
    let mut ancillary = RecvAncillaryBuffer::new(&mut space);
    let read = loop {
        let mut into = [IoSliceMut::new(&mut message)];
        match recvmsg(&end, &mut into, &mut ancillary, RecvFlags::CMSG_CLOEXEC) {
            Err(Errno::INTR) => {}
            done => break done?.bytes,
        }
    };
    message.truncate(read);
    let mut files = Vec::new();
    for message in ancillary.drain() {
        if let RecvAncillaryMessage::ScmRights(rights) = message {
            files.extend(rights);
        }
    }
    Ok((message, files))
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io::{Read, Seek, Write};

    use super::*;

    #[test]
    fn files_are_handed_over_and_an_end_is_told() -> io::Result<()> {
        let (ours, theirs) = pair()?;
        let mut file = tempfile::tempfile()?;
        give(&theirs, b"word", &[file.as_fd()])?;
        drop(theirs);
        let (word, files) = take(&ours)?;
        file.write_all(b"x")?;
        let mut taken: Vec<File> = files.into_iter().map(File::from).collect();
        let mut text = String::new();
        taken[0].rewind()?;
        taken[0].read_to_string(&mut text)?;
        assert_eq!((word.as_slice(), taken.len(), text.as_str()), (b"word".as_slice(), 1, "x"));
        let (word, files) = take(&ours)?;
        assert!(word.is_empty() && files.is_empty());
        Ok(())
    }

    #[test]
    fn more_files_than_one_message_takes_are_handed_over() -> io::Result<()> {
        let (ours, theirs) = pair()?;
        let file = tempfile::tempfile()?;
        let giver = std::thread::spawn(move || give(&theirs, b"many", &[file.as_fd(); 2 * MOST + 1]));
        let (word, files) = take(&ours)?;
        assert_eq!((word.as_slice(), files.len()), (b"many".as_slice(), 2 * MOST + 1));
        giver.join().map_err(|_| io::Error::other("panicked"))?
    }
}
