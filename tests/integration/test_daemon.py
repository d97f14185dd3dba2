# SPDX-License-Identifier: ISC
"""The whole chain: mxwatchd sees the world change, and mail and webhook say so.

One daemon watches a domain for each kind of change; every test breaks its own.  The tests behind
"a daemon of its own" start others.
"""

import contextlib
import os
import sqlite3
import subprocess
import time

import pytest

from lab.daemon import SECRET
from lab.loop import wait_for


class Watched:
    """The daemon, and the domain of each test by name."""


@pytest.fixture(scope='module')
def watched(lab, watching):
    w = Watched()
    w.id_changed = lab.domain('id-changed.test', mx=1)
    w.weakened = lab.domain('weakened.test', mx=1)
    w.drift = lab.domain('drift.test', mx=2)
    w.body = lab.domain('body.test', mx=1)
    w.withdrawn = lab.domain('withdrawn.test', mx=1)
    w.mx_added = lab.domain('mx-added.test', mx=1, policy=None)
    w.swapped = lab.domain('swapped.test', mx=1, policy=None)
    w.expiring = lab.domain('turns-expiring.test', mx=1, policy=None)
    w.untrusted = lab.domain('turns-untrusted.test', mx=1)
    w.regressed = lab.domain('regressed.test', mx=1, policy=None)
    w.stripped = lab.domain('stripped.test', mx=1, policy=None)
    w.blinks = lab.domain('blinks.test', mx=1, policy=None)
    w.dies = lab.domain('dies.test', mx=1, policy=None)
    w.throttles = lab.domain('throttles.test', mx=1, policy=None)
    w.no_rpt = lab.domain('loses-rpt.test', mx=1, policy=None)
    lab.host('mx.shared.test')
    w.shared = [lab.domain(f'shares{i}.test', mx=['mx.shared.test'], policy=None) for i in (1, 2, 3)]
    w.faulty = lab.domain('faulty-from-start.test', mx=1, certificate='self-signed', policy=None, rpt=False)
    everything = [d for d in vars(w).values() if not isinstance(d, list)] + w.shared
    w.daemon = watching(*everything)
    w.daemon.look_twice()
    return w


def test_baseline_is_silent(watched):
    """The first look at a domain says nothing, not even about a self-signed certificate."""
    assert watched.daemon.told() == (0, 0), (watched.daemon.hooks(), watched.daemon.mails())


def test_policy_id_changed(watched):
    watched.id_changed.policy_id('20270101')
    hook = watched.daemon.hook('mta_sts.id_changed', 'id-changed.test')
    notice = hook.json
    assert (notice['kind'], notice['status'], notice['severity']) == ('change', 'changed', 'info')
    assert notice['domains'] == ['id-changed.test'] and notice['domains_total'] == 1
    assert '20260001' in str(notice['before']) and '20270101' in str(notice['after'])
    watched.daemon.mail('mta_sts.id_changed', 'id-changed.test')


def test_webhook_is_the_contract(watched):
    """Standard Webhooks headers and the body's fixed names."""
    hook = watched.daemon.hook('mta_sts.id_changed', 'id-changed.test')
    assert hook.method == 'POST' and hook.headers['content-type'].startswith('application/json')
    assert hook.headers['webhook-id'] == hook.json['id']
    assert abs(int(hook.headers['webhook-timestamp']) - time.time()) < 60
    assert hook.signed_with(SECRET), hook.headers
    assert {'schema', 'id', 'incident', 'seq', 'kind', 'status', 'event', 'severity', 'check', 'subject',
            'domains', 'domains_total', 'summary', 'before', 'after', 'expected', 'actual', 'impact',
            'advice', 'reference', 'changes', 'since', 'last_ok', 'confirmed_by', 'owner', 'tags', 'url',
            'runbook_url'} <= set(hook.json)


def test_mail_is_the_contract(watched):
    """What a mail of ours looks like (mxwatch-events(7))."""
    mail = watched.daemon.mail('mta_sts.id_changed', 'id-changed.test')
    assert mail.tls and mail.sender == 'mxwatch@ops.test' and mail.recipients == ['oncall@ops.test']
    assert 'id-changed.test' in mail['Subject']
    assert mail['Auto-Submitted'] == 'auto-generated' and mail['List-Id']
    for header in ('Date', 'Message-ID', 'From', 'To', 'MIME-Version'):
        assert mail[header], header
    parts = [p.get_content_type() for p in mail.message.walk()]
    assert parts.index('text/plain') < parts.index('text/html')
    assert 'http://' not in mail.message.get_body(('html',)).get_content()


