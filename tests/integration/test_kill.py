# SPDX-License-Identifier: ISC
"""kill -9 of every program, fifty times each at random moments, while the world changes.

Nothing may be lost: every change ends up in mail and webhook.  What arrives twice must carry the
same id.
"""

import os
import random
import signal
import time

import pytest

from lab.loop import wait_for

KILLS = int(os.environ.get('MXWATCH_KILLS', '50'))
DOMAINS = 6


class Changing:
    """A domain whose policy id changes again as soon as the last change was told everywhere."""

    def __init__(self, domain, daemon):
        self.domain, self.daemon = domain, daemon
        self.count, self.value = 0, None

    def told(self):
        if self.value is None:
            return True
        return (any(self.value in h.body.decode() for h in self.daemon.hooks('mta_sts.id_changed',
                                                                             self.domain.name))
                and any(self.value in m.text for m in self.daemon.mails('mta_sts.id_changed',
                                                                       self.domain.name)))

    def change(self):
        self.count += 1
        self.value = f'change{self.count:04d}of{self.domain.name.partition(".")[0]}'.replace('-', '')
        self.domain.policy_id(self.value)


def kill_at_random(daemon, name, rng):
    """Wait until the program lives, a random while more, and kill it.  True if it was hit."""
    if name == 'mxwatchd':
        time.sleep(rng.uniform(0.02, 1.0))
        daemon.kill()
        daemon.start()
        return True
    pid = wait_for(lambda: daemon.child(name), 90, lambda: f'{name} to be started again\n{daemon.said()}')
    time.sleep(rng.uniform(0, 0.6))
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return False
    wait_for(lambda: daemon.child(name) != pid, 5, f'{name} to be gone')
    return True


@pytest.mark.parametrize('name', ['prober', 'notifier', 'engine', 'mxwatchd'])
def test_nothing_is_lost(lab, watching, name):
    seed = random.randrange(1 << 30)
    print(f'seed {seed}')
    rng = random.Random(seed)
    domains = [lab.domain(f'kill-{name}{i}.test', mx=1, rpt=False) for i in range(DOMAINS)]
    daemon = watching(*domains)
    daemon.look_twice()
    changing = [Changing(d, daemon) for d in domains]
    for c in changing:
        c.change()
    kills = 0
    while kills < KILLS:
        kills += kill_at_random(daemon, name, rng)
        for c in changing:
            if c.told():
                c.change()
    try:
        wait_for(lambda: all(c.told() for c in changing), 120,
                 lambda: f'word of {[c.value for c in changing if not c.told()]}')
    except AssertionError as e:
        raise AssertionError(f'{e}\n{daemon.said()}') from None
    print(f'{kills} kills of {name}, {sum(c.count for c in changing)} changes told')
    ids = {}
    for hook in daemon.hooks('mta_sts.id_changed'):
        ids.setdefault(str(hook.json['after']) + hook.json['subject'], set()).add(hook.json['id'])
    assert not {k: v for k, v in ids.items() if len(v) > 1}, 'one change under two ids'
    unexpected = [h for h in daemon.hooks() if h.event != 'mta_sts.id_changed']
    assert not unexpected, unexpected
    assert daemon.stop() == 0, daemon.said()
