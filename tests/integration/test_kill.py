# SPDX-License-Identifier: ISC
"""kill -9 of every program, at random moments, while the world changes.

Nothing may be lost: every change ends up in mail and webhook.  What arrives twice must carry the
same id.  Each program is killed MXWATCH_KILLS times (50; doc/hacking.md has the thousand), the
order and the moments come from MXWATCH_SEED, which is printed.
"""

import collections
import os
import random
import signal
import sys
import time

from lab.loop import wait_for

sys.path.insert(0, os.path.join(os.path.dirname(__file__), '..', 'system'))
from checker import Checker, Receipt  # noqa: E402

KILLS = int(os.environ.get('MXWATCH_KILLS', '50'))
# A kill can hit the moment between the far side's yes and our commit, a few hundredths of them do;
# with fewer changes than kills that is more than the hundredth of what is told.
MOST_TWICE = 0.01 if KILLS >= 200 else 0.1
DOMAINS = max(6, KILLS // 10)
CHILDREN = ['prober', 'notifier', 'engine', 'web']


class Changing:
    """A domain whose policy id changes again as soon as the last change was told everywhere."""

    def __init__(self, domain, daemon):
        self.domain, self.daemon = domain, daemon
        self.count, self.value = 0, None

    def told(self):
        hooks = self.daemon.hooks('mta_sts.id_changed', self.domain.name)
        mails = self.daemon.mails('mta_sts.id_changed', self.domain.name)
        return self.value is None or (any(self.value in str(h.json['after']) for h in hooks[-20:])
                                      and any(self.value in m.text for m in mails[-20:]))

    def change(self):
        self.count += 1
        self.value = f'change{self.count:04d}of{self.domain.name.partition(".")[0]}'.replace('-', '')
        self.domain.policy_id(self.value)


def kill(daemon, name, rng):
    """Wait until the program lives, a random while more, and kill it."""
    if name == 'mxwatchd':
        time.sleep(rng.uniform(0, 0.8))
        daemon.kill()
        daemon.start()
        return
    pid = wait_for(lambda: daemon.child(name), 30, lambda: f'{name} to be started again\n{daemon.said()}')
    time.sleep(rng.uniform(0, 0.4))
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:  # another's death took it along: try the next one
        return kill(daemon, name, rng)
    wait_for(lambda: daemon.child(name) != pid, 5, f'{name} to be gone')


def test_nothing_is_lost(lab, watching):
    """Each round kills every child once and then mxwatchd itself.  The engine comes last of the
    children in most rounds: its death takes the others along, and a round should not only wait."""
    seed = int(os.environ.get('MXWATCH_SEED', random.randrange(1 << 30)))
    print(f'seed {seed}')
    rng = random.Random(seed)
    domains = [lab.domain(f'kill{i}.test', mx=1, rpt=False) for i in range(DOMAINS)]
    daemon = watching(*domains)
    daemon.look_twice()
    changing = [Changing(d, daemon) for d in domains]
    for c in changing:
        c.change()
    kills = collections.Counter()
    for _ in range(KILLS):
        order = rng.sample(CHILDREN, len(CHILDREN))
        if rng.random() < 0.8:
            order.sort(key=lambda name: name == 'engine')
        for name in order + ['mxwatchd']:
            kill(daemon, name, rng)
            kills[name] += 1
            for c in changing:
                if c.told():
                    c.change()
    try:
        wait_for(lambda: all(c.told() for c in changing), 120,
                 lambda: f'word of {[c.value for c in changing if not c.told()]}')
    except AssertionError as e:
        raise AssertionError(f'{e}\n{daemon.said()}') from None
    changes = sum(c.count for c in changing)
    assert changes > KILLS / 2, 'too little changed for the test to mean anything'
    unexpected = [h for h in daemon.hooks() if h.event != 'mta_sts.id_changed']
    assert not unexpected, unexpected
    assert daemon.stop() == 0, daemon.said()
    checker = Checker(most_twice=MOST_TWICE)
    checker.take(*(Receipt(h.at, 'hook', h.json) for h in daemon.hooks()))
    said = {h.json['id']: h.json for h in daemon.hooks()}
    assert not [m for m in daemon.mails() if m['X-Mxwatch-Id'] not in said], 'told by mail only'
    checker.take(*(Receipt(m.at, 'mail', said[m['X-Mxwatch-Id']]) for m in daemon.mails()))
    checker.state(f'{daemon.state}/state.db')
    print(f'{dict(kills)}: {changes} changes, {checker.n} notices, {checker.twice} of them twice')
    checker.done()


def test_a_killed_delivery_is_made_again(lab, watching, mail_sink):
    """The program that delivers one mail is killed in the middle of it, for several mails."""
    domains = [lab.domain(f'courier{i}.test', mx=1, rpt=False) for i in range(3)]
    daemon = watching(*domains)
    daemon.look_twice()
    mail_sink.be('tarpit')
    killed = 0
    try:
        for d in domains:
            d.policy_id('delivered')
        while killed < len(domains):
            pid = wait_for(lambda: daemon.child('courier'), 30, daemon.said)
            os.kill(pid, signal.SIGKILL)
            wait_for(lambda: daemon.child('courier') != pid, 5, 'the courier to be gone')
            killed += 1
    finally:
        mail_sink.be('well')
    for d in domains:
        daemon.mail('mta_sts.id_changed', d.name, seconds=90)
        daemon.hook('mta_sts.id_changed', d.name)
    assert daemon.stop() == 0, daemon.said()
