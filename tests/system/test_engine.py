# SPDX-License-Identifier: ISC
"""The engine, whole, between stand-ins: what it believes, tells, and survives."""

import contextlib
import os
import sqlite3
import subprocess
import time

import pytest

from checker import Checker, Receipt
from engine_bench import Bench, certificate, SELF, stamp, wait_for, WISH, World

DOWN = {'stage': 'connect', 'class': 'refused', 'text': 'connection refused', 'code': 111}
THROTTLED = {'stage': 'greeting', 'class': 'throttled', 'text': '421 try later', 'code': 421}


@pytest.fixture
def world():
    return World()


@pytest.fixture
def bench(tmp_path, world):
    """A started engine over three domains, its first look behind it."""
    for name in ('a.test', 'b.test', 'c.test'):
        world.domain(name)
    b = Bench(tmp_path, world).start()
    b.look()
    yield b
    if b.process.poll() is None:
        assert b.stop() == 0, b.said()


def test_the_first_look_is_silent(bench):
    assert bench.notices() == [] and bench.notices(receiver='mail') == [], bench.said()


def test_a_change_is_told_to_every_receiver(bench, world):
    world.domains['a.test'].rua = 'mailto:other@a.test'
    notice = bench.notice('tls_rpt.changed', 'a.test')
    assert (notice['kind'], notice['status'], notice['domains']) == ('change', 'changed', ['a.test'])
    mail = bench.notice('tls_rpt.changed', 'a.test', receiver='mail')
    assert mail['id'] == notice['id']
    bench.look()
    assert len(bench.notices()) == 1, bench.said()


def test_a_host_down_once_alerts_nobody(bench, world):
    host = world.hosts['mx.b.test']
    host.failure = DOWN
    before = host.probes
    wait_for(lambda: host.probes > before, 10, bench.said)
    host.failure = None
    bench.look()
    assert bench.notices() == [], bench.said()


def test_a_host_down_for_good_is_told_and_its_return(bench, world):
    world.hosts['mx.b.test'].failure = DOWN
    began = bench.notice('host.unreachable', 'mx.b.test', 'firing')
    assert began['kind'] == 'problem' and began['severity'] == 'critical'
    assert began['confirmed_by'] >= 3 and began['domains'] == ['b.test']
    world.hosts['mx.b.test'].failure = None
    over = bench.notice('host.unreachable', 'mx.b.test', 'resolved')
    assert over['incident'] == began['incident'] and over['seq'] > began['seq']
    bench.look()
    assert len(bench.notices('host.unreachable')) == 2, bench.said()


def test_throttling_is_no_news(bench, world):
    world.hosts['mx.b.test'].failure = THROTTLED
    bench.look(4)
    assert bench.notices() == [], bench.said()


def test_a_certificate_that_expires_soon_brings_its_change_along(bench, world):
    world.hosts['mx.c.test'].cert = certificate('mx.c.test', days=5)
    notice = bench.notice('cert.expiring', 'mx.c.test', 'firing')
    assert 'cert.changed' in notice['changes'], notice
    assert bench.notices('cert.changed') == [], bench.said()
    world.hosts['mx.c.test'].cert = certificate('mx.c.test', days=80, serial=2)
    bench.notice('cert.expiring', 'mx.c.test', 'resolved')


def test_a_grade_falls_by_itself_though_the_deep_look_is_older(tmp_path, world):
    """TLS 1.3 goes away: the handshake of now counts, not what the last deep look accepted."""
    world.domain('g.test').mode = 'enforce'
    bench = Bench(tmp_path, world).start()
    bench.look(3)
    world.hosts['mx.g.test'].version = 'TLSv1.2'
    notice = bench.notice('grade.dropped', 'g.test')
    assert (notice['before'], notice['after']) == ('A+', 'A'), notice
    world.hosts['mx.g.test'].version = 'TLSv1.3'
    bench.notice('grade.rose', 'g.test')
    assert bench.stop() == 0