def test_mode_weakened(watched):
    watched.weakened.policy(mode='testing')
    notice = watched.daemon.hook('mta_sts.mode_changed', 'weakened.test').json
    assert notice['severity'] == 'critical', notice
    watched.daemon.mail('mta_sts.mode_changed', 'weakened.test')


def test_policy_body_changed_without_id(watched):
    """RFC 8461 section 3.2: senders look at the id only; critical, because the mx list moved."""
    watched.body.policy(new_id=False, mx=['mx1.body.test', 'mx9.body.test'])
    notice = watched.daemon.hook('mta_sts.policy_changed', 'body.test').json
    assert notice['severity'] == 'critical', notice
    watched.daemon.mail('mta_sts.policy_changed', 'body.test')


def test_policy_withdrawn(watched):
    watched.withdrawn.records('TXT', [], '_mta-sts')
    notice = watched.daemon.hook('mta_sts.removed', 'withdrawn.test').json
    assert notice['severity'] == 'critical', notice
    watched.daemon.mail('mta_sts.removed', 'withdrawn.test')


def test_mx_drifts_out_of_the_policy(lab, watched):
    lab.host('new.drift.test')
    watched.drift.mx('mx1.drift.test', 'new.drift.test')
    notice = watched.daemon.hook('mx.pattern_drift', 'drift.test').json
    assert notice['severity'] == 'critical' and 'new.drift.test' in str(notice), notice
    watched.daemon.mail('mx.pattern_drift', 'drift.test')


def test_mx_added(lab, watched):
    lab.host('mx2.mx-added.test')
    watched.mx_added.mx('mx1.mx-added.test', 'mx2.mx-added.test')
    notice = watched.daemon.hook('mx.added', 'mx-added.test').json
    assert notice['severity'] == 'warning' and 'mx2.mx-added.test' in str(notice['after']), notice
    watched.daemon.mail('mx.added', 'mx-added.test')


def test_certificate_swapped(watched):
    watched.swapped.hosts[0].certificate('renewed')
    notice = watched.daemon.hook('cert.changed', 'mx1.swapped.test').json
    assert (notice['kind'], notice['severity']) == ('change', 'info'), notice
    assert notice['before'] != notice['after'] and notice['domains'] == ['swapped.test']
    watched.daemon.mail('cert.changed', 'mx1.swapped.test')


def test_certificate_about_to_expire(watched):
    watched.expiring.hosts[0].certificate('expiring')
    hook = watched.daemon.hook('cert.expiring', 'mx1.turns-expiring.test', 'firing')
    assert hook.json['kind'] == 'problem' and 'cert.changed' in hook.json['changes'], hook.json
    watched.daemon.mail('cert.expiring', 'mx1.turns-expiring.test')


def test_certificate_renewed_in_time(watched):
    watched.daemon.hook('cert.expiring', 'mx1.turns-expiring.test', 'firing')
    watched.expiring.hosts[0].certificate('renewed')
    first = watched.daemon.hooks('cert.expiring', 'mx1.turns-expiring.test', 'firing')[0]
    last = watched.daemon.hook('cert.expiring', 'mx1.turns-expiring.test', 'resolved')
    assert last.json['incident'] == first.json['incident'] and last.json['seq'] > first.json['seq']
    threads = [m for m in wait_for(
        lambda: len(watched.daemon.mails('cert.expiring', 'mx1.turns-expiring.test')) > 1
        and watched.daemon.mails('cert.expiring', 'mx1.turns-expiring.test'), 20, 'the mail of the end')]
    assert threads[1]['In-Reply-To'] == threads[0]['Message-ID'], 'one incident is one thread'
    assert threads[0]['Subject'] == threads[1]['Subject']


