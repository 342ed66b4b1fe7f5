"""Tokens of every form for the scenarios, made here from the standards and not with ectl: COSE_Sign1 with CWT claims, L1 JSON, x5c, WITs, SVIDs."""
import base64
import datetime
import time
import uuid

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from kit import Key, b64u, compact, new_id, sha

ALGS = {"ES256": -7, "EdDSA": -8}


class Tag:
    def __init__(self, number, value):
        self.number, self.value = number, value


class Raw(bytes):
    """CBOR that stands as it is."""


def head(major, n):
    for limit, info in ((24, None), (1 << 8, 24), (1 << 16, 25), (1 << 32, 26), (1 << 64, 27)):
        if n < limit:
            return bytes([major << 5 | n]) if info is None else bytes([major << 5 | info]) + n.to_bytes(1 << info - 24, "big")
    raise ValueError(n)


def cbor(v):
    """RFC 8949 4.2.1; a list of pairs is a map in just that order."""
    if isinstance(v, Raw):
        return bytes(v)
    if isinstance(v, bool):
        return b"\xf5" if v else b"\xf4"
    if v is None:
        return b"\xf6"
    if isinstance(v, int):
        return head(0, v) if v >= 0 else head(1, -1 - v)
    if isinstance(v, bytes):
        return head(2, len(v)) + v
    if isinstance(v, str):
        return head(3, len(v.encode())) + v.encode()
    if isinstance(v, Tag):
        return head(6, v.number) + cbor(v.value)
    if isinstance(v, dict):
        rows = sorted((cbor(k), cbor(x)) for k, x in v.items())
        return head(5, len(rows)) + b"".join(k + x for k, x in rows)
    if isinstance(v, tuple) and v and v[0] == "map":
        return head(5, len(v) - 1) + b"".join(cbor(k) + cbor(x) for k, x in v[1:])
    return head(4, len(v)) + b"".join(map(cbor, v))


def ident(text):
    return uuid.UUID(text).bytes


def cwt(key, act="step", jti=None, wid=None, pred=(), iat=None, ttl=600, drop=(), **more):
    iat = int(time.time()) if iat is None else iat
    claims = {1: key.iss, 3: "urn:ectledger", 4: iat + ttl, 6: iat, 7: ident(jti or new_id()), 301: act, 302: [ident(p) for p in pred]}
    if wid:
        claims[300] = ident(wid)
    claims.update({int(k) if k.isdigit() else k: v for k, v in more.pop("claims", {}).items()})
    for name in drop:
        claims.pop(name, None)
    return claims


def cose_raw(key, protected, payload, unprotected=None, tag=18, external=b""):
    """'protected' and 'payload' are bytes already."""
    signed = cbor(["Signature1", protected, external, payload])
    body = [protected, {} if unprotected is None else unprotected, payload, key.sign_raw(signed)]
    return cbor(Tag(tag, body)) if tag is not None else cbor(body)


def cose(key, header=None, kid=True, unprotected=None, tag=18, **claims):
    protected = {1: ALGS[key.alg]}
    if kid:
        protected[4] = key.kid.encode()
    protected.update(header or {})
    return cose_raw(key, cbor({k: v for k, v in protected.items() if v is not None}), cbor(cwt(key, **claims)), unprotected, tag)


def plain(iss, act="step", jti=None, wid=None, pred=(), **more):
    now = int(time.time())
    claims = {"iss": iss, "aud": "urn:ectledger", "iat": now, "exp": now + 600, "jti": jti or new_id(), "exec_act": act, "pred": list(pred)}
    if wid:
        claims["wid"] = wid
    claims.update(more)
    return compact(claims)


def old_revision(key, act="step", jti=None, wid=None, pred=(), **ext):
    """As draft -00 has it: its typ, par, ext."""
    more = {"par": list(pred)}
    if ext:
        more["ext"] = ext
    return key.token(act, jti, wid, header={"typ": "wimse-exec+jwt"}, drop=["pred"], **more)


