# SPDX-License-Identifier: ISC
"""What leaves the outbox: digests, samples, alarm systems, and mail about many domains."""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request

import pytest

from engine_bench import Bench, RealNotifier, wait_for, World

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'integration'))
from lab.loop import Loop  # noqa: E402
from lab.smtp import MailSink  # noqa: E402
from test_notifier import listening  # noqa: E402

DOWN = {'stage': 'connect', 'class': 'refused', 'text': 'connection refused', 'code': 111}


def world_of(*names):
    world = World()
    for name in names:
        world.domain(name)
    return world


def free_port():
    with socket.socket() as s:
        s.bind(('127.0.0.1', 0))
        return s.getsockname()[1]


# -- digests ---------------------------------------------------------------------------------------

def test_what_the_rate_holds_up_is_one_digest_and_the_same_when_sent_again(tmp_path):
    names = [f'd{i}.test' for i in range(9)]
    world = world_of(*names)
    slow = '  slow: {webhook: {url: "https://slow.example.test/"}, rate_per_minute: 6}'
    bench = Bench(tmp_path, world, receivers=slow, told='slow, hook').start()
    bench.look()
    digests = []

    def answer(body):
        if 'digest' in body:
            digests.append(body)
            if len(digests) == 1:
                world.domains['d0.test'].rua = 'mailto:again@d0.test'
                return {'outcome': 'retry', 'code': 503, 'retry_after_s': 1}
        return {'outcome': 'delivered', 'code': 200}

    bench.answers['slow'] = answer
    for name in names:
        world.domains[name].rua = f'mailto:other@{name}'
    wait_for(lambda: len(bench.notices('tls_rpt.changed')) >= 10, 30, bench.said)
    wait_for(lambda: len(bench.notices('tls_rpt.changed', receiver='slow')) >= 10, 60, bench.said)
    first, again = digests[:2]
    event = first['notice']
    assert (event['event'], event['kind'], event['status']) == ('digest', 'daemon', 'changed'), event
    assert event['id'] == event['incident'] == again['notice']['id']
    assert event['id'] not in {n['id'] for n in first['digest']}
    assert [n['id'] for n in first['digest']] == [n['id'] for n in again['digest']]
    assert event['summary'] == f'{len(first["digest"])} for information', event
    told = [n['id'] for n in bench.notices('tls_rpt.changed', receiver='slow')]
    assert len(told) == len(set(told)), 'told twice'
    assert sorted(told) == sorted(n['id'] for n in bench.notices('tls_rpt.changed'))
    assert bench.stop() == 0


def test_an_alarm_system_gets_each_notice_though_the_route_says_digest(tmp_path):
    world = world_of('a.test', 'b.test')
    pager = '  pager: {pagerduty: {routing_key_file: /etc/key}, rate_per_minute: 6000}'
    at = time.strftime('%H:%M', time.localtime(time.time() + 60))
    bench = Bench(tmp_path, world, receivers=pager, told='pager', group_wait=f'0s, digest: {{at: "{at}"}}').start()
    bench.look()
    for name in world.domains:
        world.domains[name].rua = f'mailto:other@{name}'
    wait_for(lambda: len(bench.notices(receiver='pager')) == 2, 100, bench.said)
    assert not any('digest' in b for _, b in bench.attempts)
    assert bench.stop() == 0


def test_a_sample_is_tried_once_and_leaves_nothing_behind(tmp_path):
    bench = Bench(tmp_path, world_of('a.test')).start()
    bench.look()
    for verdict in ({'outcome': 'retry', 'code': 503, 'text': 'busy'},
                    {'outcome': 'rejected', 'code': 404, 'text': 'nobody here'}):
        bench.answers['hook'] = verdict
        answer = bench.web.wish('test-alert', subject='hook')
        assert (answer['status'], answer['body']) == (502, verdict), answer
    assert bench.wish('queue')['queue'] == [] and len(bench.attempts) == 2
    assert bench.stop() == 0


def test_the_status_says_when_all_alerts_need_what_is_watched(tmp_path):
    mail = ('  own: {email: {to: [oncall@elsewhere.example], from: m@a.test, relay: "smtp://mx.a.test"}}')
    bench = Bench(tmp_path, world_of('a.test'), receivers=mail, told='own')
    bench.write()
    with open(bench.file, encoding='ascii') as f:
        lines = [line for line in f if not line.startswith(('  hook:', '  mail:'))]
    with open(bench.file, 'w', encoding='ascii') as f:
        f.writelines(lines)
    bench.start()
    bench.look()
    assert 'own needs mx.a.test' in bench.wish('status')['self_dependency']
    bench.write()
    assert bench.reload()['ok'], bench.reloaded
    assert 'self_dependency' not in bench.wish('status')
    assert bench.stop() == 0