def test_what_the_first_deep_look_shows_is_no_fall_of_the_grade(tmp_path, world):
    """The first look is quick: it cannot see that TLS 1.0 is accepted, and gave an A+."""
    world.domain('o.test').mode = 'enforce'
    world.hosts['mx.o.test'].old = 'yes'
    bench = Bench(tmp_path, world).start()
    bench.look(4)
    wait_for(lambda: bench.rows("SELECT grade FROM subject WHERE name = 'o.test'") == [('C',)],
             10, bench.said)
    assert bench.notices() == [], bench.said()
    world.hosts['mx.o.test'].old = 'no'
    bench.look(3)
    wait_for(lambda: bench.rows("SELECT grade FROM subject WHERE name = 'o.test'") == [('A+',)],
             10, bench.said)
    assert bench.stop() == 0


def test_a_policy_that_we_cannot_fetch_is_no_fall_of_the_grade(tmp_path, world):
    world.domain('f.test').mode = 'enforce'
    bench = Bench(tmp_path, world).start()
    bench.look(3)
    world.domains['f.test'].no_policy = {'stage': 'connect', 'class': 'local', 'text': 'no descriptor is left'}
    bench.look(5)
    assert bench.rows("SELECT grade FROM subject WHERE name = 'f.test'") == [('A+',)]
    assert bench.notices() == [], bench.said()
    assert bench.stop() == 0


def test_one_edit_of_a_policy_is_one_notice(tmp_path, world):
    """The body changes and the id does not: the mode that fell, and that the id stayed."""
    world.domain('p.test').mode = 'enforce'
    bench = Bench(tmp_path, world).start()
    bench.look(3)
    world.domains['p.test'].mode = 'testing'
    notice = bench.notice('mta_sts.policy.mode', 'p.test', 'firing')
    assert {'mta_sts.mode_changed', 'mta_sts.policy_changed'} <= set(notice['changes']), notice
    assert notice['severity'] == 'critical' and 'testing' in notice['summary'], notice
    bench.look(3)
    assert len(bench.notices()) == 1, bench.said()
    assert bench.stop() == 0


def test_a_key_swapped_under_dane_is_one_notice(tmp_path, world):
    world.domain('d.test')
    host = world.hosts['mx.d.test']
    host.tlsa = host.cert['spki_sha256']
    bench = Bench(tmp_path, world).start()
    bench.look(3)
    host.cert = certificate('mx.d.test', serial=2)
    notice = bench.notice('dane.broken', 'mx.d.test', 'firing')
    assert notice['changes'][0] == 'cert.changed' and 'TLSA' in notice['summary'], notice
    bench.look(3)
    assert len(bench.notices()) == 1, bench.said()
    assert bench.stop() == 0


def test_restart_repeats_nothing(bench, world):
    world.hosts['mx.b.test'].failure = DOWN
    bench.notice('host.unreachable', 'mx.b.test', 'firing')
    told = len(bench.told)
    assert bench.stop() == 0
    bench.start()
    bench.look()
    assert not [n for r, n in bench.told[told:] if r == 'hook'], bench.said()
    world.domains['a.test'].rua = 'mailto:meanwhile@a.test'
    bench.notice('tls_rpt.changed', 'a.test')


def test_what_changed_meanwhile_is_told(bench, world):
    assert bench.stop() == 0
    world.domains['a.test'].rua = 'mailto:meanwhile@a.test'
    bench.start()
    bench.notice('tls_rpt.changed', 'a.test')


def test_confirmation_goes_on_over_a_restart(bench, world):
    host = world.hosts['mx.b.test']
    host.failure = DOWN
    wait_for(lambda: bench.rows('SELECT 1 FROM problem WHERE state = 1 AND fails = 1'), 15, bench.said)
    bench.kill()
    bench.start()
    assert bench.notice('host.unreachable', 'mx.b.test', 'firing')['confirmed_by'] == 3


