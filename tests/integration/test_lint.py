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
