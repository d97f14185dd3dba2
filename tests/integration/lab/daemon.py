# SPDX-License-Identifier: ISC
"""mxwatchd against the lab: short intervals, its own state, receivers to the sinks."""

import base64
import contextlib
import http.client
import json
import os
import pwd
import signal
import socket

from . import dns
from .loop import wait_for
from .program import Program

SECRET = b'a secret of the lab, 32 bytes.. '

CONFIGURATION = '''\
state: {{path: {state}}}
resolver: {{mode: {mode}, upstreams: [{resolver}], timeout: 2s}}
tls: {{ca_file: {ca}}}
probe: {{allow_private: true, per_ip_gap: 0s, processes: {processes}, {probe}}}
defaults:
  interval: {interval}
  timeout: {{connect: 2s, smtp: 4s, total: 8s}}
  confirm: {{fail: 3, retry: 1s, ok: 2}}
  policy_grace: 5s
receivers:
  mail:
    email:
      to: [oncall@ops.test]
      from: mxwatch@ops.test
      relay: "smtp://{mail}:25"
      tls: required
      ca_file: {ca}
  hook:
    webhook: {{url: "{hook}", ca_file: {ca}, secret_files: [{secret}]}}
route: {{receivers: [mail, hook], group_wait: 0s}}
'''


class Daemon:
    """One mxwatchd.  Its files are in `directory`; the state outlives stop() and start()."""

    def __init__(self, world, build, directory, domains, interval='5s', processes=1, more='',
                 probe='open_relay: false', resolver='auto'):
        self.world, self.build, self.directory = world, build, directory
        self.interval, self.processes, self.more, self.probe = interval, processes, more, probe
        self.mode = resolver
        self.state = os.path.join(directory, 'state')
        os.makedirs(self.state, exist_ok=True)
        os.chmod(directory, 0o755)
        self.file = os.path.join(directory, 'mxwatch.yaml')
        self.secret = os.path.join(directory, 'hook.secret')
        with open(self.secret, 'w') as f:
            f.write('whsec_' + base64.b64encode(SECRET).decode() + '\n')
        with contextlib.suppress(KeyError):  # the account children run as, where there is one
            account = pwd.getpwnam('mxwatch')
            for path in (self.state, self.secret):
                os.chown(path, account.pw_uid, account.pw_gid)
        self.program = None
        self.domains = []
        self.watch(domains)
        self.mails_before = len(world.mail_sink.mails)
        self.hooks_before = len(world.webhook_sink.hooks)

    def watch(self, domains):
        """Write the watchlist: names, or Domain objects of the world."""
        self.domains = [getattr(d, 'name', d) for d in domains]
        self.write(CONFIGURATION.format(
            state=self.state, resolver=dns.RELAY, ca=self.world.ca_file, interval=self.interval,
            mail=self.world.mail_sink.address, hook=self.world.webhook_sink.url,
            secret=self.secret, processes=self.processes, probe=self.probe, mode=self.mode)
            + self.more + 'domains:\n' + ''.join(f'  - {d}\n' for d in self.domains))

    def write(self, text):
        with open(self.file + '.new', 'w') as f:
            f.write(text)
        os.replace(self.file + '.new', self.file)

    # -- life -----------------------------------------------------------------------------------

    def start(self):
        argv = [os.path.join(self.build, 'mxwatchd'), '-c', self.file, '--foreground']
        if self.mode == 'system':  # with a resolv.conf of its own
            path = os.path.join(self.directory, 'resolv.conf')
            with open(path, 'w') as f:
                f.write(f'nameserver {dns.RELAY}\n')
            argv = ['unshare', '-m', 'sh', '-c', 'mount --bind "$0" "$1" && shift && exec "$@"', path,
                    os.path.realpath('/etc/resolv.conf'), *argv]
        self.program = Program(argv, self.directory, name='mxwatchd', env={'NO_COLOR': '1'})
        return self

    def stop(self):
        """End it as systemd would; its exit status."""
        return self.program.stop(seconds=10)

    def kill(self):
        self.program.signal(signal.SIGKILL)
        self.program.process.wait()

    def reload(self):
        self.program.signal(signal.SIGHUP)

    def said(self):
        with open(self.file) as f:
            return self.program.said() + '\n  configuration:\n' + f.read()

    def child(self, name):
        """Process id of a running child program, None when there is none at the moment."""
        for entry in os.listdir('/proc'):
            if entry.isdigit():
                try:
                    with open(f'/proc/{entry}/stat') as f:
                        _, _, rest = f.read().rpartition(')')
                    with open(f'/proc/{entry}/cmdline') as f:
                        argv0 = f.read().split('\0')[0]
                except OSError:
                    continue
                fields = rest.split()
                word = argv0.split(':')[0].split(' ')[0]
                if os.path.basename(word) == name and fields[0] != 'Z' and self._descends(int(fields[1])):
                    return int(entry)
        return None

    def _descends(self, parent):
        while parent > 1 and parent != self.program.pid:
            try:
                with open(f'/proc/{parent}/stat') as f:
                    parent = int(f.read().rpartition(')')[2].split()[1])
            except OSError:
                return False
        return parent == self.program.pid

    # -- what it has seen and said ------------------------------------------------------------------

    def _rounds(self):
        names = {data.split()[1].rstrip('.') for d in self.domains
                 for data in self.world.dns.get(d, 'MX')}
        return ({('domain', d): self.world.relay.asked[f'{d}/MX'] for d in self.domains}
                | {('host', n): self.world.hosts[n].connections for n in names
                   if n in self.world.hosts})

    def look_twice(self, seconds=40):
        """Wait until everything watched has been looked at twice more: what was seen the first
        time is then recorded.  Hosts that are down count by their domain alone."""
        before = self._rounds()
        closed = {('host', h.name) for h in self.world.hosts.values()
                  if any(p.listener.server is None for p in h.peers)}

        def missing():
            return [k for k, n in self._rounds().items()
                    if k not in closed and n < before.get(k, 0) + 2]

        def complete():
            assert self.program.alive(), self.said()
            return not missing()
        wait_for(complete, seconds, lambda: f'second looks at {missing()}\n{self.said()}')

    def hook(self, event=None, about=None, status=None, seconds=25):
        """Wait for a webhook since this daemon was made."""
        try:
            return self.world.webhook_sink.wait(event, about, status, seconds, self.hooks_before)
        except AssertionError as e:
            raise AssertionError(f'{e}\n{self.said()}') from None

    def mail(self, event=None, about=None, seconds=25):
        try:
            return self.world.mail_sink.wait(event, about, seconds, self.mails_before)
        except AssertionError as e:
            raise AssertionError(f'{e}\n{self.said()}') from None

    def hooks(self, event=None, about=None, status=None):
        return self.world.webhook_sink.having(event, about, status, self.hooks_before)

    def mails(self, event=None, about=None):
        return self.world.mail_sink.having(event, about, self.mails_before)

    def finding(self, domain, check):
        """What the daemon's report on a domain says at the moment, None where it does not say."""
        connection = http.client.HTTPConnection('daemon', timeout=10)
        connection.sock = socket.socket(socket.AF_UNIX)
        try:
            connection.sock.connect(os.path.join(self.state, 'mxwatch.sock'))
            connection.request('GET', f'/api/v1/domains/{domain}')
            report = json.loads(connection.getresponse().read())
        except OSError:  # not up yet
            return None
        finally:
            connection.close()
        return next((f for f in report.get('findings', []) if f['id'] == check), None)

    def told(self):
        """How much has been said so far, for comparing."""
        return len(self.hooks()), len(self.mails())
