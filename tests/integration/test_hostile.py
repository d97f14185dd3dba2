# SPDX-License-Identifier: ISC
"""What strangers may put into their zones: bounded work, a precise finding, never a crash.

More of it without servers: certificates in tests/unit/test_tls_facts.c, malformed DNS messages in
tests/unit/test_dns_message.c and tests/system/test_prober.py.
"""

import asyncio
import collections
import contextlib
import socket
import ssl
import subprocess

import pytest
from cryptography.hazmat.primitives import serialization

from lab.ca import DER, PEM
from lab.loop import Listener


def findings(result, check, subject=None):
    return [f for f in result.json['findings']
            if f['id'] == check and (subject is None or f['subject'].startswith(subject))]


@pytest.fixture
def alive(check):
    """Run a check that must end by itself with a report."""
    def run(*argv, seconds=60):
        result = check(*argv, timeout=seconds)
        assert result.status in (0, 1, 2, 3) and result.json['domain'], result
        return result
    return run


def test_an_mx_whose_alias_runs_in_circles(lab, alive):
    domain = lab.domain('mx-loop.test', mx=1, policy=None)
    lab.dns.set('a.mx-loop.test', 'CNAME', ['b.mx-loop.test.'])
    lab.dns.set('b.mx-loop.test', 'CNAME', ['a.mx-loop.test.'])
    domain.mx('a.mx-loop.test', 'mx1.mx-loop.test')
    result = alive('mx-loop.test')
    found = findings(result, 'mx.resolves', 'a.mx-loop.test')
    assert found and found[0]['status'] in ('fail', 'warn', 'unknown') and found[0]['summary'], result
    assert findings(result, 'mx.resolves', 'mx1.mx-loop.test')[0]['status'] == 'pass', result


def test_submission_whose_target_runs_in_circles(lab, alive):
    lab.domain('srv-loop.test', mx=1, policy=None)
    lab.dns.set('_submissions._tcp.srv-loop.test', 'SRV', ['0 1 465 c.srv-loop.test.'])
    lab.dns.set('c.srv-loop.test', 'CNAME', ['d.srv-loop.test.'])
    lab.dns.set('d.srv-loop.test', 'CNAME', ['c.srv-loop.test.'])
    lab.dns.set('_submission._tcp.srv-loop.test', 'CNAME', ['_submission._tcp.srv-loop.test.'])
    lab.changed()
    result = alive('srv-loop.test')
    found = findings(result, 'submission.discovery')
    assert found and found[0]['status'] in ('fail', 'unknown'), found


def test_records_delegated_in_circles(lab, alive):
    lab.domain('sts-loop.test', mx=1, policy=None, rpt=False)
    for name in '_mta-sts', '_smtp._tls', 'mta-sts':
        lab.dns.set(f'{name}.sts-loop.test', 'CNAME', [f'x-{name}.sts-loop.test.'])
        lab.dns.set(f'x-{name}.sts-loop.test', 'CNAME', [f'{name}.sts-loop.test.'])
    lab.changed()
    result = alive('sts-loop.test')
    assert findings(result, 'mta_sts.record')[0]['status'] in ('fail', 'unknown', 'info'), result
    assert findings(result, 'smtp.connect')[0]['status'] == 'pass', result


def test_tlsa_of_wrong_length_is_no_mismatch(lab, alive):
    """RFC 7672 section 2.2: unusable records are as good as none; TLS goes on as usual."""
    domain = lab.domain('tlsa-short.test', mx=1, policy=None)
    lab.dns.set('_25._tcp.mx1.tlsa-short.test', 'TLSA', [
        '3 1 1 ' + 'ab' * 31, '3 1 2 ' + 'ab' * 32, '2 9 1 ' + 'ab' * 32, '7 1 1 ' + 'ab' * 32])
    lab.changed()
    result = alive('tlsa-short.test')
    assert findings(result, 'dane.tlsa', domain.hosts[0].name)[0]['status'] == 'warn', result
    assert not [f for f in findings(result, 'dane.match') if f['status'] == 'fail'], result
    assert not [f for f in findings(result, 'delivery.sender_view') if f['status'] == 'fail'], result


def test_names_of_escapes_alone(lab, alive):
    """An alias and a PTR of 250 octets that all need escaping: a thousand bytes as text."""
    odd = '.'.join('\\001' * n for n in (60, 60, 60, 50))
    domain = lab.domain('odd-names.test', mx=1, policy=None)
    host = domain.hosts[0]
    lab.dns.set('alias.odd-names.test', 'CNAME', [f'{odd}.test.'])
    lab.reverse(host.address, f'{odd}.test.')
    domain.mx('mx1.odd-names.test', 'alias.odd-names.test')
    result = alive('odd-names.test')
    assert findings(result, 'smtp.connect', 'mx1.')[0]['status'] == 'pass', result
    assert findings(result, 'smtp.ptr', 'mx1.')[0]['status'] == 'warn', result
    assert findings(result, 'mx.resolves', 'alias.')[0]['status'] == 'fail', result
    assert '\x01' not in result.out


