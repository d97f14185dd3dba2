# SPDX-License-Identifier: ISC
"""The notifier driven over its channel: frames in, frames out, against real sinks on loopback.

Mail relays that behave, refuse, forge, die and hang; webhook receivers likewise.  Nothing here
needs the engine: a delivery is a DELIVER frame, its end the SENT frame of the same id."""

import base64
import contextlib
import email
import email.policy
import hashlib
import hmac
import http.server
import json
import os
import pwd
import select
import shutil
import socket
import ssl
import struct
import subprocess
import tempfile
import threading
import time
import types
import urllib.request
from datetime import datetime
from email.utils import formatdate

import pytest

from lab import netns
from lab.postfix import Postfix

HERE = os.path.dirname(os.path.abspath(__file__))
BUILD = os.environ.get('MXWATCH_BUILD', os.path.join(HERE, '..', '..', 'build'))
HEADER = struct.Struct('>IHHQ')
STOP, SETUP, DELIVER, SENT, BEAT, RENEW, VERSION = 6, 16, 32, 33, 34, 35, 1

NOTICE = {
    'schema': 1, 'id': 'evt_1', 'incident': 'inc_1', 'seq': 1, 'kind': 'problem',
    'status': 'firing', 'event': 'starttls.lost', 'severity': 'critical', 'check': 'tls.starttls',
    'subject': 'mx1.x.test[192.0.2.7]:25', 'domains': ['x.test'], 'domains_total': 1,
    'summary': 'mx1.x.test[192.0.2.7]:25 does not offer STARTTLS', 'before': None, 'after': None,
    'expected': 'STARTTLS', 'actual': 'nothing', 'impact': 'Mail travels unencrypted.',
    'advice': 'Turn it on.', 'reference': 'RFC 3207', 'changes': [],
    'since': '2026-11-22T13:00:00Z', 'last_ok': None, 'confirmed_by': 3, 'owner': None,
    'tags': {'env': 'prod'}, 'url': None, 'runbook_url': None, 'at': '2026-11-22T13:05:00Z',
}


def seconds(stamp):
    return datetime.fromisoformat(stamp.replace('Z', '+00:00')).timestamp()


class Notifier:
    """The program with its channel at descriptor 3 and its lifeline at 4."""

    def __init__(self, programs=()):
        self.channel, theirs = socket.socketpair()
        self.lifeline, line = socket.socketpair()

        def place():
            os.dup2(theirs.fileno(), 3)
            os.dup2(line.fileno(), 4)

        # Above 4, so that place() cannot overwrite one of the two.
        assert theirs.fileno() > 4 and line.fileno() > 4
        self.process = subprocess.Popen([os.path.join(BUILD, 'notifier')], preexec_fn=place,
                                        close_fds=False, stderr=subprocess.PIPE)
        theirs.close()
        line.close()
        self.buffer, self.ids, self.answers = b'', iter(range(1, 1 << 30)), {}
        self.frame(SETUP, {'programs': list(programs)} if programs else {})

    def frame(self, kind, document):
        body = json.dumps(document).encode()
        self.channel.sendall(HEADER.pack(len(body), kind, VERSION, 0) + body)

    def deliver(self, receiver, notice=None, **more):
        body = json.dumps({'notice': {**NOTICE, **(notice or {})}, 'receiver': receiver,
                           'attempt': 1, **more}).encode()
        number = next(self.ids)
        self.channel.sendall(HEADER.pack(len(body), DELIVER, VERSION, number) + body)
        return number

    def answer(self, number, seconds=30):
        end = time.monotonic() + seconds
        while number not in self.answers:
            left = end - time.monotonic()
            assert left > 0 and select.select([self.channel], [], [], left)[0], 'no SENT in time'
            data = self.channel.recv(65536)
            assert data, 'the notifier is gone'
            self.buffer += data
            while len(self.buffer) >= HEADER.size:
                length, kind, version, of = HEADER.unpack_from(self.buffer)
                if len(self.buffer) < HEADER.size + length:
                    break
                assert (kind, version) == (SENT, VERSION)
                self.answers[of] = json.loads(self.buffer[HEADER.size:HEADER.size + length])
                self.buffer = self.buffer[HEADER.size + length:]
        return self.answers[number]

    def send(self, receiver, notice=None, seconds=30, **more):
        return self.answer(self.deliver(receiver, notice, **more), seconds)

    def close(self):
        self.channel.close()
        self.lifeline.close()
        _, err = self.process.communicate(timeout=10)
        assert self.process.returncode == 0, err.decode()
        assert b'hunter2' not in err, err.decode()


@pytest.fixture(scope='module')
def notifier():
    n = Notifier()
    yield n
    n.close()


def openssl(*argv, text=None):
    subprocess.run(['openssl', *argv], check=True, capture_output=True,
                   input=text.encode() if text else None)


@pytest.fixture(scope='module')
def pki(tmp_path_factory):
    """A CA, and certificates of relay.test (good) and other.test (wrong name)."""
    d = tmp_path_factory.mktemp('pki')
    key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes']
    openssl('req', '-x509', *key, '-keyout', f'{d}/ca.key', '-out', f'{d}/ca.pem', '-days', '9',
            '-subj', '/CN=Test CA')
    for name in ('localhost', 'other.test'):
        openssl('req', *key, '-keyout', f'{d}/{name}.key', '-out', f'{d}/{name}.csr', '-subj',
                '/CN=x', '-addext', f'subjectAltName=DNS:{name}')
        openssl('x509', '-req', '-in', f'{d}/{name}.csr', '-CA', f'{d}/ca.pem', '-CAkey',
                f'{d}/ca.key', '-CAcreateserial', '-days', '9', '-copy_extensions', 'copy',
                '-out', f'{d}/{name}.pem')
    return d


