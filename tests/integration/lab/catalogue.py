# SPDX-License-Identifier: ISC
"""The domains of the lab: what is odd about each, and what mxwatch has to find.

A row's expectation is one line for each finding that is not plainly healthy:

    [may] id [subject] status[/severity]     each may be a glob; `may`: allowed, not demanded

The subject is a glob, `@` for the domain and `~` for its first MX host; left out, any subject
counts.  Whatever warn, fail or unknown a report has beyond its row is a mistake; pass, info and skip
may be there unmentioned.  Rows prove a check in both directions: good.test has everything right.
"""

import fnmatch

from . import http
from .dns import txt
from .engines import Antique, Gnutls, Nss
from .postfix import MODERN_TLS, OLD_TLS

# Signed zones without a row, for tests that change how a zone is signed; NSD takes none later.
ZONES_THAT_TURN = ['loses-dnssec.test', 'gains-dnssec.test', 'turns-bogus.test', 'goes-dark.test']

SEVERITY = {'info': ['info'], 'warn': ['warning'], 'fail': ['warning', 'critical']}


class Expectation:
    def __init__(self, text, domain):
        words = text.split()
        self.demanded = words[0] != 'may'
        words = words if self.demanded else words[1:]
        self.id, wanted = words[0], words[-1]
        self.status, _, severity = wanted.partition('/')
        self.severities = [severity] if severity else SEVERITY.get(self.status, [None])
        subject = words[1] if len(words) == 3 else '*'
        self.subject = subject.replace('@', domain).replace('~', 'mx1.' + domain)

    def about(self, finding):
        # fnmatch reads host[address] as a set of characters
        subject = finding['subject'].replace('[', '(').replace(']', ')')
        return fnmatch.fnmatchcase(finding['id'], self.id) and fnmatch.fnmatchcase(
            subject, self.subject.replace('[', '(').replace(']', ')'))

    def met_by(self, finding):
        return (self.about(finding) and fnmatch.fnmatchcase(finding['status'], self.status)
                and (self.status == '*' or finding['severity'] in self.severities))

    def __str__(self):
        return f'{self.id} {self.subject} {self.status} {self.severities}'


class Row:
    """One domain.  build(world, name) makes it; args are for `mxwatch check`."""

    def __init__(self, name, odd, build, expect, grade=None, args=()):
        self.name, self.odd, self.build, self.grade, self.args = name, odd, build, grade, list(args)
        self.missing = None  # a package without which it cannot be tried
        self.expect = [Expectation(line, name) for line in expect.strip().splitlines()
                       if line.strip()]


ROWS = []


def row(name, odd, expect='', grade=None, args=()):
    """Decorator: the function builds the domain."""
    def take(build):
        ROWS.append(Row(name, odd, build, expect, grade, args))
        return build
    return take


def host_row(name, odd, expect='', grade=None, args=(), **host):
    """A row whose oddity is its one MX host's."""
    def build(world, domain):
        world.domain(domain, mx=1, **host)
    ROWS.append(Row(name, odd, build, expect, grade, args))
    ROWS[-1].missing = getattr(host.get('engine'), 'missing', None)


def every_row(world):
    """Build all domains of the table."""
    for r in ROWS:
        r.build(world, r.name)


# -- healthy ------------------------------------------------------------------------------------

@row('good.test', 'nothing', grade='A+', expect='''
    mx.present @ pass
    mx.dnssec @ pass
    mx.redundancy @ pass
    mx.resolves mx1.good.test pass
    mx.resolves mx2.good.test pass
    mx.address_dnssec ~ pass
    smtp.connect mx1.good.test* pass
    smtp.ehlo mx1.good.test* pass
    smtp.ptr mx1.good.test* pass
    smtp.banner_name mx1.good.test* pass
    tls.starttls mx1.good.test* pass
    tls.version mx1.good.test* pass
    tls.cert.trusted mx1.good.test* pass
    tls.cert.name mx1.good.test* pass
    tls.cert.validity mx1.good.test* pass
    tls.cert.expiry mx1.good.test* pass
    tls.cert.key mx1.good.test* pass
    tls.cert.signature mx1.good.test* pass
    mta_sts.record @ pass
    mta_sts.dnssec @ pass
    mta_sts.policy.tls @ pass
    mta_sts.policy.fetch @ pass
    mta_sts.policy.content_type @ pass
    mta_sts.policy.syntax @ pass
    mta_sts.policy.mode @ pass
    mta_sts.policy.max_age @ pass
    mta_sts.mx_match @ pass
    mta_sts.mx_tls @ pass
    mta_sts.cert_expiry @ pass
    tls_rpt.record @ pass''')
def good(world, name):
    world.domain(name, mx=2, ipv6=True)


@row('plain.test', 'no MTA-STS, no TLS-RPT, one MX: nothing wrong, less to see', grade='A', expect='''
    mta_sts.record @ info
    mta_sts.policy.fetch @ skip
    mta_sts.mx_match @ skip
    tls_rpt.record @ info
    mx.ipv6 @ info
    mx.redundancy @ info''')
def plain(world, name):
    world.domain(name, mx=1, policy=None, rpt=False)


@row('postfix.test', 'a real Postfix, TLS 1.2 and 1.3', grade='A', expect='''
    tls.starttls mx1.postfix.test* pass
    tls.version mx1.postfix.test* pass''')
def postfix(world, name):
    world.postfix_host('mx1.' + name, MODERN_TLS)
    world.domain(name, mx=['mx1.' + name], policy=None, rpt=False)


@row('postfix-old.test', 'a real Postfix, TLS 1.0 to 1.2', expect='''
    tls.version mx1.postfix-old.test* warn''', grade='C')
def postfix_old(world, name):
    world.postfix_host('mx1.' + name, OLD_TLS, certificate='rsa')
    world.domain(name, mx=['mx1.' + name], policy=None, rpt=False)


host_row('rsa.test', 'an RSA certificate', grade='A+', certificate='rsa')
host_row('wildcard.test', 'a wildcard certificate that covers the MX', grade='A+', certificate='wildcard')


# -- the domain and its MX -------------------------------------------------------------------------

@row('nxdomain.test', 'does not exist', expect='mx.present @ fail')
def nxdomain(world, name):
    pass


@row('implicit.test', 'no MX but an address', expect='mx.present @ warn')
def implicit(world, name):
    host = world.host(name)
    host.configure(certificate=world.ca.issue('good', [name]))


@row('nothing.test', 'exists, but with neither MX nor address', expect='mx.present @ fail')
def nothing(world, name):
    world.dns.set(name, 'TXT', [txt('nothing here')])


@row('null.test', 'null MX: takes no mail', expect='''
    mx.present @ info
    mta_sts.mx_match @ skip''')
def null_mx(world, name):
    world.dns.set(name, 'MX', ['0 .'])


@row('nullandmore.test', 'null MX beside another', expect='mx.present @ fail')
def null_and_more(world, name):
    world.domain(name, mx=1, policy=None)
    world.dns.set(name, 'MX', ['0 .', '10 mx1.' + name + '.'])


