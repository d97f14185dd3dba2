# SPDX-License-Identifier: ISC
"""The real engine between stand-ins: a parent, probers that answer from a world of recorded
observations, and a notifier whose receivers do as they are told."""

import array
import contextlib
import hashlib
import json
import os
import signal
import socket
import sqlite3
import struct
import subprocess
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.normpath(os.path.join(HERE, '..', '..'))
BUILD = os.environ.get('MXWATCH_BUILD', os.path.join(TOP, 'build'))

HEADER = struct.Struct('>IHHQ')
PEER, READY, STATUS, RELOAD, RELOADED, STOP, WANT_PEERS = range(1, 8)
SETUP, ORDER, OBSERVED, WANT, GO, DONE, SELF = range(16, 23)
DELIVER, SENT, BEAT, RENEW = 32, 33, 34, 35
WISH, ANSWER = 48, 49


clock = time.time   # what the world goes by; simulation.py puts its own here


def stamp(at=None):
    return time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime(clock() if at is None else at))


def wait_for(condition, seconds, what):
    """The first true value of condition()."""
    until = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < until, what() if callable(what) else f'waited {seconds} s for {what}'
        time.sleep(0.01)


class Channel:
    """Frames on a socket."""

    def __init__(self, sock):
        self.socket, self.bytes, self.lock = sock, b'', threading.Lock()

    def send(self, kind, body=None, number=0, fd=None):
        data = b'' if body is None else json.dumps(body, separators=(',', ':')).encode()
        frame = HEADER.pack(len(data), kind, 1, number) + data
        with self.lock, contextlib.suppress(OSError):
            if fd is None:
                self.socket.sendall(frame)
            else:
                rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array('i', [fd]))]
                self.socket.sendmsg([frame], rights)

    def frame(self):
        """(type, number, document), None at EOF."""
        while True:
            if len(self.bytes) >= HEADER.size:
                size, kind, _, number = HEADER.unpack_from(self.bytes)
                if len(self.bytes) >= HEADER.size + size:
                    body = self.bytes[HEADER.size:HEADER.size + size]
                    self.bytes = self.bytes[HEADER.size + size:]
                    return kind, number, json.loads(body) if body else None
            try:
                data = self.socket.recv(1 << 20)
            except OSError:
                return None
            if not data:
                return None
            self.bytes += data

    def close(self):
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()


# -- the world -------------------------------------------------------------------------------------

SECURE = {'status': 'answer', 'dnssec': 'secure', 'ttl_s': 300, 'rrsig_end': '2099-01-01T00:00:00Z'}
NONE = SECURE | {'status': 'nodata'}
DAY = 86400


def certificate(name, days=60, serial=1, lifetime=90):
    digest = hashlib.sha256(f'{name} {days} {serial}'.encode()).hexdigest()
    return {'sha256': digest, 'sha512': digest * 2, 'spki_sha256': digest, 'spki_sha512': digest * 2,
            'subject': f'CN={name}', 'issuer': 'CN=Lab CA', 'serial': f'{serial:04x}',
            'not_before': stamp(clock() + (days - lifetime) * DAY),
            'not_after': stamp(clock() + days * DAY), 'dns_names': [name], 'key_type': 'EC',
            'key_bits': 256, 'signature': 'ecdsa-with-SHA256'}