# -- mail -----------------------------------------------------------------------------------------


class Relay:
    """An SMTP server on 127.0.0.1; replies is a table of what to say in place of the usual."""

    def __init__(self, pki=None, name='localhost', auth=False, implicit=False, v13=False,
                 trailing=b'', starttls=True, host='127.0.0.1', **replies):
        self.replies, self.auth, self.trailing, self.implicit = replies, auth, trailing, implicit
        self.starttls = starttls and pki is not None
        self.context, self.mails, self.heard, self.logins = None, [], [], []
        self.tls_at_mail = []
        if pki:
            self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.context.load_cert_chain(f'{pki}/{name}.pem', f'{pki}/{name}.key')
            if v13:
                self.context.minimum_version = ssl.TLSVersion.TLSv1_3
        family = socket.AF_INET6 if ':' in host else socket.AF_INET
        self.listener = socket.create_server((host, 0), family=family)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def receiver(self, pki=None, scheme='smtp', host='localhost', **more):
        r = {'name': 'oncall', 'kind': 'email', 'to': ['a@ops.test'], 'from': 'mxwatch@ops.test',
             'relay': f'{scheme}://{host}:{self.port}', 'relay_tls': 'off', **more}
        return {**r, 'ca_file': f'{pki}/ca.pem'} if pki else r

    def accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        try:
            self.talk(connection)
        except (OSError, EOFError):
            pass
        finally:
            connection.close()

    def talk(self, c):
        tls = self.implicit
        if tls:
            c = self.context.wrap_socket(c, server_side=True)
        f = c.makefile('rb')
        sender, recipients = None, []

        def say(key, usual):
            reply = self.replies.get(key, usual)
            if reply == 'close':
                raise EOFError
            if reply == 'hang':
                time.sleep(120)
            if reply == 'endless':
                while True:
                    c.sendall(b'250-more\r\n' * 1000)
            c.sendall(reply if isinstance(reply, bytes) else reply.encode() + b'\r\n')
            return reply if isinstance(reply, str) else ''

        say('greeting', '220 relay ESMTP')
        while True:
            line = f.readline().decode().rstrip('\r\n')
            if not line:
                raise EOFError
            self.heard.append(line)
            verb = line.upper()
            if verb.startswith('EHLO'):
                words = ['relay', '8BITMIME']
                words += ['STARTTLS'] if self.starttls and not tls else []
                words += ['AUTH PLAIN LOGIN'] if self.auth else []
                say('ehlo', '\r\n'.join(f'250{"-" if i < len(words) - 1 else " "}{w}'
                                        for i, w in enumerate(words)))
            elif verb == 'STARTTLS':
                c.sendall(b'220 go\r\n' + self.trailing)
                c = self.context.wrap_socket(c, server_side=True)
                f, tls = c.makefile('rb'), True
            elif verb.startswith('AUTH'):
                self.login(c, f, line, say)
            elif verb.startswith('MAIL'):
                sender = line
                self.tls_at_mail.append(tls)
                say('mail', '250 ok')
            elif verb.startswith('RCPT'):
                recipients.append(line)
                say(f'rcpt{len(recipients)}', '250 ok')
            elif verb == 'DATA':
                if not say('data', '354 go').startswith('354'):
                    continue
                text = b''
                while not text.endswith(b'\r\n.\r\n'):
                    got = f.readline()
                    if not got or self.replies.get('body') == 'close':
                        raise EOFError
                    text += got
                self.mails.append((sender, recipients, text[:-3].replace(b'\r\n..', b'\r\n.')))
                say('end', '250 queued as 42')
            elif verb == 'QUIT':
                say('quit', '221 bye')
                return
            else:
                say('other', '250 ok')

    def login(self, c, f, line, say):
        words = line.split()
        if words[1].upper() == 'PLAIN':
            blob = words[2] if len(words) > 2 else ''
            if not blob:
                c.sendall(b'334 \r\n')
                blob = f.readline().decode().strip()
            self.logins.append(base64.b64decode(blob).split(b'\0')[1:])
        else:
            got = []
            for prompt in (b'334 VXNlcm5hbWU6\r\n', b'334 UGFzc3dvcmQ6\r\n'):
                c.sendall(prompt)
                got.append(base64.b64decode(f.readline().strip()))
            self.logins.append(got)
        say('auth', '235 welcome')


def test_a_mail_arrives_as_it_was_rendered(notifier):
    relay = Relay()
    sent = notifier.send(relay.receiver(to=['a@ops.test', 'b@ops.test']))
    assert sent['outcome'] == 'delivered' and sent['code'] == 250, sent
    sender, recipients, text = relay.mails[0]
    assert '<mxwatch@ops.test>' in sender and len(recipients) == 2
    mail = email.message_from_bytes(text, policy=email.policy.default)
    assert not mail.defects
    assert mail['From'].addresses[0].display_name == 'mxwatch PROBLEM'
    assert mail['Subject'] == 'STARTTLS lost: x.test on mx1.x.test'
    assert mail['Auto-Submitted'] == 'auto-generated'
    assert mail['X-Mxwatch-Event'] == 'starttls.lost'
    assert mail['Date'] == 'Sun, 22 Nov 2026 13:05:00 +0000'
    for name in ('From', 'To', 'Date', 'Subject', 'Message-ID'):
        assert len(mail.get_all(name)) == 1, name
    plain, html = mail.iter_parts()
    first = plain.get_content().splitlines()[0]
    assert first == 'CRITICAL for 5 min: mx1.x.test[192.0.2.7]:25 does not offer STARTTLS'
    assert html.get_content_type() == 'text/html'
    assert max(map(len, text.split(b'\r\n'))) < 998
    assert b'\n' not in text.replace(b'\r\n', b'')


