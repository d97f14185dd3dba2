# SPDX-License-Identifier: ISC
"""The status page, the API, the metrics and the verbs of mxwatch against a daemon in the lab."""

import contextlib
import csv
import html.parser
import http.client
import io
import json
import os
import re
import shutil
import socket
import sqlite3
import subprocess
import time
import urllib.parse
import xml.etree.ElementTree as etree
import zlib

import pytest

from lab import netns
from lab.loop import wait_for

ADDRESS, PORT = f'{netns.NET}.97.1', 9791
TOKEN = 'sesame-of-the-lab'
HOSTILE = b'220 \x1b[2J<script>alert(1)</script>"\'>&lt;img src=x onerror=alert(2)> ESMTP\r\n'


class Web:
    """The daemon with its web, and how to ask it."""

    def __init__(self, daemon):
        self.daemon = daemon
        self.socket = os.path.join(daemon.state, 'mxwatch.sock')

    def ask(self, path, method='GET', body=None, local=False, **headers):
        connection = http.client.HTTPConnection(ADDRESS, PORT, timeout=20)
        if local:
            connection.sock = socket.socket(socket.AF_UNIX)
            connection.sock.connect(self.socket)
        headers = {k.replace('_', '-'): v for k, v in headers.items()}
        connection.request(method, path, body=json.dumps(body) if body is not None else None, headers=headers)
        answer = connection.getresponse()
        answer.text = answer.read().decode()
        connection.close()
        return answer

    def get(self, path, **more):
        answer = self.ask(path, **more)
        assert answer.status == 200, (path, answer.status, answer.text)
        return answer.text

    def json(self, path, **more):
        return json.loads(self.get(path, **more))


@pytest.fixture(scope='module')
def web(lab, watching, tmp_path_factory):
    token = tmp_path_factory.mktemp('web') / 'token'
    token.write_text(TOKEN + '\n')
    token.chmod(0o644)
    token.parent.chmod(0o755)
    lab.host('mx.hostile-page.test', banner=HOSTILE)
    domains = [lab.domain('page-good.test', mx=2),
               lab.domain('page-selfsigned.test', mx=1, certificate='self-signed', policy=None),
               lab.domain('page-moves.test', mx=1),
               lab.domain('page-hostile.test', mx=['mx.hostile-page.test'], policy=None)]
    daemon = watching(*domains, more=f'web: {{listen: [{ADDRESS}:{PORT}], bearer_token_file: {token}}}\n')
    w = Web(daemon)
    w.moves = domains[2]
    daemon.look_twice()

    def judged():
        with contextlib.suppress(OSError, AssertionError):
            return all(d['state'] != 'pending' for d in w.json('/api/v1/domains')['data'])
    wait_for(judged, 20, lambda: f'all domains judged\n{daemon.said()}')
    return w


@pytest.fixture
def client(web, mxwatch):
    """client('status', ...) runs the command against this daemon's socket."""
    return lambda verb, *argv: mxwatch(verb, '-s', web.socket, *argv)


class Page(html.parser.HTMLParser):
    """What a browser would see: the text, and the elements that are there."""

    def __init__(self, text):
        super().__init__()
        self.text, self.elements, self.attributes = '', set(), []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.elements.add(tag)
        self.attributes += [(tag, name) for name, _ in attrs]

    def handle_data(self, data):
        self.text += data


# -- pages --------------------------------------------------------------------------------------------

PAGES = ['/', '/domains', '/domains?q=good', '/domains?state=warning', '/domains/page-good.test',
         '/domains/page-selfsigned.test', '/domains/page-hostile.test', '/hosts/mx1.page-good.test',
         '/incidents', '/incidents?state=all', '/changes', '/maintenance', '/domains?grade=A%2B&group=x', '/events/dane.broken',
         '/events/tls.cert.name']


@pytest.mark.parametrize('path', PAGES)
def test_page_is_safe_and_whole(web, path):
    """No script, no inline style, nothing from elsewhere; the headers say so too."""
    answer = web.ask(path)
    page = Page(answer.text)
    assert answer.status == 200 and answer.text.rstrip().endswith('</html>')
    assert "default-src 'none'" in answer.headers['Content-Security-Policy']
    assert answer.headers['X-Content-Type-Options'] == 'nosniff'
    assert answer.headers['Referrer-Policy'] == 'no-referrer'
    assert not page.elements & {'script', 'style', 'img', 'iframe', 'object'}, page.elements
    assert not [a for a in page.attributes if a[1].startswith('on') or a[1] == 'style']
    assert {'h1', 'main', 'nav', 'title'} <= page.elements


