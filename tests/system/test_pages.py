# SPDX-License-Identifier: ISC
"""The real web beside the real engine.  mxwatchd kills a web whose engine has gone; here it ends by
itself, so that a build with sanitizers can tell what it did not give back."""

import http.client
import json
import os
import signal
import socket

import pytest

from engine_bench import Bench, RealWeb, wait_for, World

DOWN = {'stage': 'connect', 'class': 'refused', 'text': 'connection refused', 'code': 111}

PAGES = """/ /?state=failing&q=a /domains /domains?page=2&sort=grade /domains/a.test /domains/b.test
    /hosts/mx.a.test /incidents /incidents?open=1 /events/host.unreachable /maintenance /changes
    /changes?domain=b.test /changes.atom /style.css /badge/a.test.svg /metrics /metrics/domains?shard=1/2
    /healthz /readyz /api/v1/openapi.json /api/v1/domains /api/v1/domains?state=failing /api/v1/domains/a.test
    /api/v1/domains/a.test/history /api/v1/domains/b.test/diff /api/v1/incidents /api/v1/changes
    /api/v1/status""".split()
MISSING = """/nothing /domains/other.test /hosts/other.test /incidents/inc_0 /events/no.such
    /badge/other.test.svg /api/v1/domains/other.test /api/v1/domains/other.test/history
    /api/v1/incidents/inc_0""".split()


class Pages:
    """An engine with two domains, and a web in front of it."""

    def __init__(self, directory):
        with socket.socket() as s:
            s.bind(('127.0.0.1', 0))
            self.address = s.getsockname()
        self.world = World()
        for name in 'a.test', 'b.test':
            self.world.domain(name)
        self.bench = Bench(directory, self.world, web=RealWeb, listen='%s:%d' % self.address).start()
        self.socket = os.path.join(self.bench.state, 'mxwatch.sock')
        wait_for(lambda: self.looked_at('a.test') and self.looked_at('b.test'), 20, self.bench.said)
        wait_for(lambda: all(h.probes > 1 for h in self.world.hosts.values()), 20, self.bench.said)

    def ask(self, path, method='GET', body=None, local=False):
        connection = http.client.HTTPConnection(*self.address, timeout=10)
        try:
            if local:   # where wishes are allowed
                connection.sock = socket.socket(socket.AF_UNIX)
                connection.sock.connect(self.socket)
            connection.request(method, path, body)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def looked_at(self, name):
        try:
            status, body = self.ask(f'/api/v1/domains/{name}')
        except OSError:  # not up yet
            return False
        return status == 200 and json.loads(body).get('findings')


@pytest.fixture
def pages(tmp_path):
    p = Pages(tmp_path)
    yield p
    if p.bench.process.poll() is None:
        assert p.bench.stop() == 0, p.bench.said()


def test_every_page_and_an_orderly_end(pages):
    pages.world.domains['b.test'].rua = 'mailto:other@b.test'
    pages.world.hosts['mx.a.test'].failure = DOWN
    pages.bench.notice('tls_rpt.changed')
    incident = pages.bench.notice('host.unreachable')['incident']
    for path in *PAGES, f'/api/v1/incidents/{incident}':
        status, body = pages.ask(path)
        assert status == 200 and body, (path, status, body)
    for path in MISSING:
        status, body = pages.ask(path)
        assert status == 404 and body, (path, status, body)
    for path in '/api/v1/domains/a.test/recheck', f'/api/v1/incidents/{incident}/ack', '/api/v1/reload':
        status, body = pages.ask(path, 'POST', '{"author": "ann", "reason": "seen"}', local=True)
        assert status < 300 and body, (path, status, body)


def test_it_ends_with_a_wish_that_nobody_answered(pages):
    bench = pages.bench
    bench.process.send_signal(signal.SIGSTOP)
    with socket.socket(socket.AF_UNIX) as waiting:
        waiting.settimeout(10)
        waiting.connect(pages.socket)
        waiting.sendall(b'POST /api/v1/reload HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}')
        assert pages.ask('/healthz')[0] == 200  # it has come by
        bench.kill()
        assert waiting.recv(1000) == b''
    assert [p.wait(10) for p in bench.running] == [0]
    assert '[warn]' not in bench.said()  # of libevent, about a descriptor that is closed
