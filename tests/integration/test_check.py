# SPDX-License-Identifier: ISC
"""`mxwatch check` against every domain of the catalogue, and what the command itself owes."""

import contextlib
import json
import os
import pty
import re
import select
import signal
import subprocess

import pytest

from lab import dns
from lab.catalogue import ROWS

KEYS = ['id', 'subject', 'status', 'severity', 'summary', 'advice', 'reference', 'evidence']
STATUSES = {'pass': None, 'info': 'info', 'warn': 'warning', 'fail': 'critical', 'skip': None,
            'unknown': None}
BY_NAME = {row.name: row for row in ROWS}


def table(report):
    return '\n'.join(f'    {f["id"]:28} {f["subject"]:40} {f["status"]:8} {f["summary"]}'
                     for f in report['findings'])


@pytest.mark.parametrize('row', ROWS, ids=lambda row: row.name)
def test_finds_what_is_odd(lab, row, report_of):
    if row.missing:
        pytest.skip(f'{row.missing} is not installed')
    result = report_of(row)
    report = result.json
    findings = report['findings']
    missed = [str(e) for e in row.expect if e.demanded and not any(e.met_by(f) for f in findings)
              and (lab.gives_ipv6 or (e.id, e.status) != ('mx.ipv6', 'pass'))]
    surprises = [f'{f["id"]} {f["subject"]} {f["status"]}: {f["summary"]}' for f in findings
                 if f['status'] in ('warn', 'fail', 'unknown')
                 and not any(e.met_by(f) for e in row.expect)]
    assert not missed and not surprises, (
        f'{row.name}: {row.odd}\nmissed: {missed}\nsurprises: {surprises}\n{table(report)}\n'
        f'stderr: {result.err}')
    if row.grade:
        assert report['grade'] == row.grade, table(report)


@pytest.mark.parametrize('row', ROWS, ids=lambda row: row.name)
def test_report_keeps_its_form(row, report_of):
    """The report as JSON: exactly these keys, and an exit status that says the worst."""
    result = report_of(row)
    report = result.json
    assert report['schema'] == 1 and report['domain'] == row.name
    assert re.fullmatch(r'\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ', report['checked_at'])
    assert isinstance(report['duration_ms'], int) and isinstance(report['facts'], dict)
    assert report['grade'] in ('A+', 'A', 'B', 'C', 'D', 'F', None)
    statuses = set()
    for finding in report['findings']:
        assert list(finding) == KEYS, finding
        assert finding['status'] in STATUSES and isinstance(finding['evidence'], dict)
        assert (finding['severity'] is None) == (STATUSES[finding['status']] is None), finding
        assert finding['summary'].strip() and '\n' not in finding['summary']
        assert not re.search('[\x00-\x1f\x7f-\x9f]', finding['summary'] + finding['advice']), finding
        statuses.add(finding['status'])
    assert len({(f['id'], f['subject']) for f in report['findings']}) == len(report['findings'])
    worst = next((code for status, code in (('fail', 2), ('warn', 1), ('unknown', 3))
                  if status in statuses), 0)
    assert result.status == worst, result


# -- the command --------------------------------------------------------------------------------------

def test_healthy_domain_within_five_seconds(check):
    result = check('good.test')
    assert result.status == 0 and result.seconds < 20, result


def test_many_domains_one_object_a_line(check):
    result = check('good.test', 'plain.test', 'nxdomain.test')
    lines = result.out.strip().splitlines()
    assert [json.loads(line)['domain'] for line in lines] == ['good.test', 'plain.test', 'nxdomain.test']
    assert result.status == 2


def test_domains_from_a_file(lab, check, tmp_path):
    """A host that several domains lead to is looked at as for one of them."""
    names = tmp_path / 'names.txt'
    names.write_text('# ours\ngood.test\n\n  GOOD.test.  # again\nnxdomain.test\n')
    before = lab.hosts['mx1.good.test'].connections
    alone = check('good.test')
    once = lab.hosts['mx1.good.test'].connections - before
    result = check('--from-file', names, 'plain.test', timeout=90)
    lines = [json.loads(line) for line in result.out.splitlines()]
    assert [r['domain'] for r in lines] == ['good.test', 'nxdomain.test', 'plain.test'], result
    assert lines[0]['grade'] == alone.json['grade'] and result.status == 2
    assert lab.hosts['mx1.good.test'].connections - before == 2 * once
    assert '3 domains in ' in result.err and '1 fail' in result.err, result


