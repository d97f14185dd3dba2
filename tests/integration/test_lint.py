# SPDX-License-Identifier: ISC
"""`mxwatch lint`: documents on standard input, verdict by exit status, remarks with place and rule."""

import re

import pytest

POLICY = 'version: STSv1\r\nmode: enforce\r\nmx: mx1.example.org\r\nmax_age: 604800\r\n'

CASES = [
    # kind, document, exit status
    ('mta-sts-record', 'v=STSv1; id=20260101T000000;', 0),
    ('mta-sts-record', 'v=STSv1;id=1', 0),
    ('mta-sts-record', 'v=STSv1; id=;', 2),
    ('mta-sts-record', 'v=STSv1; id=' + 'a' * 33 + ';', 2),
    ('mta-sts-record', 'v=STSv1; id=a-b;', 2),
    ('mta-sts-record', 'v=STSv2; id=1;', 2),
    ('mta-sts-record', ' v=STSv1; id=1;', 2),
    ('mta-sts-record', 'v=STSv1; id=1; ext=value;', 0),
    ('mta-sts-policy', POLICY, 0),
    ('mta-sts-policy', POLICY.replace('\r\n', '\n'), 1),  # allowed, with a note
    ('mta-sts-policy', POLICY + 'mode: testing\r\n', 1),
    ('mta-sts-policy', POLICY.replace('mode: enforce\r\n', ''), 2),
    ('mta-sts-policy', POLICY.replace('enforce', 'enforced'), 2),
    ('mta-sts-policy', POLICY.replace('mx: mx1.example.org\r\n', ''), 2),
    ('mta-sts-policy', POLICY.replace('604800', '31557601'), 2),
    ('mta-sts-policy', POLICY.replace('604800', '-1'), 2),
    ('mta-sts-policy', POLICY.replace('mx1', '*'), 0),
    ('mta-sts-policy', POLICY.replace('mx1', 'a.*'), 2),
    ('mta-sts-policy', '', 2),
    ('tls-rpt-record', 'v=TLSRPTv1; rua=mailto:a@example.org', 0),
    ('tls-rpt-record', 'v=TLSRPTv1; rua=mailto:a@example.org,https://example.org/r', 0),
    ('tls-rpt-record', 'v=TLSRPTv1;', 2),
    ('tls-rpt-record', 'v=TLSRPTv1; rua=ftp://example.org/', 2),
    ('tls-rpt-record', 'v=TLSRPTv2; rua=mailto:a@example.org', 2),
]


@pytest.mark.parametrize('kind, document, status', CASES)
def test_verdict(mxwatch, kind, document, status):
    result = mxwatch('lint', kind, '-', stdin=document)
    assert result.status == status, result
    if status == 2:
        assert re.search(r':\d+:\d+:', result.out + result.err) and 'RFC' in result.out + result.err, result


def test_json_remarks_have_place_rule_and_section(mxwatch):
    result = mxwatch('lint', '--json', 'mta-sts-policy', '-', stdin=POLICY.replace('enforce', 'enforced'))
    assert result.status == 2 and '"line": 2' in result.out.replace('":2', '": 2'), result
    assert result.json, result


def test_hosts_against_the_policy(mxwatch):
    good = mxwatch('lint', 'mta-sts-policy', '--mx', 'mx1.example.org', '-', stdin=POLICY)
    assert good.status == 0, good
    bad = mxwatch('lint', 'mta-sts-policy', '--mx', 'mx2.example.org', '-', stdin=POLICY)
    assert bad.status != 0 and 'mx2.example.org' in bad.out + bad.err, bad


def test_unknown_kind_is_usage(mxwatch):
    assert mxwatch('lint', 'nonsense', '-').status == 64


KINDS = {'mta-sts-record': 'v=STSv1; id=1;', 'mta-sts-policy': POLICY,
         'tls-rpt-record': 'v=TLSRPTv1; rua=mailto:a@example.org', 'tlsa-record': '3 1 1 ' + 'ab' * 32,
         'tls-rpt-report': '{"organization-name": "x", "policies": []}',
         'watchlist': 'notify: mailto:a@example.net\ndomains:\n  - example.org\n'}
ODD = {'bom': lambda b: b'\xef\xbb\xbf' + b, 'crlf': lambda b: b.replace(b'\r', b'').replace(b'\n', b'\r\n') + b'\r\n',
       'nul': lambda b: b[:5] + b'\0' + b[5:], 'megabyte': lambda b: b + b'x' * 1_000_000, 'empty': lambda b: b'',
       'newline': lambda b: b'\n', 'not-utf8': lambda b: b + b'\xff\xfe', 'blanks': lambda b: b'  ' + b,
       'old-mac': lambda b: b.replace(b'\n', b'\r'), 'utf16': lambda b: b.decode().encode('utf-16'),
       'terminal': lambda b: b + b'\x1b]0;owned\x07\xc2\x9b31m'}


@pytest.mark.parametrize('odd', ODD)
@pytest.mark.parametrize('kind', KINDS)
def test_odd_bytes_get_a_verdict_with_a_place(mxwatch, tmp_path, kind, odd):
    file = tmp_path / 'document'
    file.write_bytes(ODD[odd](KINDS[kind].encode()))
    result = mxwatch('lint', kind, file, timeout=20)
    assert result.status in (0, 1, 2) and not result.err, result
    assert re.search(r'^\S+/document(:\d+:\d+: (error|warning|note): |: valid$)', result.out, re.M), result
    assert not re.search('[\x00-\x08\x0b-\x1f\x7f-\x9f]', result.out), result


@pytest.mark.parametrize('kind', KINDS)
def test_what_cannot_be_read_is_no_verdict(mxwatch, tmp_path, kind):
    assert mxwatch('lint', kind, tmp_path).status == 66
    assert mxwatch('lint', kind, tmp_path / 'none').status == 66


def test_the_place_of_a_nul_byte(mxwatch):
    assert ':1:6: error: a NUL byte' in mxwatch('lint', 'tlsa-record', '-', stdin='3 1 1\0 ab').out