def test_overview_counts(web):
    text = Page(web.get('/')).text
    assert '4 domains' in text and 'page-selfsigned.test' in text


def test_domains_can_be_searched(web):
    text = Page(web.get('/domains?q=MOVES')).text
    assert 'page-moves.test' in text and 'page-good.test' not in text


def test_domains_can_be_filtered(web):
    grades = {d['domain']: d['grade'] for d in web.json('/api/v1/domains')['data']}
    page = web.get('/domains?grade=' + urllib.parse.quote(grades['page-good.test']))
    for name, grade in grades.items():
        assert (f'/domains/{name}"' in page) == (grade == grades['page-good.test']), name
    assert '<option selected>' + grades['page-good.test'] in page
    assert 'grade=' in re.search(r'href="/domains\?([^"]*)state=warning"', page)[1], 'a filter drops another'
    assert web.json('/api/v1/domains?group=nobody')['data'] == []


def test_keyset_paging_reaches_every_domain_once(web):
    seen, after = [], ''
    for _ in range(10):
        part = web.json(f'/api/v1/domains?limit=3&after={after}')
        seen += [d['domain'] for d in part['data']]
        after = part['next']
        if after is None:
            break
    assert seen == sorted(web.daemon.domains)


def test_domain_page_has_grade_checks_and_records(web):
    text = Page(web.get('/domains/page-good.test')).text
    for part in ('Grade', 'MTA-STS policy', 'mode: enforce', 'mx1.page-good.test', 'TLSv1.3', 'certificate name'):
        assert part in text, part


def test_hostile_banner_is_text(web):
    """reliability.md W1: what a stranger's server says is shown, and does nothing."""
    raw = web.get('/domains/page-hostile.test')
    page = Page(raw)
    assert '<script>alert(1)</script>' in page.text, 'the banner is not shown'
    assert 'script' not in page.elements and 'img' not in page.elements and '\x1b' not in raw


@pytest.fixture
def browser(web, tmp_path):
    """browser('--dump-dom', path) runs headless Chromium and hands back what it prints."""
    chromium = shutil.which('chromium')
    if chromium is None:
        pytest.skip('no chromium here')

    def run(what, path, *more):
        return subprocess.run(
            [chromium, '--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
             '--disable-background-networking', '--disable-component-update', '--disable-sync', *more,
             f'--user-data-dir={tmp_path}', what, f'http://{ADDRESS}:{PORT}{path}'],
            capture_output=True, timeout=90, check=True).stdout.decode('utf-8', 'replace')
    return run


def test_hostile_banner_in_a_browser(browser):
    page = Page(browser('--dump-dom', '/domains/page-hostile.test'))
    assert '<script>alert(1)</script>' in page.text and 'script' not in page.elements


def test_search_in_a_browser(browser):
    text = Page(browser('--dump-dom', '/domains?q=moves&grade=')).text
    assert 'page-moves.test' in text and 'page-good.test' not in text


def corner(png):
    """The first pixel of a PNG as #rrggbb: no filter changes it."""
    data, at = b'', 8
    while at < len(png):
        length, kind = int.from_bytes(png[at:at + 4], 'big'), png[at + 4:at + 8]
        data += png[at + 8:at + 8 + length] if kind == b'IDAT' else b''
        at += 12 + length
    return '#' + zlib.decompressobj().decompress(data, 4)[1:4].hex()


@pytest.mark.parametrize('theme,options', [('light', []), ('dark', ['--blink-settings=preferredColorScheme=0'])])
def test_theme_in_a_browser(web, browser, tmp_path, theme, options):
    """The bar at the top has the theme's own colour, without a script or a choice."""
    wanted = dict(zip(('light', 'dark'), re.findall(r'--card:(#\w+)', web.get('/style.css'))))
    wanted['light'] = re.sub(r'^#(\w)(\w)(\w)$', r'#\1\1\2\2\3\3', wanted['light'])
    browser(f'--screenshot={tmp_path}/shot.png', '/', '--window-size=800,600', *options)
    assert corner((tmp_path / 'shot.png').read_bytes()) == wanted[theme]


def contrast(a, b):
    """WCAG 2.1: of two colours as #rrggbb or #rgb."""
    def light(colour):
        digits = colour.lstrip('#')
        digits = ''.join(c * 2 for c in digits) if len(digits) == 3 else digits
        parts = [int(digits[i:i + 2], 16) / 255 for i in (0, 2, 4)]
        parts = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
        return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]
    high, low = sorted((light(a), light(b)), reverse=True)
    return (high + 0.05) / (low + 0.05)


