# SPDX-License-Identifier: ISC
"""What strangers may put into their zones: bounded work, a precise finding, never a crash.

Certificates with a NUL in a name, dates that do not parse, huge keys and endless chains are in
tests/unit/test_tls_facts.c; malformed DNS messages in tests/unit/test_dns_message.c.
"""

import pytest


def findings(result, check, subject=None):
    return [f for f in result.json['findings']
            if f['id'] == check and (subject is None or f['subject'].startswith(subject))]


@pytest.fixture
def alive(check):
    """Run a check that must end by itself with a report."""
    def run(*argv, seconds=60):
        result = check(*argv, timeout=seconds)
        assert result.status in (0, 1, 2, 3) and result.json['domain'], result
        assert 'AddressSanitizer' not in result.err, result
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


def test_more_than_fifty_mx_hosts_are_cut(lab, alive):
    lab.domain('flood.test', mx=1, policy=None)
    lab.dns.set('flood.test', 'MX', [f'{i} gone{i}.flood.test.' for i in range(120)])
    lab.changed()
    result = alive('flood.test')
    assert len(findings(result, 'mx.resolves')) == 50, result