def test_an_incident_is_one_thread(notifier):
    relay = Relay()
    for seq, status in ((1, 'firing'), (2, 'firing'), (3, 'resolved')):
        notifier.send(relay.receiver(), {'seq': seq, 'status': status, 'id': f'evt_{seq}'})
    one, two, three = (email.message_from_bytes(m[2]) for m in relay.mails)
    assert one['Subject'] == two['Subject'] == three['Subject']
    assert one['References'] is None
    assert two['In-Reply-To'] == two['References'] == one['Message-ID']
    assert three['In-Reply-To'] == one['Message-ID']
    assert three['References'].split() == [one['Message-ID'], two['Message-ID']]
    assert 'RECOVERED' in three['From']


@pytest.mark.parametrize('tls', ['required', 'opportunistic'])
def test_starttls_is_used(notifier, pki, tls):
    relay = Relay(pki)
    sent = notifier.send(relay.receiver(pki, relay_tls=tls))
    assert sent['outcome'] == 'delivered', sent
    assert relay.tls_at_mail == [True]


def test_opportunistic_goes_without_and_takes_any_certificate(notifier, pki):
    plain, wrong = Relay(), Relay(pki, 'other.test')
    assert notifier.send(plain.receiver(relay_tls='opportunistic'))['outcome'] == 'delivered'
    assert notifier.send(wrong.receiver(relay_tls='opportunistic'))['outcome'] == 'delivered'
    assert wrong.tls_at_mail == [True]


def test_required_tls_is_required(notifier, pki):
    """No offer, a foreign CA, a foreign name: no mail."""
    plain, good, wrong = Relay(), Relay(pki), Relay(pki, 'other.test')
    for relay, ca in ((plain, pki), (good, None), (wrong, pki)):
        sent = notifier.send(relay.receiver(ca, relay_tls='required'))
        assert sent['outcome'] == 'retry' and 'TLS' in sent['text'], sent
        assert not relay.mails


def test_tls_off_stays_plain(notifier, pki):
    relay = Relay(pki)
    assert notifier.send(relay.receiver(pki))['outcome'] == 'delivered'
    assert relay.tls_at_mail == [False]


def test_smtps_and_tls_1_3(notifier, pki):
    implicit, modern = Relay(pki, implicit=True), Relay(pki, v13=True)
    sent = notifier.send(implicit.receiver(pki, scheme='smtps', relay_tls='required'))
    assert sent['outcome'] == 'delivered', sent
    sent = notifier.send(modern.receiver(pki, relay_tls='required'))
    assert sent['outcome'] == 'delivered' and modern.tls_at_mail == [True], sent
    assert len(implicit.mails) == len(modern.mails) == 1
    wrong = Relay(pki, 'other.test', implicit=True)
    sent = notifier.send(wrong.receiver(pki, scheme='smtps', relay_tls='required'))
    assert sent['outcome'] == 'retry' and not wrong.mails, sent


@pytest.mark.skipif(not netns.has_ipv6(), reason='no IPv6 here')
def test_a_relay_at_an_ipv6_address(notifier, pki):
    relay = Relay(pki, host='::1')
    sent = notifier.send(relay.receiver(host='[::1]'))
    assert sent['outcome'] == 'delivered' and len(relay.mails) == 1, sent


def test_login(notifier, pki, tmp_path):
    secret = tmp_path / 'password'
    secret.write_text('hunter2\n')
    login = {'username': 'watch', 'password_file': str(secret), 'relay_tls': 'required'}
    relay = Relay(pki, auth=True)
    assert notifier.send(relay.receiver(pki, **login))['outcome'] == 'delivered'
    assert relay.logins[0] == [b'watch', b'hunter2']
    refused = Relay(pki, auth=True, mail='530 log in first')
    refused.replies['auth'] = '535 wrong'
    sent = notifier.send(refused.receiver(pki, **login))
    assert sent['outcome'] == 'rejected' and sent['code'] in (530, 535), sent
    missing = {**login, 'password_file': str(tmp_path / 'nowhere')}
    sent = notifier.send(relay.receiver(pki, **missing))
    assert sent['outcome'] == 'retry' and 'nowhere' in sent['text'], sent


def test_plaintext_behind_starttls_is_not_believed(notifier, pki):
    forged = b'250-relay\r\n250 8BITMIME\r\n250 ok\r\n250 ok\r\n354 go\r\n250 queued\r\n'
    relay = Relay(pki, trailing=forged)
    sent = notifier.send(relay.receiver(pki, relay_tls='required'))
    assert sent['outcome'] == 'retry' and 'plaintext' in sent['text'], sent
    assert not relay.mails


