# SPDX-License-Identifier: ISC
"""The world: every server of the lab, and domains and hosts that can be named and changed.

    world = World()
    shop = world.domain('shop.test')          # healthy: two MX, MTA-STS enforce, TLS-RPT
    world.start()
    shop.hosts[0].configure(starttls='hidden')
    shop.policy(mode='testing')
    shop.records('MX', ['10 mx9.shop.test.'])

A change is being served when the call returns.
"""

import ipaddress
import os
import shutil
import subprocess
import tempfile

from . import http, netns
from .ca import Authority
from .dns import Dns, Relay, UNBOUND, fqdn, txt
from .loop import Loop
from .postfix import MODERN_TLS, Postfix
from .smtp import MailSink, Peer

MAIL_SINK = f'{netns.NET}.99.1'
WEBHOOK_SINK = f'{netns.NET}.99.2'


class Host:
    """A host name with a scripted SMTP server on each of its addresses."""

    def __init__(self, world, name):
        self.world, self.name, self.peers = world, name, []

    @property
    def address(self):
        return self.peers[0].address

    @property
    def connections(self):
        """TCP connections seen so far at all its addresses."""
        return sum(p.connections for p in self.peers)

    def configure(self, **manners):
        """Other manners from the next connection on (smtp.Peer says which there are)."""
        for peer in self.peers:
            peer.configure(**manners)

    def certificate(self, kind, names=None):
        """Swap the certificate for a new one of this kind."""
        issued = self.world.ca.issue(kind, names or [self.name])
        self.configure(certificate=issued)
        return issued

    def down(self):
        for peer in self.peers:
            peer.down()

    def up(self):
        for peer in self.peers:
            peer.up()

    def tlsa(self, *data, port=25, ttl=1):
        """Serve these TLSA records; without any, none."""
        self.world.dns.set(f'_{port}._tcp.{self.name}', 'TLSA', data, ttl=ttl)
        self.world.changed()


class Domain:
    """A mail domain: its records, its policy, its hosts."""

    def __init__(self, world, name, hosts):
        self.world, self.name, self.hosts = world, name, hosts
        self.policy_host = f'mta-sts.{name}'
        self._policy = {}
        self._id = 1

    def records(self, rtype, data, prefix=''):
        """Replace the record set at the domain, or at prefix.domain."""
        self.world.dns.set(f'{prefix}.{self.name}' if prefix else self.name, rtype, data)
        self.world.changed()

    def mx(self, *hosts):
        self.hosts = [self.world.hosts[h] for h in hosts if h in self.world.hosts]
        self.records('MX', [f'{10 * (i + 1)} {fqdn(h)}' for i, h in enumerate(hosts)])

    def policy_id(self, value=None):
        """A new id in the _mta-sts record."""
        self._id += 1
        self.records('TXT', [txt(f'v=STSv1; id={value or f"2026{self._id:04d}"};')], '_mta-sts')

    def policy(self, new_id=True, **fields):
        """Change fields of the policy (mode, mx, max_age), and the id along with it."""
        self._policy.update(fields)
        self.world.nginx.write(self.policy_host, http.policy(**self._policy))
        if new_id:
            self.policy_id()

    def policy_body(self, body):
        """Any body at all; the id stays."""
        self.world.nginx.write(self.policy_host, body)

    def policy_certificate(self, kind):
        issued = self.world.ca.issue(kind, [self.policy_host])
        self.world.nginx.sites[self.policy_host]['certificate'] = issued
        self.world.nginx.reload(self.policy_host)


