# SPDX-License-Identifier: ISC
"""Nothing is claimed that was not seen: every outcome of every check has a golden case and a
live proof, and so has every event.

The outcomes are those that tests/unit/test_eval.c demands of the golden cases, the events those of
mxwatch-events(7).  A live proof is an expectation of a row of the catalogue (test_check.py sees to
it that it is met), or a test named below.  None of this needs the lab.
"""

import ast
import json
import os
import re

import pytest

from lab.catalogue import ROWS

TESTS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
TOP = os.path.dirname(TESTS)
WORDS = {'p': 'pass', 'i': 'info', 'w': 'warn', 'f': 'fail', 's': 'skip', 'u': 'unknown'}

# What `mxwatch check` cannot show: it has no past.
FINDINGS = {
    'mta_sts.cache_hazard pass': 'integration/test_history.py::test_nothing_happened_yet',
    'mta_sts.cache_hazard fail': 'integration/test_history.py::test_a_cached_policy_misses_mx_hosts_until_its_end',
    'mta_sts.cache_hazard unknown': 'integration/test_history.py::test_what_fails_validation_is_unknown',
    'mta_sts.delegation info': 'integration/test_history.py::test_the_delegation_moves',
    'mta_sts.id_body pass': 'integration/test_history.py::test_nothing_happened_yet',
    'mta_sts.id_body info': 'integration/test_history.py::test_the_id_changes_alone',
    'mta_sts.id_body warn': 'integration/test_history.py::test_the_body_changes_alone',
    'mta_sts.withdrawal pass': 'integration/test_history.py::test_withdrawal_through_mode_none_waits_for_the_caches',
    'mta_sts.withdrawal warn': 'integration/test_history.py::test_record_and_policy_vanish_while_caches_live',
    'mta_sts.withdrawal unknown': 'integration/test_history.py::test_what_fails_validation_is_unknown',
    'self.resolver pass': 'integration/test_check.py::test_what_explains_the_unknown_is_in_the_report',
    'self.resolver info':
        'integration/test_check.py::test_a_resolver_that_does_not_validate_leaves_dnssec_unknown',
    'self.egress25 pass': 'integration/test_check.py::test_what_explains_the_unknown_is_in_the_report',
    'self.egress25 skip': 'integration/test_check.py::test_what_explains_the_unknown_is_in_the_report',
    'self.egress25 info': 'integration/test_hostile.py::test_addresses_that_do_not_answer',
    'self.ipv6 pass': 'integration/test_check.py::test_what_explains_the_unknown_is_in_the_report',
    'self.clock pass': 'integration/test_check.py::test_what_explains_the_unknown_is_in_the_report',
    'self.ca_bundle pass': 'integration/test_check.py::test_what_explains_the_unknown_is_in_the_report',
    'self.ca_bundle info': 'integration/test_check.py::test_what_explains_the_unknown_is_in_the_report',
    'tls.cert.renewal pass': 'integration/test_history.py::test_a_renewal_that_looks_stuck',
    'tls.cert.renewal warn': 'integration/test_history.py::test_a_renewal_that_looks_stuck',
}

EVENTS = {
    'cert.changed': 'integration/test_daemon.py::test_certificate_swapped',
    'cert.expiring': 'integration/test_daemon.py::test_certificate_about_to_expire',
    'cert.expired': 'integration/test_events.py::test_certificate_expired',
    'mx.added': 'integration/test_daemon.py::test_mx_added',
    'mx.removed': 'integration/test_events.py::test_mx_removed',
    'mx.changed': 'integration/test_events.py::test_mx_changed',
    'mx.pattern_drift': 'integration/test_daemon.py::test_mx_drifts_out_of_the_policy',
    'host.unreachable': 'integration/test_daemon.py::test_host_down_for_good',
    'ptr.changed': 'integration/test_events.py::test_ptr_changed',
    'mta_sts.id_changed': 'integration/test_daemon.py::test_policy_id_changed',
    'mta_sts.policy_changed': 'integration/test_daemon.py::test_policy_body_changed_without_id',
    'mta_sts.mode_changed': 'integration/test_daemon.py::test_mode_weakened',
    'mta_sts.removed': 'integration/test_daemon.py::test_policy_withdrawn',
    'mta_sts.published': 'integration/test_events.py::test_mta_sts_published',
    'mta_sts.delegation': 'integration/test_history.py::test_the_delegation_moves',
    'submission.discovery': 'integration/test_history.py::test_submission_moves',
    'starttls.lost': 'integration/test_daemon.py::test_starttls_lost_and_back',
    'starttls.gained': 'integration/test_daemon.py::test_starttls_lost_and_back',
    'tls.version_regression': 'integration/test_daemon.py::test_tls_version_regression',
    'tls.cipher_regression': 'integration/test_events.py::test_forward_secrecy_lost',
    'dane.lost': 'integration/test_events.py::test_dane_lost',
    'dane.gained': 'integration/test_events.py::test_dane_gained',
    'dane.tlsa_changed': 'integration/test_events.py::test_dane_records_changed',
    'dane.broken': 'integration/test_events.py::test_dane_broken_and_mended',
    'dnssec.lost': 'integration/test_events.py::test_dnssec_lost',
    'dnssec.gained': 'integration/test_events.py::test_dnssec_gained',
    'dnssec.bogus': 'integration/test_events.py::test_dnssec_bogus_and_mended',
    'tls_rpt.changed': 'integration/test_events.py::test_tls_rpt_changed',
    'tls_rpt.removed': 'integration/test_daemon.py::test_tls_rpt_removed',
    'relay.opened': 'integration/test_history.py::test_a_relay_is_told_an_hour_later_and_its_end',
    'relay.closed': 'integration/test_history.py::test_a_relay_is_told_an_hour_later_and_its_end',
    'grade.dropped': 'integration/test_events.py::test_grade_dropped_and_rose',
    'grade.rose': 'integration/test_events.py::test_grade_dropped_and_rose',
    'monitor.blind': 'integration/test_daemon.py::test_resolver_down_is_one_event_not_one_for_each_domain',
    'self.resolver': 'integration/test_history.py::test_a_resolver_that_does_not_validate_is_said_once',
    'self.ca_bundle': 'integration/test_history.py::test_a_missing_ca_bundle_is_said_once',
    'self.egress25': 'system/test_engine.py::test_no_way_out_is_one_notice',
    'self.ipv6': 'system/test_engine.py::test_no_way_out_is_one_notice',
    'self.schedule': 'system/test_engine.py::test_checks_that_come_late_are_one_notice',
    'notify.delivery': 'system/test_engine.py::test_a_receiver_that_takes_nothing_is_told_to_the_others',
    'state.damaged': 'system/test_engine.py::test_a_damaged_state_is_begun_anew_and_said_once',
    'state.unwritable': 'system/test_engine.py::test_a_full_disk_is_said_at_once_and_nothing_is_lost',
    'config.reload_failed': 'system/test_engine.py::test_a_broken_reload_changes_nothing',
}

