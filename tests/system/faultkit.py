"""A server under faults: start it (with strace where asked), feed it, kill it, and check what it must still hold afterwards.

Shares nothing with the project but its programs; proofs are recomputed here.
"""
import base64
import fcntl
import glob
import hashlib
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
import uuid

BIN = os.environ.get("ECT_BIN", "build/bin")


def sha(b):
    return hashlib.sha256(b).digest()


def root_from_path(leaf, index, size, path):
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


def note_body(note):
    origin, size, root = note.split("\n")[:3]
    return origin, int(size), base64.b64decode(root)


def wait_unlocked(data):
    """The last thread of a killed process lets go of the log a moment after the process counts as dead."""
    for lock in glob.glob(data + "/logs/*/lock"):
        with open(lock) as f:
            fcntl.flock(f, fcntl.LOCK_EX)


class World:
    def __init__(self, agents=2):
        self.dir = tempfile.mkdtemp(prefix="ectfault.")
        self.data = self.dir + "/data"
        run([BIN + "/ectledgerd", "init", self.data, "--origin", "fault.example/log"])
        self.keys = []
        trust = self.data + "/trust/example.com"
        os.makedirs(trust, exist_ok=True)
        for i in range(agents):
            key = f"{self.dir}/a{i}.jwk"
            run([BIN + "/ectl", "keygen", "--iss", f"spiffe://example.com/agent/a{i}", "--out", key,
                 "--jwks", trust + "/agents.jwks.json"])
            self.keys.append(key)
        self.proc = None
        self.acked = {}  # jti -> (index, leaf_hash, wid)
        self.heads = {}  # size -> root, every checkpoint a client ever got

    def close(self):
        if self.proc and self.proc.poll() is None:
            self.proc.kill()
            self.proc.wait()
        shutil.rmtree(self.dir, ignore_errors=True)

    def sign(self, count, wid=None):
        """A chain of tokens: [(jti, wid, token)]."""
        out, prev, wid = [], None, wid or str(uuid.uuid4())
        for i in range(count):
            jti = str(uuid.uuid4())
            args = [BIN + "/ectl", "sign", "--key", self.keys[i % len(self.keys)], "--act", "t", "--wid", wid, "--jti", jti]
            if prev:
                args += ["--pred", prev]
            out.append((jti, wid, run(args).strip()))
            prev = jti
        return out

    def start(self, wrap=(), wait=20):
        """Start; True when it got ready, False when it died first."""
        self.ports = self.dir + "/ports"
        if os.path.exists(self.ports):
            os.unlink(self.ports)
        self.log = open(self.dir + "/server.log", "ab")
        env = dict(os.environ)
        if wrap:  # a traced program cannot look for leaks, and complains of it
            env["ASAN_OPTIONS"] = ":".join(filter(None, [env.get("ASAN_OPTIONS"), "detect_leaks=0"]))
        self.proc = subprocess.Popen([*wrap, BIN + "/ectledgerd", "run", self.data, "--listen", "127.0.0.1:0",
                                      "--port-file", self.ports, "--insecure-loopback"], stdout=self.log, stderr=self.log,
                                     start_new_session=True, env=env)
        end = time.time() + wait
        while not os.path.exists(self.ports):
            if self.proc.poll() is not None:
                return False
            assert time.time() < end, "server not ready: " + open(self.dir + "/server.log").read()[-800:]
            time.sleep(0.005)
        self.addr = dict(l.strip().split("=", 1) for l in open(self.ports))["native"]
        return True

    def kill(self):
        """Kill the server and what it is wrapped in; wait until both are gone, locks and all."""
        try:
            os.killpg(self.proc.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.proc.wait()
        wait_unlocked(self.data)

    def stop(self):
        """Terminate the server itself, not what it is wrapped in."""
        os.kill((self.children() or [self.proc.pid])[0], signal.SIGTERM)
        return self.proc.wait(60)

    def children(self):
        pid = self.proc.pid
        try:
            return [int(p) for p in open(f"/proc/{pid}/task/{pid}/children").read().split()]
        except OSError:
            return []

    def ectl(self, *args, stdin=None, check=True):
        p = subprocess.run([BIN + "/ectl", "--server", self.addr, "--insecure-loopback", "-o", "ndjson", *args],
                           input=stdin, capture_output=True, text=True, timeout=60)
        assert not check or p.returncode == 0, f"ectl {args}: {p.returncode} {p.stderr[-400:]}"
        return p

    def append(self, tokens, receipts=True):
        """Append; remember what was acknowledged.  The server may die meanwhile."""
        store = self.dir + "/receipts"
        os.makedirs(store, exist_ok=True)
        p = self.ectl("append", *(["--receipts", store] if receipts else []), stdin="".join(t + "\n" for _, _, t in tokens), check=False)
        wids = {j: w for j, w, _ in tokens}
        rows = []
        for line in p.stdout.splitlines():
            try:
                row = json.loads(line)
            except ValueError:
                continue
            rows.append(row)
            if row.get("status") == "accepted":
                self.remember(row, wids[row["jti"]], store if receipts else None)
        return rows

    def remember(self, row, wid, store):
        jti, seen = row["jti"], (row["index"], row["leaf_hash"], wid)
        assert self.acked.setdefault(jti, seen) == seen, f"{jti} changed its place"
        if store is None:
            return
        r = json.load(open(f"{store}/{jti}.json"))
        _, size, root = note_body(r["checkpoint"])
        leaf = sha(b"\0" + base64.b64decode(r["entry"]))
        assert leaf.hex() == row["leaf_hash"] and size == r["tree_size"]
        assert root_from_path(leaf, r["index"], size, [bytes.fromhex(h) for h in r["path"]]) == root
        assert self.heads.setdefault(size, root) == root, f"two roots at size {size}"

    def check(self, sample=None):
        """After a restart: everything acknowledged is there, every checkpoint ever given is on the way to the present one."""
        now = json.loads(self.ectl("checkpoint").stdout)
        assert now["size"] >= len(self.acked)
        jtis = sorted(self.acked)
        for jti in jtis if sample is None else sample(jtis):
            index, leaf, wid = self.acked[jti]
            e = json.loads(self.ectl("get", jti, "--wid", wid).stdout)
            assert (e["index"], e["leaf_hash"]) == (index, leaf), jti
        for size, root in sorted(self.heads.items()) if sample is None else sample(sorted(self.heads.items())):
            assert size <= now["size"], f"a checkpoint over {size} entries was given, now there are {now['size']}"
            if size:
                c = json.loads(self.ectl("consistency", str(size)).stdout)
                assert c["old_root"] == root.hex(), f"root at {size} changed"
        return now

    def fsck(self):
        p = subprocess.run([BIN + "/ectl", "-o", "json", "fsck", self.data], capture_output=True, text=True)
        f = json.loads(p.stdout)
        assert p.returncode == 0 and not f["problems"], f["problems"][:3]
        return f


def run(args):
    p = subprocess.run(args, capture_output=True, text=True)
    assert p.returncode == 0, f"{args}: {p.returncode} {p.stderr[-400:]}"
    return p.stdout
