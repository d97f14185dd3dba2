# SPDX-License-Identifier: ISC
"""What the verbs of mxwatch(1) owe whoever types them: a pager, completion in three shells, errors
that say what to do, and a backup a daemon can be started on."""

import json
import os
import pty
import re
import select
import shutil
import subprocess
import time

import pytest

from conftest import TOP
from lab.loop import wait_for

COMPLETION = os.path.join(TOP, 'contrib', 'completion')


class Client:
    def __init__(self, daemon, mxwatch, build):
        self.daemon, self.mxwatch, self.build = daemon, mxwatch, build
        self.socket = os.path.join(daemon.state, 'mxwatch.sock')

    def __call__(self, verb, *argv, **more):
        return self.mxwatch(verb, '-s', self.socket, *argv, **more)

    def shell(self, argv, script, **env):
        """Run a shell that finds our mxwatch; its standard output."""
        path = f'{self.build}:{os.environ["PATH"]}'
        done = subprocess.run([*argv, script], capture_output=True, text=True, timeout=60,
                              env={**os.environ, 'PATH': path, 'S': self.socket, **env})
        return done.stdout


@pytest.fixture(scope='module')
def client(lab, watching, mxwatch, build):
    daemon = watching(lab.domain('verbs-good.test', mx=1),
                      lab.domain('verbs-selfsigned.test', mx=1, certificate='self-signed', policy=None))
    c = Client(daemon, mxwatch, build)
    daemon.look_twice()
    wait_for(lambda: 'verbs-selfsigned' in c('list', '--state', 'warning').out
             and 'tls.cert.trusted' in c('incidents').out, 40, daemon.said)
    return c


def screen(argv, keys=b'', until=None, **env):
    """What a program shows on a terminal of 24 lines; env in place of ours where named."""
    pid, fd = pty.fork()
    if pid == 0:
        os.environ.pop('NO_COLOR', None)
        os.environ.update({'TERM': 'xterm', 'LINES': '24', 'COLUMNS': '80', **env})
        os.execvp(argv[0], argv)
    seen, deadline = b'', time.monotonic() + 40
    while time.monotonic() < deadline:
        if select.select([fd], [], [], 0.2)[0]:
            try:
                part = os.read(fd, 65536)
            except OSError:
                break
            if not part:
                break
            seen += part
        if keys and (until is None or until in seen):
            os.write(fd, keys)
            keys, until = b'', None
    os.close(fd)
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    return seen.decode(errors='replace'), status


# -- the terminal -----------------------------------------------------------------------------------

def test_the_pager_gets_what_is_long_on_a_terminal_alone(client, tmp_path):
    seen = tmp_path / 'paged'
    argv = [f'{client.build}/mxwatch', 'list', '-s', client.socket]
    pager = f'cat > {seen}'
    shown, status = screen(argv, MXWATCH_PAGER=pager, PAGER='false')
    assert status == 0 and 'verbs-good.test' in seen.read_text() and 'verbs' not in shown
    assert '\x1b[' in seen.read_text(), 'colour is asked for before the pager'
    seen.unlink()
    shown, _ = screen([*argv, '--no-pager'], MXWATCH_PAGER=pager)
    assert 'verbs-good.test' in shown and not seen.exists()
    shown, _ = screen([*argv, '--json'], MXWATCH_PAGER=pager)
    assert '"domain":"verbs-good.test"' in shown and not seen.exists()
    shown, _ = screen(argv, MXWATCH_PAGER='', PAGER=pager)
    assert 'verbs-good.test' in shown and not seen.exists()
    shown, _ = screen(argv, NO_COLOR='1', PAGER='cat')
    assert 'verbs-good.test' in shown and '\x1b[3' not in shown
    assert client('list', env={'MXWATCH_PAGER': pager}).out and not seen.exists()


def test_less_prints_what_fits(client):
    """LESS=FRX: a short list stays on the screen and less is gone."""
    if shutil.which('less') is None:
        pytest.skip('less is not here')
    shown, status = screen([f'{client.build}/mxwatch', 'list', '-s', client.socket])
    assert status == 0 and 'verbs-good.test' in shown, shown


# -- filters, help, errors ----------------------------------------------------------------------------

def test_filters(client):
    assert 'verbs-good' in client('list', 'good').out
    assert client('list', '--owner', 'nobody').out == 'no domain is like that\n'
    assert client('list', '--group', 'none', '--json').out == ''
    assert client('history', 'verbs-good.test', '--since', '1h').status == 0
    assert client('list', '--state', 'lovely').status == 64