def test_fifty_mx_hosts_with_twenty_addresses_each(lab, alive):
    """A thousand addresses where nobody listens: all of it known within the deadline."""
    hosts = [f'mx{i}.crowd.test' for i in range(50)]
    for host in hosts:
        lab.point(host, *[lab.address() for _ in range(20)], ptr=False)
    lab.domain('crowd.test', mx=hosts, policy=None)
    result = alive('--timeout', '60s', 'crowd.test', seconds=75)
    refused = [f for f in findings(result, 'smtp.connect') if f['status'] == 'fail']
    assert len(refused) == 1000, (len(refused), result.seconds, result.err)
    assert result.json['grade'] == 'F' and result.status == 2


def test_more_than_fifty_mx_hosts_are_cut_and_the_report_says_so(lab, alive):
    lab.domain('flood.test', mx=1, policy=None)
    lab.dns.set('flood.test', 'MX', [f'{i} gone{i}.flood.test.' for i in range(120)])
    lab.changed()
    result = alive('flood.test')
    assert len(findings(result, 'mx.resolves')) == 50, result
    present = findings(result, 'mx.present')[0]
    assert present['summary'].startswith('120 MX hosts (only the first 50 are checked, 70 are not)'), present
    assert present['evidence']['not_checked'] == 70, present


def test_more_than_twenty_addresses_are_cut_and_the_report_says_so(lab, alive):
    domain = lab.domain('wide.test', mx=1, policy=None)
    host = domain.hosts[0]
    lab.point(host.name, *[lab.address() for _ in range(30)], ptr=False)
    lab.changed()
    result = alive('wide.test')
    assert len(findings(result, 'smtp.connect')) == 20, result
    found = findings(result, 'mx.resolves')[0]
    assert '(only the first 20 are checked, 10 are not)' in found['summary'], found


# -- time -----------------------------------------------------------------------------------------------