def test_certificate_no_longer_trusted(watched):
    watched.untrusted.hosts[0].certificate('unknown')
    found = wait_for(lambda: [h for h in watched.daemon.hooks(about='turns-untrusted.test', status='firing')
                              if h.json['severity'] == 'critical'], 30, watched.daemon.said)
    assert found[0].json['kind'] == 'problem'


def test_tls_version_regression(watched):
    watched.regressed.hosts[0].configure(tls=('1.2', '1.2'))
    notice = watched.daemon.hook('tls.version_regression', 'mx1.regressed.test').json
    assert notice['severity'] == 'critical', notice
    assert 'TLSv1.3' in str(notice['before']) and 'TLSv1.2' in str(notice['after'])
    watched.daemon.mail('tls.version_regression', 'mx1.regressed.test')


def test_starttls_lost_and_back(watched):
    watched.stripped.hosts[0].configure(starttls='hidden')
    notice = watched.daemon.hook('starttls.lost', 'mx1.stripped.test').json
    assert notice['severity'] == 'critical', notice
    watched.daemon.mail('starttls.lost', 'mx1.stripped.test')
    watched.stripped.hosts[0].configure(starttls='offered')
    wait_for(lambda: watched.daemon.hooks('starttls.gained', 'mx1.stripped.test')
             or watched.daemon.hooks('starttls.lost', 'mx1.stripped.test', 'resolved'),
             30, lambda: f'word that STARTTLS is back; {watched.daemon.hooks(about="stripped.test")}')


def test_host_down_once_alerts_nobody(watched):
    """One refused connection, then well again: confirmation wants three in a row."""
    host = watched.blinks.hosts[0]
    before = host.connections
    host.configure(greeting='close')
    wait_for(lambda: host.connections > before, 20, 'one probe of the host that is down')
    host.configure(greeting='220')
    watched.daemon.look_twice()
    assert not watched.daemon.hooks(about='blinks.test'), watched.daemon.hooks(about='blinks.test')
    assert not watched.daemon.mails(about='blinks.test')


def test_host_down_for_good(watched):
    watched.dies.hosts[0].down()
    notice = watched.daemon.hook('host.unreachable', 'mx1.dies.test', 'firing', seconds=40).json
    assert notice['severity'] == 'critical' and notice['kind'] == 'problem'
    assert notice['confirmed_by'] >= 3 and notice['domains'] == ['dies.test'], notice
    watched.daemon.mail('host.unreachable', 'mx1.dies.test')


def test_host_comes_back(watched):
    watched.daemon.hook('host.unreachable', 'mx1.dies.test', 'firing')
    watched.dies.hosts[0].up()
    watched.daemon.hook('host.unreachable', 'mx1.dies.test', 'resolved', seconds=40)


def test_throttling_alerts_nobody(watched):
    """A 421 says nothing about the domain, however long it lasts."""
    host = watched.throttles.hosts[0]
    host.configure(greeting='421')
    before = host.connections
    wait_for(lambda: host.connections >= before + 5, 60, 'five probes of the host that throttles')
    host.configure(greeting='220')
    assert not watched.daemon.hooks(about='throttles.test'), watched.daemon.hooks(about='throttles.test')


def test_tls_rpt_removed(watched):
    watched.no_rpt.records('TXT', [], '_smtp._tls')
    watched.daemon.hook('tls_rpt.removed', 'loses-rpt.test')


def test_a_shared_mx_is_probed_once_an_interval(lab, watched):
    """Three domains on one host: as many probes of it as of a host that serves one domain."""
    shared, single = lab.hosts['mx.shared.test'], lab.hosts['mx1.id-changed.test']
    before = shared.connections, single.connections
    wait_for(lambda: single.connections >= before[1] + 4, 60, 'four rounds')
    probes, usual = shared.connections - before[0], single.connections - before[1]
    assert abs(probes - usual) <= 1, f'{probes} probes of the shared host, {usual} of another'