def test_domains_that_share_a_host(lab, check):
    for name in ('shares-a.test', 'shares-b.test'):
        lab.dns.set(name, 'MX', ['10 mx1.plain.test.'])
    lab.dns.publish()
    seen = []
    for names in (['shares-a.test'], ['shares-a.test', 'shares-b.test']):
        before = lab.hosts['mx1.plain.test'].connections
        assert check(*names).status in (0, 1, 2)
        seen.append(lab.hosts['mx1.plain.test'].connections - before)
    assert seen[0] == seen[1] > 0


def test_a_file_that_is_wrong(mxwatch, tmp_path):
    assert mxwatch('check', '--from-file', tmp_path / 'none').status == 66
    result = mxwatch('check', '--from-file', '-', stdin='good.test\na..b\n')
    assert result.status == 65 and '-:2: "a..b"' in result.err, result
    assert mxwatch('check', '--from-file', '-', stdin='# nothing\n').status == 64


def test_an_interruption_leaves_what_is_done(lab, build):
    """good.test is ready, silence.test is not."""
    screen, end = pty.openpty()
    run = subprocess.Popen([f'{build}/mxwatch', 'check', '--json', '--resolver', lab.resolver,
                            '--ca-file', lab.ca_file, '--allow-private', '--timeout', '60s',
                            'silence.test', 'good.test'], stdout=subprocess.PIPE, stderr=end,
                           env={**os.environ, 'TERM': 'xterm'}, text=True)
    os.close(end)
    said = b''
    while b'1 of 2 domains' not in said:
        said += os.read(screen, 4096)
    run.send_signal(signal.SIGINT)
    out, _ = run.communicate(timeout=30)
    said += os.read(screen, 4096)
    os.close(screen)
    assert run.returncode == 130 and b'interrupted: 1 of 2 domains' in said, said
    assert json.loads(out)['domain'] == 'good.test'


def test_text_for_people(lab, mxwatch):
    result = mxwatch('check', '--resolver', lab.resolver, '--ca-file', lab.ca_file, '--allow-private',
                     'sts-mismatch.test')
    assert result.status == 2, result
    assert 'sts-mismatch.test' in result.out and 'RFC 8461' in result.out
    assert '\x1b' not in result.out, 'colour although this is not a terminal'


def on_a_terminal(argv, **env):
    """What a program writes to a terminal, without a pager, and its status; env None: not set."""
    pid, fd = pty.fork()
    if pid == 0:
        env = {**os.environ, 'TERM': 'xterm', 'NO_COLOR': None, 'MXWATCH_PAGER': '', **env}
        try:
            os.execve(argv[0], argv, {key: value for key, value in env.items() if value is not None})
        finally:
            os._exit(127)
    seen = b''
    with contextlib.suppress(OSError):  # EIO: the other end is closed
        while select.select([fd], [], [], 60)[0] and (part := os.read(fd, 65536)):
            seen += part
    os.close(fd)
    return seen.decode(), os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


COLOURS = re.compile('\x1b\\[[0-9;]*m')


@pytest.mark.parametrize('env,more,colour', [
    ({}, [], True), ({'NO_COLOR': ''}, [], True), ({'NO_COLOR': '1'}, [], False), ({'TERM': 'dumb'}, [], False),
    ({'TERM': None}, [], False), ({}, ['--no-color'], False)], ids=['plain', 'empty', 'no-color', 'dumb', 'no-term', 'option'])
def test_colour_on_a_terminal(lab, build, env, more, colour):
    """The words are the same with and without it, and nothing but colour is sent as a sequence."""
    shown, status = on_a_terminal([f'{build}/mxwatch', 'check', '--resolver', lab.resolver, '--ca-file', lab.ca_file,
                                   '--allow-private', '--only', 'mta_sts.*', *more, 'sts-mismatch.test'], **env)
    assert status == 2 and 'sts-mismatch.test' in shown and 'RFC 8461' in shown
    report = shown.rsplit('\x1b[K', 1)[-1]  # behind the last line of progress
    assert bool(COLOURS.search(report)) == colour, shown
    if not colour:
        assert '\x1b' not in report, shown
    if env.get('TERM', 'xterm') in (None, 'dumb'):
        assert '\x1b' not in shown, shown
    assert not re.search('[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]', COLOURS.sub('', report)), shown


