# SPDX-License-Identifier: ISC
"""What takes its time, in simulated time: the real engine, hours in a second."""

import os
import subprocess
import sys
import time

import pytest

import engine_bench
import year
from checker import Checker
from engine_bench import World, certificate
from simulation import ENGINE, EPOCH, Simulation

HERE = os.path.dirname(os.path.abspath(__file__))
MINUTE, HOUR, DAY = 60, 3600, 86400
DOWN = {'stage': 'connect', 'class': 'refused', 'text': 'connection refused', 'code': 111}
THROTTLED = {'stage': 'greeting', 'class': 'throttled', 'text': '421 try later', 'code': 421}
FAILED = {'status': 'failed', 'dnssec': 'unknown', 'ttl_s': 0,
          'failure': {'stage': 'dns', 'class': 'dns', 'text': 'SERVFAIL'}}

CONFIGURATION = '''\
state: {{path: @state@}}
resolver: {{mode: system}}
probe: {{processes: 1, open_relay: false, per_ip_gap: 0s, allow_private: true}}
defaults: {{interval: {interval}, checks: {{submission: off}}}}
receivers:
  hook: {{webhook: {{url: "https://hook.example.test/"}}}}
  mail: {{email: {{to: [oncall@ops.test], from: mxwatch@ops.test, relay: "smtp://127.0.0.1:25"}}}}
route: {{receivers: [hook, mail], group_wait: {group_wait}}}
web: {{listen: [127.0.0.1:9791]}}
domains: [{domains}]
'''

pytestmark = pytest.mark.skipif(not os.access(ENGINE, os.X_OK), reason='make tests/system/engine_sim')


class Life(Simulation):
    """A world of a few domains, its first look behind it, and questions about what was told."""

    def __init__(self, directory, names=tuple(f'd{n:02}.test' for n in range(12)), mx=(), interval='1h', group_wait='30s'):
        engine_bench.clock = lambda: EPOCH
        world = World()
        for name in names:
            world.domain(name, *mx).policy_cert = certificate(f'mta-sts.{name}', days=4000, lifetime=4100)
        super().__init__(directory, world, CONFIGURATION.format(
            interval=interval, group_wait=group_wait, domains=', '.join(names)), seed=1)

    def begin(self):
        self.start()
        self.run(3 * HOUR)
        assert self.told() == [], self.said()
        return self

    def host(self, name, **how):
        for k, v in how.items():
            setattr(self.world.hosts[name], k, v)
        self.changed(name)

    def domain(self, name, **how):
        for k, v in how.items():
            setattr(self.world.domains[name], k, v)
        self.changed(name)

    def told(self, receiver='hook', since=0):
        return [(r.notice['status'], r.notice['event'], r.notice['subject'].partition('[')[0])
                for r in self.receipts if r.receiver == receiver and r.at >= since]

    def end(self):
        assert self.stop() == 0, self.said()
        checker = Checker(repeat=DAY, most_twice=0)
        checker.take(*self.receipts)
        checker.state(f'{self.state}/state.db')
        checker.done()


@pytest.fixture
def life(tmp_path):
    life = Life(tmp_path).begin()
    yield life
    if life.process.poll() is None:
        life.end()


def test_the_same_seed_is_the_same_year(tmp_path):
    """Three days with everything in them, twice, to the last id."""
    told = []
    for _ in range(2):
        run = subprocess.run([sys.executable, os.path.join(HERE, 'year.py'), '--seed', '7', '--days', '4', '--domains', '15',
                              '--trace'], capture_output=True, text=True, timeout=300, check=False)
        assert run.returncode == 0, run.stdout
        told.append(run.stdout.rpartition(';')[0].splitlines())
    assert told[0] == told[1] and any('told hook' in line for line in told[0])


@pytest.mark.parametrize('fault', year.PLANTS)
def test_a_fault_in_the_year_is_found(fault):
    """One notice that is missing, said twice or made up."""
    run = subprocess.run([sys.executable, os.path.join(HERE, 'year.py'), '--seed', '1', '--days', '7', '--domains', '20',
                          '--plant', fault], capture_output=True, text=True, timeout=300, check=False)
    assert run.returncode == 1 and ' wrong:' in run.stdout, run.stdout + run.stderr


# -- what comes and goes -----------------------------------------------------------------------------------

def test_what_comes_and_goes_becomes_one_event(life):
    """Up and down every twenty minutes for half a day."""
    for _ in range(18):
        life.host('mx.d01.test', failure=DOWN)
        life.wish('recheck', subject='d01.test')
        life.run(20 * MINUTE)
        life.host('mx.d01.test', failure=None)
        life.wish('recheck', subject='d01.test')
        life.run(20 * MINUTE)
    began = [t for t in life.told() if t == ('firing', 'host.unreachable', 'mx.d01.test')]
    assert 1 <= len(began) <= 3, life.told()
    assert any('comes and goes' in r.notice['summary'] for r in life.receipts)
    life.run(4 * HOUR)
    assert life.told()[-1] == ('resolved', 'host.unreachable', 'mx.d01.test'), life.told()