TEXT_ON = [(text, ground) for text in ('ink', 'dim', 'link') for ground in ('bg', 'card', 'soft')] + \
    [(tone, tone + '-bg') for tone in ('ok', 'warning', 'critical', 'unknown', 'pending')]
FILLS = ['ok-fill', 'warning-fill', 'critical-fill', 'unknown-fill']


@pytest.mark.parametrize('theme', ['light', 'dark'])
def test_contrast(web, theme):
    """WCAG 2.1 AA: 4.5 for text (1.4.3), 3 for what is told apart by its fill (1.4.11)."""
    style = web.get('/style.css')
    light, dark = re.findall(r':root{([^}]*)}', style)
    colours = dict(re.findall(r'--([\w-]+):(#\w+)', light))
    if theme == 'dark':
        assert set(re.findall(r'--([\w-]+):', dark)) == set(colours), 'a colour is missing in one theme'
        colours.update(re.findall(r'--([\w-]+):(#\w+)', dark))
    bad = {pair: round(contrast(colours[pair[0]], colours[pair[1]]), 2) for pair in TEXT_ON
           if contrast(colours[pair[0]], colours[pair[1]]) < 4.5}
    bad |= {fill: round(contrast(colours[fill], colours['card']), 2) for fill in FILLS
            if contrast(colours[fill], colours['card']) < 3}
    assert not bad


def test_focus_and_words(web):
    """Who uses the keyboard sees where they are; a colour never stands alone."""
    style = web.get('/style.css')
    for element in ('a', 'input', 'select', 'button', 'summary'):
        assert f'{element}:focus-visible' in style
    assert re.search(r'focus-visible{outline:2px solid', style) and 'outline:none' not in style
    for path in PAGES:
        page = web.get(path)
        assert '<a class="skip" href="#main">' in page and '<html lang="en">' in page
        for sign, word in re.findall(r'<(?:span|a) class="chip[^>]*><i aria-hidden="true">(.*?)</i>([^<]*)<', page):
            assert sign and word.strip(), page
        for svg in re.findall(r'<svg[^>]*>', page):
            assert 'aria-hidden' in svg or 'aria-label' in svg, svg
        for control in re.findall(r'<(?:input|select)[^>]*>', page):
            assert 'aria-label' in control or 'type="hidden"' in control, control


def test_unknown_paths(web):
    assert web.ask('/nothing').status == 404
    assert web.ask('/domains/not-watched.test').status == 404
    assert web.ask('/domains/%00').status == 404
    assert web.ask('/..%2f..%2fetc/passwd').status == 404
    problem = web.ask('/api/v1/domains/not-watched.test')
    assert problem.status == 404 and problem.headers['Content-Type'] == 'application/problem+json'
    assert json.loads(problem.text)['status'] == 404


def test_etag(web):
    first = web.ask('/style.css')
    again = web.ask('/style.css', If_None_Match=first.headers['ETag'])
    assert again.status == 304 and again.text == ''


def test_head_has_no_body(web):
    answer = web.ask('/', method='HEAD')
    assert answer.status == 200 and answer.text == '' and int(answer.headers['Content-Length']) > 1000


def test_badge_and_feed(web):
    svg = etree.fromstring(web.get('/badge/page-good.test.svg'))
    assert 'page-good.test' in svg.attrib['aria-label']
    web.moves.policy_id('20270909')
    atom = '{http://www.w3.org/2005/Atom}'

    def told():
        feed = etree.fromstring(web.get('/changes.atom'))
        return [e for e in feed.iter(atom + 'entry') if '20270909' in e.find(atom + 'title').text]
    wait_for(told, 30, lambda: f'the change in the feed\n{web.daemon.said()}')


# -- who may ask -------------------------------------------------------------------------------------------

def test_foreign_host_is_refused(web):
    """reliability.md W1: DNS rebinding against loopback."""
    assert web.ask('/', Host='evil.example').status == 421
    assert web.ask('/', Host='127.0.0.1.evil.example').status == 421
    assert web.ask('/', Host=f'localhost:{PORT}').status == 200
    assert web.ask('/', Host='evil.example', local=True).status == 200


