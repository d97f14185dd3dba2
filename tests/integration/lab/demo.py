# SPDX-License-Identifier: ISC
"""`./run demo`: a healthy domain, a daemon that watches it, and one fault after the other."""

import os
import sys
import textwrap
import time

from .daemon import Daemon
from .world import World

DOMAIN = 'shop.test'


def steps(world, shop):
    """(what a person is told, what happens, the event that has to arrive)."""
    first, second = shop.hosts
    return [
        ('the MTA-STS policy gets a new id',
         lambda: shop.policy_id('20270101T000000'), 'mta_sts.id_changed'),
        ('mx1 gets a certificate that expires in 5 days',
         lambda: first.certificate('expiring'), 'cert.expiring'),
        ('mail moves to an MX that the MTA-STS policy does not list',
         lambda: shop.mx(first.name, second.name, world.host('mx.newhost.test').name),
         'mx.pattern_drift'),
        ('mx2 forgets TLS 1.3',
         lambda: second.configure(tls=('1.2', '1.2')), 'tls.version_regression'),
        ('mx1 no longer offers STARTTLS',
         lambda: first.configure(starttls='hidden'), 'starttls.lost'),
    ]


def indented(text):
    return '\n'.join(textwrap.wrap(text, 92, initial_indent='        ', subsequent_indent='        '))


def show(mail, hook, seconds):
    notice = hook.json
    print(f'    after {seconds:.1f} s')
    print(f'    mail     {mail["Subject"]}')
    print(f'    webhook  {notice["event"]} {notice["status"]}, {notice["severity"]}, '
          f'about {notice["subject"]}')
    print(indented(notice['summary']))
    if notice.get('advice'):
        print(indented(notice['advice']))
    print()


def main(build):
    bold, plain = ('\033[1m', '\033[0m') if sys.stdout.isatty() and 'NO_COLOR' not in os.environ else ('', '')
    with World() as world:
        shop = world.domain(DOMAIN, mx=2)
        world.start()
        directory = os.path.join(world.directory, 'daemon')
        os.makedirs(directory)
        daemon = Daemon(world, build, directory, [shop]).start()
        try:
            print(f'{bold}mxwatchd watches {DOMAIN}{plain}: two MX hosts, MTA-STS enforce, TLS-RPT; every 5 seconds.')
            print('The first look is the baseline and says nothing.\n')
            daemon.look_twice()
            faults = steps(world, shop)
            for number, (what, happen, event) in enumerate(faults, 1):
                print(f'{bold}{number}. {what}{plain}', flush=True)
                began = time.monotonic()
                happen()
                hook = daemon.hook(event, seconds=40)
                mail = daemon.mail(event, seconds=40)
                show(mail, hook, max(hook.at, mail.at) - began)
            print(f'{bold}That was all{plain}: {len(daemon.mails())} mails and {len(daemon.hooks())} webhooks '
                  f'for {len(faults)} faults.')
            print('`./run lab` is the same world to play with; `./run` watches the real one.')
            return 0
        except AssertionError as e:
            print(e, file=sys.stderr)
            return 1
        except KeyboardInterrupt:
            print('\nended.')
            return 130
        finally:
            daemon.stop()