def test_a_host_that_is_down_on_all_its_addresses_is_one_page(tmp_path):
    life = Life(tmp_path)
    life.host('mx.d01.test', more=['198.51.100.200', '198.51.100.201'])
    life.begin()
    life.host('mx.d01.test', failure=DOWN)
    life.run(3 * HOUR)
    assert life.told() == [('firing', 'host.unreachable', 'mx.d01.test')], life.told()
    life.host('mx.d01.test', failure=None)
    life.run(3 * HOUR)
    assert life.told()[1:] == [('resolved', 'host.unreachable', 'mx.d01.test')], life.told()
    life.end()


def test_a_recovery_is_one_notice(life):
    """STARTTLS comes back: the change travels with the end of the problem."""
    life.host('mx.d02.test', starttls=False)
    life.run(3 * HOUR)
    life.host('mx.d02.test', starttls=True)
    life.run(3 * HOUR)
    assert life.told() == [('firing', 'starttls.lost', 'mx.d02.test'), ('resolved', 'starttls.lost', 'mx.d02.test')]
    assert 'starttls.gained' in life.receipts[-1].notice['changes']


def test_over_before_it_could_be_told_is_told_once(tmp_path):
    life = Life(tmp_path, group_wait='30m').begin()
    life.host('mx.d03.test', failure=DOWN)
    life.wish('recheck', subject='d03.test')
    life.run(10 * MINUTE)
    life.host('mx.d03.test', failure=None)
    life.wish('recheck', subject='d03.test')
    life.run(HOUR)
    assert life.told() == [('resolved', 'host.unreachable', 'mx.d03.test')], life.told()
    life.end()


@pytest.mark.parametrize('what', ['host', 'domain'])
def test_cannot_check_is_told_once_and_its_end(life, what):
    """Every check of the host or domain is undetermined; that is one thing to say."""
    if what == 'host':
        life.host('mx.d04.test', failure=THROTTLED)
    else:
        life.domain('d04.test', mx_status=FAILED)
    life.run(5 * HOUR)
    assert life.told() == []
    life.run(20 * HOUR)
    assert len(life.told()) == 1, life.told()
    life.host('mx.d04.test', failure=None)
    life.domain('d04.test', mx_status=None)
    life.run(4 * HOUR)
    assert [s for s, _, _ in life.told()] == ['firing', 'resolved'], life.told()
    assert life.receipts[0].notice['summary'].startswith('Cannot be checked: ')


def test_a_zone_that_is_no_longer_signed_is_one_event(life):
    names = ['mx', 'mta_sts', 'tls_rpt']
    observe = life.world.domains['d05.test'].observe

    def insecure(order):
        d = observe(order)
        for n in names:
            d[n] = d[n] | {'dns': d[n]['dns'] | {'dnssec': 'insecure'}}
        return d
    life.domain('d05.test', observe=insecure)
    life.run(3 * HOUR)
    lost = [r.notice for r in life.receipts if r.receiver == 'hook' and 'dnssec.lost' in [r.notice['event'], *r.notice['changes']]]
    assert len(lost) == 1, life.told()
    assert 'MX records' in lost[0]['summary'] and 'MTA-STS record' in lost[0]['summary'], lost[0]['summary']


# -- 800 domains on one host ---------------------------------------------------------------------------------

def test_eight_hundred_domains_on_one_host_are_one_incident(tmp_path):
    life = Life(tmp_path, [f'd{n:03}.test' for n in range(800)], ['mx.big.test'], interval='6h')
    life.start()
    life.run(13 * HOUR)
    assert life.told() == []
    life.host('mx.big.test', failure=DOWN)
    life.run(7 * HOUR)
    assert life.told() == life.told('mail') == [('firing', 'host.unreachable', 'mx.big.test')]
    notice = life.receipts[0].notice
    assert len(notice['domains']) == 50 and notice['domains_total'] == 800
    life.host('mx.big.test', failure=None)
    life.run(7 * HOUR)
    assert life.told()[1:] == [('resolved', 'host.unreachable', 'mx.big.test')]
    life.end()


# -- ourselves -------------------------------------------------------------------------------------------------

def test_a_resolver_that_comes_up_a_moment_after_us_is_no_news(tmp_path):
    life = Life(tmp_path)
    life.world.resolver = False
    life.start()
    life.run(40)
    life.world.resolver = True
    life.changed()
    life.say_self()
    life.run(3 * HOUR)
    assert life.told() == [], life.told()
    life.end()


def test_a_resolver_that_never_comes_up_is(tmp_path):
    life = Life(tmp_path)
    life.world.resolver = False
    life.start()
    life.run(2 * HOUR)
    assert life.told() == [('firing', 'monitor.blind', 'monitor')], life.told()
    life.world.resolver = True
    life.changed()
    life.say_self()
    life.run(HOUR)
    assert life.told()[1:] == [('resolved', 'monitor.blind', 'monitor')], life.told()
    life.end()


