# SPDX-License-Identifier: ISC
"""The real engine in simulated time, in lock step with its world: engine_sim (simulated_time.c)
stops whenever it has nothing to do, and time goes on when everything here was answered.

A course of events depends on the seed alone.  What was probed, what arrived where and when is
kept for checker.py.
"""

import contextlib
import json
import os
import signal
import socket
import struct
import subprocess

import engine_bench
from checker import Receipt
from engine_bench import (ANSWER, BUILD, DELIVER, HEADER, OBSERVED, ORDER, PEER, READY, RELOAD, RELOADED,
                          SELF, SENT, SETUP, STOP, WANT_PEERS, WISH, Channel)

IDLE = struct.Struct('=qq')
ENGINE = os.path.join('tests', 'system', 'engine_sim')
ENGINE = os.path.abspath(ENGINE) if os.path.exists(ENGINE) else os.path.join(BUILD, ENGINE)
EPOCH = 1767225600      # 2026-01-01T00:00:00Z
NOW = 4102444799        # stands for the time in an observation that is kept

STAND_IN = engine_bench.stamp(NOW).encode()


class Peer:
    def __init__(self, role, sock):
        self.role, self.channel, self.waiting = role, Channel(sock), bytearray()
        sock.setblocking(False)

    def say(self, kind, number, body=b''):
        """Bytes or a document; it leaves with flush()."""
        if not isinstance(body, bytes):
            body = json.dumps(body, separators=(',', ':')).encode()
        self.waiting += HEADER.pack(len(body), kind, 1, number) + body

    def flush(self):
        """As much as there is room for.  True when anything waited."""
        waited = bool(self.waiting)
        with contextlib.suppress(OSError):  # full, or closed, which frames() says
            while self.waiting:
                del self.waiting[:self.channel.socket.send(self.waiting)]
        return waited

    def frames(self):
        """What has arrived; None behind the last when the other side is gone."""
        while True:
            try:
                data = self.channel.socket.recv(1 << 20)
            except BlockingIOError:
                break
            except OSError:
                data = b''
            if not data:
                yield None
                return
            self.channel.bytes += data
        buffer, at = self.channel.bytes, 0
        while len(buffer) - at >= HEADER.size:
            size, kind, _, number = HEADER.unpack_from(buffer, at)
            if len(buffer) - at < HEADER.size + size:
                break
            body = buffer[at + HEADER.size:at + HEADER.size + size]
            at += HEADER.size + size
            yield kind, number, body
        self.channel.bytes = buffer[at:]


