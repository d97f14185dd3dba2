# SPDX-License-Identifier: ISC
"""The table of events (mxwatch-events(7)): the world changes under one daemon, and it says so.

What test_daemon.py shows is not repeated here.  A change and a problem of one subject in one
evaluation travel as one notice; named() finds an edge in either form.
"""

import pytest

from lab import http
from lab.dns import txt
from lab.loop import wait_for


class Watched:
    """The daemon, and the domain of each test by name."""


@pytest.fixture(scope='module')
def watched(lab, watching):
    w = Watched()

    def dane(name, records):
        domain = lab.domain(name, mx=1, policy=None)
        host = domain.hosts[0]
        host.tlsa(*records(host.peers[0].certificate))
        return domain

    w.dane_lost = dane('dane-lost.test', lambda c: [c.tlsa()])
    w.dane_gained = dane('dane-gained.test', lambda c: [])
    w.dane_changed = dane('dane-changed.test', lambda c: [c.tlsa(), '3 1 1 ' + '11' * 32])
    w.dane_broken = dane('dane-broken.test', lambda c: [c.tlsa()])
    lab.dns.turn('gains-dnssec.test', 'insecure')
    w.unsigned = lab.domain('loses-dnssec.test', mx=['mx1.dane-gained.test'], policy=None)
    w.signed = lab.domain('gains-dnssec.test', mx=['mx1.dane-gained.test'], policy=None)
    w.bogus = lab.domain('turns-bogus.test', mx=['mx1.dane-gained.test'], policy=None)
    w.ptr = lab.domain('ptr-changes.test', mx=1, policy=None)
    w.rpt = lab.domain('rpt-changes.test', mx=1, policy=None)
    w.publishes = lab.domain('publishes-sts.test', mx=1, policy=None)
    w.no_policy = lab.domain('loses-policy.test', mx=1)
    w.mx_removed = lab.domain('mx-removed.test', mx=2, policy=None)
    w.mx_changed = lab.domain('mx-changed.test', mx=1, policy=None)
    w.cipher = lab.domain('loses-fs.test', mx=1, policy=None, certificate='rsa', tls=('1.2', '1.2'))
    w.ends = lab.domain('cert-ends.test', mx=1, policy=None)
    w.graded = lab.domain('graded.test', mx=1)
    w.weaker = lab.domain('old-tls-again.test', mx=1, policy=None)
    w.id_body = lab.domain('id-stays.test', mx=1)
    w.hazard = lab.domain('hazard.test', mx=1)
    w.withdrawn = lab.domain('vanished-sts.test', mx=1)
    w.delegated = lab.domain('delegated.test', mx=1)
    for target in 'before', 'after':
        lab.dns.set(f'{target}.sts-provider.test', 'TXT', [txt('v=STSv1; id=20260001;')])
    lab.dns.set('_mta-sts.delegated.test', 'TXT', [])
    lab.dns.set('_mta-sts.delegated.test', 'CNAME', ['before.sts-provider.test.'])
    lab.changed()
    w.daemon = watching(*[d for d in vars(w).values()], probe='open_relay: false, sweep: 60s')
    w.daemon.look_twice()
    return w


def named(watched, event, about, status=None, seconds=40):
    """The first notice that is this event or carries it among its changes."""
    def found():
        return [h.json for h in watched.daemon.hooks(about=about)
                if (h.json['event'] == event or event in (h.json['changes'] or []))
                and status in (None, h.json['status'])]
    wait_for(found, seconds, lambda: f'{event} about {about}; heard: '
             f'{[(h.json["event"], h.json["status"], h.json["subject"], h.json["changes"]) for h in watched.daemon.hooks()]}\n'
             f'{watched.daemon.said()}')
    return found()[0]


def test_baseline_is_silent(watched):
    assert watched.daemon.told() == (0, 0), (watched.daemon.hooks(), watched.daemon.mails())


# -- DANE ---------------------------------------------------------------------------------------------

def test_dane_lost(watched):
    watched.dane_lost.hosts[0].tlsa()
    notice = named(watched, 'dane.lost', 'dane-lost.test')
    assert notice['severity'] == 'critical' and notice['domains'] == ['dane-lost.test'], notice