def test_a_sample_brings_back_what_each_far_side_says(tmp_path):
    """The real path: engine, notifier, and a far side of each kind that takes it, then does not."""
    loop, script, key = Loop(), tmp_path / 'tell', tmp_path / 'key'
    key.write_text('R0UT1NG\n')
    script.write_text('#!/bin/sh\nread -r event\ncase $event in *test.alert*) echo heard;; esac\n'
                      f'[ ! -e {tmp_path}/broken ] || {{ echo no paper; exit 1; }}\n')
    script.chmod(0o755)
    sink = MailSink(loop, 'relay.test', '127.0.0.1', None, free_port())
    sink.tls = False
    sink.up()
    with listening() as web:
        base = f'http://127.0.0.1:{web.server_address[1]}'
        receivers = f'''\
  post: {{email: {{to: [a@ops.test], from: m@ops.test, tls: "off", relay: "smtp://127.0.0.1:{sink.port}"}}}}
  chat: {{webhook: {{url: "{base}/chat", format: slack}}}}
  page: {{pagerduty: {{routing_key_file: {key}, url: "{base}/v2/enqueue"}}}}
  prom: {{alertmanager: {{urls: ["{base}"]}}}}
  own: {{exec: {{command: [{script}]}}}}'''
        bench = Bench(tmp_path, world_of('a.test'), receivers=receivers, notifier=RealNotifier).start()
        try:
            bench.look()

            def said(receiver):
                answer = bench.web.wish('test-alert', subject=receiver)
                return answer['status'], answer['body'].get('code', 0), answer['body']['text']

            web.answer = (202, {}, b'taken with thanks')
            assert said('post')[:2] == (200, 250)
            for name in 'chat', 'page', 'prom':
                assert said(name) == (200, 202, 'taken with thanks'), name
            assert said('own') == (200, 0, 'heard')
            web.answer = (400, {}, b'no such channel')
            sink.be('refuse')
            (tmp_path / 'broken').touch()
            status, code, text = said('post')
            assert (status, code) == (502, 550) and 'a@ops.test' in text, text
            for name in 'chat', 'page', 'prom':
                assert said(name) == (502, 400, 'no such channel'), name
            status, code, text = said('own')
            assert (status, code) == (502, 1) and text.endswith('no paper'), text
            assert {p for p, _, _ in web.got} == {'/chat', '/v2/enqueue', '/api/v2/alerts'}
            assert bench.stop() == 0
        finally:
            sink.down()
            loop.stop()


# -- alarm systems ---------------------------------------------------------------------------------

def test_an_acknowledgement_reaches_the_pager_and_nobody_else(tmp_path):
    world = world_of('a.test')
    pager = '  pager: {pagerduty: {routing_key_file: /etc/key}, fallback: mail}'
    bench = Bench(tmp_path, world, receivers=pager, told='hook, pager').start()
    bench.look()
    world.hosts['mx.a.test'].failure = DOWN
    uid = bench.notice('host.unreachable', receiver='pager')['incident']
    bench.notice('host.unreachable')
    bench.answers['pager'] = {'outcome': 'rejected', 'code': 400, 'text': 'no'}
    answer = bench.web.wish('ack', subject=uid, author='ada', reason='on it')
    assert answer['status'] == 200
    acked = wait_for(lambda: [b['notice'] for r, b in bench.attempts if b['notice'].get('acked_by')], 10,
                     bench.said)
    assert (acked[0]['acked_by'], acked[0]['incident'], acked[0]['status']) == ('ada', uid, 'firing')
    bench.answers['pager'] = {'outcome': 'delivered', 'code': 202}
    world.hosts['mx.a.test'].failure = None
    assert bench.notice(status='resolved', receiver='pager')['incident'] == uid
    bench.notice(status='resolved')
    assert {r for r, b in bench.attempts if b['notice'].get('acked_by')} == {'pager'}, bench.said()
    assert bench.notices(receiver='mail') == [], 'an acknowledgement is nothing to fall back with'
    assert bench.stop() == 0


ALERTMANAGER = shutil.which('prometheus-alertmanager')