def test_wishes_take_the_token_or_the_socket(web):
    path = '/api/v1/domains/page-good.test/recheck'
    assert web.ask(path, 'POST', {}).status == 401
    assert web.ask(path, 'POST', {}, Authorization='Bearer ' + TOKEN[:-1]).status == 401
    assert web.ask(path, 'POST', {}, Authorization='Bearer ').status == 401
    assert web.ask(path, 'POST', {}, Authorization='Bearer ' + TOKEN).status == 202
    assert web.ask(path, 'POST', {}, local=True).status == 202
    assert web.ask('/api/v1/queue').status == 401
    assert web.ask('/api/v1/reload', 'GET').status == 405
    assert web.ask(path, 'GET').status == 401
    assert web.ask('/', 'DELETE').status == 405
    assert web.ask(path, 'POST', [], local=True).status == 400
    assert 'state_path' not in web.json('/api/v1/status')


def test_socket_is_for_its_group(web):
    assert os.stat(web.socket).st_mode & 0o777 == 0o660


def test_large_requests_are_refused(web):
    assert web.ask('/', X_Large='x' * 20000).status >= 400
    with contextlib.suppress(OSError):
        assert web.ask('/api/v1/reload', 'POST', {'x': 'y' * 100000}, local=True).status >= 400
    assert web.ask('/healthz').status == 200


def test_slow_readers_do_not_hold_up_others(web):
    """reliability.md W2: many connections that trickle; the page is served throughout."""
    slow = []
    for _ in range(300):
        s = socket.socket()
        s.settimeout(5)
        s.connect((ADDRESS, PORT))
        s.sendall(b'GET / HTTP/1.1\r\nHost: localh')
        slow.append(s)
        if len(slow) % 50 == 0:
            began = time.monotonic()
            assert web.ask('/healthz').status == 200
            assert time.monotonic() - began < 5
    child = web.daemon.child('web')
    assert len(os.listdir(f'/proc/{child}/fd')) < 120
    began = time.monotonic()
    left = slow[-1]
    left.settimeout(30)  # the deadline is 10 s
    left.recv(1000)
    assert time.monotonic() - began < 30
    for s in slow:
        s.close()


@pytest.mark.parametrize('beginning,more', [
    (b'GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: ', b'x'),
    (b'POST /api/v1/reload HTTP/1.1\r\nHost: localhost\r\nContent-Length: 60000\r\n\r\n', b' ')])
def test_a_trickle_ends_at_its_deadline(web, beginning, more):
    """reliability.md W2: a byte now and then does not keep a connection: 10 s are all it has."""
    slow = socket.create_connection((ADDRESS, PORT), timeout=5)
    slow.sendall(beginning)
    slow.settimeout(0.2)
    began, said = time.monotonic(), None
    while said is None and time.monotonic() - began < 60:
        try:
            slow.sendall(more)
            said = slow.recv(1000)
        except TimeoutError:
            pass
        except OSError:
            said = b''
    slow.close()
    assert said is not None and b' 200 ' not in said and 8 < time.monotonic() - began < 40


# -- the API and the metrics ------------------------------------------------------------------------------------

def test_api_domain_is_the_report(web):
    """The report as JSON: the same object `mxwatch check --json` prints, and more."""
    report = web.json('/api/v1/domains/page-good.test')
    assert {'schema', 'domain', 'checked_at', 'duration_ms', 'grade', 'findings', 'facts'} <= set(report)
    assert report['grade'] in ('A+', 'A') and report['state'] == 'ok'
    assert {'id', 'subject', 'status', 'severity', 'summary', 'advice', 'reference', 'evidence'} == set(
        report['findings'][0])


def test_equal_facts_are_as_young_as_the_last_look(web):
    def looked():
        return web.json('/api/v1/domains/page-good.test')['checked_at']
    before = looked()
    web.daemon.look_twice()
    wait_for(lambda: looked() > before, 10, 'a later checked_at')


@pytest.fixture(scope='module')
def openapi(web):
    """valid(path, value, method, status) holds an answer against the document."""
    jsonschema = pytest.importorskip('jsonschema')
    document = web.json('/api/v1/openapi.json')

    def valid(path, value, method='get', status='200'):
        answers = document['paths'][path][method]['responses']
        answer = answers.get(status, document['components']['responses']['Problem'])
        if '$ref' in answer:
            answer = document['components']['responses']['Problem']
        (media,) = answer['content'].values()
        jsonschema.Draft202012Validator(
            media['schema'], resolver=jsonschema.RefResolver('', document),
            format_checker=jsonschema.FormatChecker()).validate(value)
    valid.document, valid.check = document, jsonschema.Draft202012Validator.check_schema
    return valid


