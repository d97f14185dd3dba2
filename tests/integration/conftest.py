# SPDX-License-Identifier: ISC
"""Fixtures that read as sentences: lab, mxwatch, report_of, watching, mail_sink, webhook_sink."""

import concurrent.futures
import json
import os
import subprocess
import sys
import time
import warnings

import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.normpath(os.path.join(HERE, '..', '..'))
sys.path.insert(0, HERE)
warnings.filterwarnings('ignore', message='SHA1')

from lab import catalogue, netns  # noqa: E402
from lab.daemon import Daemon  # noqa: E402
from lab.world import World  # noqa: E402

BUILD = os.environ.get('MXWATCH_BUILD', os.path.join(TOP, 'build'))

SHORT = '''\
resolver: {{mode: auto, upstreams: [{resolver}], timeout: 2s}}
tls: {{ca_file: {ca}}}
probe: {{allow_private: true, per_ip_gap: 0s}}
defaults: {{timeout: {{connect: 2s, smtp: 3s, policy: 3s, total: 15s}}}}
domains: [placeholder.test]
'''

# A watchlist that expects more than there is.
EXPECT = SHORT.replace('[placeholder.test]', '''
  - {{name: sts-expected.test, expect: {{mta_sts_mode: enforce}}}}
  - {{name: dane-expected.test, expect: {{dane: required}}}}
  - {{name: submission-expected.test, expect: {{submission: required}}}}''')


def pytest_configure(config):
    netns.enter()


class Result:
    """A finished program; as text it is what a person needs to see when a test failed."""

    def __init__(self, argv, status, out, err, seconds):
        self.argv, self.status, self.out, self.err, self.seconds = argv, status, out, err, seconds

    @property
    def json(self):
        try:
            return json.loads(self.out)
        except ValueError:
            raise AssertionError(f'not one JSON object\n{self}') from None

    def __str__(self):
        def indent(text):
            return '\n'.join('    ' + line for line in text.splitlines()[:400])
        return (f'argv: {" ".join(self.argv)}\nstatus: {self.status} after {self.seconds:.1f} s\n'
                f'stdout:\n{indent(self.out)}\nstderr:\n{indent(self.err)}')

    __repr__ = __str__


@pytest.fixture(scope='session')
def lab():
    """The world of the catalogue, up and running."""
    with World() as world:
        catalogue.every_row(world)
        for zone in catalogue.ZONES_THAT_TURN:
            world.dns.add_zone(zone)
        world.start()
        yield world


@pytest.fixture(scope='session')
def mail_sink(lab):
    return lab.mail_sink


@pytest.fixture(scope='session')
def webhook_sink(lab):
    return lab.webhook_sink


@pytest.fixture(scope='session')
def build():
    """Where the programs are; the test is skipped where they were not built."""
    if not os.access(os.path.join(BUILD, 'mxwatch'), os.X_OK):
        pytest.fail(f'no programs in {BUILD}: build first, or set MXWATCH_BUILD')
    return BUILD


@pytest.fixture(scope='session')
def mxwatch(build):
    """mxwatch('check', ...) runs the command and hands back a Result."""
    def run(*argv, stdin='', timeout=60, env=None):
        argv = [os.path.join(build, 'mxwatch'), *map(str, argv)]
        began = time.monotonic()
        try:
            done = subprocess.run(argv, input=stdin.encode(), capture_output=True, timeout=timeout,
                                  env={**os.environ, **(env or {})})
        except subprocess.TimeoutExpired as e:
            hung = Result(argv, None, (e.stdout or b'').decode(), (e.stderr or b'').decode(), timeout)
            raise AssertionError(f'did not end in {timeout} s\n{hung}') from None
        return Result(argv, done.returncode, done.stdout.decode('utf-8', 'replace'),
                      done.stderr.decode('utf-8', 'replace'), time.monotonic() - began)
    return run


@pytest.fixture(scope='session')
def check(lab, mxwatch, tmp_path_factory):
    """check('good.test', ...) runs `mxwatch check --json` against the lab."""
    files = tmp_path_factory.mktemp('check')
    for name, text in ('SHORT', SHORT), ('EXPECT', EXPECT):
        (files / name).write_text(text.format(resolver=lab.resolver, ca=lab.ca_file))

    def run(*argv, resolver=lab.resolver, **more):
        argv = [str(files / a) if a in ('SHORT', 'EXPECT') else a for a in argv]
        return mxwatch('check', '--json', '--resolver', resolver, '--ca-file', lab.ca_file,
                       '--allow-private', *argv, **more)
    return run


@pytest.fixture(scope='session')
def report_of(request, check):
    """report_of(row) is the Result for a row of the catalogue.  All rows that selected tests
    need are checked side by side, so that one silent server does not hold up the rest."""
    pool = concurrent.futures.ThreadPoolExecutor(6)
    wanted = {item.callspec.params['row'].name: item.callspec.params['row']
              for item in request.session.items if 'row' in getattr(item, 'callspec', _None).params}
    running = {name: pool.submit(check, name, *row.args) for name, row in wanted.items()}
    yield lambda row: running[row.name].result()
    pool.shutdown(cancel_futures=True)


class _None:
    params = ()


@pytest.fixture(scope='module')
def watching(lab, build, tmp_path_factory):
    """watching(domain, ...) starts a daemon on these domains; it ends with the module."""
    started = []

    def watch(*domains, begin=True, **options):
        if options.get('resolver') == 'system' and not netns.may_mount():
            pytest.skip('no mount namespaces here: the daemon cannot have a resolv.conf of its own')
        lab.relay.be('well')
        daemon = Daemon(lab, build, str(tmp_path_factory.mktemp('daemon')), domains, **options)
        os.chmod(os.path.dirname(daemon.directory), 0o755)
        started.append(daemon)
        return daemon.start() if begin else daemon
    yield watch
    for daemon in started:
        if daemon.program and daemon.program.alive():
            daemon.stop()


@pytest.fixture(autouse=True)
def resolver_is_well(request):
    """A test that spoilt the resolver leaves it well behind."""
    yield
    if 'lab' in request.fixturenames:
        request.getfixturevalue('lab').relay.be('well')