REFUSALS = [
    ({'mail': '451 not now'}, 'retry', 451),
    ({'mail': '550 not you'}, 'rejected', 550),
    ({'rcpt1': '450 greylisted'}, 'retry', 450),
    ({'rcpt1': '550 no such user'}, 'rejected', 550),
    ({'data': '452 full'}, 'retry', 452),
    ({'end': '451 later'}, 'retry', 451),
    ({'end': '554 spam'}, 'rejected', 554),
    ({'greeting': '421 busy'}, 'retry', None),
    ({'end': 'close'}, 'retry', None),
    ({'body': 'close'}, 'retry', None),
    ({'rcpt1': 'close'}, 'retry', None),
    ({'greeting': 'close'}, 'retry', None),
    ({'ehlo': 'endless'}, 'retry', None),
]


@pytest.mark.parametrize('replies,outcome,code', REFUSALS, ids=[str(r[0]) for r in REFUSALS])
def test_refusals_and_accidents(notifier, replies, outcome, code):
    relay = Relay(**replies)
    sent = notifier.send(relay.receiver())
    assert sent['outcome'] == outcome, sent
    if code:
        assert sent['code'] == code, sent


def test_one_refused_recipient_is_not_delivered(notifier):
    relay = Relay(rcpt2='550 no such user')
    sent = notifier.send(relay.receiver(to=['a@ops.test', 'b@ops.test']))
    assert sent['outcome'] == 'rejected' and 'b@ops.test' in sent['text'], sent
    assert not relay.mails


SASLPASSWD = shutil.which('saslpasswd2')


@pytest.fixture
def postfix(pki):
    """A real relay: TLS and a login are required, what comes is kept in box/."""
    where = tempfile.mkdtemp(prefix='mxwatch-relay-')
    os.chmod(where, 0o755)
    owner = pwd.getpwnam('postfix')
    chain = os.path.join(where, 'chain.pem')
    with open(chain, 'wb') as f:
        for part in 'key', 'pem':
            with open(f'{pki}/localhost.{part}', 'rb') as p:
                f.write(p.read())
    subprocess.run([SASLPASSWD, '-c', '-p', '-f', f'{where}/sasldb', '-u', 'ops.test', 'watch'], check=True,
                   input=b'hunter2')
    os.chown(f'{where}/sasldb', owner.pw_uid, -1)
    os.makedirs(f'{where}/postfix/sasl')    # where Debian's Postfix looks, beside main.cf
    with open(f'{where}/postfix/sasl/smtpd.conf', 'w', encoding='ascii') as f:
        f.write(f'pwcheck_method: auxprop\nauxprop_plugin: sasldb\nmech_list: PLAIN LOGIN\n'
                f'sasldb_path: {where}/sasldb\n')
    os.mkdir(f'{where}/mail')
    os.chown(f'{where}/mail', owner.pw_uid, -1)
    relay = Postfix(f'{where}/postfix', f'virtual_mailbox_domains = ops.test\n'
                    f'virtual_mailbox_base = {where}/mail\nvirtual_mailbox_maps = static:box/\n'
                    f'virtual_uid_maps = static:{owner.pw_uid}\nvirtual_gid_maps = static:{owner.pw_gid}\n'
                    f'virtual_minimum_uid = 1\n',
                    ['qmgr unix n - n 300 1 qmgr', 'virtual unix - n n - - virtual', 'defer unix - - n - 0 bounce',
                     'trace unix - - n - 0 bounce'])
    with socket.socket() as s:
        s.bind(('127.0.0.1', 0))
        relay.port = s.getsockname()[1]
    relay.add('relay.ops.test', '127.0.0.1', types.SimpleNamespace(path=chain), [
        'smtpd_tls_security_level=encrypt', 'smtpd_tls_auth_only=yes', 'smtpd_sasl_auth_enable=yes',
        'smtpd_sasl_path=smtpd', 'smtpd_sasl_local_domain=ops.test',
        'smtpd_relay_restrictions=permit_sasl_authenticated,reject'], relay.port)
    relay.start()
    relay.ready()
    relay.box = f'{where}/mail/box/new'
    yield relay
    relay.stop()
    shutil.rmtree(where)


@pytest.mark.skipif(SASLPASSWD is None or not os.path.exists('/usr/lib/postfix/sbin/master'),
                    reason='postfix or sasl2-bin is not installed')
def test_a_real_postfix_wants_tls_and_a_login(notifier, pki, postfix, tmp_path):
    secret = tmp_path / 'password'
    secret.write_text('hunter2\n')
    receiver = {'name': 'oncall', 'kind': 'email', 'to': ['a@ops.test'], 'from': 'mxwatch@ops.test',
                'relay': f'smtp://localhost:{postfix.port}', 'relay_tls': 'required',
                'ca_file': f'{pki}/ca.pem', 'username': 'watch', 'password_file': str(secret)}
    sent = notifier.send(receiver)
    assert sent['outcome'] == 'delivered' and 'queued as' in sent['text'], (sent, postfix.log())
    waited(lambda: os.path.isdir(postfix.box) and os.listdir(postfix.box), 20)
    with open(os.path.join(postfix.box, os.listdir(postfix.box)[0]), 'rb') as f:
        mail = email.message_from_binary_file(f, policy=email.policy.default)
    assert mail['Subject'] == 'STARTTLS lost: x.test on mx1.x.test' and not mail.defects
    assert [p.get_content_type() for p in mail.iter_parts()] == ['text/plain', 'text/html']
    assert 'with ESMTPSA' in mail['Received'] and mail['Return-Path'] == '<mxwatch@ops.test>'
    secret.write_text('wrong\n')
    sent = notifier.send(receiver)
    assert sent['outcome'] != 'delivered' and sent['code'] in (535, 554), sent
    for key in 'username', 'password_file':
        del receiver[key]
    sent = notifier.send({**receiver, 'relay_tls': 'off'})
    assert sent['outcome'] != 'delivered' and sent['code'] == 530, sent


