# SPDX-License-Identifier: ISC
"""Every format against its service's schema, for every kind of notice, hostile ones included."""

import json

import pytest

from receivers import FORMATS, PAGERDUTY_CHANGE, PAGERDUTY_EVENT
from test_notifier import hook, listening, NOTICE, Notifier

jsonschema = pytest.importorskip('jsonschema')


@pytest.fixture(scope='module')
def notifier():
    n = Notifier()
    yield n
    n.close()


@pytest.fixture(scope='module')
def sink():
    with listening() as server:
        yield server


def hostile(fill):
    """Everything a stranger can say, as long as he likes."""
    long = fill * (20000 // len(fill))
    return {'severity': 'critical', 'subject': f'mx1.{"a" * 60}.test[192.0.2.7]:25', 'summary': long,
            'expected': long, 'actual': long, 'impact': long, 'advice': long, 'reference': long,
            'before': [f'{i} {long[:300]}' for i in range(300)], 'after': {'policy': long, 'id': long[:40]},
            'domains': [f'{i}.{"d" * 60}.{"e" * 60}.{"f" * 60}.test' for i in range(50)], 'domains_total': 800,
            'changes': ['cert.changed'] * 20, 'causes': [long] * 20, 'owner': long[:200],
            'tags': {f'k{i}-{long[:5]}': long[:300] for i in range(20)},
            'url': 'https://mx.example.org/incidents', 'runbook_url': 'https://wiki.example.org/' + 'x' * 900}


CASES = {
    'problem': {'url': 'https://mx.example.org/x'},
    'acknowledged': {'acked_by': 'ada'},
    'recovery': {'status': 'resolved', 'seq': 2},
    'change': {'kind': 'change', 'status': 'changed', 'severity': 'info', 'before': ['a'], 'after': ['b', 'c']},
    'first look': {'kind': 'change', 'status': 'changed', 'event': 'initial.state', 'causes': ['a', 'b']},
    'daemon': {'kind': 'daemon', 'event': 'self.egress25', 'subject': 'monitor', 'domains': [], 'domains_total': 0},
    'test': {'kind': 'test', 'event': 'test.alert', 'severity': 'info', 'domains': [], 'domains_total': 0,
             'expected': None, 'actual': None, 'impact': None, 'advice': None, 'reference': None},
    'markup': hostile('&<>*_`[x](https://evil.example/)@everyone <!channel> '),
    'amps': hostile('&'),
    'wide': hostile('\U0001f4a3'),
    'controls': hostile('\x1b[31m\r\n\u202ex'),
}


def post(notifier, sink, receiver, notice, **more):
    base = hook(sink)['urls']
    sink.got.clear()
    sent = notifier.send({'name': 'it', **receiver, 'urls': base}, notice, **more)
    assert sent['outcome'] == 'delivered', sent
    return sink.got[-1][2]


def judge(name, raw):
    _, schema, ceilings = FORMATS[name]
    body = json.loads(raw)
    if name == 'pagerduty':
        schema = PAGERDUTY_EVENT if 'event_action' in body else PAGERDUTY_CHANGE
    errors = sorted(jsonschema.Draft7Validator(schema).iter_errors(body), key=lambda e: list(map(str, e.path)))
    assert not errors, '\n'.join(f'{list(e.path)}: {e.message[:300]}' for e in errors[:5])
    for measure, most in ceilings:
        assert measure(raw, body) <= most
    return body


@pytest.mark.parametrize('case', CASES)
@pytest.mark.parametrize('name', FORMATS)
def test_a_notice_is_what_the_service_takes(notifier, sink, name, case, tmp_path):
    receiver = dict(FORMATS[name][0])
    if name == 'pagerduty':
        (tmp_path / 'key').write_text('R0UT1NG\n')
        receiver['routing_key_file'] = str(tmp_path / 'key')
    judge(name, post(notifier, sink, receiver, CASES[case]))


@pytest.mark.parametrize('name', [n for n in FORMATS if n not in ('pagerduty', 'alertmanager')])
def test_a_digest_is_what_the_service_takes(notifier, sink, name):
    event = {'id': 'digest-1', 'incident': 'digest-1', 'kind': 'daemon', 'status': 'changed', 'event': 'digest',
             'check': None, 'subject': 'monitor', 'summary': '500 critical', 'domains': [], 'domains_total': 0}
    for case in 'problem', 'markup', 'wide':
        short = {k: v[:2000] if isinstance(v, str) else v for k, v in CASES[case].items()}
        items = [{**NOTICE, **short, 'id': f'evt_{i}', 'before': None, 'after': None, 'causes': []}
                 for i in range(30)]
        body = judge(name, post(notifier, sink, FORMATS[name][0], event, digest=items))
        if name == 'alertmanager-webhook':
            assert len(body['alerts']) == 30


def test_what_is_over_ends_before_it_fires_again(notifier, sink):
    """Alertmanager answers 400 when an alert ends before it began."""
    for case in CASES:
        for alert in judge('alertmanager', post(notifier, sink, FORMATS['alertmanager'][0], CASES[case])):
            assert alert['startsAt'] <= alert['endsAt']
