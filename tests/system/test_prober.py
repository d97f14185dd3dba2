# SPDX-License-Identifier: ISC
"""The prober alone: frames in and out, and a resolver that answers in every wrong way."""

import json
import os
import random
import select
import signal
import socket
import struct
import subprocess
import threading
import time

import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
BUILD = os.environ.get('MXWATCH_BUILD', os.path.join(HERE, '..', '..', 'build'))
FRAMES = {'STOP': 6, 'SETUP': 16, 'ORDER': 17, 'OBSERVED': 18, 'WANT': 19, 'GO': 20, 'DONE': 21,
          'SELF': 22}
NAMES = {number: name for name, number in FRAMES.items()}
A, CNAME, SOA, MX, TXT, AAAA = 1, 5, 6, 15, 16, 28
QR, TC, AD, CD = 0x8000, 0x0200, 0x0020, 0x0010
SERVFAIL, NXDOMAIN, NOTIMP, REFUSED = 2, 3, 4, 5
TIMEOUT_MS = 700


# -- DNS messages ------------------------------------------------------------------------------

def wire_name(name):
    labels = [label.encode() for label in name.split('.') if label]
    return b''.join(bytes([len(label)]) + label for label in labels) + b'\0'


def record(owner, kind, data, ttl=300):
    return wire_name(owner) + struct.pack('>HHIH', kind, 1, ttl, len(data)) + data


def mx(owner, host='mx.good.example'):
    return record(owner, MX, struct.pack('>H', 10) + wire_name(host))


def soa(owner, minimum=60):
    return record(owner, SOA, wire_name('ns.example') * 2 + struct.pack('>IIIII', 1, 1, 1, 1,
                                                                        minimum))


class Question:
    def __init__(self, wire):
        self.id, self.flags = struct.unpack('>HH', wire[:4])
        at, labels = 12, []
        while wire[at]:
            labels.append(wire[at + 1:at + 1 + wire[at]].decode())
            at += 1 + wire[at]
        self.name = '.'.join(labels)
        self.kind = struct.unpack('>H', wire[at + 1:at + 3])[0]
        self.section = wire[12:at + 5]

    def reply(self, *answer, authority=(), rcode=0, flags=QR | AD, section=None, counts=None,
              number=None):
        counts = counts or (1, len(answer), len(authority), 0)
        return (struct.pack('>HHHHHH', self.id if number is None else number,
                            flags | 0x0180 | rcode, *counts) +
                (self.section if section is None else section) + b''.join(answer) +
                b''.join(authority))


def pointer_loop(q):
    return q.reply(b'\xc0' + bytes([12 + len(q.section)]) + struct.pack('>HHIH', MX, 1, 1, 0))


