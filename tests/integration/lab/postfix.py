# SPDX-License-Identifier: ISC
"""Real Postfix: one instance, an smtpd on each address with TLS settings of its own.

It accepts nothing for delivery; it is here to be probed.
"""

import grp
import os
import pwd
import socket

from .loop import wait_for
from .program import Program

LIBEXEC = '/usr/lib/postfix/sbin'
OLD_TLS = ['smtpd_tls_protocols=>=TLSv1,<=TLSv1.2', 'smtpd_tls_mandatory_protocols=>=TLSv1,<=TLSv1.2',
           'tls_medium_cipherlist=ALL:!aNULL:@SECLEVEL=0', 'smtpd_tls_ciphers=medium']
MODERN_TLS = ['smtpd_tls_protocols=>=TLSv1.2']


def answers(address, port):
    try:
        with socket.create_connection((address, port), 1):
            return True
    except OSError:
        return False


class Postfix:
    def __init__(self, directory, settings='', services=()):
        """settings and services are lines more of main.cf and master.cf."""
        self.directory, self.settings, self.more = directory, settings, services
        self.services, self.program = [], None

    def add(self, name, address, certificate, settings=MODERN_TLS, port=25):
        """An smtpd called name; port 465 speaks TLS from the first byte."""
        options = [f'myhostname={name}', 'smtpd_tls_chain_files=' + certificate.path, *settings,
                   f'smtpd_banner={name} ESMTP Postfix']
        if port == 465:
            options.append('smtpd_tls_wrappermode=yes')
        self.services.append((f'{address}:{port}', options))

    def start(self):
        where = self.directory
        queue, data = os.path.join(where, 'queue'), os.path.join(where, 'data')
        owner, maildrop = pwd.getpwnam('postfix'), grp.getgrnam('postdrop').gr_gid
        os.makedirs(queue, exist_ok=True)
        os.chmod(where, 0o755)
        for folder in ('active', 'bounce', 'corrupt', 'defer', 'deferred', 'flush', 'hold', 'incoming',
                       'private', 'saved', 'trace', 'maildrop', 'public', 'pid', '../data'):
            path = os.path.join(queue, folder)
            os.makedirs(path, exist_ok=True)
            if folder != 'pid':
                os.chown(path, owner.pw_uid, maildrop if folder in ('maildrop', 'public') else -1)
        os.chmod(os.path.join(queue, 'public'), 0o710)
        os.chmod(os.path.join(queue, 'maildrop'), 0o730)
        with open(os.path.join(where, 'main.cf'), 'w') as f:
            f.write(f'''compatibility_level = 3.6
queue_directory = {queue}
data_directory = {data}
inet_protocols = ipv4
mydestination =
mynetworks =
maillog_file = {where}/postfix.log
maillog_file_prefixes = /
smtpd_relay_restrictions = reject_unauth_destination
smtpd_tls_security_level = may
smtpd_tls_session_cache_database =
smtpd_peername_lookup = no
smtpd_delay_reject = yes
local_recipient_maps =
alias_maps =
alias_database =
{self.settings}''')
        with open(os.path.join(where, 'master.cf'), 'w') as f:
            for endpoint, options in self.services:
                f.write(f'{endpoint} inet n - n - - smtpd\n')
                f.writelines(f'  -o {{ {option} }}\n' for option in options)
            for line in ('cleanup unix n - n - 0 cleanup', 'rewrite unix - - n - - trivial-rewrite',
                         'tlsmgr unix - - n 1000? 1 tlsmgr', 'anvil unix - - n - 1 anvil',
                         'proxymap unix - - n - - proxymap', 'bounce unix - - n - 0 bounce',
                         'postlog unix-dgram n - n - 1 postlogd', *self.more):
                f.write(line + '\n')
        self.program = Program([LIBEXEC + '/master', '-d', '-c', where], where, name='postfix',
                               env={'MAIL_CONFIG': where, 'config_directory': where})

    def ready(self):
        for endpoint, options in self.services:
            address, port = endpoint.split(':')
            wait_for(lambda: answers(address, int(port)), 15, lambda: self.program.said() + self.log())

    def log(self):
        path = os.path.join(self.directory, 'postfix.log')
        return open(path, errors='replace').read() if os.path.exists(path) else ''

    def stop(self):
        if self.program:
            self.program.stop()