class Host:
    """A mail host on one address; break it by setting its attributes."""

    def __init__(self, name, address):
        self.name, self.address, self.more = name, address, []  # more addresses
        self.failure = None     # of the service: {'stage':, 'class':, 'text':}
        self.cert = certificate(name)
        self.tlsa = None        # the key of its TLSA record, hex of SHA-256
        self.version = 'TLSv1.3'
        self.starttls = True
        self.old = 'no'         # whether TLS 1.0 is accepted
        self.relay = 'refused'
        self.probes = self.relay_tests = 0

    def service(self, address, port, sweep, relay):
        s = {'address': address, 'port': port, 'connect_ms': 3, 'ptr': {'dns': SECURE, 'value': [self.name]},
             'ptr_confirmed': [self.name], 'ptr_asked_forward': True}
        if self.failure:
            return s | {'failure': self.failure}
        s |= {'greeting_code': 220, 'greeting_ms': 5, 'greeting': f'{self.name} ESMTP',
              'ehlo': ['PIPELINING', 'SIZE 10240000'] + (['STARTTLS'] if self.starttls else []),
              'starttls_offered': self.starttls, 'banner_matches': 'yes'}
        if self.starttls:
            s |= {'starttls_code': 220, 'starttls_text': 'go ahead', 'ehlo_tls': ['PIPELINING'],
                  'tls': {'version': self.version, 'cipher': 'TLS_AES_256_GCM_SHA384',
                          'forward_secrecy': True, 'aead': True, 'group': 'X25519', 'group_bits': 253,
                          'secure_renegotiation': True, 'chain': [self.cert], 'trusted': True,
                          'root': 'CN=Lab CA'}}
        if sweep:
            s['sweep'] = {'at': stamp(), 'ssl2': 'no', 'ssl3': 'no', 'tls1_0': self.old, 'tls1_1': 'no',
                          'tls1_2': 'yes', 'tls1_3': 'yes', 'starttls_injection': 'no',
                          'without_sni': 'yes', 'post_quantum': 'yes'}
        if sweep and relay:
            self.relay_tests += 1
            s['sweep']['relay'] = {'first': self.relay, 'second': self.relay, 'at': stamp()}
        return s

    def observe(self, order):
        self.probes += 1
        tlsa = {'base': self.name, 'port': 25, 'dns': NONE}
        if self.tlsa:
            tlsa |= {'dns': SECURE, 'rr': [{'usage': 3, 'selector': 1, 'matching': 1, 'data': self.tlsa}]}
        addresses = [self.address, *self.more]
        return {'a': {'dns': SECURE, 'value': addresses}, 'aaaa': {'dns': NONE},
                'tlsa': [tlsa], 'caa': {'dns': NONE},
                'services': [self.service(a, int(p), order.get('sweep'), order.get('relay_test'))
                             for p in order['ports'] for a in addresses]}


class Domain:
    """A mail domain; break it by setting its attributes."""

    def __init__(self, name, hosts):
        self.name, self.mx = name, list(hosts)
        self.policy_id, self.mode, self.patterns = '1', None, list(hosts)
        self.rua = f'mailto:tls@{name}'
        self.policy_cert = certificate(f'mta-sts.{name}')
        self.mx_status = None   # an obs_answer in place of the MX set
        self.no_policy = None   # a failure in place of the policy
        self.probes = 0

    def policy(self):
        body = ''.join(f'{line}\r\n' for line in
                       ['version: STSv1', f'mode: {self.mode}', *(f'mx: {m}' for m in self.patterns),
                        'max_age: 1209600'])
        name = f'mta-sts.{self.name}'
        if self.no_policy:
            return {'host': name, 'a': {'dns': SECURE, 'value': ['192.0.2.80']}, 'aaaa': {'dns': NONE},
                    'address': '192.0.2.80', 'took_ms': 9, 'failure': self.no_policy}
        return {'host': name, 'a': {'dns': SECURE, 'value': ['192.0.2.80']}, 'aaaa': {'dns': NONE},
                'address': '192.0.2.80', 'status': 200, 'content_type': 'text/plain', 'took_ms': 9,
                'body': body, 'tls': {'version': 'TLSv1.3', 'cipher': 'TLS_AES_256_GCM_SHA384',
                                      'forward_secrecy': True, 'aead': True, 'trusted': True,
                                      'secure_renegotiation': True, 'chain': [self.policy_cert]}}

    def observe(self, order):
        self.probes += 1
        d = {'mx': {'dns': SECURE, 'rr': [{'preference': 10, 'host': h} for h in sorted(self.mx)]},
             'mta_sts': {'dns': NONE}, 'tls_rpt': {'dns': NONE}}
        if self.mx_status:
            d['mx'] = {'dns': self.mx_status}
        if self.mode:
            d['mta_sts'] = {'dns': SECURE, 'value': [f'v=STSv1; id={self.policy_id};']}
            d['policy'] = self.policy()
        if self.rua:
            d['tls_rpt'] = {'dns': SECURE, 'value': [f'v=TLSRPTv1; rua={self.rua}']}
            d['rua'] = [{'uri': self.rua, 'target': self.name, 'mx': d['mx'], 'a': {'dns': NONE}, 'aaaa': {'dns': NONE}}]
        return d