# No live proof, and why.
EXCEPTIONS = {
    'self.clock': 'to set the clock would disturb whatever else runs on the machine',
    'self.clock info': 'the same',
    'self.ipv6 info': 'the servers of the lab would lose their IPv6 addresses with the route',
    'self.ipv6 skip': 'the same',
}


def read(*path):
    with open(os.path.join(*path)) as f:
        return f.read()


def golden_outcomes():
    """{check: {outcome}} that the golden cases must reach."""
    rows = re.findall(r'^    \{"([a-z0-9_.]+)", "([piwfsu]+)"\},$', read(TESTS, 'unit', 'test_eval.c'), re.M)
    return {check: {WORDS[c] for c in letters} for check, letters in rows}


def table():
    """[(id, area)] of the check table."""
    text = read(TOP, 'src', 'core', 'check_table.c')
    return list(zip(re.findall(r'\.id = "([^"]+)"', text), re.findall(r'\.area = "([^"]+)"', text)))


def proven_by_rows():
    return {f'{e.id} {e.status}' for row in ROWS for e in row.expect if e.demanded}


def events():
    """What mxwatch-events(7) promises, and every word a change is given in the code."""
    names = set()
    for line in re.findall(r'^\.It Cm (.+)$', read(TOP, 'doc', 'mxwatch-events.7'), re.M):
        names |= set(re.findall(r'[a-z0-9_]+\.[a-z0-9_]+', line.partition(' Pq ')[0]))
    return names


def source_of(test):
    """The text of a test given as file::name."""
    path, _, name = test.partition('::')
    text = read(TESTS, path)
    for node in ast.parse(text).body:
        if isinstance(node, ast.FunctionDef) and node.name == name:
            return ast.get_source_segment(text, node)
    return None


def test_every_check_has_its_outcomes():
    """Three are about the daemon alone, and never part of a report."""
    assert {check for check, _ in table()} - set(golden_outcomes()) == {
        'self.schedule', 'notify.delivery', 'notify.self_dependency'}
    assert set(golden_outcomes()) <= {check for check, _ in table()}


def test_every_outcome_has_a_golden_case():
    reached = {f'{id} {status}' for name in os.listdir(os.path.join(TESTS, 'golden'))
               if name.endswith('.json') and name != 'base.json'
               for case in json.loads(read(TESTS, 'golden', name))
               for id, _, status, _ in case['expect']}
    demanded = {f'{check} {outcome}' for check, all in golden_outcomes().items() for outcome in all}
    assert demanded == reached


@pytest.mark.parametrize('check', sorted(golden_outcomes()))
def test_every_outcome_was_seen_live(check):
    demanded = {f'{check} {outcome}' for outcome in golden_outcomes()[check]}
    assert demanded <= proven_by_rows() | set(FINDINGS) | set(EXCEPTIONS)


def test_every_event_was_seen_live():
    assert events() == set(EVENTS) | (set(EXCEPTIONS) & events())
    in_code = set(re.findall(r'add\(t, e, "([^"]+)"', read(TOP, 'src', 'core', 'diff_tell.c')))
    checks = {check for check, _ in table()}
    assert in_code <= events() | checks


@pytest.mark.parametrize('what, test', sorted((EVENTS | FINDINGS).items()))
def test_proofs_are_there(what, test):
    """The test exists and names what it is said to prove."""
    source = source_of(test)
    assert source, f'{test} is gone'
    assert what.partition(' ')[0] in source, f'{test} does not mention {what}'


def test_exceptions_are_needed():
    assert not set(EXCEPTIONS) & (proven_by_rows() | set(FINDINGS) | set(EVENTS))