def test_shared_host(tmp_path, world):
    """One probe an interval, one incident for all, told once with every name."""
    for n in range(60):
        world.domain(f'd{n:02}.test', 'mx.shared.test')
    bench = Bench(tmp_path, world).start()
    bench.look()
    shared, single = world.hosts['mx.shared.test'], world.domains['d00.test']
    before = shared.probes, single.probes
    wait_for(lambda: single.probes >= before[1] + 3, 30, bench.said)
    assert abs((shared.probes - before[0]) - (single.probes - before[1])) <= 1
    shared.failure = DOWN
    notice = bench.notice('host.unreachable', 'mx.shared.test', 'firing')
    assert len(notice['domains']) == 50 and notice['domains_total'] == 60
    shared.failure = None
    bench.notice('host.unreachable', 'mx.shared.test', 'resolved')
    assert len(bench.notices()) == 2, bench.said()
    assert bench.stop() == 0


def test_critical_from_the_start_is_one_notice(tmp_path, world):
    for name in ('x.test', 'y.test', 'z.test'):
        world.domain(name)
    world.hosts['mx.x.test'].failure = DOWN
    world.hosts['mx.y.test'].cert = certificate('mx.y.test', days=-1)
    bench = Bench(tmp_path, world).start()
    notice = bench.notice('initial.state')
    bench.look(3)
    assert len(bench.notices()) == 1, bench.said()
    assert notice['severity'] == 'critical' and sorted(notice['domains']) == ['x.test', 'y.test']
    assert len(notice['causes']) >= 2, notice
    world.hosts['mx.x.test'].failure = None
    bench.notice('host.unreachable', 'mx.x.test', 'resolved')
    assert bench.stop() == 0


def test_an_open_relay_is_asked_again_an_hour_later_before_it_is_told(tmp_path, world):
    """Once a day; the looks between carry the last test along, and it confirms nothing."""
    world.domain('r.test')
    host = world.hosts['mx.r.test']
    bench = Bench(tmp_path, world, open_relay='true').start()
    wait_for(lambda: host.relay_tests == 1, 15, bench.said)
    bench.look()

    def later(seconds):
        """Let the tests so far be older than they are."""
        assert bench.stop() == 0
        with contextlib.closing(sqlite3.connect(f'{bench.state}/state.db')) as db:
            db.execute('UPDATE subject SET relay = relay - ? WHERE kind = 2', (seconds,))
            db.execute('UPDATE subject SET relay_accepted = relay_accepted - ? '
                       'WHERE kind = 2 AND relay_accepted > 0', (seconds,))
            db.commit()
        bench.start()

    host.relay = 'accepted'
    later(86400)
    wait_for(lambda: host.relay_tests == 2, 15, bench.said)
    bench.look(4)
    assert host.relay_tests == 2 and bench.notices() == [], bench.said()
    later(3600)
    notice = bench.notice('relay.opened', 'mx.r.test', 'firing')
    assert notice['severity'] == 'critical' and host.relay_tests == 3, notice
    host.relay = 'refused'
    later(3600)
    bench.look(3)
    assert host.relay_tests == 3, 'once a day from now on'
    later(86400)
    bench.notice('relay.opened', 'mx.r.test', 'resolved')
    assert 'relay.closed' in {n['event'] for n in bench.notices()} | {
        c for n in bench.notices() for c in n['changes'] or []} | {
        r[0] for r in bench.rows('SELECT event FROM change')}
    assert host.relay_tests == 4 and bench.stop() == 0


def test_blind_is_one_notice(bench, world):
    world.resolver = False
    for p in bench.peers:
        p.say_self()
    blind = bench.notice('monitor.blind', status='firing')
    assert blind['kind'] == 'daemon' and blind['domains'] == [] and blind['subject'] == 'monitor'
    bench.web.wish('recheck', subject='a.test')
    world.resolver = True
    for p in bench.peers:
        p.say_self()
    bench.notice('monitor.blind', status='resolved')
    bench.look()
    assert {n['event'] for n in bench.notices()} == {'monitor.blind'}, bench.said()
    assert len(bench.notices()) == 2