def test_nobody_listens(notifier):
    relay = Relay()
    relay.listener.shutdown(socket.SHUT_RDWR)
    sent = notifier.send(relay.receiver())
    assert sent['outcome'] == 'retry', sent
    sent = notifier.send(relay.receiver(host='does-not-exist.invalid'))
    assert sent['outcome'] == 'retry', sent


def test_what_the_relay_says_is_escaped(notifier):
    relay = Relay(mail=b'550 \x1b[31m<b>\xff\r\n')
    sent = notifier.send(relay.receiver())
    assert sent['text'].isascii() and '\x1b' not in sent['text'], sent
    assert r'\x1b' in sent['text'].lower(), sent


# -- webhooks --------------------------------------------------------------------------------------


class Hook(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'

    def log_message(self, *args):
        pass

    def do_GET(self):
        self.headers['Content-Length'] = '0'
        self.do_POST()

    def do_POST(self):
        body = self.rfile.read(int(self.headers['Content-Length']))
        self.server.got.append((self.path, self.headers, body))
        status, headers, answer = self.server.answer
        if status == 'hang':
            time.sleep(120)
            return
        if status == 'close':
            self.close_connection = True
            return
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header('Content-Length', str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)


@contextlib.contextmanager
def listening():
    server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Hook)
    server.daemon_threads = True
    server.block_on_close = False
    server.got, server.answer = [], (200, {}, b'')
    server.handle_error = lambda *args: None
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def sink():
    with listening() as server:
        yield server


def hook(sink, **more):
    return {'name': 'hook', 'kind': 'webhook',
            'urls': [f'http://127.0.0.1:{sink.server_address[1]}/in'], **more}


KEYS = ('schema id incident seq kind status event severity check subject domains domains_total '
        'summary before after expected actual impact advice reference changes since last_ok '
        'confirmed_by owner tags url runbook_url').split()


def test_json_has_every_key_and_no_other(notifier, sink):
    ours = {'causes': ['for our own rendering'], 'acked_by': 'ada'}
    assert notifier.send(hook(sink), ours)['outcome'] == 'delivered'
    _, headers, body = sink.got[0]
    event = json.loads(body)
    assert list(event) == KEYS
    assert event == {k: NOTICE[k] for k in KEYS}
    assert headers['Content-Type'] == 'application/json'
    assert headers['webhook-id'] == event['id']
    assert abs(int(headers['webhook-timestamp']) - time.time()) < 60
    assert headers['webhook-signature'] is None


def test_every_secret_signs(notifier, sink, tmp_path):
    keys = [b'0123456789abcdef01234567', b'raw bytes, not base64']
    (tmp_path / 'one').write_bytes(b'whsec_' + base64.b64encode(keys[0]) + b'\n')
    (tmp_path / 'two').write_bytes(keys[1] + b'\n')
    files = [str(tmp_path / 'one'), str(tmp_path / 'two')]
    assert notifier.send(hook(sink, secret_files=files))['outcome'] == 'delivered'
    _, headers, body = sink.got[0]
    text = f'{headers["webhook-id"]}.{headers["webhook-timestamp"]}.'.encode() + body
    wanted = ['v1,' + base64.b64encode(hmac.new(k, text, hashlib.sha256).digest()).decode()
              for k in keys]
    assert headers['webhook-signature'].split(' ') == wanted


def test_a_bad_secret_sends_nothing(notifier, sink, tmp_path):
    (tmp_path / 'bad').write_text('whsec_!!!!')
    sent = notifier.send(hook(sink, secret_files=[str(tmp_path / 'bad')]))
    assert sent['outcome'] == 'retry' and not sink.got


def test_url_file_is_read_at_use(notifier, sink, tmp_path):
    place = tmp_path / 'url'
    receiver = {'name': 'hook', 'kind': 'webhook', 'url_file': str(place)}
    assert notifier.send(receiver)['outcome'] == 'retry'
    place.write_text(f'http://127.0.0.1:{sink.server_address[1]}/secret\n')
    assert notifier.send(receiver)['outcome'] == 'delivered'
    assert sink.got[0][0] == '/secret'


ANSWERS = [
    ((204, {}, b''), 'delivered', None),
    ((301, {'Location': 'http://127.0.0.1:1/'}, b''), 'rejected', None),
    ((400, {}, b'no'), 'rejected', None),
    ((401, {}, b''), 'rejected', None),
    ((410, {}, b''), 'rejected', None),
    ((408, {}, b''), 'retry', None),
    ((425, {}, b''), 'retry', None),
    ((429, {'Retry-After': '17'}, b''), 'retry', 17),
    ((429, {'Retry-After': '999999'}, b''), 'retry', 3600),
    ((429, {'Retry-After': '0'}, b''), 'retry', 1),
    ((503, {}, b'busy'), 'retry', -1),
    ((500, {}, b'x' * 10_000_000), 'retry', None),
    ((200, {}, b'x' * 10_000_000), 'delivered', None),
    (('close', {}, b''), 'retry', None),
]


@pytest.mark.parametrize('answer,outcome,after', ANSWERS,
                         ids=[f'{a[0][0]}{a[0][1]}{len(a[0][2])}' for a in ANSWERS])
