# SPDX-License-Identifier: ISC
"""The lab's certification authority.  Every date is counted from the moment of issue.

A certificate is named by what is odd about it; `Authority.issue(kind, names)` writes
`<dir>/<kind>-<first name>.pem` (key, leaf and what the server presents behind it) and returns
an `Issued`.  Keys of one type are shared: only RSA keys are slow to make.
"""

import base64
import datetime
import hashlib
import ipaddress
import os

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import dh, dsa, ec, rsa
from cryptography.x509 import ocsp
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

PEM = serialization.Encoding.PEM
DER = serialization.Encoding.DER


def now():
    return datetime.datetime.utcnow().replace(microsecond=0)


def days(n):
    return datetime.timedelta(days=n)


def subject(common_name):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


class Issued:
    """What a server presents: the file with key and chain, and facts for TLSA records."""

    def __init__(self, path, leaf, chain, key):
        self.path, self.leaf, self.chain, self.key = path, leaf, chain, key

    def tlsa(self, usage=3, selector=1, matching=1, certificate=None):
        """The record data of a TLSA record that matches this leaf (or certificate)."""
        certificate = certificate or self.leaf
        if selector == 0:
            data = certificate.public_bytes(DER)
        else:
            data = certificate.public_key().public_bytes(
                DER, serialization.PublicFormat.SubjectPublicKeyInfo)
        if matching == 1:
            data = hashlib.sha256(data).digest()
        elif matching == 2:
            data = hashlib.sha512(data).digest()
        return f'{usage} {selector} {matching} {data.hex()}'


