# SPDX-License-Identifier: ISC
"""A network namespace of our own, entered by this process and everything it starts; and a part
of 127.0.0.0/8 of our own, so that several labs fit beside each other where namespaces are not
allowed."""

import ctypes
import os
import shutil
import socket
import subprocess
import sys

PARTS = 250
CLONE_NEWNS = 0x00020000
CLONE_NEWNET = 0x40000000
MS_REC_PRIVATE = 0x4000 | 0x40000


def _claim():
    """A number of a part that no other lab has, and what holds it: an abstract socket, which the
    kernel gives back when this process ends, however it ends.  The process id says where to begin,
    so that a part rests for long before it is used again."""
    for i in range(PARTS):
        number = 1 + (os.getpid() + i) % PARTS
        claim = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            claim.bind(f'\0mxlab-{number}')
            return number, claim
        except OSError:
            claim.close()
    sys.exit(f'{PARTS} labs are running: no part of 127.0.0.0/8 is left')


NUMBER, _held = _claim()
NET = f'127.{NUMBER}'


def enter():
    """Move into a fresh namespace with lo up.  Call before any thread is started.

    Where namespaces are not allowed (an unprivileged container) the present network is used:
    the lab binds only to NET and fd00:25:NUMBER::/64.  True: the namespace is ours.
    """
    if os.geteuid() != 0:
        sys.exit('the lab needs root (it binds port 25 and starts servers): use sudo')
    libc = ctypes.CDLL(None, use_errno=True)
    if shutil.which('ip') is None or libc.unshare(CLONE_NEWNET) != 0:
        return False
    subprocess.run(['ip', 'link', 'set', 'lo', 'up'], check=True)
    return True


def use_resolver(address, workdir):
    """Make address the resolver of this process and its children, through a private
    /etc/resolv.conf.  False where mounts are not allowed."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNS) != 0:
        return False
    if libc.mount(b'none', b'/', None, MS_REC_PRIVATE, None) != 0:
        return False
    path = os.path.join(workdir, 'resolv.conf')
    with open(path, 'w') as f:
        f.write(f'nameserver {address}\n')
    return libc.mount(path.encode(), os.path.realpath('/etc/resolv.conf').encode(), None, 4096, None) == 0


def may_mount():
    return subprocess.run(['unshare', '-m', 'true'], capture_output=True).returncode == 0


def has_ipv6():
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as s:
            s.bind(('::1', 0))
        return True
    except OSError:
        return False
