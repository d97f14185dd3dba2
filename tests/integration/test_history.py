# SPDX-License-Identifier: ISC
"""What only a daemon can tell, because it remembers: policies that senders may still hold, renewals
that come late, a relay that stays open.

Where time has to pass the daemon is stopped and its state made older than it is.
"""

import contextlib
import datetime
import os
import sqlite3
import time

import pytest

from lab.dns import txt
from lab.loop import wait_for

MAX_AGE = 604800


class Watched:
    """The daemon, and the domain of each test by name."""


@pytest.fixture(scope='module')
def watched(lab, watching):
    w = Watched()
    w.hazard = lab.domain('cached.test', mx=1)
    w.withdrawn = lab.domain('mode-none.test', mx=1)
    w.vanished = lab.domain('vanishes.test', mx=1)
    w.id_only = lab.domain('id-only.test', mx=1)
    w.body_only = lab.domain('body-only.test', mx=1)
    w.moves = lab.domain('moves-provider.test', mx=1)
    w.submits = lab.domain('submits.test', mx=1, policy=None)
    lab.dns.set('_submissions._tcp.submits.test', 'SRV', ['0 1 465 mx1.submits.test.'])
    w.dark = lab.domain('goes-dark.test', mx=['mx1.cached.test'])
    w.renewed = lab.domain('renewed-late.test', mx=1, policy=None)
    for target in 'before', 'after':
        lab.dns.set(f'{target}.provider.test', 'TXT', [txt('v=STSv1; id=20260001;')])
    lab.dns.set('_mta-sts.moves-provider.test', 'TXT', [])
    lab.dns.set('_mta-sts.moves-provider.test', 'CNAME', ['before.provider.test.'])
    lab.changed()
    w.daemon = watching(*vars(w).values())
    w.daemon.look_twice()
    return w


def until_known(daemon, domain, check, status, seconds=40):
    """The finding of this check on the domain, as soon as its status is this one."""
    seen = []

    def found():
        seen[:] = [daemon.finding(domain, check)]
        return seen[0] and seen[0]['status'] == status
    wait_for(found, seconds, lambda: f'{check} {status} of {domain}; it is {seen}\n{daemon.said()}')
    return seen[0]


def until(watched, *what):
    return until_known(watched.daemon, *what)


def seconds_of(stamp):
    return datetime.datetime.fromisoformat(stamp.replace('Z', '+00:00')).timestamp()


def test_nothing_happened_yet(watched):
    for check in 'mta_sts.cache_hazard', 'mta_sts.id_body', 'mta_sts.withdrawal':
        assert until(watched, 'cached.test', check, 'pass')


def test_a_cached_policy_misses_mx_hosts_until_its_end(lab, watched):
    """Which hosts, and to the second until when (RFC 8461 section 8.1)."""
    for name in 'new1', 'new2':
        lab.host(f'{name}.cached.test')
    before = time.time()
    watched.hazard.policy(mx=['mx1.cached.test', '*.cached.test'])
    watched.hazard.mx('mx1.cached.test', 'new1.cached.test', 'new2.cached.test')
    found = until(watched, 'cached.test', 'mta_sts.cache_hazard', 'fail')
    evidence = found['evidence']
    assert evidence['hosts'] == ['new1.cached.test', 'new2.cached.test'], found
    fetched = seconds_of(evidence['fetched'])
    assert int(before) <= fetched <= time.time(), (found, before)
    assert seconds_of(evidence['until']) == fetched + MAX_AGE, found
    assert evidence['until'][:10] in found['summary'] and found['severity'] == 'critical', found
    notice = wait_for(lambda: [h.json for h in watched.daemon.hooks(about='cached.test', status='firing')
                               if h.json['severity'] == 'critical'], 40, watched.daemon.said)[0]
    assert notice['kind'] == 'problem', notice