# What the resolver answers to the MX question of each domain: bytes, None (silence) or an
# exception (it hangs up); and what must stand in the observation: status, class.
HOSTILE = {
    'good': (lambda q: q.reply(mx(q.name)), 'answer', None),
    'insecure': (lambda q: q.reply(mx(q.name), flags=QR), 'answer', None),
    'nodata': (lambda q: q.reply(authority=[soa('example')]), 'nodata', None),
    'nxdomain': (lambda q: q.reply(authority=[soa('example')], rcode=NXDOMAIN), 'nxdomain', None),
    'servfail': (lambda q: q.reply(rcode=SERVFAIL), 'failed', 'dns'),
    'bogus': (lambda q: q.reply(mx(q.name)) if q.flags & CD else q.reply(rcode=SERVFAIL),
              'bogus', 'dns'),
    'refused': (lambda q: q.reply(rcode=REFUSED), 'failed', 'dns'),
    'notimp': (lambda q: q.reply(rcode=NOTIMP), 'failed', 'dns'),
    'formerr': (lambda q: q.reply(rcode=1), 'failed', 'dns'),
    'echo': (lambda q: q.reply(flags=0), 'failed', 'protocol'),
    'other-name': (lambda q: q.reply(mx('a.example'), section=wire_name('a.example') +
                                     struct.pack('>HH', MX, 1)), 'failed', 'protocol'),
    'other-type': (lambda q: q.reply(section=wire_name(q.name) + struct.pack('>HH', A, 1)),
                   'failed', 'protocol'),
    'no-question': (lambda q: q.reply(section=b'', counts=(0, 0, 0, 0)), 'failed', 'protocol'),
    'two-questions': (lambda q: q.reply(section=q.section * 2, counts=(2, 0, 0, 0)), 'failed',
                      'protocol'),
    'truncated': (lambda q: q.reply(flags=QR | TC), 'failed', 'protocol'),
    'cut-record': (lambda q: q.reply(mx(q.name)[:-3]), 'failed', 'protocol'),
    'missing-record': (lambda q: q.reply(mx(q.name), counts=(1, 2, 0, 0)), 'failed', 'protocol'),
    'trailing-bytes': (lambda q: q.reply(mx(q.name)) + b'\0\0\0', 'failed', 'protocol'),
    'pointer-loop': (pointer_loop, 'failed', 'protocol'),
    'short-mx': (lambda q: q.reply(record(q.name, MX, b'\0')), 'failed', 'protocol'),
    'long-mx': (lambda q: q.reply(record(q.name, MX, b'\0\1\1a\0\0')), 'failed', 'protocol'),
    'cname-loop': (lambda q: q.reply(record(q.name, CNAME, wire_name('b.example')),
                                     record('b.example', CNAME, wire_name(q.name))),
                   'failed', 'protocol'),
    'cname-long': (lambda q: q.reply(record(q.name, CNAME, wire_name('c0.example')), *[
        record(f'c{i}.example', CNAME, wire_name(f'c{i + 1}.example')) for i in range(20)]),
                   'failed', 'protocol'),
    'denied-and-there': (lambda q: q.reply(mx(q.name), rcode=NXDOMAIN), 'failed', 'protocol'),
    'garbage': (lambda q: struct.pack('>H', q.id) + b'\xff' * 60, 'failed', None),
    'header-only': (lambda q: struct.pack('>HHHHHH', q.id, QR, 1, 1, 0, 0), 'failed', None),
    'wrong-id': (lambda q: q.reply(mx(q.name), number=q.id ^ 1), 'failed', 'timeout'),
    'silence': (lambda q: None, 'failed', 'timeout'),
    'hangs-up': (ConnectionError, 'failed', 'local'),
}