@row('cname-mx.test', 'an MX that is an alias', expect='mx.resolves alias.cname-mx.test warn')
def cname_mx(world, name):
    world.host('real.' + name)
    world.dns.set('alias.' + name, 'CNAME', ['real.' + name + '.'])
    world.hosts['real.' + name].configure(
        certificate=world.ca.issue('good', ['alias.' + name, 'real.' + name]))
    world.domain(name, mx=['alias.' + name], policy=None)


@row('missing-mx.test', 'one of two MX hosts does not exist', grade='D', expect='''
    mx.resolves gone.missing-mx.test fail
    mx.resolves ok.missing-mx.test pass''')
def missing_mx(world, name):
    world.host('ok.' + name)
    world.domain(name, mx=['ok.' + name, 'gone.' + name], policy=None)


@row('literal-mx.test', 'an MX that is an address', expect='mx.resolves 127.0.0.1 fail')
def literal_mx(world, name):
    world.domain(name, mx=['127.0.0.1'], policy=None)


@row('insecure.test', 'an unsigned zone', expect='''
    mx.dnssec @ warn
    mta_sts.dnssec @ info''')
def insecure(world, name):
    world.dns.add_zone(name, 'insecure')
    world.domain(name, mx=1)


@row('bogus.test', 'signatures that do not verify', expect='''
    mx.present @ unknown
    mx.dnssec @ fail
    mta_sts.record @ fail
    mta_sts.dnssec @ fail
    tls_rpt.dnssec @ fail
    may * * unknown''')
def bogus(world, name):
    world.dns.add_zone(name, 'bogus')
    world.domain(name, mx=1, policy=None)


@row('expired-sig.test', 'signatures of 2020', expect='''
    mx.present @ unknown
    mx.dnssec @ fail
    mta_sts.record @ fail
    mta_sts.dnssec @ fail
    tls_rpt.dnssec @ fail
    may * * unknown''')
def expired_sig(world, name):
    world.dns.add_zone(name, 'expired')
    world.domain(name, mx=1, policy=None)


@row('bogus-host.test', 'the address of the MX is bogus', expect='''
    mx.dnssec @ pass
    mx.address_dnssec mx1.bogus.test fail
    dane.denial mx1.bogus.test fail/critical
    may dane.dnssec mx1.bogus.test fail
    may * mx1.bogus.test* unknown''')
def bogus_host(world, name):
    world.domain(name, mx=['mx1.bogus.test'], policy=None)


@row('nsec3.test', 'a zone that denies with NSEC3', expect='''
    mx.dnssec @ pass
    dane.denial ~ pass
    mta_sts.dnssec @ pass''')
def nsec3(world, name):
    world.dns.add_zone(name, 'nsec3')
    world.domain(name, mx=1)


@row('sig-ends.test', 'signatures that end in two days', expect='dnssec.rrsig_expiry @ warn')
def sig_ends(world, name):
    world.dns.add_zone(name, 'soon')
    world.domain(name, mx=1, policy=None)


@row('sig-ends-today.test', 'signatures that end in twelve hours', expect='dnssec.rrsig_expiry @ fail')
def sig_ends_today(world, name):
    world.dns.add_zone(name, 'today')
    world.domain(name, mx=1, policy=None)


def caa_row(name, odd, expect, *records):
    def build(world, domain):
        world.domain(domain, mx=1, policy=None)
        world.dns.set('mx1.' + domain, 'CAA', records)
    ROWS.append(Row(name, odd, build, expect))


caa_row('caa-other.test', 'CAA names another issuer', 'caa.issuer ~ warn', '0 issue "letsencrypt.org"')
caa_row('caa-nobody.test', 'CAA names nobody', 'caa.issuer ~ warn', '0 issue ";"')
caa_row('caa-right.test', 'CAA names the issuer', 'caa.issuer ~ pass', '0 issue "mxwatch-lab.test"')
caa_row('caa-riddle.test', 'CAA names an issuer nobody knows', 'caa.issuer ~ unknown',
        '0 issue "riddle.test"')


@row('lame.test', 'name servers that do not answer: could not be determined', expect='''
    mx.present @ unknown
    may * * unknown''', args=['--timeout', '20s'])
def lame(world, name):
    world.dns.add_zone(name, 'lame')


# -- SMTP -------------------------------------------------------------------------------------------

@row('refused.test', 'one of two MX hosts refuses connections', grade='D', expect='''
    smtp.connect down.refused.test* fail
    smtp.connect ok.refused.test* pass''')
def refused(world, name):
    world.host('ok.' + name)
    world.point('down.' + name, world.address())
    world.domain(name, mx=['ok.' + name, 'down.' + name], policy=None)


@row('dead.test', 'the only MX host refuses connections', grade='F', expect='''
    smtp.connect mx1.dead.test* fail''')
def dead(world, name):
    world.point('mx1.' + name, world.address())
    world.domain(name, mx=['mx1.' + name], policy=None)


SHORT = ('-c', 'SHORT')  # a file with short timeouts, written by the tests

host_row('silence.test', 'connects, but says nothing', 'smtp.connect ~* fail', args=SHORT,
         policy=None, greeting='silence')
host_row('noise.test', 'a greeting of binary rubbish', 'smtp.connect ~* fail', args=SHORT,
         policy=None, greeting='garbage')
host_row('endless.test', 'a greeting without end', 'smtp.connect ~* fail', args=SHORT,
         policy=None, greeting='endless')
host_row('closes.test', 'closes before the greeting', 'smtp.connect ~* fail', policy=None,
         greeting='close')
host_row('rejects.test', 'greets with 554', 'smtp.connect ~* fail', policy=None, greeting='554')
host_row('busy.test', 'greets with 421: throttled, which is not a fault', '''
    smtp.connect ~* unknown
    tls.starttls ~* unknown
    may * ~* unknown''', policy=None, greeting='421')
host_row('tarpit.test', 'one byte in half a second', 'smtp.connect ~* fail', args=SHORT,
         policy=None, dribble=0.5)
host_row('helo-only.test', 'knows HELO only', '''
    smtp.ehlo ~* warn
    tls.starttls ~* fail
    delivery.sender_view ~ info''', policy=None, ehlo='helo-only')
host_row('ehlo-noise.test', 'EHLO gets rubbish', 'smtp.ehlo ~* fail', policy=None, args=SHORT,
         ehlo='garbage')
host_row('ehlo-endless.test', 'EHLO gets lines without end', 'smtp.ehlo ~* fail', policy=None,
         args=SHORT, ehlo='endless')
host_row('ehlo-421.test', 'EHLO gets 421', '''
    tls.starttls ~* unknown
    may * ~* unknown''', policy=None, ehlo='421')
host_row('hostile.test', 'a banner that attacks terminals and parsers', 'smtp.banner_name ~* info',
         policy=None, banner=b'220 \x1b[2J\x1b]0;owned\x07<script>alert(1)</script>%s%n\x00 ESMTP\r\n')

