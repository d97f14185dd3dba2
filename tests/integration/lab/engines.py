# SPDX-License-Identifier: ISC
"""TLS by other libraries than OpenSSL, for what OpenSSL no longer speaks or says.

A Peer with `engine=Gnutls(priority=...)` or `engine=Nss(suites=...)` hands the bytes behind its
220 to a session of that library, in a thread of its own; what comes out is read and answered
as ever.  GnuTLS is on every Debian 12 (apt needs it); NSS is the package libnss3.

SSLv2, EXPORT suites, compression and (before Debian 13) post-quantum groups have no server
in Debian any more: Antique answers the first message of such a client from the text of the
standards, which is all mxwatch waits for.
"""

import asyncio
import contextlib
import ctypes
import os
import select
import socket
import struct
import threading

from cryptography.hazmat.primitives import serialization

from .smtp import server_context

DER = serialization.Encoding.DER


def library(name):
    """A shared library, None where it is not installed."""
    with contextlib.suppress(OSError):
        return ctypes.CDLL(name)
    return None


def tcp_pair():
    """As socket.socketpair(), but of TCP: NSS takes nothing else."""
    with socket.create_server(('127.0.0.1', 0)) as server:
        one = socket.create_connection(server.getsockname())
        return one, server.accept()[0]


class Engine:
    """accept(fd, certificate) shakes hands and returns (receive, send, pending, close)."""

    missing = None  # the package that would have to be installed

    async def start(self, reader, writer, certificate):
        """TLS on this connection; what is inside it as (reader, writer), and how to close that."""
        ours, wire = tcp_pair()
        inside, plain = socket.socketpair()
        threading.Thread(target=self._carry, args=(wire, plain, certificate), daemon=True).start()
        tls_reader, tls_writer = await asyncio.open_connection(sock=ours)
        pumps = [asyncio.ensure_future(self._pump(reader, tls_writer)),
                 asyncio.ensure_future(self._pump(tls_reader, writer))]
        inner, outer = await asyncio.open_connection(sock=inside, limit=1 << 20)

        async def close():
            outer.close()
            await asyncio.wait(pumps[1:], timeout=5)
        return inner, outer, close

    @staticmethod
    async def _pump(source, sink):
        with contextlib.suppress(OSError):
            while data := await source.read(65536):
                sink.write(data)
                await sink.drain()
        sink.close()

    def _carry(self, wire, plain, certificate):
        with wire, plain:
            with contextlib.suppress(OSError):
                receive, send, pending, close = self.accept(wire.fileno(), certificate)
                try:
                    self._relay(wire, plain, receive, send, pending)
                finally:
                    close()

    @staticmethod
    def _relay(wire, plain, receive, send, pending):
        while True:
            ready = [wire] if pending() else select.select([wire, plain], [], [])[0]
            if wire in ready:
                data = receive()
                if not data:
                    return
                plain.sendall(data)
            if plain in ready:
                data = plain.recv(16384)
                if not data:
                    return
                send(data)


class Datum(ctypes.Structure):
    """gnutls_datum_t."""

    _fields_ = [('data', ctypes.c_void_p), ('size', ctypes.c_uint)]


class Gnutls(Engine):
    """priority: as gnutls_priority_init(3) wants it.  staple: an OCSP response to send along."""

    CERTIFICATE, ANON = 1, 2
    GIVE = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, ctypes.POINTER(Datum))
    lib, libc = library('libgnutls.so.30'), ctypes.CDLL(None)
    libc.malloc.restype = ctypes.c_void_p
    missing = None if lib else 'libgnutls30'

    def __init__(self, priority='NORMAL', staple=None):
        self.priority, self.staple = priority, staple
        self._give_staple = self.GIVE(self._staple)

    def _staple(self, _session, _arg, datum):
        data = self.libc.malloc(len(self.staple))  # the library frees it
        ctypes.memmove(data, self.staple, len(self.staple))
        datum[0].data, datum[0].size = data, len(self.staple)
        return 0

    def _credentials(self, certificate):
        lib, credentials = self.lib, ctypes.c_void_p()
        lib.gnutls_certificate_allocate_credentials(ctypes.byref(credentials))
        path = certificate.path.encode()
        if lib.gnutls_certificate_set_x509_key_file(credentials, path, path, 1) < 0:
            raise OSError('GnuTLS does not take ' + certificate.path)
        if self.staple:
            lib.gnutls_certificate_set_ocsp_status_request_function(credentials, self._give_staple, None)
        return credentials

    def accept(self, fd, certificate):
        lib, session, anonymous = self.lib, ctypes.c_void_p(), ctypes.c_void_p()
        credentials = self._credentials(certificate)
        lib.gnutls_anon_allocate_server_credentials(ctypes.byref(anonymous))
        lib.gnutls_init(ctypes.byref(session), 1)
        if lib.gnutls_priority_set_direct(session, self.priority.encode(), None) < 0:
            raise OSError('GnuTLS does not take ' + self.priority)
        lib.gnutls_credentials_set(session, self.CERTIFICATE, credentials)
        lib.gnutls_credentials_set(session, self.ANON, anonymous)
        lib.gnutls_transport_set_int2(session, fd, fd)

        def close():
            lib.gnutls_deinit(session)
            lib.gnutls_certificate_free_credentials(credentials)
            lib.gnutls_anon_free_server_credentials(anonymous)
        while (done := lib.gnutls_handshake(session)) < 0:
            if lib.gnutls_error_is_fatal(done):
                lib.gnutls_alert_send_appropriate(session, done)
                close()
                raise ConnectionError(f'GnuTLS: {done}')
        space = ctypes.create_string_buffer(16384)

        def receive():
            n = lib.gnutls_record_recv(session, space, ctypes.c_size_t(len(space)))
            return space.raw[:n] if n > 0 else b''

        def send(data):
            lib.gnutls_record_send(session, data, ctypes.c_size_t(len(data)))
        return receive, send, lambda: lib.gnutls_record_check_pending(session), close