def test_no_way_out_is_one_notice(bench):
    """self.egress25, and self.ipv6 where there was IPv6 before."""
    def say(**more):
        for p in bench.peers:
            p.channel.send(SELF, {'resolver_answers': True, 'resolver_validates': True, **more})

    say(no_ipv4=True, no_ipv6=True)
    for event in 'self.egress25', 'self.ipv6':
        notice = bench.notice(event, status='firing')
        assert (notice['kind'], notice['severity'], notice['domains']) == ('daemon', 'warning', []), notice
    say(no_ipv4=True, no_ipv6=True)
    say()
    for event in 'self.egress25', 'self.ipv6':
        bench.notice(event, status='resolved')
        assert len(bench.notices(event)) == 2, bench.said()


def test_checks_that_come_late_are_one_notice(bench):
    """self.schedule: nobody does the work; nothing is said about the domains."""
    bench.wants = dict(bench.wants, probers=0)
    bench.probe = lambda prober, order: 'die'
    notice = bench.notice('self.schedule', status='firing', seconds=60)
    assert (notice['kind'], notice['severity'], notice['subject']) == ('daemon', 'warning', 'monitor')
    assert bench.wish('status')['late'] > 0
    bench.probe = lambda prober, order: bench.world.observe(order)
    bench.wants = dict(bench.wants, probers=1)
    bench.complete()
    bench.notice('self.schedule', status='resolved', seconds=60)
    assert bench.wish('status')['late'] == 0
    assert {n['event'] for n in bench.notices()} == {'self.schedule'}, bench.said()


# -- delivery --------------------------------------------------------------------------------------------

def test_a_refused_delivery_is_retried_with_the_same_id(bench, world):
    verdicts = [{'outcome': 'retry', 'code': 500, 'text': 'busy', 'retry_after_s': 1}]
    bench.answers['hook'] = lambda body: verdicts.pop() if verdicts else {'outcome': 'delivered'}
    world.domains['a.test'].rua = 'mailto:other@a.test'
    bench.notice('tls_rpt.changed', 'a.test')
    tries = [b for r, b in bench.attempts if r == 'hook']
    assert [t['attempt'] for t in tries] == [1, 2]
    assert tries[0]['notice']['id'] == tries[1]['notice']['id']


def test_a_receiver_that_takes_nothing_is_told_to_the_others(bench, world):
    """notify.delivery: a notice of more than 15 minutes."""
    bench.answers['hook'] = lambda body: {'outcome': 'retry', 'code': 503, 'retry_after_s': 1}
    world.domains['a.test'].rua = 'mailto:other@a.test'
    bench.notice('tls_rpt.changed', 'a.test', receiver='mail')
    wait_for(lambda: [b for r, b in bench.attempts if r == 'hook'], 15, bench.said)
    assert bench.stop() == 0
    with contextlib.closing(sqlite3.connect(f'{bench.state}/state.db')) as db:
        db.execute('UPDATE outbox SET created = created - 1000 WHERE state = 0')
        db.commit()
    bench.start()
    notice = bench.notice('notify.delivery', status='firing', receiver='mail', seconds=60)
    assert 'hook' in notice['summary'] and notice['kind'] == 'daemon', notice
    assert bench.wish('status')['stuck_receivers'] == 1
    del bench.answers['hook']
    bench.notice('notify.delivery', status='resolved', receiver='mail', seconds=60)
    assert bench.wish('status')['stuck_receivers'] == 0


def test_a_receiver_that_hangs_holds_up_no_other(bench, world):
    bench.answers['mail'] = None
    bench.answers['mail'] = lambda body: None
    world.domains['a.test'].rua = 'mailto:other@a.test'
    bench.notice('tls_rpt.changed', 'a.test')
    world.domains['b.test'].rua = 'mailto:other@b.test'
    bench.notice('tls_rpt.changed', 'b.test')
    assert len([r for r, _ in bench.attempts if r == 'mail']) == 1, 'one in flight'