def test_dane_gained(watched):
    host = watched.dane_gained.hosts[0]
    host.tlsa(host.peers[0].certificate.tlsa())
    notice = named(watched, 'dane.gained', 'mx1.dane-gained.test')
    assert (notice['kind'], notice['severity'], notice['before']) == ('change', 'info', None), notice


def test_dane_records_changed(watched):
    host = watched.dane_changed.hosts[0]
    host.tlsa(host.peers[0].certificate.tlsa(), '3 1 1 ' + '22' * 32)
    notice = named(watched, 'dane.tlsa_changed', 'mx1.dane-changed.test')
    assert (notice['kind'], notice['severity']) == ('change', 'info'), notice
    assert '11' * 32 in str(notice['before']) and '22' * 32 in str(notice['after']), notice


def test_dane_broken_and_mended(watched):
    """The records change, and then match nothing: one notice, and its end."""
    host = watched.dane_broken.hosts[0]
    host.tlsa('3 1 1 ' + '33' * 32)
    notice = named(watched, 'dane.broken', 'dane-broken.test', 'firing')
    assert notice['kind'] == 'problem' and notice['severity'] == 'critical', notice
    host.tlsa(host.peers[0].certificate.tlsa())
    named(watched, 'dane.broken', 'dane-broken.test', 'resolved')


# -- DNSSEC -------------------------------------------------------------------------------------------

def test_dnssec_lost(lab, watched):
    lab.dns.turn('loses-dnssec.test', 'insecure')
    notice = named(watched, 'dnssec.lost', 'loses-dnssec.test')
    assert notice['severity'] == 'warning', notice


def test_dnssec_gained(lab, watched):
    lab.dns.turn('gains-dnssec.test', 'secure')
    notice = named(watched, 'dnssec.gained', 'gains-dnssec.test')
    assert notice['severity'] == 'info', notice


def test_dnssec_bogus_and_mended(lab, watched):
    lab.dns.turn('turns-bogus.test', 'bogus')
    notice = named(watched, 'dnssec.bogus', 'turns-bogus.test', 'firing')
    assert notice['severity'] == 'critical' and notice['kind'] == 'problem', notice
    lab.dns.turn('turns-bogus.test', 'secure')
    named(watched, 'dnssec.bogus', 'turns-bogus.test', 'resolved')


# -- records ------------------------------------------------------------------------------------------

def test_ptr_changed(lab, watched):
    host = watched.ptr.hosts[0]
    lab.dns.set('other.ptr-changes.test', 'A', [host.address])
    lab.reverse(host.address, 'other.ptr-changes.test')
    lab.changed()
    notice = named(watched, 'ptr.changed', 'mx1.ptr-changes.test')
    assert (notice['kind'], notice['severity']) == ('change', 'info'), notice
    assert 'other.ptr-changes.test' in str(notice['after']), notice


def test_tls_rpt_changed(watched):
    watched.rpt.records('TXT', [txt('v=TLSRPTv1; rua=mailto:other@ops.test')], '_smtp._tls')
    notice = named(watched, 'tls_rpt.changed', 'rpt-changes.test')
    assert (notice['kind'], notice['severity']) == ('change', 'info'), notice
    assert 'other@ops.test' in str(notice['after']) and 'tlsrpt@ops.test' in str(notice['before'])


def test_mx_removed(watched):
    watched.mx_removed.mx('mx1.mx-removed.test')
    notice = named(watched, 'mx.removed', 'mx-removed.test')
    assert notice['severity'] == 'warning' and 'mx2.mx-removed.test' in str(notice['before']), notice


def test_mx_changed(lab, watched):
    lab.host('new.mx-changed.test')
    watched.mx_changed.mx('new.mx-changed.test')
    notice = named(watched, 'mx.changed', 'mx-changed.test')
    assert notice['severity'] == 'warning' and 'new.mx-changed.test' in str(notice['after']), notice


# -- MTA-STS ------------------------------------------------------------------------------------------

def test_mta_sts_published(lab, watched):
    lab.policy_host(watched.publishes, http.policy(mx=['mx1.publishes-sts.test']))
    watched.publishes.policy_id()
    notice = named(watched, 'mta_sts.published', 'publishes-sts.test')
    assert (notice['kind'], notice['severity']) == ('change', 'info'), notice


