# SPDX-License-Identifier: ISC
"""Maintenance, silences and acknowledgements: who is not told, and what is told afterwards."""

import contextlib
import sqlite3
import time

import pytest

from engine_bench import Bench, World, certificate, stamp, wait_for

DOWN = {'stage': 'connect', 'class': 'refused', 'text': 'connection refused', 'code': 111}
SILENCE = {'author': 'ada', 'reason': 'the rack is moved'}


@pytest.fixture
def world():
    w = World()
    for name in ('a.test', 'b.test'):
        w.domain(name)
    return w


@pytest.fixture
def bench(tmp_path, world):
    b = Bench(tmp_path, world).start()
    b.look()
    yield b
    if b.process.poll() is None:
        assert b.stop() == 0, b.said()


def opened(bench, event='host.unreachable'):
    wait_for(lambda: bench.rows('SELECT 1 FROM incident WHERE open AND event = ?', event), 20, bench.said)


def ended(bench, event='host.unreachable'):
    wait_for(lambda: not bench.rows('SELECT 1 FROM incident WHERE open AND event = ?', event), 20, bench.said)


def silence(bench, match, **more):
    answer = bench.web.wish('silence-add', args={'match': match, 'duration': '1h'} | more, **SILENCE)
    assert answer['status'] == 200, answer
    return answer['body']


def test_maintenance_mutes_and_its_end_tells_once(tmp_path, world):
    end = int(time.time()) + 14
    window = f'maintenance: [{{name: works, from: "{stamp(end - 3600)}", until: "{stamp(end)}"}}]'
    bench = Bench(tmp_path, world, more=window).start()
    bench.look()
    assert [m['maintenance'] for m in bench.wish('status')['mutes']] == ['works']
    world.hosts['mx.a.test'].failure = DOWN
    opened(bench)
    wait_for(lambda: bench.rows('SELECT 1 FROM outbox WHERE state = 0 AND due > ?', end - 3), 10, bench.said)
    assert bench.told == [] and time.time() < end, 'too slow a machine, or told too early'
    notice = bench.notice('host.unreachable', 'mx.a.test', 'firing', seconds=30)
    assert time.time() >= end and notice['domains'] == ['a.test']
    bench.look()
    assert len(bench.notices()) == 1, bench.said()
    assert bench.wish('status')['mutes'] == []
    assert bench.stop() == 0


def test_a_weekly_window_holds_in_its_zone(tmp_path, world):
    """All week long, in a zone 13 or 14 hours ahead."""
    window = ('maintenance: [{name: always, days: [sun, mon, tue, wed, thu, fri, sat], start: "00:00",'
              ' duration: 24h, timezone: Pacific/Auckland, match: {domain: "a.*"}}]')
    bench = Bench(tmp_path, world, more=window).start()
    bench.look()
    listed = bench.wish('silence-list')['maintenance']
    assert [(m['maintenance'], m['active']) for m in listed] == [('always', True)]
    assert listed[0]['from'].endswith((':00:00Z',)) and listed[0]['from'][11:13] in ('11', '12')
    world.hosts['mx.a.test'].failure = world.hosts['mx.b.test'].failure = DOWN
    bench.notice('host.unreachable', 'mx.b.test', 'firing')
    wait_for(lambda: len(bench.rows("SELECT 1 FROM incident WHERE open AND event = 'host.unreachable'")) == 2,
             20, bench.said)
    assert bench.notices(about='a.test') == [], bench.said()
    assert bench.stop() == 0


def test_a_silence_holds_back_and_its_end_tells(bench, world):
    one = silence(bench, {'domain': 'a.test'})
    assert one['author'] == 'ada' and bench.wish('silence-list')['silences'] == [one]
    world.hosts['mx.a.test'].failure = DOWN
    world.hosts['mx.b.test'].failure = DOWN
    bench.notice('host.unreachable', 'mx.b.test', 'firing')
    wait_for(lambda: bench.wish('status')['held'], 20, bench.said)
    assert bench.notices(about='a.test') == [], bench.said()
    assert any(row['held_until'] == one['until'] for row in bench.wish('queue')['queue'])
    assert bench.web.wish('silence-expire', subject=str(one['id']))['status'] == 200
    bench.notice('host.unreachable', 'mx.a.test', 'firing')
    assert bench.web.wish('silence-expire', subject=str(one['id']))['status'] == 404
    bench.look()
    assert len(bench.notices(about='a.test')) == 1, bench.said()


def test_what_came_and_went_is_not_told(bench, world):
    one = silence(bench, {'kind': 'problem'})
    two = silence(bench, {'kind': 'change'})
    world.hosts['mx.a.test'].failure = DOWN
    world.domains['b.test'].rua = 'mailto:other@b.test'
    opened(bench)
    world.hosts['mx.a.test'].failure = None
    ended(bench)
    bench.look()
    assert bench.rows("SELECT 1 FROM change WHERE event = 'tls_rpt.changed' AND notice IS NULL")
    for s in (one, two):
        bench.wish('silence-expire', subject=str(s['id']))
    bench.look(3)
    assert bench.told == [], bench.said()


def test_the_end_of_what_was_told_before_is_told_behind_the_silence(bench, world):
    world.hosts['mx.a.test'].failure = DOWN
    began = bench.notice('host.unreachable', 'mx.a.test', 'firing')
    one = silence(bench, {'domain': 'a.test'})
    world.hosts['mx.a.test'].failure = None
    ended(bench)
    wait_for(lambda: bench.wish('status')['held'], 20, bench.said)
    assert bench.notices(status='resolved') == []
    bench.wish('silence-expire', subject=str(one['id']))
    assert bench.notice('host.unreachable', 'mx.a.test', 'resolved')['incident'] == began['incident']


