# SPDX-License-Identifier: ISC
"""DNS of the lab: a signed root and test. zones in NSD, a validating Unbound before them,
and a relay that can behave like a resolver in any kind of trouble.

Zones are tables in memory.  `publish()` writes and signs the ones that changed, has NSD load
them and Unbound forget them; when it returns the new records are being served.
"""

import asyncio
import collections
import datetime
import os
import random
import signal
import socket
import struct
import subprocess
import time

from .loop import wait_for
from .netns import NET
from .program import Program

NSD = f'{NET}.53.1'
UNBOUND = f'{NET}.0.1'
RELAY = f'{NET}.53.9'
TYPES = {'A': 1, 'NS': 2, 'CNAME': 5, 'SOA': 6, 'PTR': 12, 'MX': 15, 'TXT': 16, 'AAAA': 28,
         'SRV': 33, 'DS': 43, 'TLSA': 52, 'CAA': 257}


def fqdn(name):
    return name if name.endswith('.') else name + '.'


def txt(value):
    """Record data of a TXT record, in strings of at most 255 characters."""
    parts = [value[i:i + 255] for i in range(0, len(value), 255)] or ['']
    return ' '.join('"' + p.replace('\\', '\\\\').replace('"', '\\"') + '"' for p in parts)


def question(name, rtype):
    ident = random.randrange(65536)
    labels = [p for p in name.rstrip('.').split('.') if p]
    wire = b''.join(bytes([len(p)]) + p.encode() for p in labels) + b'\0'
    return struct.pack('>6H', ident, 0x0100, 1, 0, 0, 0) + wire + struct.pack('>2H', TYPES[rtype], 1)


def skip_name(message, at):
    while True:
        n = message[at]
        if n >= 0xc0:
            return at + 2
        at += n + 1
        if n == 0:
            return at


def question_end(message):
    return skip_name(message, 12) + 4


def question_text(message):
    """'name/type' of a query."""
    at, labels = 12, []
    while message[at]:
        labels.append(message[at + 1:at + 1 + message[at]].decode('ascii', 'replace').lower())
        at += message[at] + 1
    number = struct.unpack_from('>H', message, at + 1)[0]
    word = next((k for k, v in TYPES.items() if v == number), str(number))
    return '.'.join(labels) + '/' + word


