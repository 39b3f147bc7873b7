//! Ctrl-Z: out of the screen, stopped, and back.

/// Stops the process as the shell expects it; returns when it was continued.
#[cfg(unix)]
pub fn stop_here() {
    // A self-sent SIGTSTP is dropped for an orphaned process group; SIGSTOP is not.
    let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::STOP);
}

/// There is no job control here.
#[cfg(not(unix))]
pub fn stop_here() {}

/// Waits until the terminal is gone: crossterm does not notice, and would spin.
#[cfg(unix)]
pub fn wait_for_hangup() {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    let Ok(tty) = std::fs::File::open("/dev/tty") else { return };
    loop {
        let mut fds = [PollFd::new(&tty, PollFlags::empty())];
        let pause = Timespec { tv_sec: 1, tv_nsec: 0 };
        match poll(&mut fds, Some(&pause)) {
            Ok(0) | Err(rustix::io::Errno::INTR) => {}
            Ok(_) => {
                if fds[0].revents().intersects(PollFlags::HUP | PollFlags::ERR | PollFlags::NVAL) {
                    return;
                }
            }
            Err(_) => return,
        }
    }
}