def test_id_stays_although_the_policy_changed(watched):
    """RFC 8461 section 3.2; the grace of section 8.1 is 5 s here."""
    watched.id_body.policy(new_id=False, max_age=700000)
    notice = wait_for(lambda: [h.json for h in watched.daemon.hooks(about='id-stays.test')
                               if h.json['check'] == 'mta_sts.id_body' and h.json['kind'] == 'problem'],
                      60, watched.daemon.said)
    first = [h.json for h in watched.daemon.hooks('mta_sts.policy_changed', 'id-stays.test')]
    assert first and all(n['severity'] == 'warning' for n in first), (notice, first)
    watched.id_body.policy_id()
    wait_for(lambda: watched.daemon.hooks('mta_sts.policy_changed', 'id-stays.test', 'resolved'), 60,
             watched.daemon.said)


def test_a_cached_policy_misses_the_new_mx(lab, watched):
    """RFC 8461 section 8.1: senders may hold the old policy for its max_age."""
    lab.host('new.hazard.test')
    watched.hazard.policy(mx=['mx1.hazard.test', 'new.hazard.test'])
    named(watched, 'mta_sts.id_changed', 'hazard.test')
    watched.hazard.mx('new.hazard.test')
    notice = wait_for(lambda: [h.json for h in watched.daemon.hooks(about='hazard.test', status='firing')
                               if h.json['severity'] == 'critical'], 40, watched.daemon.said)
    assert notice


def test_withdrawn_while_senders_hold_it(watched):
    watched.withdrawn.records('TXT', [], '_mta-sts')
    notice = named(watched, 'mta_sts.removed', 'vanished-sts.test')
    assert notice['severity'] == 'critical', notice
    # the problem is told on that same page, with its own words in the log
    wait_for(lambda: 'mta_sts.withdrawal vanished-sts.test: The MTA-STS record is gone, but senders may '
             'hold a policy in mode enforce until' in watched.daemon.program.text(), 40, watched.daemon.said)


def test_delegation_changed(watched):
    watched.delegated.records('CNAME', ['after.sts-provider.test.'], '_mta-sts')
    notice = named(watched, 'mta_sts.delegation', 'delegated.test')
    assert (notice['kind'], notice['severity']) == ('change', 'info'), notice
    assert 'before.sts-provider.test' in str(notice['before']), notice
    assert 'after.sts-provider.test' in str(notice['after']), notice


# -- TLS ----------------------------------------------------------------------------------------------

def test_forward_secrecy_lost(watched):
    watched.cipher.hosts[0].configure(ciphers='AES256-GCM-SHA384')
    notice = named(watched, 'tls.cipher_regression', 'mx1.loses-fs.test')
    assert notice['severity'] == 'warning', notice


def test_certificate_expired(watched):
    """The same certificate, seconds before its end and behind it."""
    watched.ends.hosts[0].certificate('ends')
    named(watched, 'cert.expiring', 'cert-ends.test', 'firing')
    notice = named(watched, 'cert.expired', 'cert-ends.test', 'firing', seconds=60)
    assert notice['severity'] == 'critical' and notice['kind'] == 'problem', notice


def test_grade_dropped_and_rose(watched):
    """A best version of 1.2 costs A+ without being a problem: the grade speaks for itself."""
    host = watched.graded.hosts[0]
    host.configure(tls=('1.2', '1.2'))
    notice = named(watched, 'grade.dropped', 'graded.test')
    assert notice['severity'] == 'warning' and 'A+' in str(notice['before']), notice
    host.configure(tls=('1.2', '1.3'))
    notice = named(watched, 'grade.rose', 'graded.test')
    assert notice['severity'] == 'info' and 'A+' in str(notice['after']), notice


def test_old_version_accepted_again(watched):
    """Seen by the deep look alone, which comes once in probe.sweep."""
    watched.weaker.hosts[0].configure(tls=('1.0', '1.3'))
    notice = named(watched, 'tls.version_regression', 'mx1.old-tls-again.test', seconds=150)
    assert notice['severity'] == 'warning', notice
