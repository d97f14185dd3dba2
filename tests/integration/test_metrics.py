# SPDX-License-Identifier: ISC
"""/metrics, its shards and /probe; what contrib/ has for other programs, as those programs take it."""

import contextlib
import http.client
import json
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import urllib.parse

import pytest

from lab import netns
from lab.loop import wait_for

TOP = os.path.normpath(os.path.join(os.path.dirname(__file__), '..', '..'))
CONTRIB = os.path.join(TOP, 'contrib')
ADDRESS, PORT, PROMETHEUS = f'{netns.NET}.97.2', 9791, 9790
OPEN = 'application/openmetrics-text'
MORE = f'''\
web: {{listen: ['{ADDRESS}:{PORT}'], metrics: check}}
maintenance:
  - {{name: always, match: {{domain: none.test}}, days: [sun, mon, tue, wed, thu, fri, sat], start: "00:00", duration: 24h}}
  - {{name: later, match: {{}}, from: 2199-01-01T00:00:00Z, until: 2199-01-02T00:00:00Z}}
'''


def ask(path, port=PORT, **headers):
    connection = http.client.HTTPConnection(ADDRESS, port, timeout=20)
    connection.request('GET', path, headers=headers)
    answer = connection.getresponse()
    answer.text = answer.read().decode()
    connection.close()
    return answer