def test_a_shared_mx_is_one_notice_for_all(lab, watched):
    """With group_wait 0 it may leave before the last of them was judged; they are in it all the same."""
    shared = {'shares1.test', 'shares2.test', 'shares3.test'}
    lab.hosts['mx.shared.test'].certificate('expiring')
    notice = watched.daemon.hook('cert.expiring', 'mx.shared.test', 'firing').json
    assert notice['domains'] and set(notice['domains']) <= shared, notice
    assert notice['domains_total'] == len(notice['domains'])
    with contextlib.closing(sqlite3.connect(f'file:{watched.daemon.state}/state.db?mode=ro', uri=True)) as db:
        wait_for(lambda: {row[0] for row in db.execute(
            'SELECT m.domain FROM incident_member m JOIN incident i ON i.id = m.incident WHERE i.uid = ?',
            [notice['incident']])} == shared, 20, watched.daemon.said)
    watched.daemon.look_twice()
    assert len(watched.daemon.hooks('cert.expiring', 'mx.shared.test')) == 1


def test_resolver_down_is_one_event_not_one_for_each_domain(lab, watched):
    told = watched.daemon.told()[0]
    lab.relay.be('gone')

    def blind(status):
        return [h for h in watched.daemon.hooks()[told:]
                if h.event == 'monitor.blind' and h.json['status'] == status]
    wait_for(lambda: blind('firing'), 60, watched.daemon.said)
    lab.relay.be('well')
    wait_for(lambda: blind('resolved'), 60, watched.daemon.said)
    watched.daemon.look_twice()
    new = watched.daemon.hooks()[told:]
    assert {h.event for h in new} == {'monitor.blind'}, new
    firing = [h for h in new if h.json['status'] == 'firing']
    assert len(firing) == 1 and firing[0].json['subject'] == 'monitor' and not firing[0].json['domains']


def test_broken_reload_keeps_the_old_configuration(watched):
    daemon = watched.daemon
    with open(daemon.file) as f:
        good = f.read()
    daemon.write(good + '\nrecievers: {}\n')
    daemon.reload()
    wait_for(lambda: 'recievers' in daemon.program.text(), 10, daemon.said)
    daemon.look_twice()
    assert daemon.program.alive()
    watched.id_changed.policy_id('stillwatched')
    wait_for(lambda: [h for h in daemon.hooks('mta_sts.id_changed') if 'stillwatched' in str(h.json['after'])],
             30, daemon.said)
    daemon.write(good)


def test_reload_takes_a_new_domain(lab, watched):
    new = lab.domain('newcomer.test', mx=1)
    watched.daemon.watch(watched.daemon.domains + [new])
    watched.daemon.reload()
    watched.daemon.look_twice()
    assert not watched.daemon.hooks(about='newcomer.test'), 'the first look is silent'
    new.policy_id('fresh')
    watched.daemon.hook('mta_sts.id_changed', 'newcomer.test')
    watched.daemon.mail('mta_sts.id_changed', 'newcomer.test')


def test_restart_repeats_nothing(watched):
    daemon = watched.daemon
    assert daemon.stop() == 0, daemon.said()
    told = daemon.told()
    daemon.start()
    daemon.look_twice()
    assert daemon.told() == told, (daemon.hooks()[told[0]:], daemon.mails()[told[1]:])


def test_what_changed_while_it_was_stopped_is_told(watched):
    daemon = watched.daemon
    assert daemon.stop() == 0, daemon.said()
    watched.id_changed.policy_id('meanwhile')
    daemon.start()
    wait_for(lambda: [h for h in daemon.hooks('mta_sts.id_changed') if 'meanwhile' in str(h.json['after'])],
             30, daemon.said)


def test_everything_was_told_once(watched):
    """The same notice may arrive again (at least once), but then with the same id; no edge is told
    under two ids."""
    seen = {}
    for hook in watched.daemon.hooks():
        notice = hook.json
        key = (notice['incident'], notice['seq'])
        seen.setdefault(key, set()).add(notice['id'])
    assert not {k: v for k, v in seen.items() if len(v) > 1}


# -- a daemon of its own ----------------------------------------------------------------------------------

def test_critical_from_the_start_is_one_initial_notice(lab, watching):
    """The first observation is silent but for critical problems, together in one notice."""
    domains = [lab.domain(f'born-broken{i}.test', mx=1, starttls='hidden', policy=None) for i in (1, 2)]
    daemon = watching(*domains)
    daemon.hook(seconds=40)
    daemon.look_twice()
    hooks = daemon.hooks()
    assert len({h.json['id'] for h in hooks}) == 1, hooks
    assert hooks[0].json['severity'] == 'critical'
    assert sorted(hooks[0].json['domains']) == ['born-broken1.test', 'born-broken2.test'], hooks[0].json
    daemon.stop()