class Item(ctypes.Structure):
    """SECItem of NSS."""

    _fields_ = [('type', ctypes.c_int), ('data', ctypes.c_char_p), ('len', ctypes.c_uint)]

    def __init__(self, data):
        super().__init__(0, data, len(data))


class Nss(Engine):
    """suites: numbers of cipher suites to enable beside the usual; lowest: a version number."""

    lib = library('libnss3.so')
    nspr = library('libnspr4.so')
    ssl = library('libssl3.so')
    missing = None if lib else 'libnss3'
    _lock, _ready = threading.Lock(), False

    def __init__(self, suites=(), lowest=0x0300, highest=0x0303):
        self.suites, self.lowest, self.highest = suites, lowest, highest

    @classmethod
    def _begin(cls):
        with cls._lock:
            if cls._ready:
                return
            p, i = ctypes.c_void_p, ctypes.c_int
            for lib, name, result, arguments in (
                    (cls.nspr, 'PR_ImportTCPSocket', p, [i]),
                    (cls.nspr, 'PR_Close', i, [p]),
                    (cls.nspr, 'PR_Recv', i, [p, p, i, i, ctypes.c_uint]),
                    (cls.nspr, 'PR_Send', i, [p, p, i, i, ctypes.c_uint]),
                    (cls.lib, 'CERT_GetDefaultCertDB', p, []),
                    (cls.lib, 'CERT_NewTempCertificate', p, [p, p, p, i, i]),
                    (cls.lib, 'CERT_DestroyCertificate', None, [p]),
                    (cls.lib, 'PK11_GetInternalKeySlot', p, []),
                    (cls.lib, 'PK11_ImportDERPrivateKeyInfoAndReturnKey', i,
                     [p, p, p, p, i, i, ctypes.c_uint, p, p]),
                    (cls.lib, 'SECKEY_DestroyPrivateKey', None, [p]),
                    (cls.ssl, 'SSL_ImportFD', p, [p, p]),
                    (cls.ssl, 'SSL_OptionSet', i, [p, i, ctypes.c_ssize_t]),
                    (cls.ssl, 'SSL_CipherPrefSet', i, [p, i, i]),
                    (cls.ssl, 'SSL_VersionRangeSet', i, [p, p]),
                    (cls.ssl, 'SSL_ConfigServerCert', i, [p, p, p, p, ctypes.c_uint]),
                    (cls.ssl, 'SSL_ResetHandshake', i, [p, i]),
                    (cls.ssl, 'SSL_ForceHandshake', i, [p]),
                    (cls.ssl, 'SSL_DataPending', i, [p])):
                function = getattr(lib, name)
                function.restype, function.argtypes = result, arguments
            if cls.lib.NSS_NoDB_Init(None) or cls.ssl.NSS_SetDomesticPolicy():
                raise OSError('NSS does not start')
            cls.ssl.SSL_ConfigServerSessionIDCache(0, 0, 0, None)
            cls._ready = True

    def _key(self, certificate):
        key, slot = ctypes.c_void_p(), self.lib.PK11_GetInternalKeySlot()
        der = certificate.key.private_bytes(DER, serialization.PrivateFormat.PKCS8,
                                            serialization.NoEncryption())
        if self.lib.PK11_ImportDERPrivateKeyInfoAndReturnKey(
                slot, ctypes.byref(Item(der)), None, None, 0, 1, 0xff, ctypes.byref(key), None):
            raise OSError('NSS does not take the key')
        return key

    def accept(self, fd, certificate):
        self._begin()
        lib, ssl = self.lib, self.ssl
        session = ssl.SSL_ImportFD(None, self.nspr.PR_ImportTCPSocket(os.dup(fd)))
        held = [lib.CERT_NewTempCertificate(lib.CERT_GetDefaultCertDB(),
                                            ctypes.byref(Item(c.public_bytes(DER))), None, 0, 1)
                for c in certificate.chain]  # NSS finds the issuers it has seen
        key = self._key(certificate)
        versions = (ctypes.c_uint16 * 2)(self.lowest, self.highest)

        def close():
            self.nspr.PR_Close(session)
            lib.SECKEY_DestroyPrivateKey(key)
            for one in held:
                lib.CERT_DestroyCertificate(one)
        wrong = ssl.SSL_VersionRangeSet(session, versions)
        for suite in self.suites:
            wrong |= ssl.SSL_CipherPrefSet(session, suite, 1)
        wrong |= ssl.SSL_ConfigServerCert(session, held[0], key, None, 0)
        wrong |= ssl.SSL_ResetHandshake(session, 1)
        if wrong or ssl.SSL_ForceHandshake(session):
            close()
            raise ConnectionError(f'NSS: {self.nspr.PR_GetError()}')
        space = ctypes.create_string_buffer(16384)
        forever = 0xffffffff

        def receive():
            n = self.nspr.PR_Recv(session, space, len(space), 0, forever)
            return space.raw[:n] if n > 0 else b''

        def send(data):
            self.nspr.PR_Send(session, data, len(data), 0, forever)
        return receive, send, lambda: ssl.SSL_DataPending(session) > 0, close