VERBS = ['check', 'lint', 'explain', 'tlsa', 'status', 'list', 'incidents', 'history', 'diff', 'ack',
         'silence', 'recheck', 'queue', 'reload', 'config', 'route', 'test-alert', 'export', 'backup']


@pytest.mark.parametrize('verb', VERBS)
def test_help_has_three_examples_and_one_screen(mxwatch, verb):
    said = mxwatch(verb, '--help')
    assert said.status == 0 and said.err == ''
    assert len(re.findall(rf'^ .*\bmxwatch {verb}|^  .*\| mxwatch {verb}', said.out, re.M)) >= 3 or \
        (verb == 'ack' and 'mxwatch ack' in said.out), said
    assert len(said.out.splitlines()) <= 30, said
    assert mxwatch('help', verb).out == said.out


@pytest.mark.parametrize('argv, hint', [
    (['lst'], "'list'"), (['list', '--stae', 'ok'], "'--state'"), (['check', '--jsn', 'a.test'], "'--json'"),
    (['explain', 'dane.brken'], "'dane.broken'"), (['tlsa', '--prot', '25'], "'--port'"),
    (['list', '--state'], 'a value is missing'), (['lint', '--jso=1'], 'no value goes with')])
def test_did_you_mean(mxwatch, argv, hint):
    said = mxwatch(*argv)
    assert said.status == 64 and hint in said.err and said.out == '', said


def test_reload_says_all_that_is_wrong(client):
    """Every error with its line and a caret; what was in force stays so."""
    with open(client.daemon.file) as f:
        good = f.read()
    client.daemon.write(good.replace('domains:', 'domans:').replace('tls: required', 'tls: requird'))
    said = client('reload', '--wait')
    assert said.status == 2 and said.err.count('error: ') == 2, said
    assert 'did you mean "domains"' in said.err and re.search(r'^ +\^$', said.err, re.M), said
    client.daemon.write(good)
    assert client('reload', '--wait').out == 'watching 2 domains\n'


@pytest.mark.parametrize('argv, hint', [
    (['silence', 'lst'], "'list'"), (['config', 'shw', 'a.test'], "'show'"),
    (['export', '--format', 'xml'], 'json, csv, html or prometheus'), (['status', 'a', 'b'], 'too many')])
def test_wrong_words(client, argv, hint):
    said = client(*argv)
    assert said.status == 64 and hint in said.err and said.out == '', said


def test_a_daemon_that_is_not_there(mxwatch, tmp_path):
    said = mxwatch('status', '-s', tmp_path / 'none.sock')
    assert said.status == 69 and 'systemctl status mxwatchd' in said.err, said


def test_a_socket_that_is_not_for_us(client, build):
    os.chmod(client.socket, 0o600)
    shown = subprocess.run(['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups',
                            f'{build}/mxwatch', 'status', '-s', client.socket],
                           capture_output=True, text=True)
    os.chmod(client.socket, 0o660)
    if 'failed to execute' in shown.stderr:
        pytest.skip('the build directory is not for other accounts')
    assert shown.returncode == 69 and 'sudo' in shown.stderr, shown


# -- completion ------------------------------------------------------------------------------------------

def test_bash_completion(client):
    def complete(*words):
        listed = ' '.join(f"'{w}'" for w in words)
        return client.shell(['bash', '-c'], f'source {COMPLETION}/mxwatch.bash; COMP_WORDS=({listed}); '
                            'COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _mxwatch; echo "${COMPREPLY[*]}"').split()
    s = client.socket
    incident = json.loads(client('incidents', '--json').out.splitlines()[0])['id']
    assert complete('mxwatch', 'st') == ['status']
    assert complete('mxwatch', 'status', '-s', s, 'verbs-g') == ['verbs-good.test']
    assert complete('mxwatch', 'ack', '-s', s, incident[:8]) == [incident]
    assert complete('mxwatch', 'config', '-s', s, 'show', 'verbs-g') == ['verbs-good.test']
    assert complete('mxwatch', 'diff', '--si') == ['--since']
    assert complete('mxwatch', 'explain', 'dane.b') == ['dane.broken']
    assert complete('mxwatch', 'status', '-s', '/nowhere', '') == []