class Simulation:
    """One engine and everybody around it.  The state outlives stop(), kill() and start()."""

    def __init__(self, directory, world, configuration, seed=0, start=EPOCH, step=20, environment=None):
        self.directory, self.world, self.seed, self.step = str(directory), world, seed, step
        self.state = os.path.join(self.directory, 'state')
        self.file = os.path.join(self.directory, 'mxwatch.yaml')
        self.log = os.path.join(self.directory, 'log')
        self.environment = {'TZ': 'UTC'} | (environment or {})
        self.wall = start
        self.mono = 0
        self.starts = 0
        self.receipts = []       # Receipt: what was accepted, in order
        self.attempts = []       # (at, receiver, id)
        self.answers = {}        # receiver: an outcome in place of "delivered", or a function of the body
        self.on_probe = lambda order, at: None
        self.kept = {}           # observations as text
        self.hung_up = 0         # channels that the engine closed, alive
        self.process = None
        engine_bench.clock = lambda: self.wall
        self.write(configuration)

    def write(self, configuration):
        with open(self.file, 'w', encoding='ascii') as f:
            f.write(configuration.replace('@state@', self.state))

    # -- life -------------------------------------------------------------------------------------

    def start(self):
        ours, theirs = socket.socketpair()
        self.control, control = socket.socketpair()
        log = os.open(self.log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        number = theirs.fileno()

        def place():
            os.dup2(number, 3)
            os.set_inheritable(3, True)

        self.starts += 1
        environment = dict(os.environ, SIMULATED_FD=str(control.fileno()), **self.environment,
                           SIMULATED_TIME=f'{self.wall}:{self.step * 1000}:{self.seed * 1000 + self.starts}')
        self.process = subprocess.Popen(
            [ENGINE, '-c', self.file], stdin=subprocess.DEVNULL,
            stdout=log, stderr=log, preexec_fn=place, pass_fds=[3, number, control.fileno()], close_fds=True,
            env=environment)
        for fd in log, theirs, control:
            fd.close() if hasattr(fd, 'close') else os.close(fd)
        self.parent = Peer('parent', ours)
        self.peers, self.ready, self.reloaded, self.number = [], False, [], 0
        self.wished = {}
        self.wants = None
        self.idle, self.leaving = False, False
        while not self.turn(None):
            pass
        assert self.ready, self.said()
        return self

    def stop(self):
        self.leaving = True
        self.say('parent', STOP)
        while self.process.returncode is None:
            self.turn(self.mono + 100)
        self.close()
        return self.process.returncode

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.close()

    def close(self):
        for p in [self.parent, *self.peers]:
            p.channel.close()
        self.control.close()

    def said(self):
        with open(self.log, encoding='utf-8', errors='replace') as f:
            return f.read()[-6000:]

    # -- time -------------------------------------------------------------------------------------

    def until(self, wall):
        """Let time run until then (seconds since the epoch) and everything be answered."""
        goal = self.mono + (wall - self.wall) * 1000 - self.milliseconds
        while not self.turn(goal):
            pass

    def run(self, seconds):
        self.until(self.wall + seconds)

    def jump(self, seconds):
        """Somebody sets the clock; no time passes."""
        while not self.turn(self.mono, seconds * 1000):
            pass

    def turn(self, goal, shift=0):
        """Hear of one pause of the engine.  True when it has come as far as the goal."""
        if not self.idle:
            self.listen()
        if self.process.returncode is not None:
            return True
        if self.exchange():
            self.answer(self.mono)
            return False
        if goal is None or (self.mono >= goal and not shift):
            return True
        self.answer(goal, shift)
        return bool(shift)

    def answer(self, until, shift=0):
        with contextlib.suppress(OSError):  # it has ended: listen() says so
            self.control.sendall(IDLE.pack(until, shift))
        self.idle = False

    def listen(self):
        idle = self.control.recv(IDLE.size, socket.MSG_WAITALL)
        if len(idle) < IDLE.size:
            self.process.wait(10)
            assert self.leaving, f'the engine ended ({self.process.returncode}):\n{self.said()}'
            return
        self.idle, (self.mono, wall) = True, IDLE.unpack(idle)
        self.wall, self.milliseconds = wall // 1000, wall % 1000

    def say(self, role, kind, body=b''):
        peer = self.parent if role == 'parent' else self.peer(role)
        peer.say(kind, self.number, body)

    # -- frames -----------------------------------------------------------------------------------

    def exchange(self):
        """Answer what has arrived, in whole.  True when anything was said."""
        said = False
        for frame in self.parent.frames():
            said = self.heard_parent(frame) or said
        for p in list(self.peers):
            for frame in p.frames():
                if frame is None:
                    self.hung_up += not self.leaving
                    p.channel.close()
                    self.peers.remove(p)
                    said = self.complete() or said
                    break
                self.heard(p, *frame)
        for p in [self.parent, *self.peers]:
            said = p.flush() or said
        return said

    def heard_parent(self, frame):
        if frame is None:
            return False
        kind, _, body = frame
        if kind == WANT_PEERS:
            self.wants = json.loads(body)
            return self.complete()
        if kind == READY:
            self.ready = True
        elif kind == RELOADED:
            self.reloaded.append(json.loads(body))
        return False

    def complete(self):
        said = False
        for role, n in ('prober', 1), ('notifier', 1), ('web', 1):
            while sum(p.role == role for p in self.peers) < n:
                ours, theirs = socket.socketpair()
                self.parent.channel.send(PEER, {'role': role}, fd=theirs.fileno())
                theirs.close()
                self.peers.append(Peer(role, ours))
                said = True
        return said

    def peer(self, role):
        return next(p for p in self.peers if p.role == role)

    def heard(self, peer, kind, number, body):
        if kind == SETUP and peer.role == 'prober':
            self.say_self()
        elif kind == ORDER:
            peer.say(OBSERVED, number, self.probe(json.loads(body)))
        elif kind == DELIVER:
            self.deliver(peer, number, json.loads(body))
        elif kind == ANSWER:
            self.wished[number] = json.loads(body)

    def say_self(self):
        """The prober says what it sees of itself."""
        up = self.world.resolver
        self.say('prober', SELF, {k: True for k in ('resolver_answers', 'resolver_validates') if up} |
                 {'resolver': '127.0.0.1'})

    def probe(self, order):
        """The observation as bytes; what has not changed is kept as text."""
        key = order['kind'], order['subject'], bool(order.get('sweep')), bool(order.get('relay_test'))
        if key not in self.kept:
            engine_bench.clock = lambda: NOW
            self.kept[key] = json.dumps(self.world.observe(order), separators=(',', ':')).encode()
            engine_bench.clock = lambda: self.wall
        self.on_probe(order, self.wall)
        return self.kept[key].replace(STAND_IN, engine_bench.stamp(self.wall).encode())

    def changed(self, *subjects):
        """The world is another: of these subjects, or all."""
        for key in [k for k in self.kept if not subjects or k[1] in subjects]:
            del self.kept[key]

    def deliver(self, peer, number, body):
        receiver = body['receiver']['name']
        verdict = self.answers.get(receiver)
        verdict = (verdict(body) if callable(verdict) else verdict) or {'outcome': 'delivered', 'code': 200}
        for notice in body.get('digest') or [body['notice']]:
            self.attempts.append((self.wall, receiver, notice['id']))
            if verdict['outcome'] == 'delivered':
                self.receipts.append(Receipt(self.wall, receiver, notice))
        peer.say(SENT, number, {'retry_after_s': -1} | verdict)

    # -- what people ask for ------------------------------------------------------------------------

    def wish(self, verb, **more):
        self.number += 1
        self.say('web', WISH, {'verb': verb, **more})
        while self.number not in self.wished:
            self.turn(self.mono)
        return self.wished.pop(self.number)

    def reload_begins(self):
        """It runs on by itself: for kill()."""
        while not self.turn(self.mono):
            pass
        self.say('parent', RELOAD)
        self.exchange()
        self.answer(self.mono)

    def reload(self):
        n = len(self.reloaded)
        self.say('parent', RELOAD)
        while len(self.reloaded) == n:
            self.turn(self.mono)
        return self.reloaded[n]