def test_hostile_banner_reaches_no_terminal(lab, mxwatch):
    result = mxwatch('check', '--resolver', lab.resolver, '--ca-file', lab.ca_file, '--allow-private',
                     'hostile.test')
    assert not re.search('[\x00-\x08\x0b-\x1f\x7f]', result.out), result


def test_addresses_that_are_private_are_never_contacted(lab, mxwatch):
    before = lab.hosts['mx1.plain.test'].connections
    result = mxwatch('check', '--json', '--resolver', lab.resolver, '--ca-file', lab.ca_file, 'plain.test')
    found = {(f['id'], f['status']) for f in result.json['findings']}
    assert ('mx.resolves', 'fail') in found, result
    assert lab.hosts['mx1.plain.test'].connections == before


@pytest.mark.parametrize('argv', [['check'], ['check', '--nonsense', 'good.test'], ['nonsense'],
                                  ['check', '--format', 'nonsense', 'good.test'],
                                  ['check', '--resolver', 'nowhere', 'good.test'],
                                  ['check', '--skip', '*', 'good.test'],
                                  ['check', '--only', 'mx.*', '--only', 'tls.*', 'good.test'],
                                  ['check', '--ca-file', '/nowhere', 'good.test'],
                                  ['check', '--ca-file', '/dev/null', 'good.test'],
                                  ['check', '--ca-file', '/', 'good.test'],
                                  ['check', '--trust-anchor', '/nowhere', 'good.test'],
                                  ['check', '--trust-anchor', '/dev/null', 'good.test'],
                                  ['check', ''], ['check', '.'], ['check', '192.0.2.1'],
                                  ['check', 'not a domain']])
def test_usage_is_64(mxwatch, argv):
    result = mxwatch(*argv)
    assert result.status == 64 and result.err.strip(), result


@pytest.mark.parametrize('typed', ['https://good.test/mail?x', 'http://good.test:8080', 'postmaster@good.test',
                                   'mailto:postmaster@good.test', 'good.test:25', 'good.test/'])
def test_what_people_paste_is_answered_with_the_domain(mxwatch, typed):
    result = mxwatch('check', typed)
    assert result.status == 64 and result.err.rstrip().endswith('is wanted: good.test'), result


@pytest.mark.parametrize('typed', ['GOOD.test', 'good.test.', 'Good.Test.'])
def test_a_name_is_folded(check, typed):
    assert check('--only', 'mx.present', typed).json['domain'] == 'good.test'


def test_u_labels_stand_beside(check):
    report = check('--only', 'mx.present', 'b\u00fccher.test').json
    assert (report['domain'], report['unicode']) == ('xn--bcher-kva.test', 'b\u00fccher.test')


def test_nagios_prints_the_worst_first(lab, mxwatch):
    result = mxwatch('check', '--resolver', lab.resolver, '--ca-file', lab.ca_file, '--allow-private',
                     '--format', 'nagios', 'good.test', 'no-ptr.test', 'dead.test')
    assert result.status == 2, result
    heads = [line.split(':')[0] for line in result.out.splitlines() if ' - ' in line]
    assert heads == ['MXWATCH CRITICAL - dead.test', 'WARNING - no-ptr.test', 'OK - good.test'], result
    assert '; of 3 domains 1 CRITICAL, 1 WARNING, 1 OK |' in result.out.splitlines()[0]


