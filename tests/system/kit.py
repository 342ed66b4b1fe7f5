"""A server, keys and tokens for the scenarios: black box, over the programs and the wire.

Tokens are signed here, by python3-cryptography, so that they can be wrong in ways that ectl refuses to sign; proofs are recomputed here.
"""
import base64
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import uuid

BIN = os.environ.get("ECT_BIN", "build/bin")


def b64u(b):
    return base64.urlsafe_b64encode(b).rstrip(b"=").decode()


def unb64u(s):
    return base64.urlsafe_b64decode(s + "=" * (-len(s) % 4))


def compact(o):
    return json.dumps(o, separators=(",", ":")).encode()


def sha(b):
    return hashlib.sha256(b).digest()


def new_id():
    return str(uuid.uuid4())


def skip(why):
    print("skipped:", why)
    sys.exit(77)


def until(what, test, seconds=20):
    """Wait for something that another process does; a scenario never sleeps and hopes."""
    end = time.time() + seconds
    while time.time() < end:
        value = test()
        if value:
            return value
        time.sleep(0.02)
    raise AssertionError("still not so after %d s: %s" % (seconds, what))


class Key:
    """An agent's key, ES256 or EdDSA, that signs whatever it is given."""

    def __init__(self, name, alg="ES256", domain="example.com"):
        from cryptography.hazmat.primitives import serialization
        from cryptography.hazmat.primitives.asymmetric import ec, ed25519
        self.iss, self.alg = "spiffe://%s/agent/%s" % (domain, name), alg
        if alg == "ES256":
            self.sk = ec.generate_private_key(ec.SECP256R1())
            n = self.sk.public_key().public_numbers()
            self.jwk = {"crv": "P-256", "kty": "EC", "x": b64u(n.x.to_bytes(32, "big")), "y": b64u(n.y.to_bytes(32, "big"))}
        else:
            self.sk = ed25519.Ed25519PrivateKey.generate()
            raw = self.sk.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
            self.jwk = {"crv": "Ed25519", "kty": "OKP", "x": b64u(raw)}
        self.kid = b64u(sha(compact(self.jwk)))
        self.jwk = dict(self.jwk, kid=self.kid, alg=alg, use="sig", ect_iss=[self.iss])

    def sign_raw(self, data):
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.asymmetric import ec
        from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
        if self.alg != "ES256":
            return self.sk.sign(data)
        r, s = decode_dss_signature(self.sk.sign(data, ec.ECDSA(hashes.SHA256())))
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")

    def token(self, act="step", jti=None, wid=None, pred=(), iat=None, ttl=600, header=None, drop=(), **more):
        iat = int(time.time()) if iat is None else iat
        claims = {"iss": self.iss, "aud": ["urn:ectledger"], "iat": iat, "exp": iat + ttl, "jti": jti or new_id(),
                  "exec_act": act, "pred": list(pred)}
        if wid:
            claims["wid"] = wid
        claims.update(more)
        for name in drop:
            claims.pop(name, None)
        head = {"alg": self.alg, "typ": "exec+jwt", "kid": self.kid}
        head.update(header or {})
        return self.raw(compact(head), compact(claims))

    def raw(self, head, claims):
        signed = b64u(head) + "." + b64u(claims)
        return signed + "." + b64u(self.sign_raw(signed.encode()))


def jti_of(token):
    return json.loads(unb64u(token.split(".")[1]))["jti"]