class World:
    def __init__(self):
        self.domains, self.hosts = {}, {}
        self.resolver = True

    def host(self, name):
        if name not in self.hosts:
            n = len(self.hosts) + 1
            self.hosts[name] = Host(name, f'198.51.{100 + n // 250}.{n % 250 + 1}')
        return self.hosts[name]

    def domain(self, name, *hosts):
        hosts = hosts or (f'mx.{name}',)
        for h in hosts:
            self.host(h)
        self.domains[name] = Domain(name, hosts)
        return self.domains[name]

    def observe(self, order):
        subject = (self.domains if order['kind'] == 'domain' else self.hosts)[order['subject']]
        o = {'v': 1, 'kind': order['kind'], 'subject': order['subject'], 'at': stamp(), 'took_ms': 20,
             'vantage': {'resolver_answers': self.resolver, 'resolver_validates': self.resolver}}
        if self.resolver:
            o[order['kind']] = subject.observe(order)
        else:
            o[order['kind']] = {}
            o['failure'] = {'stage': 'dns', 'class': 'local', 'text': 'no resolver'}
        return o


# -- the peers ---------------------------------------------------------------------------------------

class Prober(threading.Thread):
    def __init__(self, bench, sock):
        super().__init__(daemon=True)
        self.bench, self.channel, self.setup, self.orders = bench, Channel(sock), None, []
        self.start()

    def say_self(self):
        up = self.bench.world.resolver
        self.channel.send(SELF, {k: v for k, v in {
            'resolver_answers': up, 'resolver_validates': up and self.bench.validates,
            'resolver': '127.0.0.1'}.items() if v})

    def run(self):
        while frame := self.channel.frame():
            kind, number, body = frame
            if kind == SETUP:
                self.setup = body
                self.say_self()
            elif kind == ORDER:
                self.orders.append(body)
                answer = self.bench.prober_answer(self, body)
                if answer == 'die':
                    break
                if answer is not None:
                    self.channel.send(OBSERVED, answer, number)
        self.channel.close()
        self.bench.peer_gone(self)


class Notifier(threading.Thread):
    def __init__(self, bench, sock):
        super().__init__(daemon=True)
        self.bench, self.channel = bench, Channel(sock)
        self.start()

    def run(self):
        while frame := self.channel.frame():
            kind, number, body = frame
            if kind == SETUP:
                self.bench.programs = (body or {}).get('programs', [])
            elif kind == BEAT:
                self.bench.beats.append((time.monotonic(), body))
            elif kind == RENEW:
                self.bench.renewed.append(body)
            if kind != DELIVER:
                continue
            receiver = body['receiver']['name']
            verdict = self.bench.receiver_answer(receiver, body)
            if verdict is None:
                continue
            if verdict.get('outcome') == 'delivered':
                self.bench.take(receiver, body)
            self.channel.send(SENT, {'retry_after_s': -1} | verdict, number)
        self.channel.close()
        self.bench.peer_gone(self)


class RealProgram:
    """The program itself, its channel at descriptor 3 and its lifeline at 4."""

    name = None

    def __init__(self, bench, sock):
        line, self.lifeline = socket.socketpair()

        def place():
            os.dup2(sock.fileno(), 3)
            os.dup2(line.fileno(), 4)

        with open(bench.log, 'ab') as log:
            bench.running.append(subprocess.Popen([os.path.join(BUILD, self.name)], preexec_fn=place,
                                                  close_fds=False, stderr=log))
        sock.close()
        line.close()