def test_a_problem_over_before_it_was_told_is_told_once(bench, world):
    bench.answers['hook'] = lambda body: {'outcome': 'retry', 'code': 503, 'retry_after_s': 1}
    world.hosts['mx.b.test'].failure = DOWN
    wait_for(lambda: [b for r, b in bench.attempts if r == 'hook'], 15, bench.said)
    world.hosts['mx.b.test'].failure = None
    bench.notice('host.unreachable', 'mx.b.test', 'resolved', receiver='mail')
    del bench.answers['hook']
    bench.notice('host.unreachable', 'mx.b.test', 'resolved')
    assert len(bench.notices('host.unreachable')) == 1, bench.said()


def test_a_final_refusal_shows_in_the_queue_and_falls_back(tmp_path, world):
    world.domain('a.test')
    bench = Bench(tmp_path, world)
    bench.write()
    with open(bench.file, encoding='ascii') as f:
        text = f.read().replace('hook: {webhook: {url: "https://hook.example.test/"}}',
                                'hook: {webhook: {url: "https://hook.example.test/"}, fallback: mail}')
    with open(bench.file, 'w', encoding='ascii') as f:
        f.write(text.replace('receivers: [hook, mail]', 'receivers: [hook]'))
    bench.answers['hook'] = {'outcome': 'rejected', 'code': 404, 'text': 'no such hook'}
    bench.start()
    bench.look()
    world.domains['a.test'].rua = 'mailto:other@a.test'
    bench.notice('tls_rpt.changed', 'a.test', receiver='mail')
    queue = bench.wish('queue')['queue']
    assert [(q['receiver'], q['state'], q['code']) for q in queue] == [('hook', 'dead', 404)], queue
    assert bench.stop() == 0


def test_test_alert_reports_what_the_far_side_said(bench):
    answer = bench.web.wish('test-alert', subject='hook')
    assert answer['status'] == 200 and answer['body']['outcome'] == 'delivered'
    bench.answers['mail'] = {'outcome': 'rejected', 'code': 550, 'text': 'no such user'}
    answer = bench.web.wish('test-alert', subject='mail')
    assert answer['status'] == 502 and answer['body']['text'] == 'no such user'
    assert bench.web.wish('test-alert', subject='nobody')['status'] == 404


# -- configuration ----------------------------------------------------------------------------------------

def test_a_broken_reload_changes_nothing(bench, world):
    with open(bench.file, 'a', encoding='ascii') as f:
        f.write('\nrecievers: {}\n')
    verdict = bench.reload()
    assert not verdict.get('ok') and 'recievers' in verdict['text']
    assert bench.notice('config.reload_failed')['kind'] == 'daemon'
    world.domains['a.test'].rua = 'mailto:other@a.test'
    bench.notice('tls_rpt.changed', 'a.test')


def test_reload_adds_and_drops_domains(bench, world):
    world.hosts['mx.b.test'].failure = DOWN
    bench.notice('host.unreachable', 'mx.b.test', 'firing')
    world.domain('new.test')
    bench.write(['a.test', 'c.test', 'new.test'])
    assert bench.reload()['ok'], bench.said()
    bench.notice('host.unreachable', 'mx.b.test', 'resolved')
    del world.domains['b.test']
    bench.look()
    assert bench.notices(about='new.test') == []
    world.domains['new.test'].rua = 'mailto:other@new.test'
    bench.notice('tls_rpt.changed', 'new.test')
    assert bench.rows("SELECT name FROM subject WHERE name LIKE '%b.test'") == []


