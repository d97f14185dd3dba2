# SPDX-License-Identifier: ISC
"""`mxwatch tlsa`: the records to publish for what a host serves."""

import pytest


@pytest.fixture
def tlsa(lab, mxwatch):
    def run(*argv):
        return mxwatch('tlsa', '--resolver', lab.resolver, '--allow-private', *argv)
    return run


def records(result):
    """{record data: comment} of the lines of the zone file."""
    lines = [line.split(' IN TLSA ', 1) for line in result.out.splitlines() if not line.startswith(';')]
    return {data.split(' ; ')[0]: (owner, data.split(' ; ')[1]) for owner, data in lines}


def test_records_of_both_keys_and_their_issuer(lab, tlsa):
    """RFC 7671 section 5.1: 3 1 1 of each leaf; section 5.2: 2 1 1 of the issuer presented."""
    host = lab.host('two-keys.tlsa.test')
    both = [lab.ca.issue('good', [host.name]), lab.ca.issue('rsa', [host.name])]
    host.configure(certificate=both)
    lab.changed()
    result = tlsa(host.name)
    assert result.status == 0, result
    wanted = {both[0].tlsa(), both[1].tlsa(), both[0].tlsa(2, 1, 1, lab.ca.mid)}
    found = records(result)
    assert set(found) == wanted, result
    assert set(found.values()) == {('_25._tcp.two-keys.tlsa.test.', 'not published')}, result
    assert 'Nothing is published yet.' in result.out and ' RSA key' in result.out and ' EC key' in result.out


def test_published_records_that_are_right(lab, tlsa):
    host = lab.host('right.tlsa.test')
    served = host.peers[0].certificate
    host.tlsa(served.tlsa(), served.tlsa(2, 1, 1, lab.ca.mid))
    result = tlsa(host.name)
    assert result.status == 0 and 'The published records are these.' in result.out, result
    assert {said for _, said in records(result).values()} == {'published'}, result


def test_published_records_that_differ_but_match(lab, tlsa):
    host = lab.host('rollover.tlsa.test')
    served = host.peers[0].certificate
    host.tlsa(served.tlsa(), '3 1 1 ' + '5a' * 32)
    result = tlsa(host.name)
    assert result.status == 0 and 'differ, but match what is served' in result.out, result
    assert 'published too: 3 1 1 5a5a' in result.out, result


def test_published_records_that_do_not_match(lab, tlsa):
    host = lab.host('stale.tlsa.test')
    host.tlsa('3 1 1 ' + '5a' * 32)
    result = tlsa(host.name)
    assert result.status == 0 and 'do not match' in result.out, result


def test_a_host_without_tls(lab, tlsa):
    result = tlsa('mx1.no-starttls.test')
    assert result.status == 3 and not result.out and 'no certificate could be seen' in result.err, result


@pytest.mark.parametrize('argv', [[], ['a.test', 'b.test'], ['--port', '70000', 'a.test'], ['not a host']])
def test_usage_is_64(tlsa, argv):
    result = tlsa(*argv)
    assert result.status == 64 and result.err.strip(), result