@contextlib.contextmanager
def deaf(address, port=25):
    """Nobody answers a SYN there: the queue of connections is full."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind((address, port))
        listener.listen(0)
        for _ in range(4):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex((address, port))
        yield


def test_addresses_that_do_not_answer(lab, alive):
    """Nobody answers the SYN: a fault of theirs as it seems, and perhaps a firewall of ours."""
    address = lab.address()
    lab.point('mx1.deaf.test', address)
    lab.domain('deaf.test', mx=['mx1.deaf.test'], policy=None)
    with deaf(address):
        result = alive('-c', 'SHORT', 'deaf.test')
    found = findings(result, 'smtp.connect')[0]
    assert found['status'] == 'fail' and found['evidence']['class'] == 'timeout', found
    assert findings(result, 'self.egress25')[0]['status'] == 'info', result


def test_a_canary_that_is_as_silent_tells_that_it_is_us(lab, alive, tmp_path):
    address, canary = lab.address(), lab.address()
    lab.point('mx1.walled.test', address)
    lab.domain('walled.test', mx=['mx1.walled.test'], policy=None)
    watch = tmp_path / 'canary.yaml'
    watch.write_text(f'self_check: {{tcp: ["{canary}:25"]}}\ndefaults: {{timeout: {{connect: 12s}}}}\n'
                     'domains: [walled.test]\n')
    with deaf(address), deaf(canary):
        result = alive('-c', watch, 'walled.test')
    found = {f['id']: f for f in result.json['findings']}
    assert found['smtp.connect']['status'] == 'unknown', found['smtp.connect']
    assert found['self.egress25']['status'] == 'info' and result.json['grade'] is None, result


def test_a_thousand_addresses_that_keep_silent(lab, alive):
    """They take the connection and say nothing: an end all the same, and nothing made up about
    those that could not be waited for."""
    names = [f'mx{i}.silent.test' for i in range(50)]
    addresses = {name: [lab.address() for _ in range(20)] for name in names}
    for name, its in addresses.items():
        lab.point(name, *its, ptr=False)
    lab.domain('silent.test', mx=names, policy=None)
    listener = Listener(lab.loop, keep_silent, [a for its in addresses.values() for a in its], 25)
    listener.up()
    try:
        result = alive('-c', 'SHORT', '--timeout', '20s', 'silent.test', seconds=60)
    finally:
        listener.down()
    assert result.seconds < 30, result.seconds
    statuses = collections.Counter(f['status'] for f in findings(result, 'smtp.connect'))
    assert sum(statuses.values()) == 1000 and set(statuses) <= {'fail', 'unknown'}, statuses
    assert not findings(result, 'tls.starttls') or {
        f['status'] for f in findings(result, 'tls.starttls')} <= {'skip', 'unknown'}, result.err


async def keep_silent(_reader, _writer):
    await asyncio.Event().wait()


# -- certificates -----------------------------------------------------------------------------------------

@pytest.fixture
def serving(lab):
    """serving(name, issued) is a domain whose MX host presents this."""
    def make(name, issued):
        domain = lab.domain(name, mx=1, policy=None)
        domain.hosts[0].configure(certificate=issued)
        return domain
    return make


def forged(lab, kind, names, before, after):
    """A certificate in which bytes were exchanged; its signature no longer holds."""
    issued = lab.ca.issue(kind, names)
    with open(issued.path, 'rb') as f:
        key = f.read().split(b'-----BEGIN CERTIFICATE')[0]
    leaf = issued.leaf.public_bytes(DER)
    assert len(before) == len(after) and before in leaf
    with open(issued.path, 'wb') as f:
        f.write(key)
        for der in [leaf.replace(before, after)] + [c.public_bytes(DER) for c in issued.chain[1:]]:
            f.write(ssl.DER_cert_to_PEM_cert(der).encode())
    return issued


def test_a_nul_in_a_name(serving, lab, alive):
    """The oldest trick of all: mx1.nul.test\\0.evil.test is not mx1.nul.test."""
    serving('nul.test', forged(lab, 'good', ['mx1.nul.testX.evil.test'], b'testX.evil', b'test\0.evil'))
    result = alive('nul.test')
    found = findings(result, 'tls.cert.name')[0]
    assert found['status'] == 'warn', found
    assert '\\u0000' not in result.out, result


def test_dates_that_do_not_parse(serving, lab, alive):
    issued = lab.ca.issue('good', ['x.test'])  # the same moment as the next one
    after = issued.leaf.not_valid_after.strftime('%y%m%d').encode()
    serving('undated.test', forged(lab, 'good', ['mx1.undated.test'], b'\x17\x0d' + after,
                                   b'\x17\x0d' + b'9x99zz'))
    result = alive('undated.test')
    found = findings(result, 'tls.cert.validity')[0]
    assert found['status'] == 'fail' and 'date' in found['summary'], found
    assert findings(result, 'tls.starttls')[0]['status'] == 'pass', result


def test_a_chain_of_a_hundred_kilobytes(serving, lab, alive):
    issued = lab.ca.issue('good', ['mx1.long-chain.test'])
    more = issued.chain[1].public_bytes(PEM)
    with open(issued.path, 'ab') as f:
        f.write(more * (100_000 // len(issued.chain[1].public_bytes(DER))))
    serving('long-chain.test', issued)
    result = alive('long-chain.test')
    found = findings(result, 'tls.starttls')[0]
    assert found['status'] == 'fail' and 'message' in found['summary'], found


def test_a_chain_of_forty_certificates(serving, lab, alive):
    """Too many to look at all of them, few enough for a handshake: the leaf is judged."""
    issued = lab.ca.issue('good', ['mx1.forty.test'])
    with open(issued.path, 'ab') as f:
        f.write(issued.chain[1].public_bytes(PEM) * 38)
    serving('forty.test', issued)
    result = alive('forty.test')
    assert findings(result, 'tls.cert.trusted')[0]['status'] in ('pass', 'info'), result
    assert findings(result, 'tls.cert.name')[0]['status'] == 'pass', result


def test_a_key_of_16384_bit(serving, lab, alive, tmp_path):
    """Of five primes, which are found sooner than two."""
    key = tmp_path / 'key.pem'
    subprocess.run(['openssl', 'genpkey', '-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:16384', '-pkeyopt',
                    'rsa_keygen_primes:5', '-out', str(key)], check=True, capture_output=True, timeout=300)
    public = subprocess.run(['openssl', 'pkey', '-in', str(key), '-pubout'], check=True,
                            capture_output=True).stdout
    issued = lab.ca.issue_for('huge-key', 'mx1.huge-key.test', serialization.load_pem_public_key(public),
                              key.read_bytes())
    serving('huge-key.test', issued)
    result = alive('huge-key.test')
    found = findings(result, 'tls.cert.key')[0]
    assert found['status'] == 'pass' and '16384' in found['summary'], found


# -- TLSA -----------------------------------------------------------------------------------------------

@pytest.mark.parametrize('name, rdata', [('tlsa-tiny.test', '\\# 4 03010100'),
                                         ('tlsa-long.test', '\\# 40 030101' + '11' * 37)])
def test_a_tlsa_record_of_another_length(lab, alive, name, rdata):
    lab.domain(name, mx=1, policy=None)
    lab.dns.set(f'_25._tcp.mx1.{name}', 'TYPE52', [rdata])
    lab.changed()
    result = alive(name)
    assert findings(result, 'dane.tlsa')[0]['status'] == 'warn', findings(result, 'dane.tlsa')
    assert not [f for f in result.json['findings'] if f['status'] == 'fail'], result