def test_openapi_is_valid(openapi):
    """Every schema is one, every reference leads somewhere, every parameter of a path is named."""
    document = openapi.document
    text = json.dumps(document)
    for schema in document['components']['schemas'].values():
        openapi.check(schema)
    for kind, name in re.findall(r'"#/components/(\w+)/(\w+)"', text):
        assert name in document['components'][kind], name
    for path, methods in document['paths'].items():
        for method in methods.values():
            known = [document['components']['parameters'][p['$ref'].rpartition('/')[2]] if '$ref' in p else p
                     for p in method.get('parameters', [])]
            assert {p['name'] for p in known if p['in'] == 'path'} == set(re.findall(r'{(\w+)}', path)), path
            assert method['summary'] and method['responses'], path


PAGES_ONLY = {'/events/*', '/', '/domains', '/domains/*', '/hosts/*', '/incidents', '/changes', '/maintenance', '/style.css'}


def test_openapi_names_every_route(openapi):
    with open(os.path.join(os.path.dirname(__file__), '..', '..', 'src', 'proc', 'web_route.c')) as f:
        source = f.read()
    served = {('get', p) for p in re.findall(r'{"(/[^"]*)", web_\w+}', source)}
    served |= {('post' if post == 'true' else 'get', p)
               for post, p in re.findall(r'{(true|false), "(/[^"]*)", "[\w-]+"}', source)}
    assert len(served) > 25
    named = {(m, re.sub(r'{\w+}(\.svg)?', '*', p)) for p, methods in openapi.document['paths'].items()
             for m in methods}
    assert named == {(m, p) for m, p in served if p not in PAGES_ONLY}


def test_answers_are_as_openapi_says(web, openapi):
    for path in ('/api/v1/domains', '/api/v1/domains?grade=A%2B&limit=2', '/api/v1/incidents', '/api/v1/changes',
                 '/api/v1/incidents?state=all', '/api/v1/status', '/api/v1/queue', '/api/v1/silences'):
        openapi(path.partition('?')[0], web.json(path, local=True))
    for name in web.daemon.domains:
        report = web.json('/api/v1/domains/' + name)
        openapi('/api/v1/domains/{name}', report)
        assert len(report['checks']) > 60 and set(report['checks']) >= {f['id'] for f in report['findings']}
        for more in ('history', 'diff', 'recheck'):
            openapi('/api/v1/domains/{name}/' + more, web.json(f'/api/v1/domains/{name}/{more}', local=True))
    for incident in web.json('/api/v1/incidents?state=all')['data']:
        openapi('/api/v1/incidents/{id}', web.json('/api/v1/incidents/' + incident['id']))
    answer = web.ask('/api/v1/domains/page-good.test/recheck', 'POST', local=True)
    openapi('/api/v1/domains/{name}/recheck', json.loads(answer.text), 'post', '202')
    answer = web.ask('/api/v1/silences', 'POST', {'match': {'domain': 'x.test'}, 'author': 'ada', 'reason': 'why',
                                                  'duration': '1h'}, local=True)
    assert answer.status == 200, answer.text
    silence = json.loads(answer.text)
    openapi('/api/v1/silences', silence, 'post')
    openapi('/api/v1/silences', web.json('/api/v1/silences', local=True))
    answer = web.ask(f"/api/v1/silences/{silence['id']}/expire", 'POST', local=True)
    openapi('/api/v1/silences/{id}/expire', json.loads(answer.text), 'post')
    answer = web.ask('/api/v1/receivers/hook/test', 'POST', local=True)
    openapi('/api/v1/receivers/{name}/test', json.loads(answer.text), 'post')


@pytest.mark.parametrize('method,path,body,status', [
    ('GET', '/api/v1/domains/not-watched.test', None, 404), ('GET', '/api/v1/nothing', None, 404),
    ('GET', '/nothing', None, 404), ('GET', '/api/v1/incidents/none', None, 404),
    ('GET', '/api/v1/domains/page-good.test/diff?before=yesterday', None, 400), ('GET', '/probe', None, 400),
    ('GET', '/badge/not-watched.test.svg', None, 404), ('GET', '/metrics/domains?shard=9/3', None, 400),
    ('POST', '/api/v1/domains', None, 405), ('DELETE', '/api/v1/silences/1/expire', None, 405),
    ('PUT', '/', None, 405), ('PATCH', '/metrics', None, 405), ('GET', '/api/v1/reload', None, 405),
    ('POST', '/api/v1/incidents/none/ack', {'author': 'a', 'reason': 'b'}, 404),
    ('POST', '/api/v1/silences', {'match': {}}, 400), ('POST', '/api/v1/silences', [], 400),
    ('POST', '/api/v1/receivers/none/test', None, 404), ('POST', '/api/v1/silences/999/expire', None, 404)])