def test_outcomes(notifier, sink, answer, outcome, after):
    sink.answer = answer
    sent = notifier.send(hook(sink))
    assert sent['outcome'] == outcome, sent
    assert sent.get('code', 0) == (answer[0] if answer[0] != 'close' else 0)
    assert len(sent.get('text', '')) < 1000
    assert len(sink.got) == 1
    if after is not None:
        assert sent['retry_after_s'] == after, sent


def test_retry_after_as_a_date(notifier, sink):
    sink.answer = (429, {'Retry-After': formatdate(time.time() + 100, usegmt=True)}, b'')
    assert 90 <= notifier.send(hook(sink))['retry_after_s'] <= 101


def test_what_the_receiver_says_is_escaped(notifier, sink):
    sink.answer = (400, {}, b'\x1b[2J<script>\r\n\xff')
    text = notifier.send(hook(sink))['text']
    assert '\x1b' not in text and '\n' not in text and '<script>' in text


def test_who_hangs_holds_nobody_up(notifier, sink):
    hanging, fine = Relay(end='hang'), Relay()
    slow_mail = notifier.deliver(hanging.receiver())
    sink.answer = ('hang', {}, b'')
    slow_hook = notifier.deliver(hook(sink))
    before = time.monotonic()
    assert notifier.send(fine.receiver())['outcome'] == 'delivered'
    assert time.monotonic() - before < 10
    assert notifier.answer(slow_hook, 25)['outcome'] == 'retry'
    assert notifier.answer(slow_mail, 65)['outcome'] == 'retry'


def test_a_private_ca(notifier, sink, pki):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(f'{pki}/localhost.pem', f'{pki}/localhost.key')
    sink.socket = context.wrap_socket(sink.socket, server_side=True)
    url = f'https://localhost:{sink.server_address[1]}/in'
    receiver = {'name': 'hook', 'kind': 'webhook', 'urls': [url]}
    assert notifier.send(receiver)['outcome'] == 'retry'
    assert notifier.send({**receiver, 'ca_file': f'{pki}/ca.pem'})['outcome'] == 'delivered'


def test_a_digest(notifier, sink):
    items = [{**NOTICE, 'id': f'evt_{i}'} for i in range(3)]
    relay = Relay()
    digest = {'id': 'dig_1', 'incident': None, 'kind': 'daemon', 'summary': '3 notices'}
    assert notifier.send(hook(sink), digest, digest=items)['outcome'] == 'delivered'
    assert [e['id'] for e in json.loads(sink.got[0][2])['digest']] == ['evt_0', 'evt_1', 'evt_2']
    assert notifier.send(relay.receiver(), digest, digest=items)['outcome'] == 'delivered'
    mail = email.message_from_bytes(relay.mails[0][2], policy=email.policy.default)
    assert mail['Subject'] == 'Digest: 3 notices'
    text = mail.get_body(('plain',)).get_content()
    assert text.startswith('DIGEST: 3 notices')
    assert ' '.join(text.split()).count('does not offer STARTTLS') == 3


FORMATS = {
    'alertmanager': lambda b: b['version'] == '4' and b['status'] == 'firing'
    and b['alerts'][0]['labels']['alertname'] == 'starttls.lost',
    'slack': lambda b: b['text'].startswith('CRITICAL') and b['attachments'][0]['blocks'],
    'teams': lambda b: b['attachments'][0]['content']['type'] == 'AdaptiveCard',
    'discord': lambda b: b['embeds'][0]['title'] and b['allowed_mentions'] == {'parse': []},
    'gotify': lambda b: b['priority'] == 8 and 'CRITICAL' in b['message'],
    'ntfy': lambda b: b['priority'] == 5 and b['topic'] == 'alerts',
    'cloudevents': lambda b: b['specversion'] == '1.0' and b['data']['id'] == b['id'],
}


@pytest.mark.parametrize('name', FORMATS)
def test_formats(notifier, sink, name, tmp_path):
    (tmp_path / 'token').write_text('sesame\n')
    receiver = hook(sink, format=name, topic='alerts', token_file=str(tmp_path / 'token'))
    assert notifier.send(receiver)['outcome'] == 'delivered'
    path, headers, body = sink.got[0]
    assert FORMATS[name](json.loads(body)), body
    if name == 'gotify':
        assert path == '/in/message' and headers['X-Gotify-Key'] == 'sesame'
    if name == 'ntfy':
        assert headers['Authorization'] == 'Bearer sesame'


def test_pagerduty(notifier, sink, tmp_path):
    (tmp_path / 'key').write_text('R0UT1NG\n')
    base = f'http://127.0.0.1:{sink.server_address[1]}'
    receiver = {'name': 'pager', 'kind': 'pagerduty', 'urls': [base + '/v2/enqueue'],
                'routing_key_file': str(tmp_path / 'key')}
    steps = [{}, {'acked_by': 'ada'}, {'status': 'resolved'}, {'status': 'changed'}]
    for i, step in enumerate(steps):
        assert notifier.send(receiver, {'id': f'evt_{i}', **step})['outcome'] == 'delivered'
    assert [p for p, _, _ in sink.got] == ['/v2/enqueue'] * 3 + ['/v2/change/enqueue']
    *alarm, change = (json.loads(b) for _, _, b in sink.got)
    assert [a['event_action'] for a in alarm] == ['trigger', 'acknowledge', 'resolve']
    assert {a['dedup_key'] for a in alarm} == {'inc_1'} and 'event_action' not in change
    assert {b['routing_key'] for b in [*alarm, change]} == {'R0UT1NG'}