@pytest.mark.parametrize('by', [2 * HOUR, -DAY, 400 * DAY])
def test_a_clock_that_is_set_is_one_notice(life, by):
    """Forward and back: nothing seems expired, nothing is told again, reminders keep their pace."""
    life.host('mx.d06.test', failure=DOWN)
    life.run(2 * HOUR)
    before = len(life.told())
    life.jump(by)
    life.run(10 * MINUTE)
    assert life.told()[before:] == [('changed', 'self.clock', 'monitor')], life.told()
    life.jump(-by)
    life.run(3 * HOUR)
    assert life.told()[before:] == 2 * [('changed', 'self.clock', 'monitor')], life.told()


def test_a_relay_that_is_down_for_six_hours(life):
    """Nothing is lost, nothing is told twice, the other receiver does not wait, and what ended meanwhile is one notice."""
    life.answers['mail'] = {'outcome': 'retry', 'code': 0, 'text': 'connection refused'}
    life.host('mx.d07.test', failure=DOWN)
    life.host('mx.d08.test', failure=DOWN)
    life.domain('d09.test', rua='mailto:other@d09.test')
    life.run(2 * HOUR)
    life.host('mx.d08.test', failure=None)
    life.run(4 * HOUR)
    assert life.told('mail') == []
    assert set(life.told()) == {
        ('firing', 'host.unreachable', 'mx.d07.test'), ('firing', 'host.unreachable', 'mx.d08.test'),
        ('resolved', 'host.unreachable', 'mx.d08.test'), ('changed', 'tls_rpt.changed', 'd09.test'),
        ('firing', 'notify.delivery', 'monitor')}, life.told()
    life.answers.clear()
    back = life.wall
    life.run(70 * MINUTE)
    assert {('firing', 'host.unreachable', 'mx.d07.test'), ('resolved', 'host.unreachable', 'mx.d08.test'),
            ('changed', 'tls_rpt.changed', 'd09.test')} <= set(life.told('mail')), life.told('mail')
    assert ('firing', 'host.unreachable', 'mx.d08.test') not in life.told('mail')
    assert min(r.at for r in life.receipts if r.receiver == 'mail') - back < HOUR
    life.run(2 * HOUR)


def test_killed_in_the_middle_of_a_reload(life):
    """The start behind it ends what the reload began; what goes on is not told again."""
    life.host('mx.d01.test', failure=DOWN)
    life.run(2 * HOUR)
    told = [('firing', 'host.unreachable', 'mx.d01.test')]
    assert life.told() == told, life.told()
    life.world.domain('d12.test').policy_cert = certificate('mta-sts.d12.test', days=4000, lifetime=4100)
    with open(life.file, encoding='ascii') as f:
        without = f.read()
    for n in range(24):
        life.write(without if n % 2 else without.replace('d11.test', 'd11.test, d12.test'))
        life.reload_begins()
        time.sleep(n / 1000)    # the later, the more of it was done
        life.kill()
        life.start()
        life.run(10 * MINUTE)
    assert life.told() == told, life.told()
    life.write(without.replace('d01.test, ', ''))
    life.reload_begins()
    life.kill()
    life.start()
    life.run(HOUR)
    assert life.told() == told + [('resolved', 'host.unreachable', 'mx.d01.test')], life.told()


# -- reminders ---------------------------------------------------------------------------------------------------

def test_reminders_until_somebody_knows(life):
    life.host('mx.d10.test', failure=DOWN)
    life.run(3 * DAY + HOUR)
    assert life.told() == 4 * [('firing', 'host.unreachable', 'mx.d10.test')] or \
        life.told() == 3 * [('firing', 'host.unreachable', 'mx.d10.test')], life.told()
    n = len(life.told())
    assert life.wish('ack', subject=life.receipts[0].notice['incident'], author='kim', reason='known')['status'] == 200
    life.run(3 * DAY)
    assert len(life.told()) == n, life.told()


def test_each_step_to_the_end_of_a_certificate_is_told_once(life):
    """Renewed too late: three weeks, one week, expired; then it is over."""
    engine_bench.clock = lambda: life.wall
    life.host('mx.d11.test', cert=certificate('mx.d11.test', days=25))
    life.run(2 * HOUR)
    before = len(life.receipts)
    for _ in range(27):
        life.run(DAY)
        for r in [r for r in life.receipts[before:] if r.receiver == 'hook' and r.notice['status'] == 'firing']:
            life.wish('ack', subject=r.notice['incident'], author='kim', reason='known')
    steps = [(r.notice['event'], r.notice['severity']) for r in life.receipts[before:]
             if r.receiver == 'hook' and r.notice['status'] == 'firing']
    assert steps == [('cert.expiring', 'warning'), ('cert.expiring', 'critical'), ('cert.expired', 'critical')], steps
    life.host('mx.d11.test', cert=certificate('mx.d11.test', days=80, serial=2))
    life.run(3 * HOUR)
    assert [t for t in life.told() if t[0] == 'resolved'], life.told()
    engine_bench.clock = lambda: EPOCH