class Resolver(threading.Thread):
    """Answers over TCP as told for the first label; the root's SOA comes with AD."""

    def __init__(self, rows):
        super().__init__(daemon=True)
        self.rows, self.asked, self.validates = rows, [], True
        self.listener = socket.create_server(('127.0.0.1', 0))
        self.port = self.listener.getsockname()[1]
        self.connections = []
        self.start()

    def run(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self.connections.append(connection)
            threading.Thread(target=self.serve, args=[connection], daemon=True).start()

    def serve(self, connection):
        data = b''
        try:
            while chunk := connection.recv(65536):
                data += chunk
                while len(data) > 2 and len(data) >= 2 + (size := data[0] << 8 | data[1]):
                    reply = self.answer(Question(data[2:2 + size]))
                    data = data[2 + size:]
                    if reply is not None:
                        connection.sendall(struct.pack('>H', len(reply)) + reply)
        except OSError:
            pass
        finally:
            connection.close()

    def answer(self, q):
        self.asked.append((q.name, q.kind))
        if q.name == '':
            return q.reply(soa(''), flags=QR | (AD if self.validates else 0))
        behaviour = self.rows.get(q.name.split('.')[0])
        if behaviour is None or q.kind != MX:
            return q.reply(authority=[soa('example')], rcode=NXDOMAIN)
        if behaviour is ConnectionError:
            raise ConnectionError
        return behaviour(q)

    def close(self):
        for end in [self.listener, *self.connections]:
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            end.close()


# -- the prober --------------------------------------------------------------------------------

class Prober:
    def __init__(self, resolver, **setup):
        self.channel, theirs = socket.socketpair()
        self.lifeline, other = socket.socketpair()
        shell = f'exec 3<&{theirs.fileno()} 4<&{other.fileno()}; exec "$0"'
        self.process = subprocess.Popen(['/bin/bash', '-c', shell, os.path.join(BUILD, 'prober')],
                                        pass_fds=[theirs.fileno(), other.fileno()])
        theirs.close()
        other.close()
        self.data, self.selves, self.observed = b'', [], {}
        self.send('SETUP', 0, {
            'upstreams': [f'127.0.0.1:{resolver.port}'], 'trust_ad': 'loopback',
            'resolver_timeout_ms': TIMEOUT_MS, 'helo': 'probe.example', 'concurrency': 100,
            'port_smtp': 25, 'port_https': 443, 'allow_private': True, **setup})

    def send(self, kind, number, body=None):
        data = json.dumps(body).encode() if body is not None else b''
        self.channel.sendall(struct.pack('>IHHQ', len(data), FRAMES[kind], 1, number) + data)

    def order(self, number, subject, **more):
        self.send('ORDER', number, {'kind': 'domain', 'subject': subject, 'deadline_ms': 8000,
                                    'connect_ms': 1000, 'smtp_ms': 2000, 'policy_ms': 3000, **more})

    def until(self, condition, seconds=10):
        end = time.monotonic() + seconds
        while not (value := condition()):
            left = end - time.monotonic()
            assert left > 0 and select.select([self.channel], [], [], left)[0], 'nothing came'
            data = self.channel.recv(1 << 20)
            assert data, 'the prober is gone'
            self.data += data
            self.take()
        return value

    def take(self):
        while len(self.data) >= 16:
            size, kind, _, number = struct.unpack('>IHHQ', self.data[:16])
            if len(self.data) < 16 + size:
                return
            body = json.loads(self.data[16:16 + size])
            self.data = self.data[16 + size:]
            if NAMES[kind] == 'SELF':
                self.selves.append(body)
            elif NAMES[kind] == 'OBSERVED':
                assert number not in self.observed
                self.observed[number] = body

    def seen(self, number, seconds=10):
        return self.until(lambda: self.observed.get(number), seconds)

    def mx_of(self, number, subject, **more):
        self.order(number, subject, **more)
        return self.seen(number)['domain']['mx']

    def end(self):
        self.channel.close()
        return self.process.wait(5)


@pytest.fixture(scope='module')
def resolver():
    server = Resolver({name: row[0] for name, row in HOSTILE.items()})
    yield server
    server.close()


@pytest.fixture(scope='module')
def prober(resolver):
    running = Prober(resolver)
    yield running
    assert running.end() == 0


@pytest.fixture
def fresh(request):
    """A prober with a resolver of its own."""
    server = Resolver({name: row[0] for name, row in HOSTILE.items()})
    running = Prober(server)
    running.resolver = server
    yield running
    running.process.kill()
    running.process.wait()
    server.close()


def test_tells_its_view_first(prober):
    told = prober.until(lambda: prober.selves)[0]
    assert told['resolver_answers'] and told['resolver_validates'], told


@pytest.mark.parametrize('name', HOSTILE)
def test_believes_only_what_is_well_formed(prober, name):
    """Facts of a reply come from a message that is right in every count and length, or not at all:
    a malformed one is a failure, never a denial (RFC 1035 section 4)."""
    _, status, failure = HOSTILE[name]
    seen = prober.mx_of(1000 + list(HOSTILE).index(name), f'{name}.example')
    assert seen['dns']['status'] == status, seen
    if failure:
        assert seen['dns']['failure']['class'] == failure, seen
    if status == 'answer':
        assert seen['rr'] == [{'preference': 10, 'host': 'mx.good.example'}]
        assert seen['dns']['dnssec'] == ('insecure' if name == 'insecure' else 'secure')
    else:
        assert 'rr' not in seen
    # and it is well afterwards
    again = prober.mx_of(2000 + list(HOSTILE).index(name), 'good.example')
    assert again['dns']['status'] == 'answer', again


def test_equal_questions_are_asked_once(fresh):
    for number in range(50):
        fresh.order(number, 'good.example')
    fresh.until(lambda: len(fresh.observed) == 50)
    assert fresh.resolver.asked.count(('good.example', MX)) == 1
    fresh.mx_of(50, 'good.example', fresh=True)
    assert fresh.resolver.asked.count(('good.example', MX)) == 2


def test_a_dead_resolver_is_our_fault_and_heals(fresh):
    assert fresh.mx_of(1, 'good.example')['dns']['status'] == 'answer'
    port = fresh.resolver.port
    fresh.resolver.close()
    down = fresh.mx_of(2, 'nodata.example')
    assert down['dns']['failure']['class'] == 'local', down
    fresh.until(lambda: not fresh.selves[-1].get('resolver_answers'))
    assert str(port) in fresh.selves[-1]['text']
    listener = socket.create_server(('127.0.0.1', port))
    fresh.resolver.listener = listener
    threading.Thread(target=fresh.resolver.run, daemon=True).start()
    fresh.until(lambda: fresh.selves[-1].get('resolver_answers'))
    assert fresh.mx_of(3, 'nodata.example')['dns']['status'] == 'nodata'


def test_a_resolver_that_does_not_validate_proves_nothing(resolver):
    resolver.validates = False
    try:
        prober = Prober(resolver)
        assert not prober.until(lambda: prober.selves)[0].get('resolver_validates')
        assert 'unbound' in prober.selves[0]['text']
        assert 'dnssec' not in prober.mx_of(1, 'good.example')['dns']
        assert prober.mx_of(2, 'bogus.example')['dns']['status'] == 'failed'
        assert prober.end() == 0
    finally:
        resolver.validates = True


def test_mutations_kill_nobody(fresh):
    """Replies with bytes turned over: whatever it makes of them, it lives and answers in time."""
    dice = random.Random(8461)

    def mutate(q):
        wire = bytearray(q.reply(record(q.name, CNAME, wire_name('x.example')),
                                 mx('x.example'), authority=[soa('example')]))
        for _ in range(dice.randint(1, 6)):
            wire[dice.randrange(2, len(wire))] = dice.randrange(256)
        return bytes(wire[:dice.randint(14, len(wire))] if dice.random() < .2 else wire)

    fresh.resolver.rows = {f'm{i}': mutate for i in range(1000)}
    for number in range(1000):
        fresh.order(number, f'm{number}.example')
    fresh.until(lambda: len(fresh.observed) == 1000, 30)
    fresh.resolver.rows = {'good': HOSTILE['good'][0]}
    assert fresh.mx_of(5000, 'good.example')['dns']['status'] == 'answer'


def test_a_deadline_is_kept(fresh):
    began = time.monotonic()
    fresh.mx_of(1, 'silence.example', deadline_ms=500)
    assert time.monotonic() - began < 10
    assert fresh.observed[1]['domain']['mx']['dns']['failure']['class'] == 'local'


def test_stops_when_told_and_when_left(fresh, resolver):
    fresh.until(lambda: fresh.selves)
    for number in range(20):
        fresh.order(number, 'silence.example', mta_sts=True, tls_rpt=True, submission=True)
    fresh.send('STOP', 0)
    assert fresh.process.wait(1) == 0
    left = Prober(resolver)
    left.order(1, 'silence.example')
    left.until(lambda: left.selves)
    left.channel.close()
    assert left.process.wait(1) == 0


def test_a_broken_engine_ends_it(resolver):
    for frame in (struct.pack('>IHHQ', 5, FRAMES['ORDER'], 1, 1) + b'{"a":',
                  struct.pack('>IHHQ', 2, FRAMES['OBSERVED'], 1, 1) + b'{}',
                  struct.pack('>IHHQ', 0xffffffff, FRAMES['ORDER'], 1, 1),
                  b'\xff' * 64):
        prober = Prober(resolver)
        prober.channel.sendall(frame)
        assert prober.process.wait(5) == 1
        prober.channel.close()


def test_survives_signals_of_a_terminal(fresh):
    fresh.until(lambda: fresh.selves)
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM):
        fresh.process.send_signal(number)
    assert fresh.mx_of(1, 'good.example')['dns']['status'] == 'answer'