def test_a_reload_that_would_drop_many_is_refused(tmp_path, world):
    for n in range(30):
        world.domain(f'd{n:02}.test', 'mx.shared.test')
    bench = Bench(tmp_path, world, interval='1h').start()
    bench.write(['d00.test'])
    assert not bench.reload().get('ok')
    answer = bench.web.wish('reload', args={'force': True})
    assert answer['status'] == 200, answer
    assert bench.wish('status')['domains'] == 1
    assert bench.stop() == 0


def test_other_probe_settings_mean_new_probers(bench, world):
    first = bench.peers[0]
    bench.more = 'resolver: {timeout: 7s}'
    bench.write()
    assert bench.reload()['ok']
    wait_for(lambda: bench.peers and bench.peers[0] is not first and bench.peers[0].setup, 10, bench.said)
    assert bench.peers[0].setup['resolver_timeout_ms'] == 7000
    bench.look()


# -- probers --------------------------------------------------------------------------------------------------

def test_a_prober_that_dies_loses_nothing(bench, world):
    deaths = []

    def probe(prober, order):
        if order['subject'] == 'mx.b.test' and len(deaths) < 1:
            deaths.append(order)
            return 'die'
        return world.observe(order)

    bench.probe = probe
    bench.look(3)
    assert deaths and bench.notices() == [], bench.said()


def test_a_bad_frame_costs_the_prober_not_the_engine(bench, world):
    babbles = []

    def probe(prober, order):
        if len(babbles) < 2:
            babbles.append(order)
            return {'v': 1, 'kind': 'domain', 'subject': 'somebody.else'}
        return world.observe(order)

    bench.probe = probe
    bench.look(2)
    assert len(babbles) == 2 and bench.process.poll() is None
    assert bench.notices() == [], bench.said()


def test_a_second_engine_is_refused(bench, tmp_path):
    other = Bench(tmp_path, bench.world)
    other.log = str(tmp_path / 'second.log')
    other.start(ready=False)
    assert other.process.wait(10) == 78
    assert 'another engine' in other.said()


def test_the_next_engine_waits_for_the_last_one_to_go(bench, tmp_path, world):
    """A parent that is killed and started anew is faster than its engine's end."""
    other = Bench(tmp_path, world)
    other.log = str(tmp_path / 'second.log')
    other.start(ready=False)

    def at_the_lock(files=f'/proc/{other.process.pid}/fd'):
        with contextlib.suppress(OSError):
            return any(os.readlink(f'{files}/{f}').endswith('/state/lock') for f in os.listdir(files))
    wait_for(at_the_lock, 5, other.said)
    bench.kill()
    wait_for(lambda: other.ready, 10, other.said)
    assert other.stop() == 0, other.said()


def test_status_ticks(bench):
    wait_for(lambda: bench.status, 10, bench.said)
    assert '3 domains, 3 hosts' in bench.status[0]


def test_wishes(bench, world):
    assert bench.web.wish('recheck', subject='A.test')['status'] == 202
    assert bench.web.wish('recheck', subject='nobody.test')['status'] == 404
    assert bench.web.wish('sing')['status'] == 501
    assert bench.web.wish('ack', subject='none')['status'] == 404


# -- death at any moment ------------------------------------------------------------------------------------------

def hold_together(bench, kills):
    """What the receivers were told, and the state, when all has left; each kill may repeat one notice a receiver."""
    wait_for(lambda: not bench.rows('SELECT 1 FROM outbox WHERE state = 0'), 30, bench.said)
    assert bench.stop() == 0
    checker = Checker(most_twice=1)
    checker.take(*(Receipt(0, receiver, n) for receiver, n in bench.told))
    checker.state(f'{bench.state}/state.db')
    checker.done()
    assert checker.n and checker.twice <= kills * len(checker.receivers), checker.twice


