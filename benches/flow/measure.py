#!/usr/bin/env python3
"""Times the Flow tab in a pseudo-terminal: measure.py TORIL SOCKET QUEUE ID [TIMES]

From the key that opens the tab to the bytes of the first picture that holds its data: the job itself with its
tally, its children, and what holds the flow up. Then how long a page down takes to be drawn."""

import fcntl
import os
import pty
import re
import select
import signal
import statistics
import struct
import sys
import termios
import time

PROGRAM, SOCKET, QUEUE, ID = sys.argv[1:5]
TIMES = int(sys.argv[5]) if len(sys.argv) > 5 else 10
TABS = 6
ESCAPES = re.compile(rb"\x1b\[[0-9;?:>]*[a-zA-Z]|\x1b[=>()][A-Z0-9]?")


class Terminal:
    def __init__(self):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.environ.update(TERM="xterm-256color", COLORTERM="", XDG_CONFIG_HOME="/nonexistent")
            os.execv(PROGRAM, [PROGRAM, "--url", f"unix://{SOCKET}"])
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 160, 0, 0))
        os.kill(self.pid, signal.SIGWINCH)
        self.seen = b""

    def send(self, keys):
        self.seen = b""
        os.write(self.fd, keys)
        return time.monotonic()

    def until(self, pattern, since, most=20):
        """ms since `since` until what was drawn holds the pattern."""
        while not re.search(pattern, ESCAPES.sub(b" ", self.seen)):
            if time.monotonic() - since > most:
                raise SystemExit(f"{pattern} is not drawn; drawn is {ESCAPES.sub(b' ', self.seen)[-2000:]}")
            if select.select([self.fd], [], [], 0.05)[0]:
                self.seen += os.read(self.fd, 1 << 16)
        return (time.monotonic() - since) * 1000

    def drawn(self, since, most=20):
        """ms since `since` until most of a screen's ids were drawn anew."""
        while len(self.seen) < 1500:
            if time.monotonic() - since > most:
                raise SystemExit(f"nothing is drawn but {self.seen}")
            if select.select([self.fd], [], [], 0.05)[0]:
                self.seen += os.read(self.fd, 1 << 16)
        return (time.monotonic() - since) * 1000

    def rest(self, seconds):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if select.select([self.fd], [], [], 0.05)[0]:
                os.read(self.fd, 1 << 16)

    def close(self):
        os.kill(self.pid, signal.SIGTERM)
        while True:
            try:
                if not os.read(self.fd, 1 << 16):
                    break
            except OSError:
                break
        os.waitpid(self.pid, 0)
        os.close(self.fd)


def once():
    terminal = Terminal()
    try:
        terminal.until(rb"Queues", time.monotonic())
        terminal.rest(1)
        terminal.until(rb"waiting|wait", terminal.send(f":queue {QUEUE}\r".encode()))
        terminal.rest(0.5)
        terminal.until(rb"Timeline", terminal.send(f":job {ID}\r".encode()))
        terminal.rest(0.5)
        for _ in range(TABS - 1):
            terminal.send(b"\t")
            terminal.rest(0.1)
        opened = terminal.send(b"\t")
        found = {
            "the job": terminal.until(rb"of\s+2,001\s+done", opened),
            "children": terminal.until(rb"part\s+\d+", opened),
            "what holds it up": terminal.until(rb"job[s]?\s+wait", opened),
        }
        terminal.rest(0.7)
        # The first one goes to the end of the window.
        terminal.send(b"\x1b[6~")
        terminal.rest(0.3)
        found["a page down"] = terminal.drawn(terminal.send(b"\x1b[6~"))
        terminal.rest(0.3)
        found["to the end"] = terminal.drawn(terminal.send(b"\x1b[F"))
        return found
    finally:
        terminal.close()


def main():
    runs = [once() for _ in range(TIMES)]
    print(f"{TIMES} times, ms from the key: median, slowest")
    for what in runs[0]:
        times = sorted(run[what] for run in runs)
        print(f"  {what:18} {statistics.median(times):7.1f} {times[-1]:7.1f}")


main()