def soa_serial(server, zone):
    """Serial that server gives for zone, None while it does not answer."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(0.5)
        try:
            s.sendto(question(zone, 'SOA'), (server, 53))
            reply = s.recv(4096)
        except OSError:
            return None
    if struct.unpack_from('>H', reply, 6)[0] == 0:
        return None
    at = question_end(reply)
    at = skip_name(reply, at)
    length = struct.unpack_from('>H', reply, at + 8)[0]
    return struct.unpack_from('>I', reply, at + 10 + length - 20)[0]


class Zone:
    """One zone: how it is signed, and its records as {(owner, type): [data]}.

    security: secure, insecure (no DS above it), bogus (a wrong DS above it), expired
    (signatures of 2020), soon (2 days of signature left), today (12 hours left),
    lame (delegated to a server that does not exist), nsec3.
    """

    def __init__(self, name, security='secure'):
        self.name, self.security = fqdn(name), security
        self.records = {}
        self.ttls = {}
        self.dirty = True

    def __contains__(self, owner):
        return self.name == '.' or owner == self.name or owner.endswith('.' + self.name)


class Dns:
    def __init__(self, directory):
        self.directory = directory
        os.makedirs(directory, exist_ok=True)
        self.zones = {}
        self.serial = int(time.time()) & 0x3fffffff
        self.programs = []
        self.control = os.path.join(directory, 'unbound.ctl')
        self.add_zone('.')
        self.add_zone('test.')

    # -- records ------------------------------------------------------------------------------

    def add_zone(self, name, security='secure'):
        """A new zone, delegated from the one above it at the next publish."""
        zone = self.zones[fqdn(name)] = Zone(name, security)
        zone.ds = None
        if zone.security not in ('insecure', 'lame'):
            base = subprocess.run(['ldns-keygen', '-r', '/dev/urandom', '-a', 'ED25519', '-k', zone.name],
                                  cwd=self.directory, check=True, capture_output=True,
                                  text=True).stdout.strip()
            zone.key = os.path.join(self.directory, base)
        if zone.name != '.':
            parent = self.zone_of(zone.name.split('.', 1)[1] or '.')
            server = 'ns.' if zone.security != 'lame' else 'ns-lame.'
            self.set(zone.name, 'NS', [server], zone=parent, ttl=300)
            if zone.security not in ('insecure', 'lame'):
                ds = subprocess.run(['ldns-key2ds', '-n', '-2', zone.key + '.key'], check=True,
                                    capture_output=True, text=True).stdout.split('\tDS\t')[1].strip()
                zone.ds = ds
                self.set(zone.name, 'DS', self._ds(zone), zone=parent, ttl=300)
        return zone

    def _ds(self, zone):
        """What stands above it."""
        if zone.security == 'insecure':
            return []
        if zone.security == 'bogus':
            head, digest = zone.ds.rsplit(' ', 1)
            return [head + ' ' + ('1' if digest[0] != '1' else '2') + digest[1:]]
        return [zone.ds]

    def turn(self, name, security):
        """Let a zone that was made secure become insecure or bogus, or secure again."""
        zone = self.zones[fqdn(name)]
        zone.security, zone.dirty = security, True
        self.set(zone.name, 'DS', self._ds(zone), zone=self.zone_of(zone.name.split('.', 1)[1]), ttl=300)
        self.publish()

    def zone_of(self, owner):
        owner = fqdn(owner)
        return max((z for z in self.zones.values() if owner in z), key=lambda z: len(z.name))

    def set(self, owner, rtype, data, zone=None, ttl=1):
        """Replace the record set; an empty list removes it.  Served after publish()."""
        owner = fqdn(owner)
        zone = zone or self.zone_of(owner)
        if data:
            zone.records[owner, rtype] = list(data)
            zone.ttls[owner, rtype] = ttl
        else:
            zone.records.pop((owner, rtype), None)
        zone.dirty = True

    def get(self, owner, rtype):
        return list(self.zone_of(owner).records.get((fqdn(owner), rtype), []))

    def publish(self):
        """Serve everything set so far.  Returns when NSD answers with it."""
        dirty = [z for z in self.zones.values() if z.dirty and z.security != 'lame']
        self.serial += 1
        for zone in dirty:
            self._write(zone)
            zone.dirty = False
        if self.programs and dirty:
            self.programs[0].signal(signal.SIGHUP)
            for zone in dirty:
                wait_for(lambda: soa_serial(NSD, zone.name) == self.serial, 60,
                         f'NSD to serve {zone.name} at serial {self.serial}', pause=0.005)
                self.unbound_control(f'flush_zone {zone.name}')
            self.unbound_control('flush_bogus')
            self.unbound_control('flush_negative')

    def _write(self, zone):
        stem = os.path.join(self.directory, 'zone.' + (zone.name.rstrip('.') or 'root'))
        lines = [f'{zone.name} 300 IN SOA ns. root.ns. {self.serial} 3600 600 86400 1']
        if (zone.name, 'NS') not in zone.records:
            lines.append(f'{zone.name} 300 IN NS ns.')
        if zone.name == '.':
            lines += [f'ns. 300 IN A {NSD}', f'ns-lame. 300 IN A {NET}.53.250']
        for (owner, rtype), data in sorted(zone.records.items()):
            lines += [f'{owner} {zone.ttls[owner, rtype]} IN {rtype} {d}' for d in data]
        with open(stem, 'w') as f:
            f.write('\n'.join(lines) + '\n')
        signed = stem + '.signed'
        if zone.security == 'insecure':
            os.replace(stem, signed)
            return
        when = datetime.datetime.utcnow()
        start, end = when - datetime.timedelta(days=1), when + datetime.timedelta(days=30)
        if zone.security == 'expired':
            start, end = datetime.datetime(2020, 1, 1), datetime.datetime(2020, 2, 1)
        elif zone.security == 'soon':
            end = when + datetime.timedelta(days=2)
        elif zone.security == 'today':
            end = when + datetime.timedelta(hours=12)
        stamps = [f'{t:%Y%m%d%H%M%S}' for t in (start, end)]
        extra = ['-n', '-p', '-t', '0'] if zone.security == 'nsec3' else []
        subprocess.run(['ldns-signzone', *extra, '-i', stamps[0], '-e', stamps[1], '-o', zone.name,
                        '-f', signed + '.new', stem, zone.key], check=True, capture_output=True)
        os.replace(signed + '.new', signed)

    # -- servers ------------------------------------------------------------------------------

    @property
    def trust_anchor(self):
        return self.zones['.'].key + '.key'

    def start(self):
        self.publish()
        served = [z for z in self.zones.values() if z.security != 'lame']
        nsd = os.path.join(self.directory, 'nsd.conf')
        with open(nsd, 'w') as f:
            f.write(f'server:\n ip-address: {NSD}@53\n username: ""\n database: ""\n'
                    f' server-count: 1\n verbosity: 0\n logfile: "{self.directory}/nsd.log"\n'
                    f' pidfile: "{self.directory}/nsd.pid"\n xfrdfile: "{self.directory}/xfrd"\n'
                    f' xfrdir: "{self.directory}"\n zonelistfile: "{self.directory}/zonelist"\n'
                    ' xfrd-reload-timeout: 0\n rrl-ratelimit: 0\n'
                    'remote-control:\n control-enable: no\n')
            for zone in served:
                stem = 'zone.' + (zone.name.rstrip('.') or 'root')
                f.write(f'zone:\n name: "{zone.name}"\n zonefile: "{self.directory}/{stem}.signed"\n')
        hints = os.path.join(self.directory, 'hints')
        with open(hints, 'w') as f:
            f.write(f'. 3600000 NS ns.\nns. 3600000 A {NSD}\n')
        unbound = os.path.join(self.directory, 'unbound.conf')
        with open(unbound, 'w') as f:
            f.write(f'''server:
    interface: {UNBOUND}
    do-daemonize: no
    do-ip6: no
    username: ""
    chroot: ""
    directory: "{self.directory}"
    pidfile: "{self.directory}/unbound.pid"
    logfile: "{self.directory}/unbound.log"
    use-syslog: no
    verbosity: 1
    num-threads: 1
    root-hints: "{hints}"
    trust-anchor-file: "{self.trust_anchor}"
    module-config: "validator iterator"
    do-not-query-localhost: no
    access-control: 0.0.0.0/0 allow
    access-control: ::0/0 allow
    local-zone: "test." transparent
    local-zone: "127.in-addr.arpa." transparent
    local-zone: "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.ip6.arpa." transparent
    local-zone: "d.f.ip6.arpa." transparent
    cache-max-negative-ttl: 1
    cache-max-ttl: 1000000
    val-bogus-ttl: 1
    infra-host-ttl: 1
    infra-keep-probing: yes
    ede: yes
    incoming-num-tcp: 200
    outgoing-num-tcp: 200
    qname-minimisation: no
remote-control:
    control-enable: yes
    control-use-cert: no
    control-interface: "{self.control}"
''')
        self.programs = [Program(['nsd', '-d', '-c', nsd], self.directory)]
        wait_for(lambda: soa_serial(NSD, 'test.') == self.serial, 60, self.programs[-1].said)
        self.programs.append(Program(['unbound', '-d', '-c', unbound], self.directory))
        wait_for(lambda: soa_serial(UNBOUND, 'test.') == self.serial, 60, self.programs[-1].said)

    def unbound_control(self, command):
        """What unbound-control does, without the cost of starting it."""
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(5)
            s.connect(self.control)
            s.sendall(f'UBCT1 {command}\n'.encode())
            return b''.join(iter(lambda: s.recv(4096), b'')).decode()

    def stop(self):
        for program in self.programs:
            program.stop()
        self.programs = []


class Relay:
    """A resolver in front of Unbound, on its own address, with moods.

    well          passes everything on
    drop          takes queries and never answers
    servfail      answers SERVFAIL           refused         answers REFUSED
    garbage       random bytes               wrong-question  the answer to another question
    cut           a reply that ends in the middle of a record
    echo          the query itself, not marked as a reply
    hangup        closes the connection when asked
    blind         answers, but never says that it validated (no AD)
    distrusts     has a wrong trust anchor: SERVFAIL, but to questions with checking disabled (CD)
    gone          nobody listens
    """

    def __init__(self, loop, address=RELAY):
        self.loop, self.address, self.mood = loop, address, 'well'
        self.asked = collections.Counter()
        self.server = self.datagrams = None
        self.tasks = set()

    def be(self, mood):
        self.mood = mood
        self.loop.run(self._listen(mood != 'gone'))

    def start(self):
        self.be('well')

    async def _listen(self, wanted):
        relay = self
        if wanted and self.server is None:
            self.server = await asyncio.start_server(self._stream, self.address, 53)

            class Datagram(asyncio.DatagramProtocol):
                def connection_made(self, transport):
                    self.transport = transport

                def datagram_received(self, data, peer):
                    async def reply():
                        answer = await relay._reply(data)
                        if answer:
                            self.transport.sendto(answer, peer)
                    task = asyncio.ensure_future(reply())
                    relay.tasks.add(task)
                    task.add_done_callback(relay.tasks.discard)
            self.datagrams, _ = await asyncio.get_running_loop().create_datagram_endpoint(
                Datagram, local_addr=(self.address, 53))
        elif not wanted and self.server is not None:
            self.server.close()
            self.datagrams.close()
            self.server = self.datagrams = None
        if not wanted:
            for task in list(self.tasks):
                task.cancel()

    async def _stream(self, reader, writer):
        connection = asyncio.current_task()
        self.tasks.add(connection)

        async def answer(query):
            reply = await self._reply(query)
            if reply is not None and not writer.is_closing():
                writer.write(struct.pack('>H', len(reply)) + reply)
        try:
            while True:
                size = struct.unpack('>H', await reader.readexactly(2))[0]
                query = await reader.readexactly(size)
                if self.mood == 'hangup':
                    break
                task = asyncio.ensure_future(answer(query))
                self.tasks.add(task)
                task.add_done_callback(self.tasks.discard)
        except (OSError, EOFError, asyncio.CancelledError):
            pass
        finally:
            self.tasks.discard(connection)
            writer.transport.abort()

    async def _reply(self, query):
        mood = self.mood
        self.asked[question_text(query)] += 1
        if mood == 'drop':
            return None
        asked = struct.unpack_from('>H', query, 2)[0]
        if mood in ('servfail', 'refused') or mood == 'distrusts' and not asked & 0x10:
            flags = asked | 0x8080 | (5 if mood == 'refused' else 2)
            return query[:2] + struct.pack('>5H', flags, 1, 0, 0, 0) + query[12:question_end(query)]
        if mood == 'garbage':
            return query[:2] + random.randbytes(60)
        if mood == 'echo':
            return query
        if mood == 'wrong-question':
            name = b'\x05wrong\x04test\x00' + query[question_end(query) - 4:question_end(query)]
            query = query[:12] + name + query[question_end(query):]
        try:
            reader, writer = await asyncio.open_connection(UNBOUND, 53)
            try:
                writer.write(struct.pack('>H', len(query)) + query)
                size = struct.unpack('>H', await reader.readexactly(2))[0]
                reply = await reader.readexactly(size)
            finally:
                writer.close()
        except (OSError, EOFError):
            return None
        if mood == 'cut':
            end = question_end(reply)
            return reply[:end + max(0, (len(reply) - end) // 2 - 3)]
        if mood == 'blind':
            return reply[:2] + struct.pack('>H', struct.unpack_from('>H', reply, 2)[0] & ~0x20) + reply[4:]
        return reply