host_row('no-ptr.test', 'no PTR', 'smtp.ptr ~* warn', grade='B', policy=None, ptr=False)
host_row('odd-ptr.test', 'a PTR that does not point back', 'smtp.ptr ~* warn', grade='B',
         policy=None, ptr='elsewhere.test')
host_row('open-relay.test', 'relays for strangers', 'smtp.open_relay ~* fail/critical', grade='F',
         policy=None, relay='open')
host_row('half-relay.test', 'takes one of two foreign pairs', 'smtp.open_relay ~* warn',
         policy=None, relay='half')
host_row('greylist.test', 'greylists: nothing is known about relaying',
         'smtp.open_relay ~* unknown', policy=None, relay='grey')
host_row('repeats.test', 'lists STARTTLS again inside TLS', 'smtp.starttls_repeat ~* info',
         policy=None, repeats=True)
host_row('auth.test', 'offers AUTH before TLS', 'smtp.auth_cleartext ~* warn', policy=None,
         extensions=['AUTH PLAIN LOGIN', 'SIZE 1000'])
host_row('mute.test', 'TLS works, but nothing is answered inside it', '''
    smtp.ehlo ~* fail
    tls.starttls ~* pass
    tls.starttls_injection ~* unknown
    smtp.open_relay ~* unknown
    smtp.starttls_repeat ~* unknown
    delivery.sender_view ~ fail/critical''', grade='F', policy=None, args=SHORT, ehlo='mute')


# -- TLS --------------------------------------------------------------------------------------------

NO_TLS = '''
    tls.starttls ~* fail
    delivery.sender_view ~ info'''
host_row('no-starttls.test', 'no STARTTLS', NO_TLS, grade='F', policy=None,
         starttls='hidden')
host_row('starttls-454.test', 'STARTTLS gets 454', NO_TLS, grade='F', policy=None,
         starttls='454')
host_row('starttls-501.test', 'STARTTLS gets 501', NO_TLS, grade='F', policy=None,
         starttls='501')
host_row('tls-noise.test', '220 to STARTTLS, then noise', NO_TLS, grade='F',
         policy=None, starttls='garbage-tls')
host_row('tls-hang.test', '220 to STARTTLS, then nothing', NO_TLS, args=SHORT,
         policy=None, starttls='hang')
host_row('tls-close.test', '220 to STARTTLS, then the end', NO_TLS, grade='F',
         policy=None, starttls='close')
host_row('trailing.test', 'plaintext behind the 220 to STARTTLS', 'tls.starttls ~* fail',
         policy=None, trailing='250 2.0.0 injected\r\n')
host_row('injection.test', 'answers plaintext commands inside TLS', '''
    tls.starttls_injection ~* fail/critical''', grade='F', policy=None, injectable=True)
host_row('tls12.test', 'TLS 1.2 at best', 'tls.version ~* info', grade='A', policy=None,
         tls=('1.2', '1.2'))
host_row('tls10.test', 'TLS 1.0 at best', '''
    tls.version ~* fail
    tls.cipher ~* warn''', policy=None, tls=('1.0', '1.0'))
host_row('tls11.test', 'TLS 1.1 at best', '''
    tls.version ~* fail
    tls.cipher ~* warn''', policy=None, tls=('1.0', '1.1'))
host_row('old-too.test', 'TLS 1.0 beside 1.3', 'tls.version ~* warn', grade='C', policy=None,
         tls=('1.0', '1.3'))
host_row('cbc.test', 'CBC suites only', 'tls.cipher ~* warn', policy=None, tls=('1.2', '1.2'),
         ciphers='ECDHE-ECDSA-AES256-SHA384:ECDHE-RSA-AES256-SHA384')
host_row('no-fs.test', 'no forward secrecy', 'tls.cipher ~* warn', policy=None,
         certificate='rsa', tls=('1.2', '1.2'), ciphers='AES256-GCM-SHA384')
GNUTLS = 'NORMAL:-VERS-TLS1.0:-VERS-TLS1.1'
host_row('anonymous.test', 'suites without a certificate beside the usual', 'tls.cipher ~* info',
         policy=None, ciphers='ALL:aNULL:!eNULL:@SECLEVEL=0')
host_row('null-cipher.test', 'suites without encryption beside the usual', 'tls.cipher ~* fail', grade='B',
         policy=None, certificate='rsa', engine=Gnutls(f'{GNUTLS}:+NULL:+RSA'))
host_row('rc4.test', 'RC4 beside the usual', 'tls.cipher ~* fail', grade='B', policy=None,
         certificate='rsa', engine=Gnutls(f'{GNUTLS}:+ARCFOUR-128:+RSA'))
host_row('triple-des.test', '3DES beside the usual', 'tls.cipher ~* fail', grade='B', policy=None,
         certificate='rsa', engine=Gnutls(f'{GNUTLS}:+3DES-CBC:+RSA'))
host_row('export.test', 'EXPORT suites with TLS 1.0', '''
    tls.cipher ~* fail
    tls.version ~* warn''', policy=None, certificate='rsa', engine=Antique('EXPORT'))
host_row('post-quantum.test', 'a post-quantum group beside the usual', 'tls.key_exchange ~* pass',
         policy=None, engine=Antique('X25519MLKEM768'))
host_row('ssl3.test', 'SSLv3, RC4 and 3DES beside TLS 1.2', '''
    tls.version ~* fail
    tls.cipher ~* fail''', policy=None, certificate='rsa',
         engine=Nss())
host_row('ssl3-best.test', 'SSLv3 at best', '''
    tls.version ~* fail
    tls.cipher ~* fail
    tls.starttls ~* fail''', policy=None, certificate='rsa', engine=Nss(highest=0x0300))
host_row('ssl2.test', 'SSLv2 beside TLS 1.3', '''
    tls.version ~* fail''', policy=None, engine=Antique('SSLv2'))
host_row('deflate.test', 'TLS compression', 'tls.compression ~* warn', policy=None, engine=Antique('DEFLATE'))
host_row('no-reneg.test', 'no secure renegotiation', '''
    tls.renegotiation ~* warn
    tls.version ~* info''', policy=None, certificate='rsa',
         engine=Gnutls(f'{GNUTLS}:-VERS-TLS1.3:%DISABLE_SAFE_RENEGOTIATION'))


def dh_row(bits, expect):
    def build(world, domain):
        world.domain(domain, mx=1, policy=None, certificate='rsa', tls=('1.2', '1.2'),
                     ciphers='DHE-RSA-AES256-GCM-SHA384:@SECLEVEL=0', dh=world.ca.dh(bits))
    ROWS.append(Row(f'dh{bits}.test', f'Diffie-Hellman of {bits} bit', build,
                    expect + '\ntls.version ~* info'))


dh_row(512, 'tls.key_exchange ~* fail')
dh_row(1024, 'tls.key_exchange ~* warn')
dh_row(2048, 'tls.key_exchange ~* info')


@row('pool-mixed.test', 'two addresses with certificates of two issuers', expect='tls.cert.pool ~ info')
def pool_mixed(world, name):
    host = world.domain(name, mx=1, policy=None, addresses=2).hosts[0]
    host.peers[1].configure(certificate=world.ca.issue('direct', [host.name]))


