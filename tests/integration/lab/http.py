# SPDX-License-Identifier: ISC
"""HTTPS of the lab: nginx for policy hosts as most people run them, scripted ones for those
that nobody should run, and the sink for webhooks."""

import base64
import functools
import hashlib
import hmac
import json
import os
import signal
import socket
import ssl
import time

from .ca import DER
from .loop import Listener, wait_for
from .netns import NET
from .program import Program
from .smtp import flood, forever, server_context

NGINX = f'{NET}.80.1'


def policy(mode='enforce', mx=(), max_age=604800, version='STSv1', eol='\r\n'):
    """The text of an MTA-STS policy (RFC 8461 section 3.2)."""
    lines = [f'version: {version}', f'mode: {mode}'] + [f'mx: {m}' for m in mx]
    return eol.join(lines + [f'max_age: {max_age}']) + eol


class Nginx:
    """Policy hosts on one address, told apart by SNI; `sites` is {host: Site}."""

    def __init__(self, directory):
        self.directory = directory
        self.root = os.path.join(directory, 'www')
        os.makedirs(self.root, exist_ok=True)
        self.sites, self.program = {}, None

    def site(self, host, body, certificate, status=200, content_type='text/plain', location=None,
             rate=None):
        """Add or replace a policy host; applies with reload() once the server runs."""
        self.sites[host] = {'certificate': certificate, 'status': status, 'type': content_type,
                            'location': location, 'rate': rate}
        if body is not None:
            self.write(host, body)

    def write(self, host, body):
        """Another policy body, at once."""
        folder = os.path.join(self.root, host, '.well-known')
        os.makedirs(folder, exist_ok=True)
        path = os.path.join(folder, 'mta-sts.txt')
        with open(path + '.new', 'wb') as f:
            f.write(body if isinstance(body, bytes) else body.encode('latin-1'))
        os.replace(path + '.new', path)

    def read(self, host):
        with open(os.path.join(self.root, host, '.well-known', 'mta-sts.txt'), 'rb') as f:
            return f.read().decode('latin-1')

    def _configuration(self):
        out = [f'worker_processes 1; daemon off; pid {self.directory}/nginx.pid; user root;',
               f'error_log {self.directory}/nginx-error.log;',
               'events { worker_connections 512; }',
               'http { access_log off; types {} server_names_hash_bucket_size 128;',
               *(f'{kind}_temp_path {self.directory}/{kind};' for kind in
                 ('client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi')),
               'ssl_protocols TLSv1.2 TLSv1.3; keepalive_timeout 0;']
        for host, site in sorted(self.sites.items()):
            action = f'default_type "{site["type"]}";' if site['type'] else 'types {} default_type "";'
            if site['location']:
                action = f'return {site["status"]} {site["location"]};'
            elif site['status'] != 200:
                action = f'return {site["status"]};'
            elif site['rate']:
                action += f' limit_rate {site["rate"]};'
            path = site['certificate'].path
            out.append(f'server {{ listen {NGINX}:443 ssl; server_name {host}; root {self.root}/{host};'
                       f' ssl_certificate {path}; ssl_certificate_key {path};'
                       f' location / {{ {action} }} }}')
        return '\n'.join(out + ['}']) + '\n'

    def _write_configuration(self):
        path = os.path.join(self.directory, 'nginx.conf')
        with open(path, 'w') as f:
            f.write(self._configuration())
        return path

    def start(self):
        path = self._write_configuration()
        self.program = Program(['nginx', '-p', self.directory, '-c', path], self.directory)

    def ready(self):
        host = next(iter(self.sites))
        wait_for(lambda: self.presents(host), 60, self.program.said)

    def reload(self, host):
        """Apply the sites; returns when nginx presents the certificate that host has now."""
        self._write_configuration()
        self.program.signal(signal.SIGHUP)
        wanted = self.sites[host]['certificate'].leaf.public_bytes(DER)
        wait_for(lambda: self.presents(host) == wanted, 60, self.program.said)

    def presents(self, host):
        """The leaf certificate served to those who ask for host, None while nobody answers."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        try:
            with socket.create_connection((NGINX, 443), 2) as raw:
                with context.wrap_socket(raw, server_hostname=host) as tls:
                    return tls.getpeercert(True)
        except OSError:
            return None

    def stop(self):
        if self.program:
            self.program.stop()


class OddPolicyHost:
    """A policy host on an address of its own.

    mood: 'hang' (takes the request, never answers), 'stall' (headers, then nothing), 'headers'
    (headers without end), 'garbage', 'plain' (no TLS), 'endless' (a body without end), 'document'
    (serves `body`).
    """

    def __init__(self, loop, address, certificate, mood):
        self.address, self.mood, self.certificate = address, mood, certificate
        self.connections, self.body = 0, ''
        self.listener = Listener(loop, self._serve, address, 443)

    def up(self):
        self.listener.up()

    def down(self):
        self.listener.down()

    async def _serve(self, reader, writer):
        self.connections += 1
        if self.mood == 'plain':
            writer.write(b'HTTP/1.1 400 Bad Request\r\n\r\n')
            await writer.drain()
            return
        await writer.start_tls(server_context(self.certificate))
        await reader.readuntil(b'\r\n\r\n')
        if self.mood == 'hang':
            await forever()
        if self.mood == 'garbage':
            writer.write(bytes(range(256)) * 8)
            await writer.drain()
            return
        writer.write(b'HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n')
        if self.mood == 'headers':
            return await flood(writer, (b'X-More: ' + b'h' * 1000 + b'\r\n') * 10)
        if self.mood == 'document':
            writer.write(f'Content-Length: {len(self.body)}\r\n\r\n{self.body}'.encode())
            await writer.drain()
            return
        writer.write(b'\r\nversion: STSv1\r\n')
        await writer.drain()
        if self.mood == 'stall':
            await forever()
        await flood(writer, (b'mx: ' + b'm' * 1000 + b'\r\n') * 10)


class Hook:
    """A webhook request as it arrived."""

    def __init__(self, method, path, headers, body):
        self.method, self.path, self.headers, self.body = method, path, headers, body
        self.at = time.monotonic()

    @functools.cached_property
    def json(self):
        return json.loads(self.body)

    @property
    def event(self):
        return self.json.get('event')

    def signed_with(self, secret):
        """The Standard Webhooks signature is right for this secret (bytes)."""
        signed = (f'{self.headers["webhook-id"]}.{self.headers["webhook-timestamp"]}.'.encode()
                  + self.body)
        mac = base64.b64encode(hmac.new(secret, signed, hashlib.sha256).digest()).decode()
        return f'v1,{mac}' in self.headers['webhook-signature'].split(' ')

    def __repr__(self):
        try:
            j = self.json
            return f'<hook {j.get("event")} {j.get("status")} {j.get("subject")}>'
        except ValueError:
            return f'<hook {self.body[:60]!r}>'


class WebhookSink:
    """Where webhooks arrive.  `answers` is a list of (status, headers) for the next requests,
    'hang' or 'close' among them; when it is empty, `always` is the answer.  Only requests answered
    with 2xx are in `hooks`; all of them are in `requests`."""

    def __init__(self, loop, name, address, certificate, port=443):
        self.name, self.address, self.port, self.certificate = name, address, port, certificate
        self.hooks, self.requests, self.answers, self.always = [], [], [], (200, {})
        self.listener = Listener(loop, self._serve, address, port)

    @property
    def url(self):
        return f'https://{self.address}:{self.port}/hook'

    def up(self):
        self.listener.up()

    def down(self):
        self.listener.down()

    async def _serve(self, reader, writer):
        await writer.start_tls(server_context(self.certificate))
        while True:
            head = (await reader.readuntil(b'\r\n\r\n')).decode('latin-1')
            first, *lines = head.split('\r\n')
            headers = {k.strip().lower(): v.strip() for k, _, v in (h.partition(':') for h in lines) if k}
            if headers.get('expect', '').lower() == '100-continue':
                writer.write(b'HTTP/1.1 100 Continue\r\n\r\n')
            body = await reader.readexactly(int(headers.get('content-length', 0)))
            method, path, _ = first.split(' ', 2)
            hook = Hook(method, path, headers, body)
            self.requests.append(hook)
            answer = self.answers.pop(0) if self.answers else self.always
            if answer == 'hang':
                await forever()
            if answer == 'close':
                return
            status, extra = answer
            if 200 <= status < 300:
                self.hooks.append(hook)
            lines = [f'HTTP/1.1 {status} Whatever', 'Content-Length: 0',
                     *(f'{k}: {v}' for k, v in extra.items())]
            writer.write(('\r\n'.join(lines) + '\r\n\r\n').encode())
            await writer.drain()

    # -- questions -------------------------------------------------------------------------------

    def having(self, event=None, about=None, status=None, since=0):
        """Accepted requests with this event (or with it among the changes that travel along) and
        status, whose subject or domains name `about`."""
        return [h for h in self.hooks[since:]
                if (event is None or event in [h.json['event'], *h.json['changes']])
                and (status is None or h.json['status'] == status)
                and (about is None or about in h.json['subject'] or about in h.json['domains'])]

    def wait(self, event=None, about=None, status=None, seconds=20, since=0):
        """The first such request, as soon as it is there."""
        return wait_for(lambda: self.having(event, about, status, since), seconds,
                        lambda: f'a webhook {event} ({status or "any"}) about {about}; '
                                f'there are {self.hooks[since:]}')[0]