@pytest.mark.parametrize('seed', [20261122])
def test_killed_at_random_nothing_is_lost_or_repeated(tmp_path, world, seed):
    """Every change is told, under one id, and nothing that did not happen."""
    import random
    dice = random.Random(seed)
    for n in range(8):
        world.domain(f'k{n}.test')
    bench = Bench(tmp_path, world, interval='5s').start()
    bench.look()
    expected = set()
    for round_ in range(25):
        name = f'k{dice.randrange(8)}.test'
        world.domains[name].rua = f'mailto:r{round_}@{name}'
        expected.add(world.domains[name].rua)
        bench.web.channel.send(48, {'verb': 'recheck', 'subject': name}, 1)
        time.sleep(dice.random() * 0.3)
        bench.kill()
        bench.start()
        if dice.random() < 0.5:
            wait_for(lambda r=world.domains[name].rua: any(r in str(n['after']) for n in bench.notices()),
                     20, bench.said)
        else:
            # the next change of this domain may hide this one: let the engine see it first
            wait_for(lambda r=world.domains[name].rua: bench.rows(
                'SELECT 1 FROM change WHERE after LIKE ?', f'%{r}%'), 20, bench.said)
    wait_for(lambda: expected <= {r for r in expected
                                  for n in bench.notices() if r in str(n['after'])}, 30, bench.said)
    events = {n['event'] for n in bench.notices()}
    assert events == {'tls_rpt.changed'}, bench.said()
    ids = {}
    for n in bench.notices():
        ids.setdefault(str(n['after']), set()).add(n['id'])
    assert all(len(i) == 1 for i in ids.values()), ids
    hold_together(bench, kills=25)


@pytest.mark.parametrize('seed', [4])
def test_killed_at_random_incidents_begin_and_end_once(tmp_path, world, seed):
    """Certificates that run out and are renewed, under an engine that is killed all the time."""
    import random
    dice = random.Random(seed)
    for n in range(4):
        world.domain(f'k{n}.test')
    bench = Bench(tmp_path, world).start()
    bench.look()
    for round_ in range(8):
        name = f'k{dice.randrange(4)}.test'
        host = world.hosts[f'mx.{name}']
        for step, days in (('firing', 5), ('resolved', 80)):
            host.cert = certificate(host.name, days, serial=2 * round_ + (days > 5))
            for _ in range(2):
                bench.web.channel.send(WISH, {'verb': 'recheck', 'subject': name}, 1)
                time.sleep(dice.random() * 0.4)
                bench.kill()
                bench.start()
            wait_for(lambda s=step, r=round_: len(bench.rows(
                'SELECT 1 FROM incident WHERE event = ? AND open = ?', 'cert.expiring', s == 'firing')) >=
                (1 if s == 'firing' else r + 1), 30, bench.said)
    wait_for(lambda: len({n['id'] for n in bench.notices('cert.expiring', status='resolved')}) == 8, 30, bench.said)
    began = {n['incident'] for n in bench.notices('cert.expiring', status='firing')}
    over = {n['incident'] for n in bench.notices('cert.expiring', status='resolved')}
    assert began <= over and len(over) == 8, (began, over)
    hold_together(bench, kills=32)


# -- a state in trouble -----------------------------------------------------------------------------------------

def test_a_damaged_state_is_begun_anew_and_said_once(bench, world):
    world.hosts['mx.b.test'].cert = certificate('mx.b.test', days=5)
    bench.notice('cert.expiring', 'mx.b.test', 'firing')
    assert bench.stop() == 0
    with open(f'{bench.state}/state.db', 'r+b') as f:
        f.write(b'\x5a' * 8192)
    told = len(bench.told)
    bench.start()
    bench.notice('state.damaged')
    bench.notice('initial.state')
    bench.look()
    new = [n['event'] for r, n in bench.told[told:] if r == 'hook']
    # a first look again: only what is critical speaks, nothing has "changed"
    assert new == ['state.damaged', 'initial.state'], bench.said()
    assert [f for f in os.listdir(bench.state) if 'corrupt' in f]