@row('pool-bad.test', 'one of two addresses serves an expired certificate', grade='C', expect='''
    tls.cert.pool ~ warn
    tls.cert.validity ~* fail
    may tls.cert.expiry ~* *''')
def pool_bad(world, name):
    host = world.domain(name, mx=1, policy=None, addresses=2).hosts[0]
    host.peers[1].configure(certificate=world.ca.issue('expired', [host.name]))


@row('two-keys.test', 'RSA and ECDSA, the RSA one expired', expect='tls.cert.pool ~ warn')
def two_keys(world, name):
    host = world.domain(name, mx=1, policy=None).hosts[0]
    host.configure(certificate=[world.ca.issue('good', [host.name]),
                                world.ca.issue('rsa-expired', [host.name])])


def staple_row(name, odd, expect, status, grade=None):
    def build(world, domain):
        host = world.domain(domain, mx=1, policy=None).hosts[0]
        host.configure(engine=Gnutls(GNUTLS, world.ca.staple(host.peers[0].certificate, status)))
    ROWS.append(Row(name, odd, build, expect, grade))
    ROWS[-1].missing = Gnutls.missing


staple_row('staple-good.test', 'an OCSP answer comes along: good', 'tls.cert.trusted ~* pass', 'good', 'A')
staple_row('staple-revoked.test', 'an OCSP answer comes along: revoked', 'tls.cert.trusted ~* warn', 'revoked', 'C')
host_row('sni.test', 'refuses who does not say a name', 'tls.sni_fallback ~* info', policy=None,
         need_sni=True)

host_row('self-signed.test', 'a self-signed certificate', 'tls.cert.trusted ~* warn', grade='C',
         policy=None, certificate='self-signed')
host_row('unknown-ca.test', 'a root nobody trusts', 'tls.cert.trusted ~* warn', grade='C',
         policy=None, certificate='unknown')
host_row('no-mid.test', 'the intermediate is missing', 'tls.cert.trusted ~* warn',
         policy=None, certificate='no-mid')
host_row('old-mid.test', 'the intermediate has expired', '''
    tls.cert.trusted ~* warn''',
         policy=None, certificate='old-mid')
host_row('disorder.test', 'the chain is out of order', 'tls.cert.trusted ~* info', policy=None,
         certificate='disorder')
host_row('wrong-name.test', "another host's certificate", 'tls.cert.name ~* warn', grade='B',
         policy=None, certificate='wrong-name')
host_row('cn-only.test', 'the name in the CN only', 'tls.cert.name ~* warn', grade='B',
         policy=None, certificate='cn-only')
host_row('expired.test', 'expired yesterday', '''
    tls.cert.validity ~* fail
    tls.cert.expiry ~* *''', grade='C', policy=None, certificate='expired')
host_row('not-yet.test', 'valid from tomorrow', '''
    tls.cert.validity ~* fail''', grade='C', policy=None, certificate='not-yet')
host_row('expiring.test', '5 days left of 90', 'tls.cert.expiry ~* warn/critical', grade='B', policy=None,
         certificate='expiring')
host_row('sha1.test', 'signed with SHA-1', 'tls.cert.signature ~* fail', grade='B', policy=None,
         certificate='sha1')
host_row('rsa1024.test', 'a key of 1024 bits', 'tls.cert.key ~* fail', grade='C', policy=None,
         certificate='rsa1024')
host_row('sts-self-signed.test', 'self-signed under MTA-STS enforce', '''
    tls.cert.trusted ~* fail
    mta_sts.mx_tls @ fail
    delivery.sender_view ~ fail/critical''', certificate='self-signed')
host_row('sts-wrong-name.test', "another host's certificate under MTA-STS enforce", '''
    tls.cert.name ~* fail
    mta_sts.mx_tls @ fail
    delivery.sender_view ~ fail/critical''', certificate='wrong-name')


# -- DANE -------------------------------------------------------------------------------------------

def dane_row(name, odd, tlsa, expect, **host):
    def build(world, domain):
        made = world.domain(domain, mx=1, policy=None, **host).hosts[0]
        records = tlsa(made.peers[0].certificate, world.ca)
        world.dns.set('_25._tcp.' + made.name, 'TLSA', records)
    ROWS.append(Row(name, odd, build, expect))


dane_row('dane.test', 'DANE-EE and DANE-TA, both right',
         lambda c, ca: [c.tlsa(), c.tlsa(2, 1, 1, ca.mid)], '''
    dane.tlsa ~ pass
    dane.dnssec ~ pass
    dane.match * pass''')
dane_row('dane-bad.test', 'DANE-EE of another key',
         lambda c, ca: ['3 1 1 ' + '00' * 32], '''
    dane.match * fail/critical
    delivery.sender_view ~ fail/critical''')
dane_row('dane-ee.test', 'self-signed, wrong name, but DANE-EE matches', lambda c, ca: [c.tlsa()], '''
    dane.match * pass
    tls.cert.trusted ~* info''', certificate='self-signed')
dane_row('dane-pkix.test', 'only PKIX usages, which SMTP cannot use',
         lambda c, ca: [c.tlsa(1)], 'dane.tlsa ~ warn')


dane_row('dane-ee-expired.test', 'expired, but DANE-EE matches (RFC 7672 section 3.1.1)',
         lambda c, ca: [c.tlsa()], '''
    dane.match * pass
    tls.cert.validity ~* info
    may tls.cert.expiry ~* *''', certificate='expired')
dane_row('dane-ee-name.test', "another host's certificate, but DANE-EE matches", lambda c, ca: [c.tlsa()], '''
    dane.match * pass
    tls.cert.name ~* info''', certificate='wrong-name')
dane_row('dane-ta-name.test', "another host's certificate: DANE-TA looks at the name",
         lambda c, ca: [c.tlsa(2, 0, 1, ca.mid)], '''
    dane.match * fail/critical
    tls.cert.name ~* warn
    delivery.sender_view ~ fail/critical''', certificate='wrong-name')
dane_row('dane-ta-expired.test', 'expired: DANE-TA looks at the dates', lambda c, ca: [c.tlsa(2, 0, 1, ca.mid)], '''
    dane.match * fail/critical
    tls.cert.validity ~* fail
    may tls.cert.expiry ~* *
    delivery.sender_view ~ fail/critical''', certificate='expired')
dane_row('dane-ta-root.test', 'DANE-TA of a root that is not in the handshake (RFC 7672 section 3.1.2)',
         lambda c, ca: [c.tlsa(2, 0, 1, ca.root)], '''
    dane.match * fail/critical
    delivery.sender_view ~ fail/critical''')
dane_row('dane-ta-full.test', 'the same root whole in the record: the handshake must have it all the same',
         lambda c, ca: [c.tlsa(2, 0, 0, ca.root), c.tlsa(2, 1, 0, ca.root)], '''
    dane.match * fail/critical
    delivery.sender_view ~ fail/critical''')