def test_errors_are_problems(web, openapi, method, path, body, status):
    """RFC 9457, whatever was wrong; 405 says which method is right."""
    answer = web.ask(path, method, body, local=True)
    assert answer.status == status, answer.text
    assert answer.headers['Content-Type'] == 'application/problem+json'
    problem = json.loads(answer.text)
    openapi('/api/v1/status', problem, status='default')
    assert problem['status'] == status and problem['title'] == http.client.responses[status]
    assert (answer.headers['Allow'] is not None) == (status == 405)


@pytest.mark.parametrize('path', ['/api/v1/status', '/', '/api/v1/status?x=y'])
@pytest.mark.parametrize('request_,status', [
    ('GET {} HTTP/1.1\r\nX-Large: ' + 'x' * 20000 + '\r\n\r\n', 400),
    ('POST {} HTTP/1.1\r\nContent-Length: 100000\r\n\r\n', 413),
    ('GET {} HTTP/1.1\r\nno header\r\n\r\n', 400),
    ('POST {} HTTP/1.1\r\nContent-Length: 100000\r\nExpect: 100-continue\r\n\r\n', 413),
    ('POST {} HTTP/1.1\r\nContent-Length: 10\r\nExpect: miracles\r\n\r\n', 417),
    ('CONNECT {} HTTP/1.1\r\nHost: localhost\r\n\r\n', 501),
    ('BREW {} HTTP/1.1\r\nHost: localhost\r\n\r\n', 501)],
    ids=['head', 'body', 'header', 'announced', 'expectation', 'connect', 'method'])
def test_what_is_no_request_is_refused_in_our_words(web, openapi, path, request_, status):
    with socket.create_connection((ADDRESS, PORT), timeout=20) as s:
        s.sendall(request_.format(path).encode())
        answer = http.client.HTTPResponse(s)
        answer.begin()
        text = answer.read().decode()
        assert s.recv(1) == b'' and len(text) == int(answer.headers['Content-Length'])
    assert answer.status == status, text
    assert "default-src 'none'" in answer.headers['Content-Security-Policy']
    assert answer.headers['X-Content-Type-Options'] == 'nosniff'
    if path.startswith('/api/'):
        assert answer.headers['Content-Type'] == 'application/problem+json'
        problem = json.loads(text)
        openapi('/api/v1/status', problem, status='default')
        assert problem['status'] == status and problem['title'] == answer.reason
    else:
        assert answer.headers['Content-Type'].startswith('text/plain') and text.startswith(f'{status} ')


def test_a_body_that_is_announced_is_asked_for(web):
    with socket.create_connection((ADDRESS, PORT), timeout=20) as s:
        s.sendall(b'POST /api/v1/silences HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n'
                  b'Expect: 100-continue\r\n\r\n')
        said = s.recv(1000)
        assert said == b'HTTP/1.1 100 Continue\r\n\r\n'
        s.sendall(b'{}')
        assert s.recv(1000).startswith(b'HTTP/1.1 401 ')


def test_error_for_a_browser_is_a_page(web):
    answer = web.ask('/domains/not-watched.test', Accept='text/html,application/xhtml+xml')
    assert answer.status == 404 and answer.headers['Content-Type'].startswith('text/html')


def test_metrics(web):
    text = web.get('/metrics')
    assert 'mxwatch_domains{state="warning"} 1' in text
    assert 'mxwatch_domain_status{domain="page-selfsigned.test"} 1' in text
    assert 'mxwatch_check_status{domain="page-selfsigned.test",check="tls.cert.trusted"} 1' in text
    assert 'mxwatch_cert_not_after_timestamp_seconds{mx="mx1.page-good.test",address=' in text
    if shutil.which('promtool'):
        done = subprocess.run(['promtool', 'check', 'metrics'], input=text.encode(), capture_output=True)
        assert done.returncode == 0 and not done.stdout and not done.stderr, done


def test_health(web):
    assert web.get('/healthz') == 'ok\n' and web.get('/readyz') == 'ready\n'


# -- the verbs ------------------------------------------------------------------------------------------------

def test_pages_of_events(web):
    text = Page(web.get('/events/dane.broken')).text
    assert '_25._tcp.HOST' in text and 'dane.match' in text
    assert Page(web.get('/events/tls.cert.name')).text, 'a problem called by its check'
    assert web.ask('/events/no.such').status == 404


