# SPDX-License-Identifier: ISC
"""The running daemon's children, asked through /proc: who they are, what confines them, what they
hold open.  What each role's sandbox refuses is in tests/unit/test_os.c."""

import contextlib
import os
import pwd

import pytest

from lab import netns
from lab.loop import wait_for

CHILDREN = ('engine', 'notifier', 'prober', 'web')


@pytest.fixture(scope='module')
def daemon(lab, watching):
    d = watching(lab.domain('confined.test', mx=1), more=f'web: {{listen: [{netns.NET}.97.2:9791]}}\n')
    wait_for(lambda: all(map(d.child, CHILDREN)), 20, d.said)
    d.look_twice()
    if 'built with sanitizers' in d.program.text():
        pytest.skip('built with sanitizers')
    return d


def status(pid):
    with open(f'/proc/{pid}/status') as f:
        return dict(line.rstrip('\n').split(':\t', 1) for line in f)


def descriptors(pid):
    """{descriptor: what it is}."""
    found = {}
    for fd in os.listdir(f'/proc/{pid}/fd'):
        try:
            found[fd] = os.readlink(f'/proc/{pid}/fd/{fd}')
        except FileNotFoundError:
            pass
        except PermissionError:
            pytest.skip('this container may not look into processes that cannot be dumped')
    return found


def network_sockets(pid):
    """Inodes of this process's own sockets that are of the network."""
    own = {link[8:-1] for link in descriptors(pid).values() if link.startswith('socket:[')}
    found = set()
    for name in ('tcp', 'tcp6', 'udp', 'udp6', 'raw', 'raw6'):
        with contextlib.suppress(FileNotFoundError), open(f'/proc/{pid}/net/{name}') as f:
            found |= own & {line.split()[9] for line in list(f)[1:]}
    return found


@pytest.mark.parametrize('name', CHILDREN)
def test_a_child_is_confined(daemon, name):
    said = status(daemon.child(name))
    assert said['NoNewPrivs'] == '1', said
    if 'seccomp cannot be had' not in daemon.program.text():
        assert said['Seccomp'] == '2', said


@pytest.mark.parametrize('name', CHILDREN)
def test_a_child_has_its_account(daemon, name):
    try:
        account = pwd.getpwnam('mxwatch')
    except KeyError:
        pytest.skip('no account mxwatch here')
    said = status(daemon.child(name))
    assert set(said['Uid'].split()) == {str(account.pw_uid)}, said
    assert set(said['Gid'].split()) == set(said['Groups'].split()) == {str(account.pw_gid)}, said
    assert int(said['CapEff'], 16) == int(said['CapPrm'], 16) == 0, said


def test_the_engine_has_no_network_socket(daemon):
    assert not network_sockets(daemon.child('engine'))
    assert network_sockets(daemon.child('web')), 'the question finds no socket where there is one'


def test_probers_hold_neither_state_nor_configuration(daemon):
    for name, holds in (('engine', True), ('prober', False), ('notifier', False)):
        held = [f for f in descriptors(daemon.child(name)).values() if f.startswith(daemon.state)]
        assert bool(held) == holds, (name, held)


def test_web_cannot_write_the_state(daemon):
    if 'Landlock cannot be had' in daemon.program.text():
        pytest.skip('no Landlock here')
    pid = daemon.child('web')
    held = 0
    for fd, path in descriptors(pid).items():
        if path.startswith(f'{daemon.state}/state.db'):
            with open(f'/proc/{pid}/fdinfo/{fd}') as f:
                flags = next(int(line.split()[1], 8) for line in f if line.startswith('flags:'))
            assert flags & os.O_ACCMODE == os.O_RDONLY, path
            held += 1
    assert held, 'it has no database open'