dane_row('dane-ta-shown.test', 'DANE-TA of a root that the handshake has', lambda c, ca: [c.tlsa(2, 0, 1, ca.root)],
         'dane.match * pass', certificate='disorder')
dane_row('dane-ee-full.test', 'the whole certificate in the record (3 0 0)', lambda c, ca: [c.tlsa(3, 0, 0)], '''
    dane.match * pass
    dane.rollover ~ info''')
dane_row('dane-agility.test', 'SHA-512 counts alone where it is published beside SHA-256 (RFC 7671 section 9)',
         lambda c, ca: [c.tlsa(), '3 1 2 ' + '00' * 64], '''
    dane.match * fail/critical
    delivery.sender_view ~ fail/critical''')
dane_row('dane-soon.test', 'DANE-TA with a certificate that ends in 5 days', lambda c, ca: [c.tlsa(2, 0, 1, ca.mid)], '''
    dane.match * pass
    dane.future ~ warn
    tls.cert.expiry ~* warn/critical''', certificate='expiring')
dane_row('dane-lengths.test', 'digests of a wrong length beside a good record',
         lambda c, ca: [c.tlsa(), '3 1 1 ' + 'ab' * 31, '3 1 2 ' + 'ab' * 32, '3 0 1 ab'], 'dane.match * pass')


def dane_ttl_row(name, odd, ttl, expect):
    def build(world, domain):
        host = world.domain(domain, mx=1, policy=None).hosts[0]
        world.dns.set('_25._tcp.' + host.name, 'TLSA', [host.peers[0].certificate.tlsa()], ttl=ttl)
    ROWS.append(Row(name, odd, build, expect))


dane_ttl_row('dane-ttl.test', 'TLSA records that live for twelve hours', 43200, 'dane.ttl ~ info')
dane_ttl_row('dane-ttl-long.test', 'TLSA records that live for a week', 604800, 'dane.ttl ~ warn')


@row('dane-mixed.test', 'DANE for one of two MX hosts', expect='''
    dane.covers_all_mx mx2.dane-mixed.test warn
    dane.match * pass''')
def dane_mixed(world, name):
    host = world.domain(name, mx=2, policy=None).hosts[0]
    world.dns.set('_25._tcp.' + host.name, 'TLSA', [host.peers[0].certificate.tlsa()])


def dane_alias(name, odd, expect, security, rest=()):
    """The MX is an alias of a host in another zone; TLSA at the target (RFC 7672 section 2.2.2)."""
    def build(world, domain):
        target = 'host.zone-' + domain
        world.dns.add_zone('zone-' + domain, security)
        issued = world.ca.issue('good', [target, 'mx1.' + domain])
        world.host(target, certificate=issued)
        world.dns.set('mx1.' + domain, 'CNAME', [target + '.'])
        world.dns.set('_25._tcp.' + target, 'TLSA', [issued.tlsa()])
        world.domain(domain, mx=['mx1.' + domain], policy=None)
    ROWS.append(Row(name, odd, build, expect))


dane_alias('alias-secure.test', 'an alias into a signed zone: TLSA at its target', '''
    mx.resolves ~ warn
    mx.address_dnssec ~ pass
    dane.tlsa ~ pass
    dane.match * pass''', 'secure')
dane_alias('alias-insecure.test', 'an alias into an unsigned zone: insecure, not bogus', '''
    mx.resolves ~ warn
    mx.dnssec @ pass
    mx.address_dnssec ~ info''', 'insecure')
dane_alias('alias-bogus.test', 'an alias into a bogus zone', '''
    mx.dnssec @ pass
    mx.address_dnssec ~ fail
    may dane.* ~ fail
    may * ~* unknown''', 'bogus')
dane_alias('alias-lame.test', 'an alias into a zone nobody serves: could not be determined', '''
    mx.dnssec @ pass
    mx.address_dnssec ~ unknown
    mx.resolves ~ unknown
    may * ~* unknown
    may * @ unknown''', 'lame')


@row('dane-expected.test', 'no DANE where the watchlist expects it', args=('-c', 'EXPECT'),
     expect='''
    dane.tlsa ~ fail
    dane.dnssec ~ fail''')
def dane_expected(world, name):
    world.domain(name, mx=1, policy=None)


@row('dane-insecure.test', 'TLSA records in an unsigned zone', expect='''
    mx.dnssec @ warn
    dane.dnssec ~ warn''')
def dane_insecure(world, name):
    world.dns.add_zone(name, 'insecure')
    host = world.domain(name, mx=1, policy=None).hosts[0]
    world.dns.set('_25._tcp.' + host.name, 'TLSA', [host.peers[0].certificate.tlsa()])


@row('dane-denial.test', 'the absence of TLSA records cannot be proven', expect='''
    dane.denial ~ fail/critical
    delivery.sender_view ~ fail/critical
    may dane.dnssec ~ fail
    may dane.* ~ unknown''')
def dane_denial(world, name):
    host = world.domain(name, mx=1, policy=None).hosts[0]
    world.dns.add_zone('_tcp.' + host.name, 'bogus')


# -- MTA-STS ----------------------------------------------------------------------------------------

def sts_row(name, odd, expect, record=None, body=None, grade=None, args=(), mx_certificate='good', **site):
    """One healthy MX; the record or the policy host is odd."""
    def build(world, domain):
        made = world.domain(domain, mx=1, certificate=mx_certificate)
        if record is not None:
            world.dns.set('_mta-sts.' + domain, 'TXT',
                          [txt(r) for r in ([record] if isinstance(record, str) else record)])
        if body is not None or site:
            text = body(domain) if callable(body) else body
            world.policy_host(made, http.policy(mx=['mx1.' + domain]) if text is None else text, **site)
    ROWS.append(Row(name, odd, build, expect, grade, args))


def lines(*more):
    """A policy body with these lines in place of the usual ones; @ stands for the MX."""
    return lambda domain: ''.join(line.replace('@', 'mx1.' + domain) + '\r\n' for line in more)


sts_row('sts-two.test', 'two records', 'mta_sts.record @ fail',
        record=['v=STSv1; id=1;', 'v=STSv1; id=2;'])
sts_row('sts-noid.test', 'a record without id', 'mta_sts.record @ fail', record='v=STSv1;')
sts_row('sts-badid.test', 'an id with a hyphen', 'mta_sts.record @ fail', record='v=STSv1; id=2026-01;')
sts_row('sts-other.test', 'another TXT beside the record is not counted', '',
        record=['v=STSv1; id=1;', 'something else'])
sts_row('sts-404.test', 'the policy is not there', 'mta_sts.policy.fetch @ fail', status=404)
sts_row('sts-500.test', 'the policy host fails', 'mta_sts.policy.fetch @ fail', status=500)
sts_row('sts-redirect.test', 'the policy host redirects', 'mta_sts.policy.fetch @ fail', status=301,
        location='https://good.test/.well-known/mta-sts.txt')
sts_row('sts-html.test', 'served as text/html', 'mta_sts.policy.content_type @ warn',
        content_type='text/html')
sts_row('sts-notype.test', 'served without a media type', 'mta_sts.policy.content_type @ warn',
        content_type='')