def test_status_list_and_incidents(client):
    assert 'watches 4 domains' in client('status').out
    assert 'grade' in client('status', 'page-good.test').out
    assert client('status', 'not-watched.test').status == 66
    rows = [json.loads(line) for line in client('list', '--json').out.splitlines()]
    assert [r['domain'] for r in rows] == sorted(r['domain'] for r in rows) and len(rows) == 4
    assert 'self-signed' in client('list', '--state', 'warning').out
    assert 'tls.cert.trusted' in client('incidents').out


def test_history_and_diff(web, client):
    web.moves.policy_id('20271010')
    wait_for(lambda: '20271010' in client('history', 'page-moves.test').out, 30, web.daemon.said)
    assert '20271010' in client('history', 'page-moves.test', '--json').out
    since = client('diff', 'page-moves.test', '--since', '1h')
    assert '@@ mta_sts.id' in since.out and '\n+ 20271010' in since.out, since
    assert client('diff', 'page-moves.test', '--since', 'once').status == 64
    said = client('diff', 'page-moves.test').out
    assert '@@ mta_sts.id' in said and '+ ' in said and 'no longer' not in said


def test_diff_says_what_it_cannot_read(web, client, openapi):
    """States of another version: before all others, and behind the last two."""
    with contextlib.closing(sqlite3.connect(os.path.join(web.daemon.state, 'state.db'), timeout=20)) as db:
        newest, = db.execute("SELECT max(at) FROM past WHERE kind = 1 AND name = 'page-good.test'").fetchone()
        for at in (1000, newest - 1):
            with db:
                db.execute("INSERT INTO past (kind, name, at, observation) VALUES (1, 'page-good.test', ?, '{]')", (at,))
        said = client('diff', 'page-good.test', '--since', '1970-01-02').out
        assert said == 'page-good.test: its state of 1970-01-01T00:16:40Z can no longer be read and is left out\n'
        said = client('diff', 'page-good.test').out.splitlines()
        assert len([line for line in said if 'can no longer be read' in line and 'page-good.test: ' in line]) == 1
        openapi('/api/v1/domains/{name}/diff', web.json('/api/v1/domains/page-good.test/diff'))
        with db:
            db.execute("DELETE FROM past WHERE name = 'page-good.test' AND observation = '{]'")
    assert 'no longer' not in client('diff', 'page-good.test').out


def test_ack(web, client):
    incident = json.loads(client('incidents', '--json').out.splitlines()[0])['id']
    assert client('ack', incident, '--reason', 'renewal is ordered', '--author', 'jo').status == 0
    known = web.json('/api/v1/incidents/' + incident)['acknowledged']
    assert (known['by'], known['reason']) == ('jo', 'renewal is ordered')
    assert client('ack', 'no-such-incident').status == 66


def test_recheck_reload_and_queue(web, client):
    looked = client('recheck', 'page-good.test')
    assert looked.status == 0 and 'page-good.test  grade' in looked.out, looked
    assert 'looking at page-good.test' in client('recheck', '--no-wait', 'page-good.test').out
    assert 'watching 4 domains' in client('reload', '--wait').out
    assert client('queue').status == 0
    with open(web.daemon.file) as f:
        good = f.read()
    web.daemon.write(good.replace('interval:', 'intervall:'))
    refused = client('reload', '--wait')
    assert refused.status == 2 and 'intervall' in refused.err, refused
    wait_for(lambda: 'mxwatch_config_last_reload_successful 0' in web.get('/metrics'), 15, 'the metric')
    web.daemon.write(good)
    assert client('reload').status == 0


def test_reload_shows_new_domains(lab, web, client):
    lab.domain('page-new.test', mx=1, policy=None)
    before = list(web.daemon.domains)
    with open(web.daemon.file) as f:
        good = f.read()
    web.daemon.write(good + '  - page-new.test\n')
    assert client('reload').status == 0
    wait_for(lambda: any(d['domain'] == 'page-new.test' and d['state'] == 'ok'
                         for d in web.json('/api/v1/domains')['data']), 30, web.daemon.said)
    web.daemon.write(good)
    assert client('reload').status == 0
    wait_for(lambda: [d['domain'] for d in web.json('/api/v1/domains')['data']] == sorted(before), 10,
             web.daemon.said)


def test_test_alert(web, client):
    said = client('test-alert', 'hook')
    assert said.status == 0 and 'delivered' in said.out, said
    web.daemon.hook('test.alert')
    assert client('test-alert', 'nobody').status == 69