def test_fish_completion(client):
    if shutil.which('fish') is None:
        pytest.skip('fish is not here')

    def complete(line):
        said = client.shell(['fish', '-c'], f'source {COMPLETION}/mxwatch.fish; complete -C "{line}"')
        return [row.split('\t')[0] for row in said.splitlines()]
    assert complete(f'mxwatch status -s {client.socket} verbs-g') == ['verbs-good.test']
    assert json.loads(client('incidents', '--json').out.splitlines()[0])['id'] in \
        complete(f'mxwatch ack -s {client.socket} ')
    assert complete('mxwatch recheck --no-w') == ['--no-wait']
    assert complete('mxwatch explain dane.b') == ['dane.broken']


def test_zsh_completion(client, tmp_path):
    """Zsh completes for a terminal alone: the keys are typed."""
    if shutil.which('zsh') is None:
        pytest.skip('zsh is not here')
    (tmp_path / '.zshrc').write_text(f'fpath=({COMPLETION} $fpath)\nautoload -Uz compinit\ncompinit -u\n'
                                     "PS1='ready> '\nunsetopt beep\n")
    env = {'ZDOTDIR': str(tmp_path), 'PATH': f'{client.build}:{os.environ["PATH"]}'}

    def complete(line):
        # the key, then the line away again
        return screen(['zsh', '-i'], f'{line}\t\x01\x0b\nexit\n'.encode(), b'ready> ', **env)[0]
    assert 'verbs-good.test' in complete(f'mxwatch status -s {client.socket} verbs-g')
    assert '--no-wait' in complete('mxwatch recheck --no-w')
    assert 'dane.broken' in complete('mxwatch explain dane.br')


# -- a backup is a state ----------------------------------------------------------------------------------

def test_a_daemon_starts_on_a_backup(client, lab, watching, mxwatch, tmp_path):
    copy = tmp_path / 'copy.db'
    assert client('backup', copy).status == 0
    incident = json.loads(client('incidents', '--json').out.splitlines()[0])
    second = watching('verbs-good.test', 'verbs-selfsigned.test', begin=False)
    shutil.copy(copy, os.path.join(second.state, 'state.db'))
    owner = os.stat(second.state)
    os.chown(os.path.join(second.state, 'state.db'), owner.st_uid, owner.st_gid)
    second.start()
    other = Client(second, mxwatch, client.build)
    wait_for(lambda: other('incidents', '--json').status == 0, 30, second.said)
    assert json.loads(other('incidents', '--json').out.splitlines()[0])['id'] == incident['id']
    second.look_twice()
    assert not second.hooks('tls.cert.trusted', status='firing'), 'what had been told is told again'
    second.stop()


def test_a_reader_that_leaves_early_is_no_error(lab, build):
    """As `mxwatch check ... | head -1` does it."""
    run = subprocess.Popen([f'{build}/mxwatch', 'check', '--resolver', lab.resolver, '--ca-file', lab.ca_file,
                            '--allow-private', 'good.test', 'plain.test'], stdout=subprocess.PIPE,
                           stderr=subprocess.PIPE, text=True)
    run.stdout.readline()
    run.stdout.close()
    assert run.wait(60) == 0 and run.stderr.read() == ''


def test_files_elsewhere_are_read_again(lab, watching, mxwatch, build, tmp_path):
    """What is included, and lists, may lie in another folder and be replaced by another file."""
    tmp_path.chmod(0o755)
    for name, text in (('more.yaml', 'domains: [verbs-a.test]\n'), ('list.txt', 'verbs-b.test\n')):
        (tmp_path / name).write_text(text)
    daemon = watching('verbs-good.test',
                      more=f'include: [{tmp_path}/more.yaml]\nlists: [{{file: {tmp_path}/list.txt}}]\n')
    c = Client(daemon, mxwatch, build)
    wait_for(lambda: 'watches 3 domains' in c('status').out, 30, daemon.said)
    for name, text in (('more.yaml', 'domains: [verbs-a.test, verbs-c.test]\n'),
                       ('list.txt', 'verbs-b.test\nverbs-d.test\n')):
        (tmp_path / 'new').write_text(text)
        os.replace(tmp_path / 'new', tmp_path / name)
    assert c('reload', '--wait').out.startswith('watching 5 domains'), daemon.said()
    wait_for(lambda: 'verbs-d.test' in c('list').out and 'verbs-c.test' in c('list').out, 20, daemon.said)
    daemon.stop()