sts_row('sts-huge.test', 'a policy of 10 MB', 'mta_sts.policy.fetch @ fail', body='x' * 10_000_000)
sts_row('sts-slow.test', 'a policy at one byte a second', 'mta_sts.policy.fetch @ fail', rate=1,
        args=SHORT)
sts_row('sts-cert-expired.test', 'an expired certificate at the policy host', '''
    mta_sts.policy.tls @ fail
    mta_sts.policy.fetch @ skip''', certificate='expired')
sts_row('sts-cert-name.test', 'a wrong name at the policy host', '''
    mta_sts.policy.tls @ fail
    mta_sts.policy.fetch @ skip''', certificate='wrong-name')
sts_row('sts-cert-self.test', 'self-signed at the policy host', '''
    mta_sts.policy.tls @ fail
    mta_sts.policy.fetch @ skip''', certificate='self-signed')
sts_row('sts-cert-soon.test', '5 days left at the policy host', 'mta_sts.cert_expiry @ warn/critical',
        certificate='expiring')
sts_row('sts-testing.test', 'mode testing', 'mta_sts.policy.mode @ warn',
        body=lines('version: STSv1', 'mode: testing', 'mx: @', 'max_age: 604800'))
sts_row('sts-none.test', 'mode none', 'mta_sts.policy.mode @ warn',
        body=lines('version: STSv1', 'mode: none', 'max_age: 604800'))
sts_row('sts-day.test', 'max_age of a day', 'mta_sts.policy.max_age @ info',
        body=lines('version: STSv1', 'mode: enforce', 'mx: @', 'max_age: 86400'))
sts_row('sts-minute.test', 'max_age of a minute', 'mta_sts.policy.max_age @ warn',
        body=lines('version: STSv1', 'mode: enforce', 'mx: @', 'max_age: 60'))
sts_row('sts-lf.test', 'line ends of LF alone: allowed', 'mta_sts.policy.syntax @ pass',
        body=lambda d: http.policy(mx=['mx1.' + d], eol='\n'))
sts_row('sts-dup.test', 'mode twice', 'mta_sts.policy.syntax @ warn',
        body=lines('version: STSv1', 'mode: enforce', 'mode: testing', 'mx: @', 'max_age: 604800'))
sts_row('sts-syntax.test', 'not a policy', 'mta_sts.policy.syntax @ fail',
        body='<html>coming soon</html>\r\n')
sts_row('sts-nomode.test', 'no mode', 'mta_sts.policy.syntax @ fail',
        body=lines('version: STSv1', 'mx: @', 'max_age: 604800'))
sts_row('sts-nomx.test', 'enforce without mx', 'mta_sts.policy.syntax @ fail',
        body=lines('version: STSv1', 'mode: enforce', 'max_age: 604800'))
sts_row('sts-badmx.test', 'a wildcard in the middle of a pattern', 'mta_sts.policy.syntax @ fail',
        body=lines('version: STSv1', 'mode: enforce', 'mx: mx.*.test', 'max_age: 604800'))
sts_row('sts-empty.test', 'an empty policy', 'mta_sts.policy.syntax @ fail', body='')
sts_row('sts-mismatch.test', 'the MX is not in the policy', '''
    mta_sts.mx_match @ fail/critical
    delivery.sender_view ~ fail/critical''',
        body=lines('version: STSv1', 'mode: enforce', 'mx: elsewhere.test', 'max_age: 604800'))
sts_row('sts-wild.test', 'the MX matches a wildcard', 'mta_sts.mx_match @ pass',
        body=lambda d: http.policy(mx=['*.' + d]))
sts_row('sts-extra.test', 'a pattern that matches no MX', 'mta_sts.mx_match @ info',
        body=lambda d: http.policy(mx=['mx1.' + d, 'old.' + d]))


sts_row('sts-testing-bad.test', 'mode testing with a self-signed MX', '''
    mta_sts.policy.mode @ warn
    mta_sts.mx_tls @ warn
    tls.cert.trusted ~* warn''', mx_certificate='self-signed',
        body=lines('version: STSv1', 'mode: testing', 'mx: @', 'max_age: 604800'))


@row('sts-expected.test', 'mode testing where the watchlist expects enforce', args=('-c', 'EXPECT'),
     expect='mta_sts.policy.mode @ fail')
def sts_expected(world, name):
    world.domain(name, mx=1, policy='testing')


@row('sts-recordless.test', 'a policy host, but no record', expect='mta_sts.record @ warn')
def sts_recordless(world, name):
    world.domain(name, mx=1)
    world.dns.set('_mta-sts.' + name, 'TXT', [])


@row('sts-dangling.test', 'delegated to a provider who has no record any more', expect='''
    mta_sts.delegation @ fail
    may mta_sts.record @ *''')
def sts_dangling(world, name):
    world.domain(name, mx=1)
    world.dns.set('_mta-sts.' + name, 'TXT', [])
    world.dns.set('_mta-sts.' + name, 'CNAME', ['gone.sts-provider.test.'])


@row('sts-dangling-host.test', 'the policy host is an alias of nothing', expect='''
    mta_sts.delegation @ fail
    mta_sts.policy.fetch @ fail''')
def sts_dangling_host(world, name):
    made = world.domain(name, mx=1)
    world.dns.set(made.policy_host, 'A', [])
    world.dns.set(made.policy_host, 'CNAME', ['gone.sts-provider.test.'])


def second_policy_host(name, odd, expect, **more):
    """Two addresses of the policy host that do not agree."""
    def build(world, domain):
        made = world.domain(domain, mx=1)
        other = world.odd_policy_host(made, 'document', **more)
        other.body = http.policy(mx=['mx1.' + domain], max_age=more and 604800 or 700000)
        world.dns.set(made.policy_host, 'A', [http.NGINX, other.address])
    ROWS.append(Row(name, odd, build, expect))


second_policy_host('sts-two-bodies.test', 'two addresses of the policy host, two policies',
                   'mta_sts.host_consistency @ warn')
second_policy_host('sts-two-chains.test', 'two addresses of the policy host, one with an expired certificate', '''
    mta_sts.host_consistency @ warn
    may mta_sts.policy.tls @ fail''', certificate='expired')


@row('sts-nohost.test', 'a record, but no policy host', expect='''
    mta_sts.policy.fetch @ fail
    mta_sts.policy.tls @ skip''')
def sts_nohost(world, name):
    world.domain(name, mx=1, policy=None)
    world.dns.set('_mta-sts.' + name, 'TXT', [txt('v=STSv1; id=1;')])


@row('sts-refused.test', 'the policy host refuses connections', expect='''
    mta_sts.policy.fetch @ fail
    mta_sts.policy.tls @ skip''')
def sts_refused(world, name):
    world.domain(name, mx=1, policy=None)
    world.dns.set('_mta-sts.' + name, 'TXT', [txt('v=STSv1; id=1;')])
    world.dns.set('mta-sts.' + name, 'A', [world.address()])