class Server:
    def __init__(self, keys=(), conf="", extra=("--insecure-loopback",), origin="kit.example/log", logs=()):
        self.dir = tempfile.mkdtemp(prefix="ectsys.")
        self.data = self.dir + "/data"
        out = subprocess.run([BIN + "/ectledgerd", "init", self.data, "--origin", origin], check=True, capture_output=True, text=True).stdout
        self.vkey = next(w for w in out.split() if w.count("+") >= 2)
        if conf:
            with open(self.data + "/ledger.conf", "a") as f:
                f.write(conf)
        for log in logs:  # sections that conf has
            subprocess.run([BIN + "/ectledgerd", "init", self.data, "--log", log], check=True, capture_output=True)
        self.trust = self.data + "/trust/example.com"
        self.enroll(keys)
        self.extra, self.proc, self.client = list(extra), None, ["--insecure-loopback"]

    def enroll(self, keys):
        os.makedirs(self.trust, exist_ok=True)
        with open(self.trust + "/.new", "w") as f:
            json.dump({"keys": [k.jwk for k in keys]}, f)
        os.rename(self.trust + "/.new", self.trust + "/agents.jwks.json")

    def start(self):
        ports = self.dir + "/ports"
        if os.path.exists(ports):
            os.unlink(ports)
        log = open(self.dir + "/server.log", "ab")
        self.proc = subprocess.Popen([BIN + "/ectledgerd", "run", self.data, "--listen", "127.0.0.1:0", "--port-file", ports, *self.extra], stdout=log, stderr=log)
        log.close()
        until("the server is ready: " + self.tail(), lambda: os.path.exists(ports) or self.proc.poll() is not None, 60)
        if self.proc.poll() is not None:
            raise AssertionError("the server ended with %d: %s" % (self.proc.returncode, self.tail()))
        with open(ports) as f:
            self.address = dict(line.strip().split("=", 1) for line in f if "=" in line)["native"]
        return self

    def tail(self):
        try:
            with open(self.dir + "/server.log") as f:
                return f.read()[-1500:]
        except OSError:
            return ""

    def kill(self):
        self.proc.send_signal(signal.SIGKILL)
        self.proc.wait()

    def stop(self):
        self.proc.terminate()
        code = self.proc.wait(60)
        assert code == 0, "the server ended with %d: %s" % (code, self.tail())

    def alive(self):
        return self.proc.poll() is None

    def run(self, *args, stdin=None, fmt="json", timeout=120):
        return subprocess.run([BIN + "/ectl", "--server", self.address, *self.client, "-o", fmt, *map(str, args)],
                              input=stdin, capture_output=True, text=True, timeout=timeout)

    def json(self, *args, **kw):
        p = self.run(*args, **kw)
        assert p.returncode == 0, "ectl %s: exit %d: %s %s" % (" ".join(map(str, args)), p.returncode, p.stderr[-500:], p.stdout[-300:])
        return json.loads(p.stdout)

    def rows(self, tokens):
        """Append; one row per token, accepted or not."""
        p = self.run("append", stdin="\n".join(tokens) + "\n", fmt="ndjson")
        rows = [json.loads(line) for line in p.stdout.splitlines() if line.strip()]
        assert len(rows) == len(tokens), (len(rows), len(tokens), p.returncode, p.stderr[-500:])
        assert p.returncode == (0 if all(r["status"] == "accepted" for r in rows) else 1), p
        return rows

    def append(self, tokens):
        rows = self.rows(tokens)
        bad = [r for r in rows if r["status"] != "accepted"]
        assert not bad, bad[:2]
        return rows

    def fsck(self):
        p = subprocess.run([BIN + "/ectl", "-o", "json", "fsck", self.data], capture_output=True, text=True, timeout=300)
        return p.returncode, json.loads(p.stdout)

    def close(self):
        if self.proc and self.proc.poll() is None:
            self.kill()
        if not os.environ.get("KEEP"):
            shutil.rmtree(self.dir, ignore_errors=True)

    def __enter__(self):
        return self.start()

    def __exit__(self, kind, value, trace):
        if kind and kind is not SystemExit:
            print("server ended with %s; its log: %s" % (self.proc.poll(), self.tail()))
        self.close()


# ---- proofs, by the standards' own algorithms ----

def root_from_path(leaf, index, size, path):
    """RFC 9162 2.1.3.2."""
    assert 0 <= index < size
    fn, sn, r = index, size - 1, leaf
    for p in path:
        assert sn, "path too long"
        if fn & 1 or fn == sn:
            r = sha(b"\1" + p + r)
            while not fn & 1 and fn:
                fn >>= 1
                sn >>= 1
        else:
            r = sha(b"\1" + r + p)
        fn >>= 1
        sn >>= 1
    assert sn == 0, "path too short"
    return r


def open_note(note, vkey):
    """A C2SP checkpoint under an Ed25519 verifier key; gives (origin, size, root)."""
    from cryptography.hazmat.primitives.asymmetric import ed25519
    name, key_hash, key = vkey.split("+", 2)
    raw = base64.b64decode(key)
    assert raw[0] == 1 and sha(name.encode() + b"\n" + raw)[:4].hex() == key_hash
    text, signatures = note.rsplit("\n\n", 1)[0] + "\n", note.rsplit("\n\n", 1)[1]
    for line in signatures.strip().split("\n"):
        dash, who, blob = line.split(" ", 2)
        blob = base64.b64decode(blob)
        if dash == "\u2014" and who == name and blob[:4].hex() == key_hash:
            ed25519.Ed25519PublicKey.from_public_bytes(raw[1:]).verify(blob[4:], text.encode())
            origin, size, root = text.split("\n")[:3]
            return origin, int(size), base64.b64decode(root)
    raise AssertionError("no signature by this key")


def check_receipt(server, jti, wid=None, token=None):
    r = server.json("receipt", jti, *(["--wid", wid] if wid else []), "--format", "json")
    entry = base64.b64decode(r["entry"])
    leaf = sha(b"\0" + entry)
    assert leaf.hex() == r["leaf_hash"], "leaf hash is not the entry's"
    assert token is None or token.encode() in entry, "the entry does not hold the token"
    origin, size, root = open_note(r["checkpoint"], server.vkey)
    assert size == r["tree_size"]
    assert root_from_path(leaf, r["index"], size, [bytes.fromhex(h) for h in r["path"]]) == root, "the path leads elsewhere"
    return r
