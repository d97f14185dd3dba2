# SPDX-License-Identifier: ISC
"""A program the lab runs: its output kept, its end certain."""

import ctypes
import os
import signal
import subprocess
import time

PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None)


def die_with_parent():
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


class Program:
    """Started at once; output goes to <directory>/<name>.out."""

    def __init__(self, argv, directory, name=None, env=None, cwd=None):
        self.argv = [str(a) for a in argv]
        self.name = name or os.path.basename(self.argv[0])
        self.output = os.path.join(directory, self.name + '.out')
        with open(self.output, 'ab') as out:
            self.process = subprocess.Popen(
                self.argv, stdin=subprocess.DEVNULL, stdout=out, stderr=out, cwd=cwd,
                env={**os.environ, 'PATH': '/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
                     **(env or {})}, preexec_fn=die_with_parent)

    @property
    def pid(self):
        return self.process.pid

    def alive(self):
        return self.process.poll() is None

    def signal(self, number):
        self.process.send_signal(number)

    def text(self):
        with open(self.output, errors='replace') as f:
            return f.read()

    def said(self):
        """What a person needs to see when something went wrong."""
        tail = '\n'.join('    ' + line for line in self.text().splitlines()[-60:])
        return (f'{self.name}\n  argv: {" ".join(self.argv)}\n  status: {self.process.poll()}'
                f'\n  output:\n{tail}')

    def stop(self, seconds=10):
        """Ask it to end; its exit status.  Killed when it does not."""
        if self.alive():
            self.process.terminate()
        deadline = time.monotonic() + seconds
        while self.alive() and time.monotonic() < deadline:
            time.sleep(0.01)
        if self.alive():
            self.process.kill()
        return self.process.wait()
