#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""A child of mxwatchd for test_parent.py, under whatever name it is copied to.

It speaks the frames of doc/ipc.md and does what plan.json beside it says.  What it sees goes
to the file `events`, one JSON array a line, appended whole.
"""

import array
import json
import os
import socket
import struct
import sys
import time

HERE, NAME = os.path.split(os.path.abspath(sys.argv[0]))
PEER, READY, STATUS, RELOAD, RELOADED, STOP, WANT_PEERS = range(1, 8)
HEADER = struct.Struct('>IHHQ')


def plan():
    with open(os.path.join(HERE, 'plan.json'), encoding='ascii') as file:
        return json.load(file)


def note(*what):
    fd = os.open(os.path.join(HERE, 'events'), os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.write(fd, (json.dumps([NAME, os.getpid(), *what]) + '\n').encode())
    os.close(fd)


class Channel:
    def __init__(self):
        self.socket = socket.socket(fileno=3)
        self.bytes = b''
        self.fds = []

    def send(self, kind, body=None):
        data = b'' if body is None else json.dumps(body, separators=(',', ':')).encode()
        self.socket.sendall(HEADER.pack(len(data), kind, 1, 0) + data)

    def frame(self):
        """(type, document), or None at EOF."""
        while True:
            if len(self.bytes) >= HEADER.size:
                size, kind, _, _ = HEADER.unpack_from(self.bytes)
                if len(self.bytes) >= HEADER.size + size:
                    body = self.bytes[HEADER.size:HEADER.size + size]
                    self.bytes = self.bytes[HEADER.size + size:]
                    return kind, json.loads(body) if body else None
            data, control, _, _ = self.socket.recvmsg(65536, socket.CMSG_SPACE(64))
            for _, _, rights in control:
                fds = array.array('i')
                fds.frombytes(rights)
                self.fds.extend(fds)
            if not data:
                return None
            self.bytes += data


def want(channel, wish):
    peers = {key: wish[key] for key in ('probers', 'web', 'resolver', 'trust_anchor') if key in wish}
    channel.send(WANT_PEERS, peers)


def engine():
    wish = plan()
    note('start', sys.argv[1:], sorted(int(fd) for fd in os.listdir('/proc/self/fd'))[:-1])
    if 'exit' in wish:
        sys.exit(wish['exit'])
    channel = Channel()
    if wish.get('babble'):
        channel.socket.sendall(b'\xff' * 16)
    want(channel, wish)
    missing = wish['probers'] + wish['web'] + 1
    while frame := channel.frame():
        kind, body = frame
        note(kind, body)
        if kind == PEER and missing > 0:
            missing -= 1
            if missing == 0:
                channel.send(READY, {'text': 'watching\ntwo lines', 'ok': True})
                channel.send(STATUS, {'text': 'ticking', 'ok': True})
        elif kind == RELOAD:
            wish = plan()
            want(channel, wish)
            channel.send(RELOADED, {'text': wish['verdict'], 'ok': wish['verdict'] == 'fine'})
        elif kind == STOP and not wish.get('deaf'):
            return


def peer():
    note('start', sys.argv[1:], sorted(int(fd) for fd in os.listdir('/proc/self/fd'))[:-1])
    if NAME == plan().get('exits'):
        time.sleep(1.1)  # longer than "at once is a failure"
        sys.exit(0)
    Channel().frame()  # until EOF


(engine if NAME == 'engine' else peer)()