def test_a_silence_of_one_domain_hides_no_other(tmp_path):
    world = World()
    for name in ('a.test', 'b.test'):
        world.domain(name, 'mx.shared.test')
    bench = Bench(tmp_path, world).start()
    bench.look()
    silence(bench, {'domain': 'a.test'})
    world.hosts['mx.shared.test'].failure = DOWN
    assert bench.notice('host.unreachable', 'mx.shared.test')['domains'] == ['a.test', 'b.test']
    assert bench.stop() == 0


def test_a_silence_outlives_the_engine(bench, world):
    one = silence(bench, {'domain': 'a.test'})
    world.hosts['mx.a.test'].failure = DOWN
    opened(bench)
    bench.kill()
    bench.start()
    assert bench.wish('silence-list')['silences'] == [one]
    bench.look()
    assert bench.told == [], bench.said()
    bench.wish('silence-expire', subject=str(one['id']))
    bench.notice('host.unreachable', 'mx.a.test', 'firing')


@pytest.mark.parametrize('wish', [
    {'args': {'match': {'domain': 'a.test'}, 'duration': '1h'}},
    {'args': {'match': {'domain': 'a.test'}, 'duration': '1h'}, 'author': 'ada'},
    {'args': {'match': {'domain': 'a.test'}, 'duration': '1h'}, 'reason': 'because'},
    SILENCE | {'args': {'match': {'domain': 'a.test'}}},
    SILENCE | {'args': {'match': {}, 'duration': '1h'}},
    SILENCE | {'args': {'match': {'domian': 'a.test'}, 'duration': '1h'}},
    SILENCE | {'args': {'match': {'domain': 'a.test'}, 'duration': '91d'}},
    SILENCE | {'args': {'match': {'domain': 'a.test'}, 'duration': '0s'}},
    SILENCE | {'args': {'match': {'domain': 'a.test'}, 'until': '2020-01-01'}},
    SILENCE | {'args': {'match': {'domain': 'a.test'}, 'until': 'tomorrow'}},
    SILENCE | {'args': {'match': {'domain': 'a.test'}, 'until': '2020-01-01', 'duration': '1h'}},
    SILENCE,
])
def test_a_silence_has_all_its_parts(bench, wish):
    assert bench.web.wish('silence-add', **wish)['status'] == 400
    assert bench.wish('silence-list')['silences'] == []


def test_an_acknowledgement_has_author_and_reason_and_ends_with_the_incident(bench, world):
    world.hosts['mx.a.test'].failure = DOWN
    uid = bench.notice('host.unreachable', 'mx.a.test', 'firing')['incident']
    assert bench.web.wish('ack', subject=uid, author='ada')['status'] == 400
    assert bench.web.wish('ack', subject=uid, reason='on it')['status'] == 400
    assert bench.web.wish('ack', subject=uid, author='ada', reason='on it')['status'] == 200
    assert bench.rows('SELECT acked_by, ack_reason FROM incident WHERE uid = ?', uid) == [('ada', 'on it')]
    world.hosts['mx.a.test'].failure = None
    bench.notice('host.unreachable', 'mx.a.test', 'resolved')
    assert bench.web.wish('ack', subject=uid, author='ada', reason='late')['status'] == 404


def test_nobody_is_reminded_while_muted_or_acknowledged(tmp_path, world):
    """The reminder is made due in the state; c.test shows that it would have come."""
    world.domain('c.test')
    bench = Bench(tmp_path, world, group_wait='0s, repeat: 1h').start()
    bench.look()
    for host in world.hosts.values():
        host.failure = DOWN
    uids = {d: bench.notice('host.unreachable', f'mx.{d}', 'firing')['incident']
            for d in ('a.test', 'b.test', 'c.test')}
    wait_for(lambda: len(bench.rows('SELECT 1 FROM told')) == 6, 10, bench.said)
    bench.wish('ack', subject=uids['a.test'], author='ada', reason='on it')
    silence(bench, {'domain': 'b.test'})
    with contextlib.closing(sqlite3.connect(f'{bench.state}/state.db', timeout=10)) as db, db:
        db.execute('UPDATE told SET remind = 1')
    wait_for(lambda: len(bench.notices(about='c.test')) == 2, 75, bench.said)
    bench.look()
    assert len(bench.notices(about='a.test')) == len(bench.notices(about='b.test')) == 1, bench.said()
    assert bench.stop() == 0


def test_an_acknowledgement_ends_when_it_gets_worse(bench, world):
    world.hosts['mx.a.test'].cert = certificate('mx.a.test', days=17)
    uid = bench.notice('cert.expiring', 'mx.a.test', 'firing')['incident']
    assert bench.web.wish('ack', subject=uid, author='ada', reason='on it')['status'] == 200
    before = bench.notices('cert.expiring')[0]['severity']
    world.hosts['mx.a.test'].cert = certificate('mx.a.test', days=17) | {
        'not_after': stamp(time.time() + 3 * 86400)}
    wait_for(lambda: len(bench.notices('cert.expiring', status='firing')) == 2, 20, bench.said)
    graver = bench.notices('cert.expiring', status='firing')[1]
    assert (before, graver['severity'], graver['incident']) == ('warning', 'critical', uid)
    assert bench.rows('SELECT acked, acked_by FROM incident WHERE uid = ?', uid) == [(0, None)]