class World:
    def __init__(self, directory=None):
        self.directory = directory or tempfile.mkdtemp(prefix='mxlab-')
        os.chmod(self.directory, 0o755)
        self._owned = directory is None
        self.running = False
        self.ipv6 = netns.has_ipv6()
        self.loop = Loop()
        self.ca = Authority(self._path('ca'))
        self.dns = Dns(self._path('dns'))
        self.relay = Relay(self.loop)
        self.nginx = http.Nginx(self._path('nginx'))
        self.postfix = Postfix(self._path('postfix'))
        self.hosts, self.domains, self.odd = {}, {}, []
        self._addresses = iter(
            f'{netns.NET}.{i}.{j}' for i in range(100, 250) for j in range(1, 250))
        self._v6 = 0
        self.mail_sink = MailSink(self.loop, 'sink.ops.test', MAIL_SINK,
                                  self.ca.issue('good', ['sink.ops.test', MAIL_SINK, 'localhost']))
        self.webhook_sink = http.WebhookSink(
            self.loop, 'hooks.ops.test', WEBHOOK_SINK,
            self.ca.issue('good', ['hooks.ops.test', WEBHOOK_SINK, 'localhost']))
        self.dns.set('sink.ops.test', 'A', [MAIL_SINK])
        self.dns.set('hooks.ops.test', 'A', [WEBHOOK_SINK])
        self.dns.set('ops.test', 'MX', ['10 sink.ops.test.'])

    def _path(self, name):
        path = os.path.join(self.directory, name)
        os.makedirs(path, exist_ok=True)
        return path

    # -- where programs look ---------------------------------------------------------------------

    resolver = f'{UNBOUND}:53'

    @property
    def ca_file(self):
        return self.ca.bundle

    @property
    def trust_anchor(self):
        return self.dns.trust_anchor

    # -- making domains and hosts -----------------------------------------------------------------

    def address(self):
        return next(self._addresses)

    def reverse(self, address, name):
        """PTR of an address: a name, several, or None."""
        if ':' in address:
            owner = ipaddress.ip_address(address).reverse_pointer
        else:
            owner = '.'.join(reversed(address.split('.'))) + '.in-addr.arpa'
        names = [name] if isinstance(name, str) else name or []
        self.dns.set(owner, 'PTR', [fqdn(n) for n in names])

    def point(self, name, *addresses, ptr=True):
        """Address records of a name without a server of ours behind it."""
        self.dns.set(name, 'A', [a for a in addresses if ':' not in a])
        self.dns.set(name, 'AAAA', [a for a in addresses if ':' in a])
        for address in addresses if ptr else ():
            self.reverse(address, name)

    def new_ipv6(self):
        """An IPv6 address on lo, None where the machine has none to give."""
        self._v6 += 1
        address = f'fd00:25:{netns.NUMBER:x}::{self._v6:x}'
        done = self.ipv6 and subprocess.run(
            ['ip', '-6', 'addr', 'replace', address + '/128', 'dev', 'lo', 'nodad'],
            capture_output=True).returncode == 0
        return address if done else None

    @property
    def gives_ipv6(self):
        return self.new_ipv6() is not None

    def host(self, name, certificate='good', addresses=1, ipv6=False, ptr=True, ports=(25,), **manners):
        """A host with scripted servers.  ptr: True, False (none) or another name."""
        host = self.hosts[name] = Host(self, name)
        where = [self.address() for _ in range(addresses)]
        six = self.new_ipv6() if ipv6 else None
        where += [six] if six else []
        self.point(name, *where, ptr=False)
        issued = self.ca.issue(certificate, [name]) if isinstance(certificate, str) else certificate
        for address in where:
            if ptr:
                self.reverse(address, name if ptr is True else ptr)
            for port in ports:
                peer = Peer(self.loop, name, address, issued, port, **manners)
                peer.implicit = port == 465
                if port != 25:
                    peer.extensions = peer.extensions + (['AUTH PLAIN'] if port == 465 else [])
                host.peers.append(peer)
                if self.running:
                    peer.up()
        return host

    def domain(self, name, mx=2, policy='enforce', rpt=True, **host):
        """A domain.  mx: how many hosts of its own to make (mx1.name ...), or names of hosts.
        policy: a mode, or fields of http.policy, or None.  The rest goes to host()."""
        hosts = []
        if isinstance(mx, int):
            for i in range(mx):
                hosts.append(self.host(f'mx{i + 1}.{name}', **host))
            names = [h.name for h in hosts]
        else:
            names = list(mx)
            hosts = [self.hosts[n] for n in names if n in self.hosts]
        domain = self.domains[name] = Domain(self, name, hosts)
        self.dns.set(name, 'MX', [f'{10 * (i + 1)} {fqdn(h)}' for i, h in enumerate(names)])
        if policy:
            fields = {'mode': policy} if isinstance(policy, str) else dict(policy)
            fields.setdefault('mx', names)
            domain._policy = fields
            self.policy_host(domain, http.policy(**fields))
            self.dns.set(f'_mta-sts.{name}', 'TXT', [txt('v=STSv1; id=20260001;')])
        if rpt:
            self.dns.set(f'_smtp._tls.{name}', 'TXT',
                         [txt('v=TLSRPTv1; rua=mailto:tlsrpt@ops.test')])
        self.changed()
        return domain

    def policy_host(self, domain, body, certificate='good', **site):
        """Serve body at the domain's policy host in nginx (http.Nginx.site)."""
        issued = self.ca.issue(certificate, [domain.policy_host])
        self.nginx.site(domain.policy_host, body, issued, **site)
        self.dns.set(domain.policy_host, 'A', [http.NGINX])
        if self.running:
            self.nginx.reload(domain.policy_host)

    def odd_policy_host(self, domain, mood, certificate='good'):
        """A policy host that misbehaves (http.OddPolicyHost)."""
        address = self.address()
        odd = http.OddPolicyHost(self.loop, address, self.ca.issue(certificate, [domain.policy_host]), mood)
        self.dns.set(domain.policy_host, 'A', [address])
        self.odd.append(odd)
        return odd

    def postfix_host(self, name, settings=MODERN_TLS, certificate='good', ports=(25,)):
        """A host with a real Postfix; before start() only."""
        address = self.address()
        self.point(name, address)
        for port in ports:
            self.postfix.add(name, address, self.ca.issue(certificate, [name]), settings, port)
        return address

    # -- life ---------------------------------------------------------------------------------------

    def changed(self):
        if self.running:
            self.dns.publish()

    def start(self):
        """Start everything; returns when everything answers."""
        if self.postfix.services:
            self.postfix.start()
        if self.nginx.sites:
            self.nginx.start()
        for server in [p for h in self.hosts.values() for p in h.peers] + self.odd:
            server.up()
        self.mail_sink.up()
        self.webhook_sink.up()
        self.dns.start()
        self.relay.start()
        if self.nginx.sites:
            self.nginx.ready()
        if self.postfix.services:
            self.postfix.ready()
        self.running = True

    def stop(self):
        self.nginx.stop()
        self.postfix.stop()
        self.dns.stop()
        self.loop.stop()
        if self._owned:
            shutil.rmtree(self.directory, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()