def test_withdrawal_through_mode_none_waits_for_the_caches(watched):
    """RFC 8461 section 8.3: mode none, a new id, and until the last cache has ended."""
    watched.withdrawn.policy(mode='none', mx=[])
    assert watched.daemon.hook('mta_sts.mode_changed', 'mode-none.test').json['severity'] == 'critical'
    found = until(watched, 'mode-none.test', 'mta_sts.withdrawal', 'pass')
    found = wait_for(lambda: 'mode none' in (f := watched.daemon.finding(
        'mode-none.test', 'mta_sts.withdrawal'))['summary'] and f, 20, lambda: str(found))
    assert found['evidence']['until'][:10] in found['summary'], found
    assert not watched.daemon.hooks('mta_sts.removed', 'mode-none.test')


def test_record_and_policy_vanish_while_caches_live(watched):
    watched.vanished.records('TXT', [], '_mta-sts')
    notice = watched.daemon.hook('mta_sts.removed', 'vanishes.test', seconds=40).json
    assert notice['severity'] == 'critical', notice
    found = until(watched, 'vanishes.test', 'mta_sts.withdrawal', 'warn')
    assert 'enforce' in found['summary'] and found['evidence']['until'][:10] in found['summary'], found


def test_the_id_changes_alone(watched):
    watched.id_only.policy_id('onlytheid')
    found = until(watched, 'id-only.test', 'mta_sts.id_body', 'info')
    assert 'onlytheid' in found['summary'], found


def test_the_body_changes_alone(watched):
    """policy_grace is 5 s here; the mx list stays, so it is no more than a warning."""
    watched.body_only.policy(new_id=False, max_age=MAX_AGE + 100)
    found = until(watched, 'body-only.test', 'mta_sts.id_body', 'warn')
    assert found['severity'] == 'warning', found


def test_the_delegation_moves(watched):
    watched.moves.records('CNAME', ['after.provider.test.'], '_mta-sts')
    notice = watched.daemon.hook('mta_sts.delegation', 'moves-provider.test').json
    assert (notice['kind'], notice['check'], notice['severity']) == ('change', 'mta_sts.delegation', 'info'), notice
    assert 'after.provider.test' in until(watched, 'moves-provider.test', 'mta_sts.delegation', 'pass')['summary']


def test_submission_moves(watched):
    watched.submits.records('SRV', ['0 1 465 mx1.cached.test.'], '_submissions._tcp')
    notice = watched.daemon.hook('submission.discovery', 'submits.test').json
    assert (notice['kind'], notice['severity']) == ('change', 'info'), notice
    assert 'mx1.cached.test' in str(notice['after']), notice


def test_what_fails_validation_is_unknown(lab, watched):
    """What senders hold is then neither good nor bad."""
    lab.dns.turn('goes-dark.test', 'bogus')
    for check in 'mta_sts.cache_hazard', 'mta_sts.withdrawal':
        until(watched, 'goes-dark.test', check, 'unknown')


def test_a_renewal_that_looks_stuck(watched):
    """Two renewals at 11 % of their life are learnt from; the next one stands at half of it."""
    host = watched.renewed.hosts[0]
    for n, kind in enumerate(['good', 'renewed'], 1):
        host.certificate(kind)
        wait_for(lambda: len(watched.daemon.hooks('cert.changed', host.name)) == n, 30, watched.daemon.said)
    found = until(watched, 'renewed-late.test', 'tls.cert.renewal', 'pass')
    assert found['evidence']['usual_percent'] == 11, found
    host.certificate('halfway')
    found = until(watched, 'renewed-late.test', 'tls.cert.renewal', 'warn')
    assert found['evidence']['percent_of_life'] == 50, found
    notice = watched.daemon.hook('tls.cert.renewal', 'mx1.renewed-late.test', 'firing').json
    assert notice['severity'] == 'warning' and 'stuck' in notice['summary'], notice


# -- a daemon of its own ------------------------------------------------------------------------------