def test_a_muted_incident_is_marked(web, client):
    silent = client('silence', 'add', 'kind=problem', '1h', '--reason', 'rack moves', '--json').json['id']
    (one,) = [i for i in web.json('/api/v1/incidents')['data'] if i['event'] == 'tls.cert.trusted']
    assert one['muted_until'] == client('silence', 'list', '--json').json['silences'][0]['until']
    assert one['muted_until'] in client('incidents').out
    (name,) = one['domains']
    for path in '/incidents', '/domains/' + name:
        assert '>muted</a>, ends ' in web.get(path), path
    assert client('silence', 'expire', str(silent)).status == 0
    assert web.json('/api/v1/incidents/' + one['id'])['muted_until'] is None
    assert '>muted</a>' not in web.get('/incidents')


def test_a_silence_from_its_beginning_to_its_end(web, client):
    assert client('silence', 'add', 'mx*').status == 64
    assert client('silence', 'add', 'x.test', '91d', '--reason', 'long').status == 65
    assert client('silence', 'add', 'x=y', '1h', '--reason', 'odd').status == 65
    said = client('silence', 'add', 'quiet.test,severity=warning', '2h', '--reason', 'rack moves',
                  '--author', 'ada')
    assert said.status == 0 and 'domain=quiet.test severity=warning' in said.out, said
    (one,) = client('silence', 'list', '--json').json['silences']
    assert one['match'] == {'domain': 'quiet.test', 'severity': 'warning'}
    assert (one['author'], one['reason']) == ('ada', 'rack moves')
    assert 'ada: rack moves' in client('silence', 'list').out
    wait_for(lambda: web.json('/api/v1/status').get('mutes') == [one], 20, web.daemon.said)
    assert 'MUTED' in client('status').out
    assert client('silence', 'expire', str(one['id'])).status == 0
    assert client('silence', 'expire', str(one['id'])).status != 0
    assert client('silence', 'list', '--json').json['silences'] == []


def test_export_and_backup(web, client, tmp_path):
    whole = client('export', '--format', 'json').json
    assert len(whole['domains']) == 4 and whole['schema'] == 1
    rows = list(csv.DictReader(io.StringIO(client('export', '--format', 'csv').out)))
    assert [r['domain'] for r in rows] == sorted(web.daemon.domains)
    assert 'page-good.test' in Page(client('export', '--format', 'html').out).text
    assert 'mxwatch_domains' in client('export', '--format', 'prometheus').out
    copy = tmp_path / 'copy.db'
    assert client('backup', copy).status == 0 and copy.stat().st_mode & 0o077 == 0
    assert sqlite3.connect(copy).execute('PRAGMA integrity_check').fetchone() == ('ok',)
    assert client('backup', copy).status != 0, 'an existing file was overwritten'


def test_config_and_route(web, mxwatch):
    said = mxwatch('config', 'show', 'page-good.test', '--origin', '-c', web.daemon.file).out
    assert 'interval: 5s' in said and 'mxwatch.yaml:' in said
    said = mxwatch('route', 'test', 'page-good.test', '--severity', 'critical', '--event',
                   'mta_sts.removed', '-c', web.daemon.file)
    assert said.status == 0 and 'mail' in said.out and 'hook' in said.out


def test_daemon_not_reachable(mxwatch, tmp_path):
    said = mxwatch('status', '-s', tmp_path / 'none.sock')
    assert said.status == 69 and 'systemctl status mxwatchd' in said.err


def test_other_listeners_after_a_reload(web, client):
    """web.listen is in force after a reload; the one who asked for it gets the verdict."""
    with open(web.daemon.file) as f:
        good = f.read()
    before = web.daemon.child('web')

    def health(port):
        with contextlib.suppress(OSError):
            connection = http.client.HTTPConnection(ADDRESS, port, timeout=5)
            connection.request('GET', '/healthz')
            return connection.getresponse().status
        return None
    web.daemon.write(good.replace(f'{ADDRESS}:{PORT}', f'{ADDRESS}:{PORT + 1}'))
    assert client('reload', '--wait').status == 0
    wait_for(lambda: health(PORT + 1) == 200 and health(PORT) is None, 20, web.daemon.said)
    assert web.daemon.child('web') != before
    web.daemon.write(good)
    wait_for(lambda: client('reload', '--wait').status == 0, 20, web.daemon.said)
    wait_for(lambda: health(PORT) == 200 and health(PORT + 1) is None, 20, web.daemon.said)
    wait_for(lambda: web.ask('/readyz').status == 200, 20, web.daemon.said)
