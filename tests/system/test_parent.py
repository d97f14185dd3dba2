# SPDX-License-Identifier: ISC
"""mxwatchd's parent with stand-in children: birth, death, systemd, and the end."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import time

import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
BUILD = os.environ.get('MXWATCH_BUILD', os.path.join(HERE, '..', '..', 'build'))
PEER, RELOAD, STOP = 1, 4, 6
ANCHOR = '/usr/share/dns/root.key'


def alive(pid):
    try:
        with open(f'/proc/{pid}/stat', encoding='ascii') as file:
            return file.read().rpartition(')')[2].split()[0] != 'Z'
    except (FileNotFoundError, ProcessLookupError):
        return False


class World:
    def __init__(self, directory):
        self.directory = directory
        for name in ('engine', 'prober', 'notifier', 'web'):
            shutil.copy(os.path.join(HERE, 'stand_in.py'), directory / name)
        shutil.copy(os.path.join(BUILD, 'mxwatchd'), directory)
        self.notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.notify.bind(str(directory / 'notify'))
        self.told = []
        self.process = None
        self.plan(probers=2, web=True)

    def plan(self, **wish):
        (self.directory / 'plan.new').write_text(json.dumps(wish))
        os.rename(self.directory / 'plan.new', self.directory / 'plan.json')

    def start(self):
        with open(self.directory / 'log', 'wb') as log:
            self.process = subprocess.Popen(
                [self.directory / 'mxwatchd', '-c', 'the.yaml'], stderr=log,
                env={'NOTIFY_SOCKET': str(self.directory / 'notify'), 'PATH': '/usr/bin:/bin',
                     'SECRET': 'x'})

    def events(self, *kinds):
        path = self.directory / 'events'
        lines = path.read_text().splitlines() if path.exists() else []
        return [e for e in map(json.loads, lines) if e[2] in kinds or not kinds]

    def starts(self, name):
        return [pid for who, pid, *_ in self.events('start') if who == name]

    def log(self):
        return (self.directory / 'log').read_text()

    def until(self, condition, seconds=10):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.listen(0)
            value = condition()
            if value:
                return value
            time.sleep(0.01)
        raise AssertionError(f'{self.log()}\n{self.events()}\n{self.told}')

    def listen(self, seconds):
        self.notify.settimeout(seconds or 0.001)
        try:
            while True:
                self.told.append(self.notify.recv(4096).decode())
        except (TimeoutError, BlockingIOError):
            pass

    def until_told(self, pattern, seconds=10):
        return self.until(lambda: next((t for t in self.told if re.search(pattern, t)), None),
                          seconds)

    def until_up(self):
        """READY told, and every child of the present engine has begun."""
        self.until_told('READY=1')
        wish = json.loads((self.directory / 'plan.json').read_text())
        others = 1 + wish['probers'] + wish['web']
        engines = len(self.starts('engine'))
        self.until(lambda: len(self.everybody()) == engines * (1 + others))

    def everybody(self):
        return [pid for _, pid, *_ in self.events('start')]

    def close(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
        if self.process:
            self.process.wait()
            # Its environment is ours alone, so tests/conftest.py does not see what it reports.
            assert 'Sanitizer' not in self.log() and 'runtime error' not in self.log(), self.log()
        self.notify.close()


@pytest.fixture
def world(tmp_path):
    w = World(tmp_path)
    yield w
    w.close()


def test_a_life(world):
    world.start()
    world.until_up()
    assert world.told[0] == 'READY=1\nSTATUS=watching two lines'
    world.until_told('WATCHDOG=1')
    assert 'STATUS=ticking' in world.told

    for name, _, _, arguments, fds in world.events('start'):
        assert arguments == (['-c', 'the.yaml'] if name == 'engine' else [])
        assert fds == ([0, 1, 2, 3] if name == 'engine' else [0, 1, 2, 3, 4])
    peers = [e[3] for e in world.events(PEER)]
    assert sorted((p['role'], p.get('instance', 0)) for p in peers) == [
        ('notifier', 0), ('prober', 0), ('prober', 1), ('web', 0)]
    with open(f"/proc/{world.starts('prober')[0]}/environ", encoding='ascii') as file:
        assert file.read().rstrip('\0') == 'PATH=/usr/bin:/bin'

    # A reload that is refused, then one that wants fewer.
    world.told.clear()
    world.plan(probers=2, web=True, verdict='no: line 3')
    world.process.send_signal(signal.SIGHUP)
    world.until_told('READY=1\nSTATUS=no: line 3')
    assert re.fullmatch(r'RELOADING=1\nMONOTONIC_USEC=\d+', world.told[0])
    assert 'reload refused, the running configuration stays: no: line 3' in world.log()
    assert all(map(alive, world.everybody()))
    world.plan(probers=1, web=False, verdict='fine')
    world.process.send_signal(signal.SIGHUP)
    second = [e[1] for e in world.events('start') if e[0] in ('prober', 'web')]
    world.until(lambda: sum(map(alive, second)) == 1)
    world.until_told('READY=1\nSTATUS=fine')
    assert len(world.events(RELOAD)) == 2

    world.told.clear()
    world.process.terminate()
    assert world.process.wait(2) == 0
    world.listen(0)
    assert world.told == ['STOPPING=1']
    assert len(world.events(STOP)) == 1
    world.until(lambda: not any(map(alive, world.everybody())))


def test_a_dead_child_comes_back_ever_later(world):
    world.start()
    world.until_up()
    for n, delay in enumerate([1, 2], start=1):
        victim = world.starts('notifier')[-1]
        at = time.monotonic()
        os.kill(victim, signal.SIGKILL)
        world.until(lambda: len(world.starts('notifier')) == n + 1)
        assert time.monotonic() - at >= delay
        assert f'notifier was killed by signal 9 (Killed); again in {delay} s' in world.log()
    world.until(lambda: len([e for e in world.events(PEER) if e[3]['role'] == 'notifier']) == 3)
    assert len(world.starts('engine')) == 1
    assert len(world.starts('prober')) == 2


def test_status_0_means_at_once(world):
    world.plan(probers=1, web=True, exits='web')
    world.start()
    world.until(lambda: 'web ended with status 0; again in 0 s' in world.log())
    world.until(lambda: len(world.starts('web')) >= 2, 1)


def test_without_the_engine_all_start_anew(world):
    world.start()
    world.until_up()
    first = world.everybody()
    world.told.clear()
    os.kill(world.starts('engine')[0], signal.SIGKILL)
    world.until(lambda: not any(map(alive, first)))
    world.until_up()
    assert len(world.starts('notifier')) == 2
    assert len(world.starts('prober')) == 4
    assert world.log().count('again in') == 1  # the engine alone is to blame


def test_an_engine_that_babbles_is_replaced(world):
    world.plan(probers=1, web=False, babble=True)
    world.start()
    world.until(lambda: 'engine: frame of another version' in world.log())
    world.plan(probers=1, web=False)
    world.until_told('READY=1')


@pytest.mark.parametrize('status', [2, 78])
def test_an_engine_that_cannot_run_is_the_end(world, status):
    world.plan(exit=status)
    world.start()
    assert world.process.wait(5) == status
    assert len(world.starts('engine')) == 1


def test_a_deaf_engine_is_down_within_5_seconds(world):
    world.plan(probers=2, web=True, deaf=True)
    world.start()
    world.until_up()
    at = time.monotonic()
    world.process.terminate()
    assert world.process.wait(10) == 0
    assert 3 < time.monotonic() - at <= 5
    assert not any(map(alive, world.everybody()))


def test_nobody_outlives_the_parent(world):
    world.start()
    world.until_up()
    world.process.kill()
    world.process.wait()
    world.until(lambda: not any(map(alive, world.everybody())))


def resolver_ports(world):
    return [e[3].get('port', 0) for e in world.events(PEER) if e[3]['role'] == 'resolver']


def answers(port):
    with socket.socket() as s:
        return s.connect_ex(('127.0.0.1', port)) == 0


@pytest.mark.skipif(not os.path.exists('/usr/sbin/unbound'), reason='unbound is not installed')
@pytest.mark.skipif(not os.path.exists(ANCHOR), reason='dns-root-data is not installed')
def test_a_private_resolver(world):
    world.plan(probers=1, web=False, resolver=True, trust_anchor=ANCHOR)
    world.start()
    first = world.until(lambda: resolver_ports(world))[0]
    assert answers(first)
    pids = subprocess.run(['pgrep', '-P', str(world.process.pid), 'unbound'], check=True,
                          capture_output=True, text=True).stdout.split()
    assert len(pids) == 1
    os.kill(int(pids[0]), signal.SIGKILL)
    second = world.until(lambda: resolver_ports(world)[1:])[0]
    assert answers(second)
    world.process.terminate()
    assert world.process.wait(5) == 0
    assert not answers(second)


def test_a_private_resolver_that_cannot_be_had(world):
    world.plan(probers=1, web=False, resolver=True, trust_anchor='/nonexistent')
    world.start()
    assert world.until(lambda: resolver_ports(world))[0] == 0
    world.until(lambda: 'resolver: resolver.trust_anchor: /nonexistent' in world.log())


def test_a_missing_program_is_said_once(world):
    (world.directory / 'web').unlink()
    world.start()
    world.until(lambda: f'web: {world.directory}/web: No such file or directory' in world.log())
    world.until(lambda: len(world.starts('prober')) == 2)