class Antique(Engine):
    """What no library serves any more, said in the first answer: any of 'SSLv2', 'EXPORT',
    'DEFLATE', 'X25519MLKEM768'.  Every other ClientHello gets OpenSSL."""

    def __init__(self, *speaks):
        self.speaks = speaks

    def accept(self, fd, certificate):
        wire = socket.socket(fileno=os.dup(fd))
        answer = self._answer(self._peek(wire))
        if answer:
            with wire:
                wire.sendall(answer)
                while wire.recv(65536):
                    pass
            raise ConnectionError('nothing more to say')
        lowest = '1.0' if 'EXPORT' in self.speaks else '1.2'
        tls = server_context(certificate, lowest).wrap_socket(wire, server_side=True)
        return lambda: tls.recv(16384), tls.sendall, tls.pending, tls.close

    @staticmethod
    def _peek(wire):
        """The first record, left where it is."""
        while True:
            data = wire.recv(65536, socket.MSG_PEEK)
            if not data or data[0] & 0x80:
                return data
            if len(data) >= 5 and len(data) >= 5 + struct.unpack_from('>H', data, 3)[0]:
                return data
            wire.recv(len(data) + 1, socket.MSG_PEEK | socket.MSG_WAITALL)

    def _answer(self, record):
        if record[:1] and record[0] & 0x80:
            return self._ssl2(record) if 'SSLv2' in self.speaks else None
        if record[:1] != b'\x16':
            return None
        version = struct.unpack_from('>H', record, 9)[0]
        at = 44 + record[43]
        suites = struct.unpack_from(f'>{struct.unpack_from(">H", record, at)[0] // 2}H', record, at + 2)
        at += 2 + 2 * len(suites)
        methods = record[at + 1:at + 1 + record[at]]
        if 'EXPORT' in self.speaks and version <= 0x0301 and 0x0003 in suites and 0x002f not in suites:
            return self._hello(version, 0x0003)
        if 'DEFLATE' in self.speaks and version == 0x0303 and 1 in methods and 0x009e in suites:
            return self._hello(version, 0x009e, method=1)
        if 'X25519MLKEM768' in self.speaks and b'\x11\xec\x04\xc0' in record:  # a share of it
            share = struct.pack('>HH', 0x11ec, 1120) + os.urandom(1120)
            extensions = struct.pack('>HHH', 43, 2, 0x0304) + struct.pack('>HH', 51, len(share)) + share
            return self._hello(0x0303, 0x1301, record[44:44 + record[43]],
                               struct.pack('>H', len(extensions)) + extensions)
        return None

    @staticmethod
    def _hello(version, suite, session=b'', extensions=b'', method=0):
        """RFC 5246 section 7.4.1.3, RFC 8446 section 4.1.3."""
        body = (struct.pack('>H', version) + os.urandom(32) + bytes([len(session)]) + session
                + struct.pack('>HB', suite, method) + extensions)
        return (struct.pack('>BHH', 22, version, len(body) + 4)
                + b'\x02' + struct.pack('>I', len(body))[1:] + body)

    @staticmethod
    def _ssl2(record):
        """draft-hickman-netscape-ssl section 2.6: a SERVER-HELLO with one kind of cipher."""
        kinds = record[11:11 + struct.unpack_from('>H', record, 5)[0]]
        body = (struct.pack('>BBBHHHH', 4, 0, 1, 2, 0, 3, 16) + kinds[:3] + os.urandom(16))
        return struct.pack('>H', 0x8000 | len(body)) + body