def test_what_explains_the_unknown_is_in_the_report(check, tmp_path):
    """Our own resolver, trust store and port 25, in both ways."""
    def own(*argv, **more):
        return {f['id']: f['status'] for f in check(*argv, **more).json['findings'] if f['subject'] == 'monitor'}
    assert own('good.test') == {'self.resolver': 'pass', 'self.egress25': 'pass', 'self.ipv6': 'pass',
                                'self.clock': 'pass', 'self.ca_bundle': 'pass'}
    assert own('--only', 'self.*', 'dead.test')['self.egress25'] == 'skip'
    broken = tmp_path / 'ca.pem'
    broken.write_text('-----BEGIN CERTIFICATE-----\nbm9uc2Vuc2U=\n-----END CERTIFICATE-----\n')
    result = check('--ca-file', broken, 'plain.test')
    found = {f['id']: f for f in result.json['findings']}
    assert found['self.ca_bundle']['status'] == 'info', table(result.json)
    assert found['tls.cert.trusted']['status'] == 'unknown' and result.status == 3, table(result.json)


def test_only_and_skip(check):
    only = check('--only', 'mta_sts.*', 'good.test')
    assert only.json['grade'] is None, only
    assert {f['id'].split('.')[0] for f in only.json['findings']} == {'mta_sts'}, only
    skip = check('--skip', 'mta_sts.*', 'good.test')
    assert not [f for f in skip.json['findings']
                if f['id'].startswith('mta_sts') and f['status'] != 'skip'], skip


def test_only_decides_the_exit_status(check):
    assert check('--only', 'tls_rpt.record', 'sts-mismatch.test').status == 0
    assert check('--only', 'mta_sts.mx_match', 'sts-mismatch.test').status == 2


def test_timeout_bounds_the_whole_check(check):
    result = check('--timeout', '3s', 'silence.test')
    assert result.seconds < 20, result
    assert result.status == 3, result


@pytest.mark.parametrize('domain, finding, seen', [
    ('silence.test', 'smtp.connect', ['smtp.ptr']),
    ('tls-hang.test', 'tls.starttls', ['smtp.connect', 'smtp.ehlo']),
    ('mute.test', 'smtp.starttls_repeat', ['smtp.connect', 'smtp.ehlo', 'tls.starttls', 'tls.cert.trusted']),
    ('sts-hang.test', 'mta_sts.policy.fetch', ['smtp.connect', 'mta_sts.record', 'mta_sts.policy.tls'])])
def test_what_our_time_cuts_off_is_unknown_and_the_rest_is_told(check, domain, finding, seen):
    """Whatever the far side is silent about: our own limit is no fault of theirs."""
    result = check('--timeout', '3s', domain)
    found = {f['id']: f for f in result.json['findings']}
    assert result.status == 3 and found[finding]['status'] == 'unknown', table(result.json)
    assert 'time for this check was up' in found[finding]['summary'], found[finding]
    assert {found[i]['status'] for i in seen} == {'pass'}, table(result.json)
    assert not [f for f in found.values() if f['status'] == 'fail']


# -- a resolver in trouble: our fault, never the domain's ------------------------------------------------

@pytest.mark.parametrize('mood', ['drop', 'servfail', 'refused', 'garbage', 'wrong-question', 'cut', 'echo',
                                  'hangup', 'gone'])
def test_a_broken_resolver_is_no_fault_of_the_domain(lab, check, mood):
    lab.relay.be(mood)
    result = check('--timeout', '20s', 'good.test', resolver=f'{dns.RELAY}:53')
    findings = result.json['findings']
    assert not [f for f in findings if f['status'] in ('fail', 'warn')], (mood, table(result.json))
    assert result.status == 3, result
    assert result.json['grade'] is None


def test_a_resolver_that_does_not_validate_leaves_dnssec_unknown(lab, check):
    lab.relay.be('blind')
    result = check('good.test', resolver=f'{dns.RELAY}:53')
    by_id = {}
    for finding in result.json['findings']:
        by_id.setdefault(finding['id'], set()).add(finding['status'])
    assert by_id['mx.dnssec'] == {'unknown'}, table(result.json)
    assert by_id['self.resolver'] == {'info'}, table(result.json)
    assert by_id['self.resolver'] == {'info'}
    assert by_id['mta_sts.policy.fetch'] == {'pass'} and by_id['tls.cert.trusted'] == {'pass'}


def test_trust_anchor_option_is_accepted(lab, check):
    result = check('--trust-anchor', lab.trust_anchor, 'good.test')
    assert result.status == 0, result
