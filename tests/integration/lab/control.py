# SPDX-License-Identifier: ISC
"""Steering a running lab from another process: one command, one answer, over a Unix socket."""

import contextlib
import io
import json
import os
import shlex
import socket
import sys
import threading

from . import catalogue

USAGE = '''\
usage: lab COMMAND
  domains                     every domain and what is odd about it
  host HOST KEY=VALUE...      manners of a host: starttls=hidden tls=1.2,1.2 greeting=421 ...
  cert HOST KIND              swap the certificate: renewed expiring expired self-signed ...
  down HOST   up HOST         stop listening, listen again
  record NAME TYPE [DATA...]  replace a record set (no DATA: remove it)
  policy DOMAIN KEY=VALUE...  change the MTA-STS policy and its id: mode=testing mx=a,b
  policy-id DOMAIN            change the id alone
  resolver MOOD               well drop servfail garbage wrong-question gone ... (the relay's moods)
  mails   hooks               what has arrived in the sinks
'''


def pairs(words):
    for word in words:
        key, _, value = word.partition('=')
        if key in ('tls', 'extensions'):
            value = value.split(',')
        elif value in ('true', 'false'):
            value = value == 'true'
        elif key in ('dribble', 'max_age'):
            value = float(value) if '.' in value else int(value)
        yield key, tuple(value) if key == 'tls' else value


def obey(world, words):
    """Run one command; its output is printed."""
    verb, rest = (words[0] if words else 'help'), words[1:]
    if verb == 'domains':
        for r in catalogue.ROWS:
            print(f'{r.name:24} {r.odd}')
    elif verb == 'host':
        world.hosts[rest[0]].configure(**dict(pairs(rest[1:])))
    elif verb == 'cert':
        world.hosts[rest[0]].certificate(rest[1])
    elif verb in ('down', 'up'):
        getattr(world.hosts[rest[0]], verb)()
    elif verb == 'record':
        world.dns.set(rest[0], rest[1].upper(), rest[2:])
        world.changed()
    elif verb == 'policy':
        fields = dict(pairs(rest[1:]))
        if 'mx' in fields:
            fields['mx'] = fields['mx'].split(',')
        world.domains[rest[0]].policy(**fields)
    elif verb == 'policy-id':
        world.domains[rest[0]].policy_id()
    elif verb == 'resolver':
        world.relay.be(rest[0])
    elif verb == 'mails':
        for mail in world.mail_sink.mails:
            print(f'--- to {", ".join(mail.recipients)}\n{mail.data.decode("utf-8", "replace")}')
    elif verb == 'hooks':
        for hook in world.webhook_sink.hooks:
            print(json.dumps(hook.json, indent=2, ensure_ascii=False))
    else:
        print(USAGE, end='')


def serve(world, path):
    """Answer commands at path until the process ends."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen()

    def answer(connection):
        with connection:
            words = json.loads(connection.makefile().readline())
            out = io.StringIO()
            try:
                with contextlib.redirect_stdout(out):
                    obey(world, words)
            except Exception as e:  # told to the person who asked
                out.write(f'{type(e).__name__}: {e}\n')
            connection.sendall(out.getvalue().encode())

    def loop():
        while True:
            answer(listener.accept()[0])
    threading.Thread(target=loop, daemon=True).start()


def ask(path, words):
    with socket.socket(socket.AF_UNIX) as s:
        s.connect(path)
        s.sendall(json.dumps(words).encode() + b'\n')
        return b''.join(iter(lambda: s.recv(65536), b'')).decode()


def install(path, directory):
    """A command `lab` in directory that talks to the socket at path."""
    script = os.path.join(directory, 'lab')
    with open(script, 'w') as f:
        f.write('#!/bin/sh\nPYTHONPATH=%s exec /usr/bin/python3 -m lab ctl %s "$@"\n' % (
            shlex.quote(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))), shlex.quote(path)))
    os.chmod(script, 0o755)


def main(argv):
    sys.stdout.write(ask(argv[0], argv[1:]))