def test_a_relay_is_told_an_hour_later_and_its_end(lab, watching):
    domain = lab.domain('opens-relay.test', mx=1, policy=None)
    host = domain.hosts[0]
    daemon = watching(domain, probe='open_relay: true')

    def tests():
        return sum(c.startswith('RCPT') for p in host.peers for c in p.commands)

    def later(seconds):
        daemon.stop()
        with contextlib.closing(sqlite3.connect(os.path.join(daemon.state, 'state.db'))) as db:
            db.execute('UPDATE subject SET relay = relay - ? WHERE kind = 2', (seconds,))
            db.execute('UPDATE subject SET relay_accepted = relay_accepted - ? '
                       'WHERE kind = 2 AND relay_accepted > 0', (seconds,))
            db.commit()
        daemon.start()

    def tested(n):
        wait_for(lambda: tests() >= n, 30, lambda: f'{tests()} of {n}\n{daemon.said()}')
        daemon.look_twice()
    tested(1)
    refused = tests()
    host.configure(relay='open')
    later(86400)
    tested(refused + 2)
    assert not daemon.hooks(about='opens-relay.test'), 'asked again first'
    later(3600)
    tested(refused + 4)
    notice = daemon.hook('relay.opened', 'mx1.opens-relay.test', 'firing').json
    assert notice['severity'] == 'critical' and notice['domains'] == ['opens-relay.test'], notice
    host.configure(relay='closed')
    later(86400)
    tested(refused + 5)
    daemon.hook('relay.opened', 'mx1.opens-relay.test', 'resolved')
    assert daemon.hooks('relay.closed', 'mx1.opens-relay.test')


def test_a_resolver_that_does_not_validate_is_said_once(lab, watching):
    domain = lab.domain('unvalidated.test', mx=1, policy=None)
    daemon = watching(domain, begin=False, resolver='system')
    lab.relay.be('blind')
    daemon.start()
    notice = daemon.hook('self.resolver', status='firing').json
    assert (notice['kind'], notice['severity']) == ('daemon', 'warning'), notice
    until_known(daemon, 'unvalidated.test', 'mx.dnssec', 'unknown')
    assert len(daemon.hooks('self.resolver')) == 1, daemon.hooks()
    assert not daemon.hooks(about='unvalidated.test'), daemon.hooks()


@pytest.mark.parametrize('mood, event', [('blind', 'self.resolver'), ('distrusts', 'monitor.blind')])
def test_a_resolver_that_changes_its_mind_is_no_news_of_a_domain(lab, watching, mood, event):
    """Restarted without its trust anchor, or with a wrong one, between two self-tests."""
    domain = lab.domain(f'{mood}-resolver.test', mx=1, policy=None, certificate='self-signed')
    host = domain.hosts[0]
    host.tlsa(host.peers[0].certificate.tlsa())
    lab.changed()
    daemon = watching(domain, resolver='system')
    until_known(daemon, domain.name, 'dane.match', 'pass')
    daemon.look_twice()
    lab.relay.be(mood)
    daemon.hook(event, status='firing')
    if mood == 'blind':
        until_known(daemon, domain.name, 'dane.match', 'unknown')
        daemon.look_twice()
        daemon.look_twice()
    lab.relay.be('well')
    daemon.hook(event, status='resolved', seconds=40)
    until_known(daemon, domain.name, 'dane.match', 'pass')
    daemon.look_twice()
    told = [h for h in daemon.hooks() if h.json['subject'] in (domain.name, host.name)]
    assert not told, told


def test_a_missing_ca_bundle_is_said_once(lab, watching, tmp_path):
    domain = lab.domain('unverified.test', mx=1, policy=None)
    daemon = watching(domain, begin=False)
    empty = tmp_path / 'ca.pem'
    empty.write_text('')
    with open(daemon.file) as f:
        daemon.write(f.read().replace(f'tls: {{ca_file: {lab.ca_file}}}', f'tls: {{ca_file: {empty}}}'))
    daemon.start()
    notice = daemon.hook('self.ca_bundle', status='firing').json
    assert (notice['kind'], notice['severity']) == ('daemon', 'warning'), notice
    until_known(daemon, 'unverified.test', 'tls.cert.trusted', 'unknown')
    assert len(daemon.hooks('self.ca_bundle')) == 1, daemon.hooks()
    assert not daemon.hooks(about='unverified.test'), daemon.hooks()