@row('sts-cname.test', 'record and policy host delegated by CNAME', expect='''
    mta_sts.record @ pass
    mta_sts.policy.fetch @ pass''')
def sts_cname(world, name):
    made = world.domain(name, mx=1)
    world.dns.set('_mta-sts.' + name, 'TXT', [])
    world.dns.set('_mta-sts.' + name, 'CNAME', ['sts-' + name + '.'])
    world.dns.set('sts-' + name, 'TXT', [txt('v=STSv1; id=1;')])
    world.dns.set(made.policy_host, 'A', [])
    world.dns.set(made.policy_host, 'CNAME', ['policies.test.'])
    world.dns.set('policies.test', 'A', [http.NGINX])


@row('sts-bogus.test', 'the record is bogus', expect='''
    mta_sts.record @ fail
    mta_sts.dnssec @ fail
    may mta_sts.* @ unknown''')
def sts_bogus(world, name):
    world.domain(name, mx=1)
    world.dns.add_zone('_mta-sts.' + name, 'bogus')
    world.dns.set('_mta-sts.' + name, 'TXT', [txt('v=STSv1; id=1;')])


def zone_row(name, odd, expect, where, security, *records):
    """One healthy MX; what lies below `where` is a zone of its own, so that one record set is
    insecure, bogus or out of reach while all others are well."""
    def build(world, domain):
        world.domain(domain, mx=1)
        world.dns.add_zone(f'{where}.{domain}', security)
        for owner, rtype, data in records:
            world.dns.set(f'{owner}.{domain}', rtype, [data.replace('~', domain)])
    ROWS.append(Row(name, odd, build, expect, args=SHORT if security == 'lame' else ()))


STS = ('_mta-sts', 'TXT', '"v=STSv1; id=1;"')
RPT = ('_smtp._tls', 'TXT', '"v=TLSRPTv1; rua=mailto:tlsrpt@ops.test"')
SRV = ('_submissions._tcp', 'SRV', '0 1 465 mx1.~.')
zone_row('sts-insecure.test', 'the record alone is not signed', '''
    mx.dnssec @ pass
    tls_rpt.dnssec @ pass
    mta_sts.record @ pass
    mta_sts.dnssec @ info''', '_mta-sts', 'insecure', STS)
zone_row('sts-lame.test', 'the record alone is out of reach', '''
    mx.dnssec @ pass
    tls_rpt.dnssec @ pass
    mta_sts.record @ unknown
    mta_sts.dnssec @ unknown
    may mta_sts.* @ unknown
    may tls_rpt.* @ unknown
    may * ~ unknown''', '_mta-sts', 'lame')
zone_row('rpt-insecure.test', 'the record alone is not signed', '''
    mta_sts.dnssec @ pass
    tls_rpt.record @ pass
    tls_rpt.dnssec @ info''', '_tls', 'insecure', RPT)
zone_row('rpt-bogus.test', 'the record alone is bogus', '''
    mx.dnssec @ pass
    mta_sts.dnssec @ pass
    tls_rpt.dnssec @ fail
    may tls_rpt.* @ *''', '_tls', 'bogus', RPT)
zone_row('rpt-lame.test', 'the record alone is out of reach', '''
    mta_sts.dnssec @ pass
    tls_rpt.record @ unknown
    tls_rpt.dnssec @ unknown
    may tls_rpt.* @ unknown''', '_tls', 'lame')
zone_row('srv-bogus.test', 'the SRV records alone are bogus', '''
    mx.dnssec @ pass
    submission.discovery @ unknown
    may submission.* @ unknown''', '_tcp', 'bogus', SRV)
zone_row('dane-lame.test', 'the TLSA records alone are out of reach: senders defer', '''
    mx.address_dnssec ~ pass
    dane.denial ~ fail/critical
    delivery.sender_view ~ fail/critical
    dane.dnssec ~ fail/critical
    may dane.* * unknown''', '_tcp.mx1', 'lame')


@row('sts-cname-bogus.test', 'the record is delegated to a bogus zone', expect='''
    mx.dnssec @ pass
    mta_sts.record @ fail
    mta_sts.dnssec @ fail
    may mta_sts.* @ unknown''')
def sts_cname_bogus(world, name):
    world.domain(name, mx=1)
    world.dns.set('_mta-sts.' + name, 'TXT', [])
    world.dns.set('_mta-sts.' + name, 'CNAME', [f'sts.zone-{name}.'])
    world.dns.add_zone('zone-' + name, 'bogus')
    world.dns.set('sts.zone-' + name, 'TXT', [txt('v=STSv1; id=1;')])


def odd_policy(name, odd, mood, expect='mta_sts.policy.fetch @ fail', args=()):
    def build(world, domain):
        made = world.domain(domain, mx=1, policy=None)
        world.dns.set('_mta-sts.' + domain, 'TXT', [txt('v=STSv1; id=1;')])
        world.odd_policy_host(made, mood)
    ROWS.append(Row(name, odd, build, expect, None, args))


odd_policy('sts-hang.test', 'the policy host takes the request and sleeps', 'hang', args=SHORT)
odd_policy('sts-stall.test', 'the policy stops in the middle', 'stall', args=SHORT)
odd_policy('sts-headers.test', 'headers without end', 'headers', args=SHORT)
odd_policy('sts-endless.test', 'a body without end', 'endless', args=SHORT)
odd_policy('sts-rubbish.test', 'rubbish in place of HTTP', 'garbage')
odd_policy('sts-plain.test', 'no TLS on port 443', 'plain', '''
    mta_sts.policy.fetch @ skip
    mta_sts.policy.tls @ fail''')


# -- TLS-RPT ----------------------------------------------------------------------------------------

def rpt_row(name, odd, expect, *records):
    def build(world, domain):
        world.domain(domain, mx=1)
        world.dns.set('_smtp._tls.' + domain, 'TXT', [txt(r) for r in records])
    ROWS.append(Row(name, odd, build, expect))


rpt_row('rpt-none.test', 'MTA-STS without TLS-RPT', 'tls_rpt.record @ warn')
rpt_row('rpt-two.test', 'two records', 'tls_rpt.record @ fail',
        'v=TLSRPTv1; rua=mailto:a@ops.test', 'v=TLSRPTv1; rua=mailto:b@ops.test')
rpt_row('rpt-norua.test', 'no rua', 'tls_rpt.record @ fail', 'v=TLSRPTv1;')
rpt_row('rpt-https.test', 'reports over HTTPS', 'tls_rpt.record @ pass',
        'v=TLSRPTv1; rua=https://hooks.ops.test/report')
rpt_row('rpt-nowhere.test', 'reports to a domain that takes no mail', 'tls_rpt.destination @ warn',
        'v=TLSRPTv1; rua=mailto:a@nowhere.test')

rpt_row('rpt-self.test', 'reports about mail that does not arrive, by that mail', 'tls_rpt.self @ info',
        'v=TLSRPTv1; rua=mailto:tlsrpt@rpt-self.test')


# -- submission -------------------------------------------------------------------------------------