class RealNotifier(RealProgram):
    name = 'notifier'


class RealWeb(RealProgram):
    name = 'web'


class Web(threading.Thread):
    def __init__(self, bench, sock):
        super().__init__(daemon=True)
        self.bench, self.channel, self.answers = bench, Channel(sock), {}
        self.number = 0
        self.start()

    def run(self):
        while frame := self.channel.frame():
            kind, number, body = frame
            if kind == ANSWER:
                self.answers[number] = body
        self.channel.close()

    def wish(self, verb, **more):
        self.number += 1
        number = self.number
        self.channel.send(WISH, {'verb': verb, **more}, number)
        return wait_for(lambda: self.answers.get(number), 10, f'the answer to {verb}')


CONFIGURATION = '''\
state: {{path: {state}}}
probe: {{processes: {probers}, open_relay: {open_relay}, per_ip_gap: 0s, allow_private: true}}
defaults:
  interval: {interval}
  confirm: {{fail: 3, retry: 1s, ok: 2}}
receivers:
  hook: {{webhook: {{url: "https://hook.example.test/"}}}}
  mail: {{email: {{to: [oncall@ops.test], from: mxwatch@ops.test, relay: "smtp://127.0.0.1:25"}}}}
{receivers}
web: {{listen: [{listen}]}}
route: {{receivers: [{told}], group_wait: {group_wait}}}
{more}
domains: [{domains}]
'''