def test_a_receiver_that_hangs_holds_up_no_other(lab, watching, mail_sink):
    domain = lab.domain('slow-mail.test', mx=1)
    daemon = watching(domain)
    daemon.look_twice()
    mail_sink.be('hang')
    try:
        domain.policy_id('whilemailhangs')
        daemon.hook('mta_sts.id_changed', 'slow-mail.test')
        assert not daemon.mails(about='slow-mail.test')
    finally:
        mail_sink.be('well')
    assert daemon.stop() == 0, daemon.said()


def test_webhook_is_retried_with_the_same_id(lab, watching, webhook_sink):
    domain = lab.domain('retried.test', mx=1)
    daemon = watching(domain)
    daemon.look_twice()
    before = len(webhook_sink.requests)
    webhook_sink.answers[:] = [(500, {}), (429, {'Retry-After': '1'})]
    domain.policy_id('again')
    hook = daemon.hook('mta_sts.id_changed', 'retried.test', seconds=60)
    tries = [r for r in webhook_sink.requests[before:] if r.json['domains'] == ['retried.test']]
    assert len(tries) == 3 and {t.headers['webhook-id'] for t in tries} == {hook.json['id']}
    assert tries[2].at - tries[1].at < 4, 'Retry-After: 1 was not honoured'
    daemon.stop()


def test_mail_is_sent_again_after_a_temporary_refusal(lab, watching, mail_sink):
    domain = lab.domain('deferred.test', mx=1)
    daemon = watching(domain)
    daemon.look_twice()
    mail_sink.be('defer')
    before = mail_sink.connections
    try:
        domain.policy_id('again')
        wait_for(lambda: mail_sink.connections > before, 30, daemon.said)
    finally:
        mail_sink.be('well')
    daemon.mail('mta_sts.id_changed', 'deferred.test', seconds=40)
    daemon.stop()


def test_questions_about_the_file_go_to_the_daemon_behind_the_socket(lab, watching, mxwatch):
    daemon = watching(lab.domain('asked-about.test', mx=1, policy=None))
    socket = os.path.join(daemon.state, 'mxwatch.sock')
    wait_for(lambda: os.path.exists(socket), 20, lambda: daemon.said())
    shown = mxwatch('config', 'show', 'asked-about.test', '--origin', '-s', socket)
    assert shown.status == 0 and daemon.file in shown.out, shown
    route = mxwatch('route', 'test', 'asked-about.test', '--severity', 'critical',
                    '--event', 'starttls.lost', '-s', socket)
    assert route.status == 0 and 'at once' in route.out, route


def test_term_ends_it_within_five_seconds(lab, watching):
    daemon = watching(lab.domain('ends.test', mx=1, greeting='silence', policy=None))
    wait_for(lambda: lab.hosts['mx1.ends.test'].connections, 20, daemon.said)
    began = time.monotonic()
    assert daemon.stop() == 0, daemon.said()
    assert time.monotonic() - began < 10


def test_check_of_a_broken_file_names_every_error(build, tmp_path):
    path = tmp_path / 'watchlist.yaml'
    path.write_text('notify: mailto:oncall@example.org\nintervall: 5m\ndomains:\n  - example.org\n'
                    '  - example.org\n  - {name: example.com, intervall: 1h}\n')
    done = subprocess.run([os.path.join(build, 'mxwatchd'), '-c', str(path), '--check'],
                          capture_output=True, text=True, timeout=10)
    text = done.stdout + done.stderr
    assert done.returncode == 2, text
    assert f'{path}:2:1: error: unknown key "intervall"' in text and '^' in text, text
    assert f'{path}:5:5: error:' in text and f'{path}:6:25: error:' in text, text


def test_check_of_the_five_line_file(build, tmp_path):
    path = tmp_path / 'mxwatch.yaml'
    path.write_text('notify: mailto:oncall@example.org\ndomains:\n  - example.org\n')
    done = subprocess.run([os.path.join(build, 'mxwatchd'), '-c', str(path), '--check'],
                          capture_output=True, text=True, timeout=10)
    assert done.returncode == 0, done.stdout + done.stderr
