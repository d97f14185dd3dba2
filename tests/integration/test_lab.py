# SPDX-License-Identifier: ISC
"""The lab itself: that its faults are real, and that a change is served when the call returns."""

import smtplib
import socket
import ssl
import struct
import subprocess

import pytest

from lab import dns, netns


def ask(server, name, rtype):
    """(rcode, AD) of a query that asks for AD."""
    query = bytearray(dns.question(name, rtype))
    query[3] |= 0x20
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(5)
        s.sendto(query, (server, 53))
        flags = struct.unpack_from('>H', s.recv(4096), 2)[0]
    return flags & 15, bool(flags & 0x20)


@pytest.mark.parametrize('name, rtype, expected', [
    ('good.test', 'MX', (0, True)), ('nxdomain.test', 'MX', (3, True)), ('insecure.test', 'MX', (0, False)),
    ('bogus.test', 'MX', (2, False)), ('expired-sig.test', 'MX', (2, False)),
    ('_25._tcp.mx1.dane-denial.test', 'TLSA', (2, False)), ('_25._tcp.mx1.dane.test', 'TLSA', (0, True)),
    (f'9.99.{netns.NUMBER}.127.in-addr.arpa', 'PTR', (3, True))])
def test_dnssec_is_as_declared(lab, name, rtype, expected):
    assert ask(dns.UNBOUND, name, rtype) == expected


def test_a_change_is_served_at_once(lab):
    domain = lab.domains['rsa.test']
    domain.policy_id('served')
    said = subprocess.run(['dig', '+short', '@' + dns.UNBOUND, '_mta-sts.rsa.test', 'TXT'],
                          capture_output=True, text=True).stdout
    assert 'id=served' in said


def starttls(lab, host, **options):
    context = ssl.create_default_context(cafile=lab.ca_file)
    for key, value in options.items():
        setattr(context, key, value)
    address = lab.hosts[host].address
    with smtplib.SMTP(address, 25, timeout=5) as smtp:
        smtp._host = host
        smtp.starttls(context=context)
        return smtp.sock.version()


@pytest.mark.parametrize('host, trouble', [
    ('mx1.good.test', None), ('mx1.rsa.test', None), ('mx1.wildcard.test', None),
    ('mx1.disorder.test', None), ('mx1.expiring.test', None),
    ('mx1.expired.test', 'certificate has expired'), ('mx1.not-yet.test', 'not yet valid'),
    ('mx1.self-signed.test', 'self-signed certificate'), ('mx1.unknown-ca.test', 'self-signed certificate in'),
    ('mx1.no-mid.test', 'unable to get local issuer'), ('mx1.old-mid.test', 'certificate has expired'),
    ('mx1.wrong-name.test', 'Hostname mismatch')])
def test_certificates_are_as_declared(lab, host, trouble):
    if trouble is None:
        assert starttls(lab, host) == 'TLSv1.3'
    else:
        with pytest.raises(ssl.SSLCertVerificationError, match=trouble):
            starttls(lab, host)


def test_what_a_test_does_to_a_host_is_there_at_the_next_connection(lab):
    host = lab.hosts['mx2.good.test']
    host.configure(tls=('1.2', '1.2'))
    assert starttls(lab, 'mx2.good.test') == 'TLSv1.2'
    host.configure(tls=('1.2', '1.3'), starttls='hidden')
    with pytest.raises(smtplib.SMTPNotSupportedError):
        starttls(lab, 'mx2.good.test')
    host.configure(starttls='offered')
    host.down()
    with pytest.raises(ConnectionRefusedError):
        starttls(lab, 'mx2.good.test')
    host.up()
    assert starttls(lab, 'mx2.good.test') == 'TLSv1.3'


def test_vulnerable_to_injection_and_only_that_one(lab):
    answers = {}
    for host in ('mx1.injection.test', 'mx1.plain.test'):
        with smtplib.SMTP(lab.hosts[host].address, 25, timeout=5) as smtp:
            smtp.ehlo()
            smtp.sock.sendall(b'STARTTLS\r\nNOOP\r\n')
            assert smtp.getreply()[0] == 220
            context = ssl._create_unverified_context()
            smtp.sock = context.wrap_socket(smtp.sock)
            smtp.file = None
            smtp.sock.settimeout(0.5)
            try:
                answers[host] = smtp.sock.recv(100)
            except TimeoutError:
                answers[host] = b''
            smtp.sock.settimeout(5)
    assert answers['mx1.injection.test'].startswith(b'250') and answers['mx1.plain.test'] == b''


def test_sinks_keep_what_they_get(lab, mail_sink, webhook_sink):
    with smtplib.SMTP(mail_sink.address, 25, timeout=5) as smtp:
        smtp._host = mail_sink.name
        smtp.starttls(context=ssl.create_default_context(cafile=lab.ca_file))
        smtp.sendmail('a@ops.test', ['b@ops.test'],
                      b'Subject: lab\r\nX-Mxwatch-Event: lab.test\r\n\r\nhello\r\n.dot\r\n')
    mail = mail_sink.wait('lab.test', seconds=5)
    assert mail.tls and mail.recipients == ['b@ops.test'] and mail.text.splitlines() == ['hello', '.dot']
    subprocess.run(['curl', '-sf', '--cacert', lab.ca_file, '-d', '{"event":"lab.test","status":"x","changes":[],'
                    '"subject":"s","domains":["d"]}', webhook_sink.url], check=True)
    assert webhook_sink.wait('lab.test', about='d', seconds=5).path == '/hook'