class Alertmanager:
    def __init__(self, directory):
        self.directory, self.port, self.process = directory, free_port(), None
        directory.mkdir()
        (directory / 'am.yml').write_text('route: {receiver: nobody}\nreceivers: [{name: nobody}]\n')

    @property
    def url(self):
        return f'http://127.0.0.1:{self.port}'

    def up(self):
        self.process = subprocess.Popen(
            [ALERTMANAGER, f'--config.file={self.directory}/am.yml', f'--storage.path={self.directory}',
             f'--web.listen-address=127.0.0.1:{self.port}', '--cluster.listen-address='],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_for(lambda: self.alerts() is not None, 30, 'an Alertmanager')

    def alerts(self):
        try:
            with urllib.request.urlopen(f'{self.url}/api/v2/alerts', timeout=5) as answer:
                return json.load(answer)
        except OSError:
            return None

    def down(self):
        if self.process:
            self.process.kill()
            self.process.wait()


@pytest.mark.skipif(ALERTMANAGER is None, reason='prometheus-alertmanager is not installed')
def test_every_alertmanager_has_what_fires_and_its_end(tmp_path):
    """One from the start, one that comes later, one that never answers."""
    early, late = Alertmanager(tmp_path / 'early'), Alertmanager(tmp_path / 'late')
    world = world_of('a.test')
    urls = json.dumps([f'http://127.0.0.1:{free_port()}', early.url, late.url])
    bench = Bench(tmp_path, world, receivers=f'  am: {{alertmanager: {{urls: {urls}}}}}', told='am',
                  notifier=RealNotifier)
    try:
        early.up()
        bench.start()
        bench.look()
        world.hosts['mx.a.test'].failure = DOWN
        (first,) = wait_for(early.alerts, 20, bench.said)
        assert first['labels']['alertname'] == 'host.unreachable'
        late.up()
        (copy,) = wait_for(late.alerts, 75, bench.said)
        assert copy['labels'] == first['labels']
        (again,) = wait_for(lambda: [a for a in early.alerts() if a['endsAt'] > first['endsAt']], 20, bench.said)
        assert again['labels'] == first['labels'] and again['startsAt'] == first['startsAt']
        world.hosts['mx.a.test'].failure = None
        wait_for(lambda: not early.alerts() and not late.alerts(), 20, bench.said)
        assert bench.stop() == 0
    finally:
        early.down()
        late.down()


# -- mail ------------------------------------------------------------------------------------------

def test_eight_hundred_domains_are_one_mail_with_fifty_names(tmp_path):
    """The whole way: engine, notifier, courier, relay."""
    world, loop = World(), Loop()
    for i in range(800):
        world.domain(f'd{i:03}.test', 'mx.shared.test')
    sink = MailSink(loop, 'relay.test', '127.0.0.1', None, free_port())
    sink.tls = False
    sink.up()
    mail = ('  oncall: {email: {to: [oncall@ops.test], from: mxwatch@ops.test, tls: "off",'
            f' relay: "smtp://127.0.0.1:{sink.port}"}}}}')
    bench = Bench(tmp_path, world, interval='1h', receivers=mail, told='oncall', notifier=RealNotifier,
                  group_wait='1s')
    try:
        bench.start()
        wait_for(lambda: bench.wish('status')['not_baselined'] == 0 and bench.settled(), 120, bench.said)
        world.hosts['mx.shared.test'].failure = DOWN
        bench.wish('recheck', subject='d000.test')
        one = wait_for(lambda: sink.mails, 60, bench.said)[0]
        for i in range(800, 802):     # more domains join: the subject stays
            world.domain(f'd{i}.test', 'mx.shared.test')
        bench.write()
        assert bench.reload()['ok'], bench.reloaded
        wait_for(lambda: len(bench.rows('SELECT 1 FROM incident_member')) == 802, 60, bench.said)
        world.hosts['mx.shared.test'].failure = None
        bench.wish('recheck', subject='d000.test')
        two = wait_for(lambda: sink.mails[1:], 60, bench.said)[0]
        assert bench.stop() == 0
        assert len(sink.mails) == 2, sink.mails
    finally:
        sink.down()
        loop.stop()
    assert one['Subject'] == two['Subject'] == 'Host unreachable: mx.shared.test (800 domains)'
    assert two['In-Reply-To'] == one['Message-ID']
    for mail, total in (one, 800), (two, 802):
        assert mail['X-Mxwatch-Domains'] == str(total)
        for part in mail.message.iter_parts():
            text = part.get_content()
            assert sum(f'd{i:03}.test' in text for i in range(802)) == 50
            assert f'and {total - 50} more' in text
    assert one.text.startswith('CRITICAL') and two.text.startswith('RECOVERED after')