class Authority:
    """A root, an intermediate, and a second root that nobody trusts."""

    def __init__(self, directory):
        self.directory = directory
        os.makedirs(directory, exist_ok=True)
        self.serial = 1000
        self._rsa = {}
        self.root_key = ec.generate_private_key(ec.SECP256R1())
        self.root = self._sign(subject('mxwatch lab root'), self.root_key.public_key(),
                               subject('mxwatch lab root'), self.root_key, life=3650, ca=True)
        self.mid_key = ec.generate_private_key(ec.SECP256R1())
        self.mid = self._sign(subject('mxwatch lab intermediate'), self.mid_key.public_key(),
                              self.root.subject, self.root_key, life=1825, ca=True)
        self.old_mid = self._sign(subject('mxwatch lab old intermediate'),
                                  self.mid_key.public_key(), self.root.subject, self.root_key,
                                  life=-1, age=400, ca=True)
        self.stranger_key = ec.generate_private_key(ec.SECP256R1())
        self.stranger = self._sign(subject('a root nobody trusts'), self.stranger_key.public_key(),
                                   subject('a root nobody trusts'), self.stranger_key,
                                   life=3650, ca=True)
        self.bundle = os.path.join(directory, 'ca.pem')
        with open(self.bundle, 'wb') as f:
            f.write(self.root.public_bytes(PEM))

    def rsa_key(self, bits=2048):
        if bits not in self._rsa:
            self._rsa[bits] = rsa.generate_private_key(public_exponent=65537, key_size=bits)
        return self._rsa[bits]

    def _sign(self, name, public_key, issuer, issuer_key, life, age=1, ca=False, names=(),
              digest=None):
        """life: days left, may be negative.  age: days since notBefore, negative: not yet valid."""
        self.serial += 1
        start, end = now() - days(age), now() + days(life)
        builder = (x509.CertificateBuilder().subject_name(name).issuer_name(issuer)
                   .public_key(public_key).serial_number(self.serial)
                   .not_valid_before(start).not_valid_after(end)
                   .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
                   .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), False)
                   .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(
                       issuer_key.public_key()), False))
        if ca:
            builder = builder.add_extension(x509.KeyUsage(
                False, False, False, False, False, True, True, False, False), critical=True)
        else:
            builder = builder.add_extension(
                x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False)
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName(
                [general_name(n) for n in names]), False)
        return builder.sign(issuer_key, digest or hashes.SHA256())

    def issue(self, kind, names):
        """A certificate for names.  Kinds:

        good        ECDSA, chain of leaf and intermediate, 80 of 90 days left
        rsa         the same with RSA 2048
        direct      issued by the root itself
        renewed     as good, 90 days left (another key: every issue makes a new one)
        halfway     45 days left of 90
        expiring    5 days left of 90     expiring-soon  1 day left of 90
        ends        in 25 seconds
        expired     since yesterday       not-yet        valid from tomorrow
        self-signed                       unknown        by a root nobody trusts
        no-mid      the intermediate is missing          old-mid   it is expired
        disorder    leaf, root, intermediate
        wrong-name  for another host      cn-only        the name in the CN, no SAN
        wildcard    *.parent of the first name
        rsa-expired rsa, and expired since yesterday
        sha1        signed with SHA-1     rsa1024        a key of 1024 bits
        """
        key, digest, life, age = None, None, 80, 10
        sans, cn = list(names), names[0]
        issuer, issuer_key, behind = self.mid, self.mid_key, [self.mid]
        if kind == 'rsa':
            key = self.rsa_key(2048)
        elif kind == 'rsa-expired':
            key, life, age = self.rsa_key(2048), -1, 91
        elif kind == 'direct':
            issuer, issuer_key, behind = self.root, self.root_key, []
        elif kind == 'renewed':
            life, age = 90, 0
        elif kind == 'halfway':
            life, age = 45, 45
        elif kind == 'expiring':
            life, age = 5, 85
        elif kind == 'expiring-soon':
            life, age = 1, 89
        elif kind == 'ends':
            life, age = 25 / 86400, 89
        elif kind == 'expired':
            life, age = -1, 91
        elif kind == 'not-yet':
            life, age = 90, -1
        elif kind == 'unknown':
            issuer, issuer_key, behind = self.stranger, self.stranger_key, [self.stranger]
        elif kind == 'no-mid':
            behind = []
        elif kind == 'old-mid':
            issuer, behind = self.old_mid, [self.old_mid]
        elif kind == 'disorder':
            behind = [self.root, self.mid]
        elif kind == 'wrong-name':
            sans, cn = ['elsewhere.test'], 'elsewhere.test'
        elif kind == 'cn-only':
            sans = []
        elif kind == 'wildcard':
            cn = '*.' + names[0].split('.', 1)[1]
            sans = [cn]
        elif kind == 'sha1':
            key, digest = self.rsa_key(2048), hashes.SHA1()
            issuer, issuer_key, behind = self._rsa_root()
        elif kind == 'rsa1024':
            key = self.rsa_key(1024)
        elif kind not in ('good', 'self-signed'):
            raise ValueError(f'no certificate of kind {kind!r}')
        if key is None:
            key = ec.generate_private_key(ec.SECP256R1())
        if kind == 'self-signed':
            issuer_name, issuer_key, behind = subject(cn[:64]), key, []
        else:
            issuer_name = issuer.subject
        leaf = self._sign(subject(cn[:64]), key.public_key(), issuer_name, issuer_key,
                          life, age, names=sans, digest=digest)
        return self.write(kind, names[0], leaf, [leaf] + behind, key)

    def issue_for(self, kind, name, public_key, private_pem):
        """A certificate for a key this library cannot hold."""
        leaf = self._sign(subject(name), public_key, self.mid.subject, self.mid_key, 80, 10, names=[name])
        path = os.path.join(self.directory, f'{kind}-{name}.pem')
        with open(path, 'wb') as f:
            f.write(private_pem + leaf.public_bytes(PEM) + self.mid.public_bytes(PEM))
        return Issued(path, leaf, [leaf, self.mid], None)

    def _rsa_root(self):
        """An intermediate with an RSA key: SHA-1 with ECDSA is refused by the library."""
        if not hasattr(self, '_rsa_mid'):
            key = self.rsa_key(2048)
            self._rsa_mid = self._sign(subject('mxwatch lab RSA intermediate'), key.public_key(),
                                       self.root.subject, self.root_key, life=1825, ca=True)
        return self._rsa_mid, self.rsa_key(2048), [self._rsa_mid]

    def dh(self, bits):
        """The file of a finite-field Diffie-Hellman group; of DSA's kind, which is found quickly."""
        if bits < 1024:
            n = dh.generate_parameters(2, bits).parameter_numbers()
        else:
            n = dsa.generate_parameters(bits).parameter_numbers()
        path = os.path.join(self.directory, f'dh{bits}.pem')
        with open(path, 'wb') as f:
            f.write(b'-----BEGIN DH PARAMETERS-----\n'
                    + base64.encodebytes(der(0x30, der(2, n.p) + der(2, n.g)))
                    + b'-----END DH PARAMETERS-----\n')
        return path

    def staple(self, issued, status='good'):
        """An OCSP response about the leaf, signed by its issuer (RFC 6960); status: good, revoked."""
        state = getattr(ocsp.OCSPCertStatus, status.upper())
        builder = ocsp.OCSPResponseBuilder().add_response(
            issued.leaf, issued.chain[1], hashes.SHA1(), state, now() - days(1), now() + days(6),
            now() - days(2) if status == 'revoked' else None, None)
        builder = builder.responder_id(ocsp.OCSPResponderEncoding.HASH, issued.chain[1])
        return builder.sign(self.mid_key, hashes.SHA256()).public_bytes(DER)

    def write(self, kind, name, leaf, chain, key):
        self.serial += 1
        path = os.path.join(self.directory, f'{kind}-{name.replace("*", "_")}-{self.serial}.pem')
        with open(path, 'wb') as f:
            f.write(key.private_bytes(PEM, serialization.PrivateFormat.PKCS8,
                                      serialization.NoEncryption()))
            for certificate in chain:
                f.write(certificate.public_bytes(PEM))
        return Issued(path, leaf, chain, key)


def der(tag, content):
    """One value in DER: bytes, or a positive number."""
    if isinstance(content, int):
        content = content.to_bytes(content.bit_length() // 8 + 1, 'big')
    size = len(content)
    length = bytes([size]) if size < 128 else b'\x82' + size.to_bytes(2, 'big')
    return bytes([tag]) + length + content


def general_name(text):
    try:
        return x509.IPAddress(ipaddress.ip_address(text))
    except ValueError:
        return x509.DNSName(text)