def samples(text):
    """{name: {frozenset of labels: value}}"""
    found = {}
    for line in text.splitlines():
        if line and not line.startswith('#'):
            name, labels, value = re.fullmatch(r'(\w+)(?:\{(.*)\})? (\S+)', line).groups()
            key = frozenset(re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', labels or ''))
            assert key not in found.setdefault(name, {}), line
            found[name][key] = float(value)
    return found


def value(found, name, **labels):
    """The one sample with these labels among its own."""
    (one,) = [v for k, v in found[name].items() if k >= frozenset(labels.items())]
    return one


@pytest.fixture(scope='module')
def daemon(lab, watching):
    good = lab.domain('metric-good.test', mx=2)
    for host in good.hosts:
        host.tlsa(host.peers[0].certificate.tlsa())
    daemon = watching(good, lab.domain('metric-selfsigned.test', mx=1, certificate='self-signed', policy=None),
                      more=MORE)
    daemon.look_twice()

    def judged():
        with contextlib.suppress(OSError):
            return len(samples(ask('/metrics').text).get('mxwatch_mta_sts_mode', {})) == 2
    wait_for(judged, 30, daemon.said)
    return daemon


def test_what_a_domain_shows(daemon):
    found = samples(ask('/metrics').text)
    assert value(found, 'mxwatch_mta_sts_mode', domain='metric-good.test') == 2
    assert value(found, 'mxwatch_mta_sts_mode', domain='metric-selfsigned.test') == 0
    assert value(found, 'mxwatch_mta_sts_max_age_seconds', domain='metric-good.test') == 604800
    assert value(found, 'mxwatch_mta_sts_policy_first_seen_timestamp_seconds', domain='metric-good.test') > 1.7e9
    assert value(found, 'mxwatch_mta_sts_fetch_success', domain='metric-good.test') == 1
    assert value(found, 'mxwatch_tls_rpt_valid', domain='metric-good.test') == 1
    assert value(found, 'mxwatch_dnssec_rrsig_expiry_timestamp_seconds', domain='metric-good.test') > 1.7e9
    assert value(found, 'mxwatch_check_status', domain='metric-good.test', check='tls.cert.trusted') == 0
    assert value(found, 'mxwatch_check_status', domain='metric-selfsigned.test', check='tls.cert.trusted') == 1
    names = {k for key in found['mxwatch_mta_sts_max_age_seconds'] for k in dict(key).values()}
    assert names == {'metric-good.test'}, 'a domain without a policy has no max_age'


def test_what_a_host_shows(daemon):
    found = samples(ask('/metrics').text)
    mx = {'mx': 'mx1.metric-good.test', 'port': '25'}
    assert value(found, 'mxwatch_mx_up', **mx, family='ipv4') == 1
    assert value(found, 'mxwatch_mx_addresses', **mx, family='ipv4') == 1
    assert value(found, 'mxwatch_mx_addresses_failing', **mx, family='ipv4') == 0
    assert value(found, 'mxwatch_mx_starttls_offered', **mx) == 1
    assert value(found, 'mxwatch_mx_tlsa_records', **mx, usage='3') == 1
    assert value(found, 'mxwatch_mx_tls_info', **mx, version='TLSv1.3') == 1
    assert value(found, 'mxwatch_cert_verified', **mx) == 1
    assert value(found, 'mxwatch_cert_verified', mx='mx1.metric-selfsigned.test') == 0
    assert 0 <= value(found, 'mxwatch_mx_tls_handshake_duration_seconds', **mx) < 10


def test_what_is_muted(daemon, mxwatch):
    found = samples(ask('/metrics').text)
    assert value(found, 'mxwatch_maintenance_active', maintenance='always') == 1
    assert value(found, 'mxwatch_maintenance_active', maintenance='later') == 0
    assert value(found, 'mxwatch_maintenance_begin_timestamp_seconds', maintenance='later') == 7226582400
    assert found['mxwatch_silences'][frozenset()] == 0 and found['mxwatch_domains_muted'][frozenset()] == 0
    socket = os.path.join(daemon.state, 'mxwatch.sock')
    assert mxwatch('silence', 'add', '-s', socket, 'metric-good.test', '1h', '--reason', 'x',
                   '--author', 'ada').status == 0
    found = samples(ask('/metrics').text)
    assert found['mxwatch_silences'][frozenset()] == 1 and found['mxwatch_domains_muted'][frozenset()] == 1
    page = ask('/maintenance', Accept='text/html').text
    assert 'metric-good.test' in page and 'ada' in page and 'later' in page and 'Open now' in page


def test_dane_and_policy_by_mx_host(daemon):
    found = samples(ask('/metrics').text)
    for mx in ('mx1.metric-good.test', 'mx2.metric-good.test'):
        assert value(found, 'mxwatch_mx_dane_valid', domain='metric-good.test', mx=mx) == 1
        assert value(found, 'mxwatch_mta_sts_mx_covered', domain='metric-good.test', mx=mx) == 1
    for name in ('mxwatch_mx_dane_valid', 'mxwatch_mta_sts_mx_covered'):
        assert not [k for k in found[name] if ('domain', 'metric-selfsigned.test') in k]


def test_processes(daemon):
    """Of the one that answers, and of the engine as it says itself."""
    found = samples(ask('/metrics').text)
    for prefix, name in (('process', 'web'), ('mxwatch_engine', 'engine')):
        pid = daemon.child(name)
        resident = pathlib.Path(f'/proc/{pid}/statm').read_text().split()[1]
        said = {key: found[f'{prefix}_{key}'][frozenset()]
                for key in ('start_time_seconds', 'cpu_seconds_total', 'resident_memory_bytes', 'open_fds')}
        assert said['start_time_seconds'] > 1.7e9 and 0 < said['cpu_seconds_total'] < 3600
        assert 0.5 < said['resident_memory_bytes'] / (int(resident) * os.sysconf('SC_PAGE_SIZE')) < 2
        assert abs(said['open_fds'] - len(os.listdir(f'/proc/{pid}/fd'))) < 10


def test_notices_by_receiver(daemon, mxwatch):
    assert mxwatch('test-alert', '-s', os.path.join(daemon.state, 'mxwatch.sock'), 'hook').status == 0

    def told():
        found = samples(ask('/metrics').text)
        return value(found, 'mxwatch_notifications_total', receiver='hook', result='delivered') > 0 and found
    found = wait_for(told, 30, daemon.said)
    for name in ('pending', 'held', 'undeliverable', 'oldest_pending_seconds'):
        assert {dict(k)['receiver'] for k in found['mxwatch_notifications_' + name]} == {'hook', 'mail'}
    assert {(dict(k)['receiver'], dict(k)['result']) for k in found['mxwatch_notifications_total']} == {
        (receiver, result) for receiver in ('hook', 'mail') for result in ('delivered', 'failed', 'dead')}
    results = {dict(k)['result']: v for k, v in found['mxwatch_checks_total'].items()}
    assert set(results) == {'pass', 'info', 'warn', 'fail', 'skip', 'unknown'} and results['pass'] > 50


def test_openmetrics_for_who_prefers_it(daemon):
    """As prometheus 2.42 asks; and what a browser or curl gets."""
    wish = f'{OPEN};version=1.0.0,{OPEN};version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1'
    answer = ask('/metrics', Accept=wish)
    assert answer.headers['Content-Type'].startswith(OPEN + '; version=1.0.0')
    assert answer.text.endswith('\n# EOF\n') and '\n# TYPE mxwatch_judgements counter\n' in answer.text
    for accept in ('*/*', 'text/plain', f'text/plain, {OPEN};q=0.2', f'{OPEN};q=0'):
        answer = ask('/metrics', Accept=accept)
        assert answer.headers['Content-Type'].startswith('text/plain; version=0.0.4'), accept
        assert '# EOF' not in answer.text


def test_shards_are_the_details_in_parts(daemon):
    whole, parts = samples(ask('/metrics/domains').text), {}
    for k in (1, 2, 3):
        for name, rows in samples(ask(f'/metrics/domains?shard={k}/3').text).items():
            assert not set(rows) & set(parts.get(name, ())), name
            parts.setdefault(name, {}).update(rows)
    assert {n: set(r) for n, r in whole.items()} == {n: set(r) for n, r in parts.items()}
    assert 'mxwatch_domain_status' in whole and 'mxwatch_domains' not in whole
    for wrong in ('0/3', '4/3', '1', 'x/3', '1/3x', '1/0', '-1/3'):
        answer = ask('/metrics/domains?shard=' + urllib.parse.quote(wrong))
        assert answer.status == 400 and answer.headers['Content-Type'] == 'application/problem+json', wrong


def test_probe_as_blackbox_exporter_says_it(daemon):
    found = samples(ask('/probe?target=metric-good.test&module=mx').text)
    assert found['probe_success'][frozenset()] == 1
    assert 0 < found['probe_duration_seconds'][frozenset()] < 30
    assert 0 <= found['mxwatch_probe_result_age_seconds'][frozenset()] < 60
    assert found['probe_ip_protocol'][frozenset()] == 4
    assert found['probe_ssl_earliest_cert_expiry'][frozenset()] > 1.7e9
    assert value(found, 'probe_tls_version_info', version='TLS 1.3') == 1
    assert value(found, 'probe_ssl_last_chain_info', subject='CN=mx1.metric-good.test') == 1
    assert samples(ask('/probe?target=METRIC-good.test.').text)['probe_success'][frozenset()] == 1


@pytest.mark.parametrize('query,status', [('', 400), ('target=', 400), ('target=not-watched.test', 404),
                                          ('target=metric-good.test&module=icmp', 400)])
def test_probe_refuses(daemon, query, status):
    answer = ask('/probe?' + query)
    assert answer.status == status and json.loads(answer.text)['status'] == status


def test_a_scrape_probes_nothing(daemon, lab):
    """The cached result: what the schedule asks in between is far less than what is scraped."""
    before = lab.relay.asked['metric-good.test/MX']
    for _ in range(50):
        assert ask('/probe?target=metric-good.test').status == 200
    assert lab.relay.asked['metric-good.test/MX'] - before < 10


# -- by the real tools --------------------------------------------------------------------------------

@pytest.fixture
def open_folder():
    """For programs that change to an account of their own."""
    with tempfile.TemporaryDirectory(prefix='mxwatch-') as path:
        os.chmod(path, 0o777)
        yield pathlib.Path(path)


def need(*programs):
    for program in programs:
        if shutil.which(program, path=os.environ['PATH'] + ':/usr/sbin:/usr/lib/nagios/plugins') is None:
            pytest.skip(f'no {program} here')


@pytest.mark.parametrize('path', ['/metrics', '/metrics/domains?shard=1/2', '/probe?target=metric-good.test'])
def test_promtool_has_nothing_to_say(daemon, path):
    need('promtool')
    done = subprocess.run(['promtool', 'check', 'metrics'], input=ask(path).text.encode(), capture_output=True)
    said = [line for line in (done.stdout + done.stderr).decode().splitlines()
            if not line.startswith('probe_')]  # blackbox_exporter's names are what they are
    assert not said, done


def test_prometheus_scrapes_it(daemon, tmp_path):
    """contrib/prometheus/scrape.yml, with this daemon's place in it."""
    need('prometheus')
    with open(os.path.join(CONTRIB, 'prometheus', 'scrape.yml')) as f:
        text = f.read()
    assert text.count('127.0.0.1:9791') >= 3 and 'example.org' in text
    text = text.replace('127.0.0.1', ADDRESS).replace('example.org', 'metric-good.test').replace('example.com', 'not-watched.test')
    (tmp_path / 'prometheus.yml').write_text('global: {scrape_interval: 1s}\n' +
                                             text.replace('scrape_interval: ', '#'))
    shutil.copy(os.path.join(CONTRIB, 'prometheus', 'mxwatch.rules.yml'), tmp_path)
    with open(tmp_path / 'log', 'wb') as log:
        process = subprocess.Popen(
            ['prometheus', f'--config.file={tmp_path}/prometheus.yml', f'--storage.tsdb.path={tmp_path}/tsdb',
             f'--web.listen-address={ADDRESS}:{PROMETHEUS}'], stdout=log, stderr=log)

    def query(expression):
        with contextlib.suppress(OSError):
            answer = ask('/api/v1/query?query=' + urllib.parse.quote(expression), PROMETHEUS)
            if answer.status == 200:
                return json.loads(answer.text)['data']['result']
        return []

    def said():
        return (tmp_path / 'log').read_text()
    try:
        wait_for(lambda: query('mxwatch_domains{state="warning",job="mxwatch"} == 1'), 60, said)
        wait_for(lambda: query('mxwatch_mta_sts_mode{job="mxwatch-domains"} == 2'), 30, said)
        wait_for(lambda: query('probe_success{job="mxwatch-probe",instance="metric-good.test"} == 1'), 30, said)
        wait_for(lambda: query('up{job="mxwatch-probe",instance="not-watched.test"} == 0'), 30, said)
        assert not query('up{job="mxwatch"} == 0')
        rules = json.loads(ask('/api/v1/rules', PROMETHEUS).text)['data']['groups']
        assert {r['name'] for g in rules for r in g['rules']} >= {'MxwatchDown', 'MxwatchCheckCritical'}
    finally:
        process.terminate()
        process.wait(20)


def named_in_contrib():
    names = set()
    for path in ('prometheus/mxwatch.rules.yml', 'grafana/mxwatch.json'):
        with open(os.path.join(CONTRIB, path)) as f:
            names |= set(re.findall(r'\b(mxwatch_\w+)', f.read()))
    return sorted(names)


@pytest.mark.parametrize('name', named_in_contrib())
def test_metric_of_contrib_is_served(daemon, name):
    assert name in samples(ask('/metrics').text)


def test_icinga_takes_our_command(daemon, open_folder):
    need('icinga2')
    conf = open_folder / 'icinga2.conf'
    conf.write_text(f'''\
include <itl>
include <plugins>
const PluginDir = "/usr/lib/nagios/plugins"
const NodeName = "watcher"
object Endpoint NodeName {{ }}
object Zone "z" {{ endpoints = [ NodeName ] }}
include "{CONTRIB}/icinga/mxwatch.conf"
object Host "watcher" {{
  check_command = "dummy"
  vars.mail_domains = [ "example.org", "example.com" ]
}}
''')
    done = subprocess.run(['icinga2', 'daemon', '-C', '-c', conf, '-x', 'information', '-D', f'DataDir={open_folder}',
                           '-D', f'LogDir={open_folder}', '-D', f'CacheDir={open_folder}', '-D', f'InitRunDir={open_folder}'],
                          capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and 'Instantiated 2 Services' in done.stdout, done.stdout + done.stderr


def test_nagios_takes_our_command(daemon, open_folder):
    need('nagios4')
    conf = open_folder / 'nagios.cfg'
    for folder in ('rw', 'results'):
        (open_folder / folder).mkdir()
        (open_folder / folder).chmod(0o777)
    with open(os.path.join(CONTRIB, 'nagios', 'mxwatch.cfg')) as f:
        ours = f.read()
    (open_folder / 'mxwatch.cfg').write_text(ours)
    example = re.search(r'#define service \{.*?#\}', ours, re.S)[0].replace('#', '')
    (open_folder / 'objects.cfg').write_text('''\
define timeperiod {
 timeperiod_name always\n alias always\n monday 00:00-24:00
}
define contact {
 contact_name c\n host_notifications_enabled 0\n service_notifications_enabled 0
 host_notification_period always\n service_notification_period always
 host_notification_options n\n service_notification_options n
 host_notification_commands none\n service_notification_commands none
}
define command {
 command_name none\n command_line /bin/true
}
define host {
 host_name monitor\n address 127.0.0.1\n max_check_attempts 3\n contacts c
 check_period always\n notification_period always
}
define service {
 name generic-service
 notification_interval 0
 max_check_attempts 3\n contacts c\n check_period always
 notification_period always\n register 0
}
''' + example + '\n')
    conf.write_text(f'''\
log_file={open_folder}/log
cfg_file={open_folder}/mxwatch.cfg
cfg_file={open_folder}/objects.cfg
check_result_path={open_folder}/results
command_file={open_folder}/rw/nagios.cmd
lock_file={open_folder}/lock
temp_file={open_folder}/temp
temp_path={open_folder}
status_file={open_folder}/status
object_cache_file={open_folder}/cache
state_retention_file={open_folder}/retention
illegal_macro_output_chars=`~$&|'"<>
''')
    done = subprocess.run([shutil.which('nagios4', path='/usr/sbin:/usr/bin'), '-v', conf], capture_output=True,
                          text=True, timeout=60)
    assert done.returncode == 0 and 'Total Errors:   0' in done.stdout, done.stdout
    assert 'Checked 1 services' in done.stdout


def test_plugin_among_plugins(daemon, lab, build, tmp_path):
    """monitoring-plugins' negate runs it as a monitor would, and turns its status round."""
    need('negate')
    argv = [os.path.abspath(os.path.join(build, 'mxwatch')), 'check', '--format', 'nagios', '--resolver', lab.resolver,
            '--ca-file', lab.ca_file, '--allow-private']
    for domain, status, word in (('metric-good.test', 0, 'OK'), ('metric-selfsigned.test', 1, 'WARNING')):
        plain = subprocess.run([*argv, domain], capture_output=True, text=True, timeout=60)
        first = plain.stdout.splitlines()[0]
        assert plain.returncode == status and f' {word}' in first, plain
        assert len(plain.stdout) < 4096 and plain.stdout.count('|') == 1
        turned = subprocess.run(['/usr/lib/nagios/plugins/negate', '--ok=CRITICAL', '--warning=CRITICAL',
                                 '--substitute', *argv, domain], capture_output=True, text=True, timeout=60)
        assert turned.returncode == 2 and ' CRITICAL' in turned.stdout, turned
        perfdata = first.split('|')[1].split()
        for item in perfdata:
            assert re.fullmatch(r"[^=' ]+=-?[\d.]+(s|ms|%|B|c)?(;[-\d.:@~]*){0,4}", item), item
