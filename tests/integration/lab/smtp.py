# SPDX-License-Identifier: ISC
"""Scripted SMTP servers: well-behaved unless told otherwise, and the sink for the alerts.

A Peer is one server on one address.  What it does is in its attributes, read anew at every
connection, so a test changes the world by assignment:

    peer.starttls = 'hidden'
    peer.certificate = authority.issue('expiring', [peer.name])
"""

import asyncio
import ctypes
import email
import email.policy
import functools
import random
import ssl
import time

from .loop import Listener, wait_for

ALLOW_ALL = ctypes.CFUNCTYPE(ctypes.c_int, *[ctypes.c_void_p] * 2, *[ctypes.c_int] * 3,
                             *[ctypes.c_void_p] * 2)(lambda *_: 1)
OLD_CIPHERS = 'ALL:!aNULL:@SECLEVEL=0'


def server_context(certificates, minimum='1.2', maximum='1.3', ciphers='ALL:!aNULL:@SECLEVEL=0',
                   dh=None):
    """A server's SSLContext.  certificates: Issued, or a list (one for each key type)."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    versions = {'1.0': ssl.TLSVersion.TLSv1, '1.1': ssl.TLSVersion.TLSv1_1,
                '1.2': ssl.TLSVersion.TLSv1_2, '1.3': ssl.TLSVersion.TLSv1_3}
    context.set_ciphers(ciphers)
    context.minimum_version, context.maximum_version = versions[minimum], versions[maximum]
    if dh:
        # OpenSSL's security level 0 still refuses less than 1024 bit.  The SSL_CTX is the first
        # member of the object.
        pointer = ctypes.c_void_p.from_address(id(context) + object.__basicsize__)
        ctypes.CDLL('libssl.so.3').SSL_CTX_set_security_callback(pointer, ALLOW_ALL)
        context.load_dh_params(dh)
    for issued in certificates if isinstance(certificates, list) else [certificates]:
        context.load_cert_chain(issued.path)
    return context


async def flood(writer, chunk, limit=64 << 20):
    """Send chunk over and over, limit bytes in all, until the other side has had enough; then
    keep still.  Nobody else in the loop waits for it."""
    for _ in range(limit // len(chunk)):
        while writer.transport.get_write_buffer_size() > 1 << 20 and not writer.is_closing():
            await asyncio.sleep(0.02)
        if writer.is_closing():
            return
        writer.write(chunk)
        await asyncio.sleep(0)
    await forever()


class Line:
    """A connection as lines, before and after STARTTLS."""

    def __init__(self, reader, writer, dribble=0):
        self.reader, self.writer, self.dribble = reader, writer, dribble
        self.close = None

    async def say(self, text):
        data = text if isinstance(text, bytes) else text.encode('latin-1') + b'\r\n'
        if self.dribble:
            for i in range(len(data)):
                self.writer.write(data[i:i + 1])
                await asyncio.sleep(self.dribble)
        self.writer.write(b'' if self.dribble else data)
        await self.writer.drain()

    async def hear(self):
        """The next line without its end; EOFError when there is none any more."""
        line = await self.reader.readuntil(b'\n')
        return line.decode('latin-1').rstrip('\r\n')

    async def start_tls(self, context, keep_plaintext=False):
        if not keep_plaintext:
            self.reader._buffer.clear()
        await self.writer.start_tls(context)

    async def start_engine(self, engine, certificate, keep_plaintext):
        if not keep_plaintext:
            self.reader._buffer.clear()
        self.reader, self.writer, self.close = await engine.start(self.reader, self.writer, certificate)


async def forever():
    await asyncio.Event().wait()


class Peer:
    """One SMTP server on one address.

    banner      the greeting's text behind "220 name ", or bytes to send as they are
    greeting    '220', another code ('421', '554'), 'silence', 'garbage', 'endless', 'close'
    ehlo        'well', 'helo-only' (EHLO gets 502), '421', '500', 'garbage', 'silence', 'endless',
                'mute' (no answer inside TLS)
    extensions  keywords listed beside STARTTLS
    starttls    'offered', 'hidden' (not listed, 502), 'silent' (not listed, works), a code
                ('454', '501') as reply, 'garbage-tls' (220, then noise), 'hang' (220, then nothing),
                'close' (220, then EOF)
    trailing    plaintext sent behind the 220 in one go
    injectable  answers inside TLS what came in plaintext behind STARTTLS (CVE-2011-0411)
    repeats     lists STARTTLS again inside TLS
    certificate Issued or a list of them; by_name: {SNI: Issued}; need_sni: refuse without
    tls         (lowest, highest) version; ciphers, dh: as OpenSSL wants them
    relay       'closed' (554), 'open', 'grey' (450), 'half' (accepts one pair of two)
    dribble     seconds between two bytes of every reply (tarpit)
    implicit    TLS from the first byte (port 465)
    engine      TLS by another library than OpenSSL (engines.py)
    """

    def __init__(self, loop, name, address, certificate=None, port=25, **manners):
        self.name, self.address, self.port = name, address, port
        self.banner, self.greeting, self.ehlo, self.starttls = 'ESMTP', '220', 'well', 'offered'
        self.extensions = ['PIPELINING', 'SIZE 52428800', '8BITMIME', 'ENHANCEDSTATUSCODES']
        self.trailing, self.injectable, self.repeats = '', False, False
        self.certificate, self.by_name, self.need_sni = certificate, {}, False
        self.tls, self.ciphers, self.dh = ('1.2', '1.3'), OLD_CIPHERS, None
        self.relay, self.dribble, self.implicit, self.engine = 'closed', 0, False, None
        self.connections, self.commands, self.dialogues = 0, [], []
        self._contexts = {}
        self.configure(**manners)
        self.listener = Listener(loop, self._serve, address, port)

    def configure(self, **manners):
        for key, value in manners.items():
            if not hasattr(self, key):
                raise AttributeError(f'an SMTP peer has no {key}')
            setattr(self, key, value)

    def up(self):
        self.listener.up()

    def down(self):
        self.listener.down()

    def context(self, certificate=None):
        certificate = certificate or self.certificate
        held = certificate if isinstance(certificate, list) else [certificate]
        key = (tuple(c.path for c in held), self.tls, self.ciphers, self.dh, self.need_sni,
               tuple(self.by_name))
        if key not in self._contexts:
            context = server_context(certificate, *self.tls, self.ciphers, self.dh)
            if self.by_name or self.need_sni:
                context.sni_callback = self._sni
            self._contexts[key] = context
        return self._contexts[key]

    def _sni(self, connection, name, _context):
        if name is None and self.need_sni:
            return ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME
        if name in self.by_name:
            chosen = self.by_name[name]
            connection.context = server_context(chosen, *self.tls, self.ciphers, self.dh)
        return None

    # -- one session ----------------------------------------------------------------------------

    async def _serve(self, reader, writer):
        self.connections += 1
        heard = []
        self.dialogues.append((time.monotonic(), heard))
        line = Line(reader, writer, self.dribble)
        try:
            await self._talk(line, heard)
        finally:
            if line.close:
                await line.close()

    async def _secure(self, line, keep_plaintext):
        if self.engine:
            await line.start_engine(self.engine, self.certificate, self.implicit)
        else:
            await line.start_tls(self.context(), keep_plaintext)

    async def _talk(self, line, heard):
        if self.implicit:
            await self._secure(line, keep_plaintext=True)
        if not await self._greet(line):
            return
        tls, rcpt = self.implicit, 0
        while True:
            command = await line.hear()
            heard.append(command)
            self.commands.append(command)
            verb = command.split(' ')[0].upper()
            if verb in ('EHLO', 'HELO'):
                if not await self._hello(line, verb, tls):
                    return
            elif verb == 'STARTTLS':
                if tls or self.starttls == 'hidden':
                    await line.say('502 5.5.1 STARTTLS not available')
                elif not await self._start_tls(line):
                    return
                else:
                    tls = True
            elif verb == 'MAIL':
                await line.say('250 2.1.0 Ok')
            elif verb == 'RCPT':
                rcpt += 1
                await line.say(self._relay_reply())
            elif verb in ('RSET', 'NOOP'):
                await line.say('250 2.0.0 Ok')
            elif verb == 'QUIT':
                await line.say('221 2.0.0 Bye')
                return
            else:
                await line.say('502 5.5.2 Command not recognized')

    async def _greet(self, line):
        if self.greeting == 'silence':
            await forever()
        if self.greeting == 'garbage':
            await line.say(bytes(range(1, 256)) * 4 + b'\r\n')
            await forever()
        if self.greeting == 'endless':
            await flood(line.writer, f'220-{self.name} {"x" * 400}\r\n'.encode() * 10)
        if self.greeting == 'close':
            return False
        if isinstance(self.banner, bytes):
            await line.say(self.banner)
        else:
            await line.say(f'{self.greeting} {self.name} {self.banner}')
        return self.greeting != '421'

    async def _hello(self, line, verb, tls):
        if verb == 'HELO':
            await line.say(f'250 {self.name}')
            return True
        if self.ehlo == 'silence' or (self.ehlo == 'mute' and tls):
            await forever()
        if self.ehlo == 'helo-only':
            await line.say('502 5.5.1 Command not implemented')
        elif self.ehlo == 'garbage':
            await line.say(b'\x00\xff\xfehello there\r\nwhat?\r\n')
        elif self.ehlo == 'endless':
            await flood(line.writer, f'250-X-MORE {"y" * 400}\r\n'.encode() * 10)
        elif self.ehlo in ('421', '500', '554'):
            await line.say(f'{self.ehlo} 4.7.0 Try again later')
            return self.ehlo != '421'
        else:
            listed = list(self.extensions)
            if (self.starttls not in ('hidden', 'silent') and not tls) or (self.repeats and tls):
                listed.append('STARTTLS')
            lines = [self.name] + listed
            await line.say('\r\n'.join(f'250{" " if i == len(lines) - 1 else "-"}{text}'
                                       for i, text in enumerate(lines)))
        return True

    async def _start_tls(self, line):
        if self.starttls.isdigit():
            await line.say(f'{self.starttls} 4.7.0 TLS not available due to local problem')
            return True
        if self.starttls == 'hang':
            await line.say('220 2.0.0 Ready to start TLS')
            await forever()
        if self.starttls == 'close':
            await line.say('220 2.0.0 Ready to start TLS')
            return False
        if self.starttls == 'garbage-tls':
            await line.say('220 2.0.0 Ready to start TLS')
            await line.reader.read(1)
            await line.say(random.Random(7).randbytes(200))
            return False
        await line.say(('220 2.0.0 Ready to start TLS\r\n' + self.trailing).encode('latin-1'))
        await self._secure(line, keep_plaintext=self.injectable)
        return True

    def _relay_reply(self):
        if self.relay == 'half':
            self._half = not getattr(self, '_half', False)
            return '250 2.1.5 Ok' if self._half else '554 5.7.1 Relay access denied'
        return {'open': '250 2.1.5 Ok', 'grey': '450 4.2.0 Greylisted'}.get(
            self.relay, '554 5.7.1 Relay access denied')


class Mail:
    """A mail as it arrived."""

    def __init__(self, sender, recipients, data, tls):
        self.sender, self.recipients, self.data, self.tls = sender, recipients, data, tls
        self.at = time.monotonic()
        self.message = email.message_from_bytes(data, policy=email.policy.default)

    def __getitem__(self, header):
        return str(self.message[header] or '')

    @functools.cached_property
    def event(self):
        return self['X-Mxwatch-Event']

    @functools.cached_property
    def text(self):
        part = self.message.get_body(('plain',))
        return part.get_content() if part else ''

    def __repr__(self):
        return f'<mail {self.event} {self["Subject"]!r} to {",".join(self.recipients)}>'


class MailSink:
    """The mailbox of the person on call.

    mood: 'well', 'hang' (greets and then nothing), 'refuse' (550 to RCPT), 'defer' (451 to DATA's
    end), 'busy' (421 greeting), 'drop' (closes after the final dot, without a reply, the mail not
    kept), 'forget' (the mail kept, the connection closed instead of 250), 'tarpit',
    'trailing' (plaintext behind the STARTTLS reply); tls=False: no STARTTLS; down() as always.
    """

    def __init__(self, loop, name, address, certificate, port=25):
        self.name, self.address, self.port = name, address, port
        self.certificate, self.mood, self.tls, self.maximum = certificate, 'well', True, '1.3'
        self.mails, self.connections = [], 0
        self.listener = Listener(loop, self._serve, address, port)

    def up(self):
        self.listener.up()

    def down(self):
        self.listener.down()

    def be(self, mood):
        self.mood = mood

    async def _serve(self, reader, writer):
        self.connections += 1
        line = Line(reader, writer, 0.5 if self.mood == 'tarpit' else 0)
        if self.mood == 'busy':
            await line.say('421 4.3.2 Too busy')
            return
        await line.say(f'220 {self.name} ESMTP the alert sink')
        if self.mood == 'hang':
            await forever()
        tls, sender, recipients = False, '', []
        while True:
            command = await line.hear()
            verb, _, argument = command.partition(' ')
            verb = verb.upper()
            if verb in ('EHLO', 'HELO'):
                lines = [self.name, '8BITMIME', 'PIPELINING']
                if self.tls and not tls:
                    lines.append('STARTTLS')
                await line.say('\r\n'.join(f'250{" " if t is lines[-1] else "-"}{t}' for t in lines))
            elif verb == 'STARTTLS' and self.tls and not tls:
                behind = '250 2.0.0 injected\r\n' if self.mood == 'trailing' else ''
                await line.say(f'220 2.0.0 Ready\r\n{behind}'.encode())
                await line.start_tls(server_context(self.certificate, maximum=self.maximum))
                tls = True
            elif verb == 'MAIL':
                sender, recipients = argument.partition(':')[2].split('>')[0].strip(' <'), []
                await line.say('250 2.1.0 Ok')
            elif verb == 'RCPT':
                if self.mood == 'refuse':
                    await line.say('550 5.1.1 No such user')
                else:
                    recipients.append(argument.partition(':')[2].split('>')[0].strip(' <'))
                    await line.say('250 2.1.5 Ok')
            elif verb == 'DATA':
                if not recipients:
                    await line.say('554 5.5.1 No valid recipients')
                    continue
                await line.say('354 Go ahead')
                if not await self._data(line, sender, recipients, tls):
                    return
            elif verb == 'QUIT':
                await line.say('221 2.0.0 Bye')
                return
            else:
                await line.say('250 2.0.0 Ok')

    async def _data(self, line, sender, recipients, tls):
        data = bytearray()
        while True:
            text = await line.reader.readuntil(b'\n')
            if text in (b'.\r\n', b'.\n'):
                break
            data += text[1:] if text.startswith(b'.') else text
        if self.mood == 'defer':
            await line.say('451 4.3.0 Try again later')
            return True
        if self.mood == 'drop':
            return False
        self.mails.append(Mail(sender, recipients, bytes(data), tls))
        if self.mood == 'forget':
            return False
        await line.say('250 2.0.0 Ok: queued')
        return True

    # -- questions -------------------------------------------------------------------------------

    def having(self, event=None, about=None, since=0):
        """Mails with this event (or with it in the text, among the changes that travel along),
        that name `about` in Subject or text, from index since on."""
        return [m for m in self.mails[since:]
                if (event is None or m.event == event or event in m.text)
                and (about is None or about in m['Subject'] or about in m.text)]

    def wait(self, event=None, about=None, seconds=20, since=0):
        """The first such mail, as soon as it is there."""
        return wait_for(lambda: self.having(event, about, since), seconds,
                        lambda: f'a mail {event} about {about}; there are {self.mails[since:]}')[0]