def test_alertmanager_push_reaches_every_member(notifier, sink):
    base = f'http://127.0.0.1:{sink.server_address[1]}'
    receiver = {'name': 'am', 'kind': 'alertmanager', 'urls': [base, 'http://127.0.0.1:1', base]}
    assert notifier.send(receiver)['outcome'] == 'delivered'
    assert [p for p, _, _ in sink.got] == ['/api/v2/alerts'] * 2
    alert = json.loads(sink.got[0][2])[0]
    assert alert['startsAt'] < alert['endsAt'] and alert['labels']['severity'] == 'critical'


def test_what_lasts_is_said_again_to_every_member(sink):
    n, base = Notifier(), f'http://127.0.0.1:{sink.server_address[1]}'
    receiver = {'name': 'am', 'kind': 'alertmanager', 'urls': ['http://127.0.0.1:1', base + '/a', base + '/b']}
    before = time.time()
    for _ in range(2):
        sink.got.clear()
        n.frame(RENEW, {'receiver': receiver, 'notices': [NOTICE, {**NOTICE, 'status': 'resolved'}]})
        waited(lambda: len(sink.got) == 2)
        n.send(hook(sink))
    assert {p for p, _, _ in sink.got} == {'/a/api/v2/alerts', '/b/api/v2/alerts', '/in'}
    firing, over = json.loads(sink.got[0][2])
    assert firing['labels'] == over['labels'] and firing['startsAt'] == NOTICE['since']
    assert 200 < seconds(firing['endsAt']) - before < 300 and -2 < seconds(over['endsAt']) - before < 60
    n.channel.close()
    n.lifeline.close()
    _, err = n.process.communicate(timeout=10)
    lines = [line for line in err.decode().splitlines() if 'alertmanager' in line]
    assert len(lines) == 1 and '127.0.0.1:1:' in lines[0], lines


ALERTMANAGER = shutil.which('prometheus-alertmanager')