def test_a_full_disk_is_said_at_once_and_nothing_is_lost(tmp_path, world):
    """The state lies on a small tmpfs that something else fills up."""
    for name in ('a.test', 'b.test'):
        world.domain(name)
    bench = Bench(tmp_path, world, more='heartbeat: [{url_file: /etc/beat, every: 10s}]')
    os.makedirs(bench.state)
    if subprocess.run(['mount', '-t', 'tmpfs', '-o', 'size=2m,mode=700', 'none', bench.state],
                      stderr=subprocess.DEVNULL, check=False).returncode:
        pytest.skip('needs the right to mount')
    try:
        bench.start()
        bench.look()
        filler = open(f'{bench.state}/filler', 'wb', buffering=0)
        with contextlib.suppress(OSError):
            while True:
                filler.write(b'x' * 1024)
        world.domains['a.test'].rua = 'mailto:during@a.test'
        # the log has some room of its own: that fills up too
        n = 0

        def unwritable():
            nonlocal n
            n += 1
            world.domains['b.test'].rua = f'mailto:{n}@b.test'
            bench.wish('recheck', subject='b.test')
            time.sleep(0.02)
            return bench.notices('state.unwritable')
        wait_for(unwritable, 60, bench.said)
        assert bench.process.poll() is None
        beats, until = len(bench.beats), time.monotonic() + 12
        wait_for(lambda: time.monotonic() > until, 20, bench.said)
        assert len(bench.beats) == beats, 'nobody is told that all is well'
        filler.close()
        os.unlink(f'{bench.state}/filler')
        bench.notice('tls_rpt.changed', 'a.test', seconds=30)
        wait_for(lambda: any(world.domains['b.test'].rua in str(n['after']) for n in bench.notices()), 30, bench.said)
        wait_for(lambda: len(bench.beats) > beats, 15, bench.said)
        assert len(bench.notices('state.unwritable')) == 1
        assert bench.stop() == 0
        assert bench.rows('PRAGMA integrity_check') == [('ok',)]
        hosts = dict(bench.rows('SELECT name, observation FROM body WHERE kind = 2'))
        lost = [name for name, seen in hosts.items() if '"sweep":{' not in seen]
        assert len(hosts) == 2 and not lost, f'the deep look of {lost} did not outlive the trouble'
    finally:
        if bench.process.poll() is None:
            bench.kill()
        subprocess.run(['umount', '-l', bench.state], check=True)


# -- what takes its time -------------------------------------------------------------------------------------------

def test_a_digest_waits_for_its_hour_and_an_incident_is_recalled(tmp_path, world):
    for name in ('a.test', 'b.test'):
        world.domain(name)
    world.host('mx.b.test')
    at = time.strftime('%H:%M', time.localtime(time.time() + 90))
    bench = Bench(tmp_path, world)
    with open(bench.file, encoding='ascii') as f:
        text = f.read().replace('route: {receivers: [hook, mail], group_wait: 0s}', f'''\
route:
  receivers: [hook]
  group_wait: 0s
  repeat: 60s
  routes: [{{match: {{severity: info}}, receivers: [mail], digest: {{at: "{at}"}}}}]''')
    with open(bench.file, 'w', encoding='ascii') as f:
        f.write(text)
    bench.start()
    bench.look()
    for name in ('a.test', 'b.test'):
        world.domains[name].rua = f'mailto:other@{name}'
    world.hosts['mx.b.test'].failure = DOWN
    first = bench.notice('host.unreachable', status='firing')
    again = wait_for(lambda: bench.notices('host.unreachable', status='firing')[1:], 150, bench.said)[0]
    assert again['incident'] == first['incident'] and again['seq'] > first['seq']
    answer = bench.web.wish('ack', subject=first['incident'], author='kim', reason='known')
    assert answer['status'] == 200, answer
    wait_for(lambda: bench.notices('tls_rpt.changed', receiver='mail'), 120, bench.said)
    mails = [b for r, b in bench.attempts if r == 'mail']
    assert len(mails) == 1 and len(mails[0]['digest']) == 2, mails
    assert bench.notices('tls_rpt.changed') == []
    assert bench.stop() == 0
