"""Certificates for the scenarios, made with python3-cryptography: a CA, a server, clients with URI names."""
import datetime
import ipaddress
import os

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID


class Authority:
    def __init__(self, folder, name):
        self.folder, self.name = folder, name
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        now = datetime.datetime.utcnow()
        self.cert = (x509.CertificateBuilder().subject_name(self.subject).issuer_name(self.subject).public_key(self.key.public_key())
                     .serial_number(x509.random_serial_number()).not_valid_before(now - datetime.timedelta(hours=1))
                     .not_valid_after(now + datetime.timedelta(days=2))
                     .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
                     .add_extension(x509.KeyUsage(False, False, False, False, False, True, True, False, False), critical=True)
                     .add_extension(x509.SubjectKeyIdentifier.from_public_key(self.key.public_key()), critical=False)
                     .sign(self.key, hashes.SHA256()))
        self.file = self._write(name + ".ca.pem", self.cert.public_bytes(serialization.Encoding.PEM))

    def _write(self, name, data):
        path = os.path.join(self.folder, name)
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as f:
            f.write(data)
        return path

    def issue(self, name, sans, server=False, days=1):
        """(certificate file, key file) for these subject alternative names."""
        key, now = ec.generate_private_key(ec.SECP256R1()), datetime.datetime.utcnow()
        usage = ExtendedKeyUsageOID.SERVER_AUTH if server else ExtendedKeyUsageOID.CLIENT_AUTH
        begin = now - datetime.timedelta(days=3 if days < 0 else 0, hours=1)
        builder = (x509.CertificateBuilder().subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])).issuer_name(self.subject)
                   .public_key(key.public_key()).serial_number(x509.random_serial_number()).not_valid_before(begin)
                   .not_valid_after(now + datetime.timedelta(days=days))
                   .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
                   .add_extension(x509.KeyUsage(True, False, False, False, False, False, False, False, False), critical=True)
                   .add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
                   .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()), critical=False))
        if sans:
            builder = builder.add_extension(x509.SubjectAlternativeName(sans), critical=False)
        cert = builder.sign(self.key, hashes.SHA256())
        pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        return (self._write(name + ".pem", cert.public_bytes(serialization.Encoding.PEM)), self._write(name + ".key", pem))

    def server(self, name="server"):
        return self.issue(name, [x509.IPAddress(ipaddress.ip_address("127.0.0.1")), x509.DNSName("localhost")], server=True)

    def client(self, name, *uris, days=1):
        return self.issue(name, [x509.UniformResourceIdentifier(u) for u in uris], days=days)


def tls_conf(authority, server, *lines):
    return "\n".join(["", "tls_cert = " + server[0], "tls_key = " + server[1], "tls_client_ca = " + authority.file, *lines, ""])