@pytest.mark.skipif(ALERTMANAGER is None, reason='prometheus-alertmanager is not installed')
def test_a_real_alertmanager_has_the_alert_and_its_end(notifier, tmp_path):
    (tmp_path / 'am.yml').write_text('route: {receiver: nobody}\nreceivers: [{name: nobody}]\n')
    place = f'{netns.NET}.93.1:9093'
    am = subprocess.Popen([ALERTMANAGER, f'--config.file={tmp_path}/am.yml', f'--storage.path={tmp_path}',
                           f'--web.listen-address={place}', '--cluster.listen-address='],
                          stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    base = f'http://{place}'
    receiver = {'name': 'am', 'kind': 'alertmanager', 'urls': [base]}

    def alerts():
        with urllib.request.urlopen(f'{base}/api/v2/alerts', timeout=5) as answer:
            return json.load(answer)

    try:
        end = time.monotonic() + 20
        while notifier.send(receiver)['outcome'] != 'delivered':
            assert time.monotonic() < end, 'it does not take the alert'
        (alert,) = alerts()
        assert alert['status']['state'] in ('active', 'unprocessed')
        assert alert['labels']['severity'] == 'critical', alert
        assert notifier.send(receiver, {'status': 'resolved'})['outcome'] == 'delivered'
        while alerts():
            assert time.monotonic() < end, alerts()
    finally:
        am.kill()
        am.wait()


# -- programs ------------------------------------------------------------------------------------------


def program(tmp_path, text, name='tell'):
    path = tmp_path / name
    path.write_text(text)
    path.chmod(0o755)
    return str(path)


@pytest.fixture
def runs(tmp_path):
    """Deliver to a shell script: the outcome."""
    started = []

    def run(text, *argv, notice=None, **more):
        path = program(tmp_path, '#!/bin/sh\n' + text)
        n = Notifier([path])
        started.append(n)
        return n.send({'name': 'tell', 'kind': 'exec', 'argv': [path, *argv], **more.pop('receiver', {})},
                      notice, **more)

    yield run
    for n in started:
        n.close()


def test_a_program_gets_its_arguments_and_the_event(runs):
    """It says what it got, and is refused for it, so that we see."""
    sent = runs('read -r event; echo "$#:$1:$2:${event}"; exit 3', 'a b', '$(id);*')
    assert (sent['outcome'], sent['code']) == ('rejected', 3)
    assert sent['text'].startswith('2:a b:$(id);*:{"schema"'), sent


def test_the_event_is_the_canonical_one(tmp_path, sink):
    path = program(tmp_path, '#!/usr/bin/python3\n'
                   'import socket, sys\n'
                   f's = socket.create_connection(("127.0.0.1", {sink.server_address[1]}))\n'
                   'b = sys.stdin.buffer.read()\n'
                   's.sendall(b"POST /x HTTP/1.0\\r\\nContent-Length: %d\\r\\n\\r\\n" % len(b) + b)\n'
                   's.recv(100)\n')
    n = Notifier([path])
    assert n.send({'name': 'tell', 'kind': 'exec', 'argv': [path]})['outcome'] == 'delivered'
    assert json.loads(sink.got[0][2]) == {k: NOTICE[k] for k in KEYS}
    n.close()


@pytest.mark.parametrize('text,outcome,code', [
    ('exit 0', 'delivered', 0), ('exit 75', 'retry', 75), ('exit 1', 'rejected', 1),
    ('kill -9 $$', 'rejected', 0), ('exec >&- 2>&- </dev/null; exit 75', 'retry', 75),
])
def test_the_exit_status_is_the_outcome(runs, text, outcome, code):
    sent = runs(text)
    assert (sent['outcome'], sent.get('code', 0)) == (outcome, code), sent


def test_a_program_that_does_not_end_is_killed(runs):
    sent = runs('while :; do :; done', seconds=30)
    assert sent['outcome'] == 'retry' and '20 s' in sent['text']


def test_what_a_program_says_is_bounded_and_escaped(runs):
    sent = runs(r"""printf '\033[31m'; i=0; while [ $i -lt 20000 ]; do echo aaaaaaaaaa; i=$((i+1)); done; exit 1""")
    assert sent['outcome'] == 'rejected' and sent['text'].isascii() and '\x1b' not in sent['text']
    assert len(sent['text']) < 1000


def test_a_program_that_is_not_there(runs):
    sent = runs('', receiver={'argv': ['/nonexistent/program']})
    assert sent['outcome'] == 'rejected' and 'No such file' in sent['text']


def test_another_program_is_not_executed(tmp_path):
    """Only what the setup named; the kernel says so, where it knows how."""
    path = program(tmp_path, '#!/bin/sh\nexit 0\n')
    n = Notifier()
    sent = n.send({'name': 'tell', 'kind': 'exec', 'argv': [path]})
    n.channel.close()
    n.lifeline.close()
    _, err = n.process.communicate(timeout=10)
    if b'without' in err:
        pytest.skip('no sandbox here: ' + err.decode()[:200])
    assert sent['outcome'] == 'retry' and 'ermission' in sent['text'], (sent, err)


def test_other_programs_mean_another_notifier(tmp_path):
    n = Notifier(['/bin/true'])
    n.frame(SETUP, {'programs': ['/bin/true']})
    sent = n.send({'name': 'tell', 'kind': 'exec', 'argv': ['/bin/true']})
    assert sent['outcome'] == 'delivered', sent
    n.frame(SETUP, {'programs': ['/bin/false']})
    assert n.process.wait(timeout=10) == 0
    n.close()


# -- heartbeats ----------------------------------------------------------------------------------------


def waited(condition, seconds=10):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_a_heartbeat_is_a_get_of_a_place_read_at_use(sink, tmp_path):
    n, place = Notifier(), tmp_path / 'url'
    base = f'http://127.0.0.1:{sink.server_address[1]}'
    n.frame(BEAT, {'url': base + '/plain'})
    waited(lambda: len(sink.got) == 1)
    for i in (2, 3):
        place.write_text(f'{base}/{i}\n')
        n.frame(BEAT, {'url_file': str(place)})
        waited(lambda: len(sink.got) == i)  # noqa: B023
    assert [p for p, _, _ in sink.got] == ['/plain', '/2', '/3']
    n.close()


def test_a_heartbeat_that_fails_is_logged_once_and_not_tried_again(sink, tmp_path):
    n, place = Notifier(), tmp_path / 'url'
    secret = '/hunter3'
    place.write_text(f'http://127.0.0.1:{sink.server_address[1]}{secret}')
    for i, status in enumerate((500, 500, 404, 200, 200, 500), 1):
        sink.answer = (status, {}, b'')
        n.frame(BEAT, {'url_file': str(place)})
        waited(lambda: len(sink.got) == i)  # noqa: B023
        # a delivery behind it: its answer has been taken up
        n.send(hook(sink))
        sink.got.pop()
    n.channel.close()
    n.lifeline.close()
    _, err = n.process.communicate(timeout=10)
    lines = [line for line in err.decode().splitlines() if 'heartbeat' in line]
    assert len(lines) == 3 and 'arrives again' in lines[1], lines
    assert secret not in err.decode() and str(place) in lines[0]
    assert len(sink.got) == 6


# -- the channel --------------------------------------------------------------------------------------


def test_nonsense_is_refused(notifier):
    assert notifier.send({'name': 'x', 'kind': 'email'})['outcome'] == 'rejected'
    assert notifier.send({'name': 'x', 'kind': 'pigeon'})['outcome'] == 'rejected'
    assert notifier.send({'name': 'x', 'kind': 'webhook'})['outcome'] == 'rejected'
    assert notifier.send({'name': 'x', 'kind': 'webhook'}, {'status': 7})['outcome'] == 'rejected'


def test_it_stops_when_told_and_finishes_first(sink):
    n = Notifier()
    relay = Relay()
    number = n.deliver(relay.receiver())
    n.channel.sendall(HEADER.pack(0, STOP, VERSION, 0))
    sent = n.answer(number)
    assert sent['outcome'] == 'delivered', sent
    assert n.process.wait(timeout=10) == 0
    n.close()


def test_it_goes_with_its_channel_and_takes_its_couriers_along():
    n = Notifier()
    relay = Relay(greeting='hang')
    n.deliver(relay.receiver())
    while True:
        children = subprocess.run(['ps', '--ppid', str(n.process.pid), '-o', 'pid='],
                                  capture_output=True, text=True, check=False).stdout.split()
        if children:
            break
    n.close()
    for pid in children:
        end = time.monotonic() + 5
        while os.path.exists(f'/proc/{pid}') and time.monotonic() < end:
            time.sleep(0.05)
        assert not os.path.exists(f'/proc/{pid}')