def wit(issuer, key, sub=None, exp=None, typ="wit+jwt", kid=True, drop=(), alg=True, **more):
    """A Workload Identity Token for 'key' by a trust domain's 'issuer'."""
    now = int(time.time())
    jwk = {k: v for k, v in key.jwk.items() if k in ("crv", "kty", "x", "y")}
    if alg:
        jwk["alg"] = key.alg
    claims = {"sub": sub or key.iss, "iat": now, "exp": now + 3600 if exp is None else exp, "cnf": {"jwk": jwk}}
    claims.update(more)
    for name in drop:
        claims.pop(name, None)
    header = {"alg": issuer.alg, "typ": typ}
    if kid:
        header["kid"] = issuer.kid
    return issuer.raw(compact(header), compact(claims))


def wit_jwk(issuer):
    """The issuer's key as a SPIFFE bundle has it."""
    return {k: v for k, v in dict(issuer.jwk, use="wit-svid").items() if k != "ect_iss"}


def svid(authority, key, uris=None, days=1, begin_days=0, usage=None, usage_critical=True, ca=False, eku="both", serial=None, extra_sans=()):
    """A certificate for 'key', DER; by default an X.509-SVID as it should be."""
    now = datetime.datetime.utcnow()
    sans = [x509.UniformResourceIdentifier(u) for u in ([key.iss] if uris is None else uris)] + list(extra_sans)
    u = dict(digital_signature=True, content_commitment=False, key_encipherment=False, data_encipherment=False, key_agreement=False,
             key_cert_sign=False, crl_sign=False, encipher_only=False, decipher_only=False)
    u.update(usage or {})
    builder = (x509.CertificateBuilder().subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "svid")])).issuer_name(authority.subject)
               .public_key(key.sk.public_key()).serial_number(serial or x509.random_serial_number())
               .not_valid_before(now - datetime.timedelta(days=begin_days, hours=1)).not_valid_after(now + datetime.timedelta(days=days))
               .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
               .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.key.public_key()), critical=False))
    if usage != {}:
        builder = builder.add_extension(x509.KeyUsage(**u), critical=usage_critical)
    if eku:
        both = {"both": [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH], "server": [ExtendedKeyUsageOID.SERVER_AUTH]}[eku]
        builder = builder.add_extension(x509.ExtendedKeyUsage(both), critical=False)
    if sans:
        builder = builder.add_extension(x509.SubjectAlternativeName(sans), critical=False)
    return builder.sign(authority.key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)


def x5c(*ders):
    return {"x5c": [base64.b64encode(d).decode() for d in ders], "kid": None}


def with_x5c(key, *ders, **claims):
    """A JWS whose header carries the chain, and no kid."""
    return key.raw(compact({"alg": key.alg, "typ": "exec+jwt", "x5c": [base64.b64encode(d).decode() for d in ders]}), claims_of(key, **claims))


def with_x5t(key, der, **claims):
    return key.raw(compact({"alg": key.alg, "typ": "exec+jwt", "x5t#S256": b64u(sha(der))}), claims_of(key, **claims))


def claims_of(key, **claims):
    from kit import unb64u
    return unb64u(key.token(**claims).split(".")[1])


def crl(authority, serials, since=None, days=1):
    """A revocation list, PEM."""
    now = datetime.datetime.utcnow()
    builder = x509.CertificateRevocationListBuilder().issuer_name(authority.subject).last_update(now - datetime.timedelta(hours=1)).next_update(now + datetime.timedelta(days=days))
    for s in serials:
        builder = builder.add_revoked_certificate(x509.RevokedCertificateBuilder().serial_number(s).revocation_date(since or now - datetime.timedelta(minutes=1)).build())
    return builder.sign(authority.key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def pem_of(key, der, folder, name):
    """(certificate file, key file) for TLS."""
    cert, priv = "%s/%s.pem" % (folder, name), "%s/%s.key" % (folder, name)
    with open(cert, "wb") as f:
        f.write(x509.load_der_x509_certificate(der).public_bytes(serialization.Encoding.PEM))
    with open(priv, "wb") as f:
        f.write(key.sk.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    return cert, priv