def submission_row(name, odd, expect, ports=(465, 587), submissions=None, submission=None, args=(), **manners):
    """SRV data in which @ stands for the submission host; None: no record."""
    def build(world, domain):
        world.domain(domain, mx=1, policy=None)
        host = 'smtp.' + domain
        if ports is not None:
            world.host(host, ports=ports, **manners)
        for service, data in ('_submissions', submissions), ('_submission', submission):
            if data:
                world.dns.set(f'{service}._tcp.{domain}', 'SRV', [data.replace('@', host + '.')])
    ROWS.append(Row(name, odd, build, expect, args=args))


submission_row('submission.test', '465 and 587 by SRV', '''
    submission.discovery @ pass
    submission.connect @ pass
    tls.starttls smtp.submission.test*:587 pass
    tls.starttls smtp.submission.test*:465 skip
    tls.cert.name smtp.submission.test*:465 pass
    smtp.auth_cleartext smtp.submission.test*:587 pass''',
               submissions='0 1 465 @', submission='0 1 587 @')
submission_row('submission-fallback.test', 'no SRV, but smtp.<domain>', '''
    submission.discovery @ pass
    submission.connect @ pass''')
submission_row('submission-one.test', '587 does not answer', 'submission.connect @ info', ports=(465,),
               submissions='0 1 465 @', submission='0 1 587 @')
submission_row('submission-dead.test', 'neither port answers', 'submission.connect @ warn', ports=(2525,),
               submissions='0 1 465 @', submission='0 1 587 @')
submission_row('submission-never.test', 'explicitly none', 'submission.discovery @ info', ports=None,
               submissions='0 0 0 .', submission='0 0 0 .')
submission_row('submission-gone.test', 'an SRV target without an address', '''
    submission.discovery @ fail
    may submission.connect @ *''', ports=None, submissions='0 1 465 @')
submission_row('submission-auth.test', 'AUTH before TLS on 587', 'smtp.auth_cleartext * fail',
               submissions='0 1 465 @', submission='0 1 587 @',
               extensions=['AUTH PLAIN LOGIN', 'SIZE 1000'])
submission_row('submission-anonymous.test', 'suites without a certificate where passwords go',
               'tls.cipher * fail', submissions='0 1 465 @', submission='0 1 587 @',
               ciphers='ALL:aNULL:!eNULL:@SECLEVEL=0')


submission_row('submission-expected.test', 'neither port answers where the watchlist expects them',
               'submission.connect @ fail', ports=(2525,), submissions='0 1 465 @', submission='0 1 587 @',
               args=('-c', 'EXPECT'))


@row('submission-alias.test', 'an SRV target that is an alias', expect='''
    submission.discovery @ fail
    may submission.connect @ *''')
def submission_alias(world, name):
    world.domain(name, mx=1, policy=None)
    world.dns.set('_submissions._tcp.' + name, 'SRV', [f'0 1 465 alias.{name}.'])
    world.dns.set('alias.' + name, 'CNAME', [f'mx1.{name}.'])

# -- what some of the rows prove besides -------------------------------------------------------------

def beside(name, subject, status, ids):
    """The row shows these too: ids of checks with one subject and status."""
    next(r for r in ROWS if r.name == name).expect.extend(
        Expectation(f'{i} {subject} {status}', name) for i in ids.split())


beside('null.test', '@', 'skip', '''
    caa.issuer dane.covers_all_mx dane.denial dane.tlsa delivery.sender_view mta_sts.cert_expiry mta_sts.dnssec
    mta_sts.host_consistency mta_sts.mx_tls mta_sts.policy.content_type mta_sts.policy.max_age
    mta_sts.policy.mode mta_sts.policy.syntax mta_sts.record mx.address_dnssec mx.dnssec
    mx.ipv6 mx.redundancy mx.resolves smtp.auth_cleartext smtp.banner_name smtp.connect
    smtp.ehlo smtp.open_relay smtp.ptr smtp.starttls_repeat tls.cert.expiry tls.cert.key
    tls.cert.name tls.cert.pool tls.cert.signature tls.cert.trusted tls.cert.validity
    tls.cipher tls.compression tls.key_exchange tls.renegotiation tls.sni_fallback
    tls.starttls_injection tls.version tls_rpt.destination tls_rpt.dnssec tls_rpt.record
    tls_rpt.self''')
beside('good.test', '~', 'pass', '''
    dane.covers_all_mx delivery.sender_view tls.cert.pool''')
beside('good.test', '~', 'skip', '''
    dane.dnssec dane.future dane.match dane.rollover dane.ttl''')
beside('good.test', '~', 'info', 'dane.tlsa')
beside('good.test', '@', 'pass', '''
    dnssec.rrsig_expiry mta_sts.host_consistency mx.ipv6 tls_rpt.destination tls_rpt.dnssec
    tls_rpt.self''')
beside('good.test', '@', 'skip', '''
    mta_sts.cache_hazard mta_sts.delegation mta_sts.id_body mta_sts.withdrawal
    submission.connect''')
beside('good.test', '~*', 'pass', '''
    smtp.open_relay smtp.starttls_repeat tls.cipher tls.compression tls.renegotiation
    tls.sni_fallback tls.starttls_injection''')
beside('good.test', '~*', 'skip', 'tls.cert.renewal')
beside('lame.test', '@', 'unknown', '''
    dane.covers_all_mx dane.denial dane.dnssec dane.future dane.match dane.rollover dane.tlsa
    dane.ttl dnssec.rrsig_expiry mta_sts.cert_expiry mta_sts.delegation mta_sts.dnssec
    mta_sts.host_consistency mta_sts.mx_match mta_sts.mx_tls mta_sts.policy.content_type
    mta_sts.policy.fetch mta_sts.policy.max_age mta_sts.policy.mode mta_sts.policy.syntax
    mta_sts.policy.tls mta_sts.record mx.dnssec mx.ipv6 mx.redundancy smtp.ptr
    submission.connect submission.discovery tls.cert.pool tls_rpt.destination tls_rpt.dnssec
    tls_rpt.record tls_rpt.self''')
beside('bogus-host.test', 'mx1.bogus.test', 'fail', 'dane.dnssec')
beside('dane-mixed.test', '~', 'pass', '''
    dane.future dane.ttl''')
beside('dane.test', '~', 'pass', 'dane.rollover')
beside('busy.test', '~', 'unknown', 'delivery.sender_view')
beside('busy.test', '~*', 'unknown', '''
    smtp.auth_cleartext smtp.banner_name smtp.ehlo smtp.starttls_repeat tls.cert.expiry
    tls.cert.key tls.cert.name tls.cert.renewal tls.cert.signature tls.cert.trusted
    tls.cert.validity tls.cipher tls.compression tls.key_exchange tls.renegotiation
    tls.sni_fallback tls.starttls_injection tls.version''')
beside('bogus.test', '@', 'skip', 'dnssec.rrsig_expiry')
beside('sts-cname.test', '@', 'pass', 'mta_sts.delegation')
beside('nxdomain.test', '@', 'skip', 'submission.discovery')
beside('dane-insecure.test', '@', 'info', 'tls_rpt.dnssec')