class Bench:
    """One engine and everybody around it; the state outlives stop(), kill() and start()."""

    def __init__(self, directory, world, interval='5s', group_wait='0s', probers=1, more='',
                 open_relay='false', receivers='', told='hook, mail', notifier=Notifier,
                 web=Web, listen='127.0.0.1:9791'):
        self.directory, self.world, self.validates = str(directory), world, True
        self.interval, self.group_wait, self.n_probers, self.more = interval, group_wait, probers, more
        self.open_relay, self.receivers, self.to, self.listen_at = open_relay, receivers, told, listen
        self.make_notifier, self.make_web = notifier, web
        self.running = []        # the real programs beside the engine
        self.state = os.path.join(self.directory, 'state')
        self.file = os.path.join(self.directory, 'mxwatch.yaml')
        self.log = os.path.join(self.directory, 'log')
        self.lock = threading.RLock()
        self.told = []           # (receiver, notice), as accepted
        self.attempts = []       # (receiver, body), everything that was delivered to us
        self.beats, self.programs = [], None    # heartbeats, with their time; what may be executed
        self.renewed = []        # what is said again to an Alertmanager
        self.answers = {}        # receiver: verdict, or a function of the body
        self.probe = lambda prober, order: self.world.observe(order)
        self.process = None
        self.write()

    def write(self, domains=None):
        names = sorted(self.world.domains) if domains is None else domains
        with open(self.file, 'w', encoding='ascii') as f:
            f.write(CONFIGURATION.format(
                state=self.state, probers=self.n_probers, open_relay=self.open_relay, interval=self.interval, more=self.more,
                group_wait=self.group_wait, receivers=self.receivers, told=self.to, listen=self.listen_at,
                domains=', '.join(names)))

    # -- life -------------------------------------------------------------------------------------

    def start(self, ready=True):
        ours, theirs = socket.socketpair()
        log = os.open(self.log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        number = theirs.fileno()

        def place():
            os.dup2(number, 3)
            os.set_inheritable(3, True)

        self.process = subprocess.Popen(
            [os.path.join(BUILD, 'engine'), '-c', self.file], stdin=subprocess.DEVNULL, stdout=log,
            stderr=log, preexec_fn=place, pass_fds=[3, number], close_fds=True)
        os.close(log)
        theirs.close()
        with self.lock:         # the peers of before may still be going
            self.parent, self.peers, self.wants, self.reloaded, self.status = Channel(ours), [], None, [], []
            self.notifier = self.web = None
            self.ready = False
        threading.Thread(target=self.listen, args=(self.parent,), daemon=True).start()
        if ready:
            wait_for(lambda: self.ready, 10, self.said)
        return self

    def listen(self, parent):
        while frame := parent.frame():
            kind, _, body = frame
            if kind == WANT_PEERS:
                self.wants = body
                self.complete()
            elif kind == READY:
                self.ready = True
            elif kind == RELOADED:
                self.reloaded.append(body or {})
            elif kind == STATUS:
                self.status.append(body['text'])

    def complete(self):
        """Bring up whoever is wanted and not there."""
        with self.lock:
            while sum(isinstance(p, Prober) for p in self.peers) < self.wants['probers']:
                self.peers.append(self.connect('prober', Prober))
            if self.notifier is None:
                self.notifier = self.connect('notifier', self.make_notifier)
            if self.web is None and self.wants.get('web'):
                self.web = self.connect('web', self.make_web)

    def connect(self, role, make):
        ours, theirs = socket.socketpair()
        self.parent.send(PEER, {'role': role}, fd=theirs.fileno())
        theirs.close()
        return make(self, ours)

    def peer_gone(self, peer):
        with self.lock:
            if peer in self.peers:
                self.peers.remove(peer)
            if peer is self.notifier:
                self.notifier = None
            if self.process.poll() is None and self.wants:
                self.complete()

    def stop(self):
        self.parent.send(STOP)
        status = self.process.wait(10)
        self.parent.close()
        for process in self.running:    # they see that the engine is gone
            assert process.wait(10) == 0, process.args
        return status

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.parent.close()

    def reload(self):
        n = len(self.reloaded)
        self.parent.send(RELOAD)
        return wait_for(lambda: self.reloaded[n:], 10, self.said)[0]

    def said(self):
        with open(self.log, encoding='utf-8', errors='replace') as f:
            log = f.read()[-6000:]
        return log + '\n'.join(f"{n['status']} {n['event']} {n['subject']} {n['changes']}: {n['summary']}"
                               for n in self.notices()[-60:])

    # -- what the stand-ins do ------------------------------------------------------------------------

    def prober_answer(self, prober, order):
        return self.probe(prober, order)

    def receiver_answer(self, receiver, body):
        self.attempts.append((receiver, body))
        verdict = self.answers.get(receiver, {'outcome': 'delivered', 'code': 200})
        return verdict(body) if callable(verdict) else verdict

    def take(self, receiver, body):
        for notice in body.get('digest') or [body['notice']]:
            self.told.append((receiver, notice))

    # -- what was seen ----------------------------------------------------------------------------------

    def notices(self, event=None, about=None, status=None, receiver='hook'):
        return [n for r, n in list(self.told)
                if r == receiver and event in (None, n['event']) and status in (None, n['status'])
                and (about is None or about in n['subject'] or about in n['domains'])]

    def notice(self, event=None, about=None, status=None, receiver='hook', seconds=40):
        return wait_for(lambda: self.notices(event, about, status, receiver), seconds,
                        lambda: f'{event} about {about} ({status})\n{self.said()}')[0]

    def look(self, times=2, seconds=30):
        """Have every subject probed so often again, and all of it taken up."""
        for _ in range(times):
            w = self.world
            every = [d for d in w.domains.values()] + [w.hosts[h] for d in w.domains.values() for h in d.mx]
            before = {id(s): s.probes for s in every}
            for name in w.domains:
                self.wish('recheck', subject=name)
            wait_for(lambda: all(s.probes > before[id(s)] for s in every), seconds, self.said)  # noqa: B023
            wait_for(self.settled, seconds, self.said)

    def settled(self):
        status = self.wish('status')
        return not (status['to_judge'] or status['waiting'] or status['in_flight'])

    def wish(self, verb, **more):
        return self.web.wish(verb, **more)['body']

    def rows(self, sql, *values):
        with contextlib.closing(sqlite3.connect(f'file:{self.state}/state.db?mode=ro', uri=True)) as db:
            return db.execute(sql, values).fetchall()
