"""Workflows and conformance after docs/WORKFLOWS.md, CONFORMANCE.md, and what they use of POLICY.md, KINDS.md, RECOVERY.md, OVERSIGHT.md, SCORES.md and
INTEROP.md. One pass over the log remembers what never changes later; everything else is worked out anew for each size."""
import atexit
import bisect
import functools
import math
import os
import re
import uuid
from collections import Counter, defaultdict

from dags import cbor
from kit import unb64u

LONE = True
NONE = 2**64 - 1
NOT_FOUND, BAD_REQUEST = 23, 29
UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\Z")
seen = Counter()

# kind: least, most predecessors, kind that one of them is, keys (! required)
ROWS = {
    "task": (0, 100, None, {"irreversible": "bool", "consequential": "bool", "critical": "bool", "compensation_required": "bool",
                            "compensation_reason": "string", "attestation": "string", "node": "string"}),
    "start": (0, 100, None, {"node": "!string"}),
    "checkpoint": (1, 100, None, {"cp_scope": "string", "state_hash": "hash", "state_ref": "string", "reversible": "bool", "ttl_s": "int"}),
    "failure": (1, 100, None, {"fail_class": ["timeout", "dependency", "policy", "internal", "external"], "fail_code": "string", "retryable": "bool"}),
    "rollback_request": (1, 100, None, {"idem": "string", "target_cp": "uuid", "set": "uuids", "scope": "string", "reason": "string", "not_after": "int"}),
    "rollback_result": (1, 100, "rollback_request", {"outcome": ["!", "success", "partial", "refused", "irreversible", "failed"], "idem": "string",
                                                     "done": "uuids", "left": "uuids", "compensations": "uuids"}),
    "compensation": (1, 100, None, {"compensates": "!pred", "compensation_reason": "string"}),
    "circuit": (1, 100, None, {"state": ["!", "closed", "open", "half_open"], "edge_from": "uri", "edge_to": "uri", "rate": "number", "window": "int"}),
    "hitl_request": (1, 100, None, {"rule_id": "string", "role": "string", "kind": "string", "deadline": "int", "on_timeout": "string", "uses": "int"}),
    "hitl_decision": (1, 100, "hitl_request", {"decision": ["!", "approved", "denied", "escalated", "withdrawn", "revoked"], "shown_hash": "hash",
                                               "role": "string", "reason": "string"}),
    "override": (1, 100, None, {"level": ["!", "pause", "constrain", "stop", "takeover", "advisory", "mandatory", "emergency"], "scope": "string",
                                "targets": "array", "ack_by": "int", "reason": "string"}),
    "override_ack": (1, 100, "override", {"status": ["!", "received", "complied", "refused", "unable"], "effective_at": "int"}),
    "override_release": (1, 100, "override", {"reason": "string"}),
    "trust_assertion": (1, 100, None, {"subject": "!uri", "score": "!score", "model": "string", "r": "number", "s": "number", "as_of": "int"}),
    "trust_revocation": (1, 100, "trust_assertion", {"subject": "!uri", "reason": "string"}),
    "quarantine": (1, 100, None, {"subject": "!uri", "floor": "score", "reason": "string"}),
    "quarantine_end": (1, 100, "quarantine", {"subject": "!uri", "floor": "score", "reason": "string"}),
    "translation": (1, 1, None, {"src_proto": "!string", "dst_proto": "!string", "loss": "array"}),
    "attestation": (1, 100, None, {"manifest_hash": "hash", "evidence_ref": "string", "verifier": "string"}),
    "explanation": (1, 100, None, {"summary_hash": "hash", "vac": "object"}),
    "lifecycle": (0, 100, None, {"event": ["!", "version", "drain", "retire"], "subject": "uri", "version": "string", "successor": "uri", "sunset": "int"})}

WORK = ("task", "checkpoint", "translation")          # docs/RECOVERY.md
DONE_BY_AGENTS = ("task", "start", "translation")     # docs/OVERSIGHT.md: what a stop stops
ASKING = ("hitl_request", "hitl_decision", "override", "override_ack", "override_release")
STOPS = ("pause", "stop", "takeover", "mandatory", "emergency")
VOID = {"breach", "unsigned", "bad_scope", "unknown_target", "bad_target", "not_authorized", "stale_request", "idem_conflict", "bad_transition"}
STATES = ("pending", "ready", "running", "done", "failed", "rollback_requested", "rolled_back", "rollback_failed", "compensation_required")
DEVIATIONS = ("missing", "extra", "out_of_order", "over_quota", "hitl_missing", "duplicate_node")
QUOTAS = ("count_max", "tasks_max", "agents_max", "wall_s_max")

# rule: relaxed, standard, regulated, AEM level
RULES = {
    "signed": ("-", "fail", "fail", 2), "chain_signed": ("-", "warn", "fail", 3), "dag": ("warn", "fail", "fail", 1), "workflow": ("-", "fail", "fail", 1),
    "kind_row": ("warn", "warn", "fail", 2), "hashes": ("-", "warn", "fail", 3), "checkpoint": ("-", "warn", "fail", 3), "approval": ("-", "fail", "fail", 3),
    "override_ack": ("-", "warn", "fail", 3), "under_stop": ("warn", "fail", "fail", 3), "attestation": ("-", "-", "fail", 2),
    "signer_key": ("-", "fail", "fail", 2), "trust_floor": ("-", "warn", "fail", 3), "quarantine": ("-", "warn", "fail", 3),
    "retention": ("-", "warn", "fail", 3), "recovery": ("warn", "warn", "fail", 3), "failures_resolved": ("-", "warn", "fail", 3),
    "descriptor": ("-", "warn", "fail", 3), "translation": ("-", "warn", "fail", 3), "retired": ("-", "warn", "fail", 3)}
PROFILES = ("relaxed", "standard", "regulated")


def count(key):
    seen[key] += 1


@atexit.register
def tell():
    if os.environ.get("MODEL_COVER"):
        names = (["state " + s for s in STATES] + ["deviation " + d for d in DEVIATIONS if d != "over_quota"] + ["over_quota " + q for q in QUOTAS + ("wall_s_max whole",)] +
                 ["rule " + r for r in RULES] + ["aem %d" % n for n in range(4)] + ["conforms " + p for p in PROFILES])
        for n in dict.fromkeys(names + sorted(seen)):
            print("flows: %-34s %d" % (n, seen[n]))


class Holds:
    """A list that has at least these numbers."""

    def __init__(self, least):
        self.least = sorted(least)

    def __eq__(self, other):
        return set(self.least) <= set(other) and list(other) == sorted(set(other))

    def __repr__(self):
        return "at least %r" % self.least


def text(x):
    return x if isinstance(x, str) else None


def whole(x):
    return x if isinstance(x, int) and not isinstance(x, bool) and 0 <= x < 2**53 else None


def sha256(x):
    try:
        raw = unb64u(x) if isinstance(x, str) and re.fullmatch(r"[A-Za-z0-9_-]{43}", x) else b""
    except ValueError:
        raw = b""
    return raw.hex() if len(raw) == 32 else None


def typed(kind, value, preds):
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if isinstance(kind, list):
        return isinstance(value, str) and value in kind and value != "!"
    if kind == "uuids":
        return isinstance(value, list) and len(value) <= 100 and all(typed("uuid", v, preds) for v in value) and len({v.lower() for v in value}) == len(value)
    return {"string": isinstance(value, str), "uri": isinstance(value, str) and value != "", "bool": isinstance(value, bool), "number": number,
            "int": number and isinstance(value, int), "score": number and 0 <= value <= 1 and not set("e-") & set(repr(value)), "hash": sha256(value) is not None,
            "uuid": isinstance(value, str) and bool(UUID.match(value)), "pred": isinstance(value, str) and value.lower() in preds,
            "array": isinstance(value, list), "object": isinstance(value, dict)}[kind]


def matches(patterns, name):
    return any(p == name or p.endswith("*") and name.startswith(p[:-1]) for p in patterns)


def member_of(doc, role, iss):
    return any(p == iss or p.endswith("/*") and iss.startswith(p[:-1]) and len(iss) > len(p) - 1 for p in doc.get("roles", {}).get(role, []))


def commands(doc, iss):
    return member_of(doc, "operator", iss) or member_of(doc, "human", iss)


def meets(c, e):
    if "all" in c:
        return all(meets(x, e) for x in c["all"])
    if "any" in c:
        return any(meets(x, e) for x in c["any"])
    if "not" in c:
        return not meets(c["not"], e)
    field = c["field"]
    if field.startswith("ext."):
        there, value = field[4:] in e["ext"], e["ext"].get(field[4:])
    else:
        value = {"exec_act": e["act"], "iss": e["iss"], "trust_domain": e["domain"], "kind": e["kind"], "wid": e["wid"]}[field]
        there = value is not None
    if c["op"] == "exists":
        return there
    assert c["op"] in ("eq", "ne"), c
    same = there and type(value) is type(c["value"]) and value == c["value"]
    return same == (c["op"] == "eq")


HALVES = [2**61]
while len(HALVES) < 41:
    HALVES.append(math.isqrt(HALVES[-1] * 2**62))


@functools.lru_cache(1 << 16)
def weight(age, half_life_s):
    """docs/SCORES.md, section 2: in 2^-62."""
    if not half_life_s or age <= 0:
        return 2**62
    h = 1000 * min(half_life_s, 10**12)
    n, f = age // h, age % h * 2**40 // h
    w = 2**62
    for k in range(1, 41):
        if f >> 40 - k & 1:
            w = w * HALVES[k] // 2**62
    return w >> n if n < 62 else 0


def toward(s, b, w):
    step = (abs(s - b) * w + 2**61) // 2**62
    return b + step if s > b else b - step


def guard(doc, e):
    """The rule that guards e, if any."""
    if e["kind"] in ASKING:
        return None
    found = [r for r in doc.get("rules", []) if meets(r["when"], e)]
    return min(found, key=lambda r: ("abort", "escalate", "pause").index(r["action"])) if found else None


class Log:
    """The entries and what is fixed about each once it is there."""

    def __init__(self, world):
        self.w, self.e, self.done = world, world.entries, 0
        self.children, self.by_jti, self.wf = defaultdict(list), {}, defaultdict(list)
        self.breach, self.rec, self.events, self.idem = {}, {}, defaultdict(list), {}
        self.outcomes, self.ordered, self.bad_trust, self.in_quarantine = defaultdict(dict), defaultdict(list), set(), set()
        self.quarantines, self.agents, self.life = defaultdict(dict), {}, defaultdict(list)
        self.targets, self.stops_on, self.everywhere, self.anc = {}, defaultdict(set), [], {}
        self.failures_of, self.requests_of, self.first_wf = defaultdict(list), defaultdict(list), {}

    def catch_up(self):
        while self.done < len(self.e):
            i = self.done
            if self.e[i]["entry"] == "token":
                self.add(i)
            self.done += 1

    def doc(self, i):
        return self.w.doc_at(i) if i >= 0 else {}

    def get(self, i, key):
        """An extension's member when it is of its row's type."""
        e = self.e[i]
        kind = ROWS[e["kind"]][3].get(key)
        v = e["ext"].get(key)
        if kind is None or v is None:
            return None
        return v if typed(kind.lstrip("!") if isinstance(kind, str) else kind, v, [self.e[p]["jti"] for p in e["pred"]]) else None

    def breaks_row(self, i):
        e = self.e[i]
        least, most, among, keys = ROWS[e["kind"]]
        if not least <= len(e["pred"]) <= most or among and among not in [self.e[p]["kind"] for p in e["pred"]]:
            return True
        jtis = [self.e[p]["jti"] for p in e["pred"]]
        for name, kind in keys.items():
            if kind[0] == "!" and name not in e["ext"]:
                return True
            if name in e["ext"] and not typed(kind.lstrip("!") if isinstance(kind, str) else kind, e["ext"][name], jtis):
                return True
        return False

    def add(self, i):
        e = self.e[i]
        self.by_jti[e["jti"]] = i
        self.breach[i] = self.breaks_row(i)
        self.trust_before(i)
        self.wf[e["wid"]].append(i)
        self.agents.setdefault(e["iss"], i)
        self.anc[i] = frozenset(e["pred"]).union(*(self.anc[p] for p in e["pred"]))
        for p in e["pred"]:
            self.children[p].append(i)
        kind = e["kind"]
        if kind == "failure":
            self.failure(i)
        elif kind == "rollback_request":
            self.request(i)
        elif kind == "rollback_result":
            self.result(i)
        elif kind == "compensation":
            self.compensation(i)
        elif kind == "override":
            self.override(i)
        elif kind == "lifecycle":
            self.life[text(e["ext"].get("subject")) or e["iss"]].append(i)
        self.outcome(i)

    def mean(self, jti, i):
        """What an id in entry i means: only what is below counts."""
        at = self.by_jti.get(jti.lower())
        return at if at is not None and at < i else None

    def time(self, i):
        return self.e[i]["received_ms"]

    def now(self, size):
        return self.e[size - 1]["received_ms"]

    def is_work(self, i):
        return self.e[i]["kind"] in WORK

    def below(self, roots, size):
        """The roots and what rests on them."""
        reach, todo = set(roots), list(roots)
        while todo:
            for c in self.children[todo.pop()]:
                if c < size and c not in reach:
                    reach.add(c)
                    todo.append(c)
        return reach

    def irreversible(self, i):
        e = self.e[i]
        return self.get(i, "irreversible") is True or matches(self.doc(i).get("irreversible", []), e["act"]) or \
            e["kind"] == "checkpoint" and self.get(i, "reversible") is False

    # recovery

    def unsigned_about(self, i, tasks):
        return self.e[i]["level"] == 1 and any(self.e[t]["level"] > 1 for t in tasks)

    def failure(self, i):
        names = [p for p in self.e[i]["pred"] if self.is_work(p)]
        flags = set()
        if self.breach[i]:
            flags.add("breach")
        else:
            if not names:
                flags.add("unknown_target")
            for t in names:
                if self.unsigned_about(i, [t]):
                    flags.add("unsigned")
                elif self.state(t, i + 1)[0] == "rolled_back":
                    flags.add("bad_transition")
                else:
                    self.events[t].append((i, "F", None, None))
        self.remember(i, flags, names)

    def remember(self, i, flags, names, **more):
        self.rec[i] = dict(flags=flags, names=names, **more)
        for t in names:
            self.failures_of[t].append(i)

    def compensation(self, i):
        named, flags, names = self.get(i, "compensates"), set(), []
        if self.breach[i]:
            flags.add("breach")
            names = [p for p in self.e[i]["pred"] if self.is_work(p)]
        else:
            t = self.mean(named, i)
            if t is None or not self.is_work(t):
                flags.add("unknown_target")
            else:
                names = [t]
                if self.unsigned_about(i, names):
                    flags.add("unsigned")
                elif self.state(t, i + 1)[0] == "rolled_back":
                    flags.add("bad_transition")
                else:
                    self.events[t].append((i, "C", None, None))
        self.remember(i, flags, names)

    def returnable(self, c, i):
        ttl = self.get(c, "ttl_s")
        return self.e[c]["kind"] == "checkpoint" and not self.irreversible(c) and not self.breach[c] and \
            (ttl is None or self.time(c) + ttl * 1000 >= self.time(i))

    def nearest(self, roots, i):
        layer, had = set(roots), set(roots)
        while layer:
            layer = {p for x in layer for p in self.e[x]["pred"]} - had
            found = [c for c in layer if self.returnable(c, i)]
            if found:
                return max(found)
            had |= layer
        return None

    def request(self, i):
        e, doc = self.e[i], self.doc(i)
        flags, roots, asked, limit = set(), [], set(), None
        targets = [p for p in e["pred"] if self.is_work(p)]
        targets += [q for p in e["pred"] if self.e[p]["kind"] == "failure" for q in self.e[p]["pred"] if self.is_work(q)]
        more = dict(first=i, results=[], set=set(), limit=None, key=None)
        if self.breach[i]:
            self.remember(i, {"breach"}, [], **more)
            return
        named, cp, scope = self.get(i, "set"), self.get(i, "target_cp"), self.get(i, "scope")
        scope = scope if scope is not None else "node" if named is not None else "checkpoint" if cp is not None else "failed"
        if scope not in ("node", "failed", "subgraph", "checkpoint", "full", "workflow") or named is not None and cp is not None or \
                named is not None and scope not in ("node", "failed", "subgraph") or cp is not None and scope not in ("checkpoint", "full"):
            flags.add("bad_scope")
        if named is None:
            roots = sorted(set(targets))
            if not roots:
                flags.add("unknown_target")
        else:
            found = [self.mean(x, i) for x in named]
            roots = sorted({t for t in found if t is not None and self.is_work(t)})
            if not found or None in found or len(roots) < len(set(found)) or not set(roots) & set(targets):
                flags.add("unknown_target")
                roots = []
        if cp is not None and self.mean(cp, i) is None:
            flags.add("unknown_target")
        if roots:
            if self.unsigned_about(i, roots):
                flags.add("unsigned")
            may = doc.get("recovery", {}).get("requesters", ["signer", "root", "coordinator", "human"])
            both = [t for t in roots if t in targets]
            if not ("signer" in may and any(self.e[t]["iss"] == e["iss"] for t in both) or
                    "root" in may and any(self.e[t]["wid"] and self.e[self.wf[self.e[t]["wid"]][0]]["iss"] == e["iss"] for t in both) or
                    any(r in may and member_of(doc, r, e["iss"]) for r in ("coordinator", "human"))):
                flags.add("not_authorized")
        age = doc.get("recovery", {}).get("request_age_max_s", 86400)
        ends = [self.time(i) + age * 1000] if age else []
        until = self.get(i, "not_after")
        if until is not None:
            ends.append(until * 1000)
        limit = min(ends) if ends else None
        if limit is not None and self.time(i) > limit:
            flags.add("stale_request")
        at = None
        if scope in ("checkpoint", "full") and not flags:
            at = self.mean(cp, i) if cp is not None else self.nearest(roots, i)
            if at is None or not self.returnable(at, i):
                flags.add("bad_target")
        idem = self.get(i, "idem")
        key = ("failed" if scope == "subgraph" else scope, tuple(roots), cp)
        if idem is not None and not flags & {"breach", "unsigned", "bad_scope", "unknown_target"}:
            before = self.idem.setdefault((e["iss"], idem), i)
            if before != i:
                if self.rec[before]["key"] == key:
                    flags.add("repeat")
                    more["first"] = before
                else:
                    flags.add("idem_conflict")
        if not flags and all(self.state(t, i + 1)[0] in ("rolled_back", "compensation_required") for t in roots):
            flags.add("bad_transition")
        if not flags and at is not None and (at in roots or not any(at in self.anc[r] for r in roots)):
            flags.add("bad_target")
        if not flags:
            asked = set(roots)
            if scope in ("failed", "subgraph", "checkpoint", "workflow"):
                asked |= self.below(roots, i)
            if scope in ("checkpoint", "full"):
                down = self.below([at], i) - {at}
                asked |= {t for t in down if any(t in self.anc[r] for r in roots)} if scope == "checkpoint" else set()
                asked = down | set(roots) if scope == "full" else asked
            if scope == "workflow":
                for r in roots:
                    if self.e[r]["wid"]:
                        asked |= {t for t in self.wf[self.e[r]["wid"]] if t < i}
            asked = {t for t in asked if self.is_work(t)}
            for t in asked:
                self.events[t].append((i, "Q", i, None))
        more.update(limit=limit, key=key, set=asked)
        self.remember(i, flags, sorted(asked) if asked else roots, **more)

    def result(self, i):
        e, flags = self.e[i], set()
        asked = [p for p in e["pred"] if self.e[p]["kind"] == "rollback_request"]
        if self.breach[i]:
            flags.add("breach")
            base = None
            if asked:
                base = self.rec[asked[0]]["first"]
            self.rec[i] = dict(flags=flags, names=[], of=base)
            if base is not None:
                self.requests_of[asked[0]].append(i)
            return
        on = self.rec[asked[0]]
        base = on["first"]
        first = self.rec[base]
        if first["flags"] & VOID:
            flags.add("void_request")
        if self.unsigned_about(i, [asked[0]]):
            flags.add("unsigned")
        if not first["flags"] & VOID and first["limit"] is not None and self.time(i) > first["limit"]:
            flags.add("stale_request")
        if self.get(i, "idem") != self.get(asked[0], "idem"):
            flags.add("idem_mismatch")
        outcome, named = self.get(i, "outcome"), set()
        if outcome == "partial":
            named = {self.mean(x, i) for x in self.get(i, "done") or []}
            if named - first["set"]:
                flags.add("outside_set")
        if not flags - {"outside_set"} and first["results"] and self.get(first["results"][-1], "outcome") not in ("failed", "partial"):
            flags.add("bad_transition")
        if not flags - {"outside_set"}:
            first["results"].append(i)
            for t in first["set"]:
                self.events[t].append((i, "R", base, "success" if outcome == "success" or t in named else outcome))
        self.rec[i] = dict(flags=flags, names=[], of=base)
        self.requests_of[asked[0]].append(i)

    def state(self, t, size):
        """Its state, the record that brought it there, and all that ever moved it."""
        st, by, before, holder, moved = "completed", None, ("completed", None), None, []

        def clock(now):
            nonlocal st, by, holder
            if st == "rollback_requested" and self.rec[holder]["limit"] is not None and now > self.rec[holder]["limit"]:
                st, by, holder = before[0], before[1], None
        for i, what, request, outcome in self.events.get(t, []):
            if i >= size:
                break
            clock(self.time(i))
            held = st in ("rollback_requested", "rollback_failed") and holder == request
            was = (st, by, before, holder)
            if what == "F":
                if st == "completed":
                    st, by = "failed", i
                elif st == "rollback_requested" and before[0] == "completed":
                    before = ("failed", i)
            elif what == "Q":
                if st in ("completed", "failed", "rollback_failed"):
                    before, st = (st, by), "rollback_requested"
                if st == "rollback_requested":
                    by = holder = i
            elif what == "C" or outcome == "success":
                if what == "C" or st != "compensation_required":
                    if st != "rolled_back":
                        st, by = "rolled_back", i
            elif not held:
                pass
            elif outcome == "refused":
                st, by = before
            elif outcome == "irreversible" or outcome == "partial" and (self.irreversible(t) or self.get(t, "compensation_required") is True):
                st, by = "compensation_required", i
            else:
                st, by = "rollback_failed", i
            if was != (st, by, before, holder):
                moved.append(i)
        clock(self.now(size))
        return st, by, moved

    # trust

    def trust_before(self, i):
        """Whether the signer is under the floor, or in quarantine, in the tree that ends before i."""
        e = self.e[i]
        if e["kind"] not in WORK or e["level"] < 2:
            return
        trust = self.doc(i - 1).get("trust", {})
        million = lambda name, default: round(trust.get(name, default) * 1000000)
        if self.score(e["iss"], trust.get("model", "aimd"), million, trust.get("half_life_s", 0), self.time(i - 1)) < million("floor", .2):
            self.bad_trust.add(i)
        if any(end is None for end in self.quarantines[e["iss"]].values()):
            self.in_quarantine.add(i)

    def score(self, iss, model, million, half, now):
        facts = self.ordered[iss]
        if model == "aimd":
            b = s = million("start", .5) * 10**12
            last = None
            for i, _, what in facts:
                if last is not None:
                    s = toward(s, b, weight(self.time(i) - last, half))
                last = self.time(i)
                if what == 0:
                    s = min(10**18, s + million("add", .02) * 10**12)
                else:
                    s = (s * (None, million("minor", .9), million("major", .5), million("violation", .1))[what] + 500000) // 10**6
            if last is not None:
                s = toward(s, b, weight(now - last, half))
            return (s + 5 * 10**11) // 10**12
        assert model == "beta", model
        r, q = (((sum(weight(now - self.time(i), half) for i, _, what in facts if (what == 0) == good)) * 10**9 + 2**61) // 2**62 for good in (True, False))
        b = r + q + 2 * 10**9
        return ((r + 10**9) * 10**6 + b // 2) // b

    def outcome(self, i):
        e = self.e[i]
        if e["kind"] in ("quarantine", "quarantine_end"):
            subject = text(e["ext"].get("subject"))
            roles = [r for r in ("operator", "coordinator", "human") if r in self.doc(i).get("roles", {})]
            if not subject or subject == e["iss"] or e["level"] < 2 or roles and not any(member_of(self.doc(i), r, e["iss"]) for r in roles):
                return
            if e["kind"] == "quarantine":
                self.quarantines[subject][i] = None
            else:
                for p in e["pred"]:
                    if self.e[p]["kind"] == "quarantine" and self.quarantines[subject].get(p, 0) is None:
                        self.quarantines[subject][p] = i
            return
        if e["kind"] in WORK or e["kind"] == "attestation":
            what = 0
        elif e["kind"] == "failure":
            what = {"timeout": 1, "dependency": 1, "external": 1, "policy": 3}.get(self.get(i, "fail_class"), 2)
        else:
            return
        for t in e["pred"]:
            of = self.e[t]
            if of["kind"] not in WORK + ("attestation",) or min(e["level"], of["level"]) < 2 or of["iss"] == e["iss"]:
                continue
            old = self.outcomes[of["iss"]].get((e["iss"], t))
            if old is None or what > old[2]:
                if old:
                    self.ordered[of["iss"]].remove(old)
                self.outcomes[of["iss"]][(e["iss"], t)] = (i, t, what)
                bisect.insort(self.ordered[of["iss"]], (i, t, what))

    # oversight

    def request_of(self, d):
        return next((p for p in self.e[d]["pred"] if self.e[p]["kind"] == "hitl_request"), None)

    def life_of(self, r, size):
        """A request's life below size: steps [(state, index or None, ms)], its approval, what it says."""
        e, doc = self.e[r], self.doc(r)
        name = self.get(r, "rule_id") or None
        rule = next((x for x in doc.get("rules", []) if x["id"] == name), None) if name else None
        role = rule["role"] if rule else self.get(r, "role") or None
        higher = rule.get("escalate_to", role) if rule else role
        more = rule["timeout_s"] * 1000 if rule and "timeout_s" in rule else None
        timeout = rule.get("on_timeout", "abort") if rule else self.get(r, "on_timeout")
        timeout = timeout if timeout in ("abort", "escalate", "proceed") else "abort"
        said = whole(self.get(r, "deadline")) if not rule or timeout == "abort" else None
        ends = ([said * 1000] if said else []) + ([self.time(r) + more] if more else [])
        deadline = min(ends) if ends else None
        uses = max(1, whole(self.get(r, "uses")) or 1)
        steps, approval, revoked, used_up = [("requested", r, self.time(r))], None, None, None
        if self.get(r, "kind") == "notify":
            return dict(steps=[("notified", r, self.time(r))], state="notified", approval=None, revoked=None, used_up=None, rule=rule, name=name, role=role,
                        deadline=deadline, on_timeout=timeout)

        def clock(now):
            nonlocal deadline
            while steps[-1][0] in ("requested", "escalated") and deadline is not None and now > deadline:
                if steps[-1][0] == "requested" and timeout == "escalate":
                    steps.append(("escalated", None, deadline))
                    deadline = deadline + more if more else None
                else:
                    steps.append(("expired", None, deadline))

        def consume(i):
            if steps[-1][0] == "approved" and used_up is not None and used_up < i:
                steps.append(("consumed", used_up, self.time(used_up)))
        for d in self.children[r]:
            if d >= size or self.e[d]["kind"] != "hitl_decision" or self.request_of(d) != r:
                continue
            clock(self.time(d))
            consume(d)
            state, word, iss = steps[-1][0], self.get(d, "decision"), self.e[d]["iss"]
            if word not in {"requested": ("approved", "denied", "escalated", "withdrawn"), "escalated": ("approved", "denied"), "approved": ("revoked",)}.get(state, ()):
                continue
            holds = lambda x: x is not None and member_of(self.doc(d), x, iss)
            if word in ("approved", "denied", "escalated"):
                if deadline is not None and self.e[d]["iat"] * 1000 > deadline or iss == e["iss"]:
                    continue
                decides = role if state == "requested" else higher
                if decides is not None and not holds(decides):
                    continue
                shown = self.e[d]["ext"].get("shown_hash")
                if word == "approved" and shown is not None and (sha256(shown) or (None if shown == "" else "no hash")) != e["inp"]:
                    continue
            elif iss != e["iss"] and not holds(role) and not holds(higher) and not (word == "revoked" and iss == self.e[approval]["iss"]):
                continue
            steps.append((word, d, self.time(d)))
            if word == "escalated" and more:
                deadline = self.time(d) + more
            elif word == "approved":
                approval = d
                uses_of = [t for t in self.children[d] if t < size and self.e[t]["iss"] != iss and
                           ((guard(self.doc(t), self.e[t]) or {}).get("id") == name and rule is not None if name else self.e[t]["kind"] in DONE_BY_AGENTS)]
                used_up = uses_of[uses - 1] if len(uses_of) >= uses else None
            elif word == "revoked":
                revoked = d
        clock(self.now(size))
        consume(size)
        return dict(steps=steps, state=steps[-1][0], approval=approval, revoked=revoked, used_up=used_up, rule=rule, name=name,
                    role=higher if steps[-1][0] == "escalated" else role, deadline=deadline, on_timeout=timeout)

    def state_before(self, life, x):
        state = None
        for st, i, ms in life["steps"]:
            if i is not None and i >= x or i is None and ms >= self.time(x):
                break
            state = st
        return state

    def guarded(self, t, rule, size):
        looked = False
        for d in self.e[t]["pred"]:
            if self.e[d]["kind"] != "hitl_decision":
                continue
            looked = True
            r = self.request_of(d)
            if r is None:
                continue
            life = self.life_of(r, size)
            if life["name"] == rule["id"] and life["rule"] is not None and life["approval"] == d and self.e[d]["iss"] != self.e[t]["iss"] and \
                    not (life["revoked"] is not None and life["revoked"] < t) and not (life["used_up"] is not None and t > life["used_up"]):
                return "guarded_ok"
        for r in self.e[t]["pred"]:
            if self.e[r]["kind"] == "hitl_request" and self.get(r, "rule_id") == rule["id"]:
                looked = True
                life = self.life_of(r, size)
                if life["rule"] is not None and self.state_before(life, t) == "expired" and life["on_timeout"] == "proceed":
                    return "proceeded"
        return "approval_void" if looked else "approval_missing"

    def override(self, i):
        """What it is aimed at: tasks and agents."""
        e = self.e[i]
        named, tasks, agents = self.get(i, "targets"), [], []
        if named is not None:
            for x in named:
                if not isinstance(x, str):
                    continue
                if UUID.match(x):
                    t = self.mean(x, i)
                    if t is not None:
                        tasks.append(t)
                elif self.agents.get(x, i) < i:
                    agents.append(x)
        else:
            tasks = [p for p in e["pred"] if self.e[p]["kind"] not in ("override", "override_ack", "override_release")]
            above = next((p for p in e["pred"] if self.e[p]["kind"] == "override"), None)
            if not tasks and above is not None:
                tasks, agents = self.targets[above]
        self.targets[i] = (list(dict.fromkeys(tasks)), list(dict.fromkeys(agents)))
        for t in self.targets[i][0]:
            self.stops_on[t].add(i)
            if self.e[t]["wid"]:
                self.stops_on[self.e[t]["wid"]].add(i)
        if agents and not e["wid"]:
            self.everywhere.append(i)

    def effective(self, o):
        return commands(self.doc(o), self.e[o]["iss"]) and self.get(o, "level") is not None

    def release_of(self, o, size):
        return next((c for c in self.children[o] if c < size and self.e[c]["kind"] == "override_release" and commands(self.doc(c), self.e[c]["iss"])), None)

    def under_stop(self, o, wid, size):
        """Entries of the workflow that were done in spite of it."""
        level, release = self.get(o, "level"), self.release_of(o, size)
        if not self.effective(o) or level not in STOPS:
            return []
        tasks, agents = self.targets[o]
        scope = self.get(o, "scope")
        scope = scope if scope in ("node", "subgraph", "workflow") else "node"
        out = []
        for x in self.wf[wid]:
            e = self.e[x]
            if not o < x < (size if release is None else release) or e["kind"] not in DONE_BY_AGENTS:
                continue
            if level == "takeover" and commands(self.doc(x), e["iss"]):
                continue
            hit = e["iss"] in agents and (self.e[o]["wid"] is None or self.e[o]["wid"] == e["wid"])
            if scope == "node":
                hit = hit or any(t in e["pred"] for t in tasks)
            elif scope == "subgraph":
                hit = hit or any(t in self.anc[x] for t in tasks)
            elif tasks or not agents:
                wids = {self.e[t]["wid"] for t in tasks} | {self.e[o]["wid"]}
                hit = hit or e["wid"] is not None and e["wid"] in wids or any(self.e[t]["wid"] is None and t in self.anc[x] for t in tasks)
            if hit:
                out.append(x)
        return out

    def acks(self, o, size):
        """{who is asked: (state, late)}"""
        tasks, agents = self.targets[o]
        ack_s = self.doc(o).get("override", {}).get("ack_s", 0)
        said = whole(self.get(o, "ack_by"))
        deadline = said * 1000 or None if said is not None else self.time(o) + ack_s * 1000 if ack_s else None
        release = self.release_of(o, size)
        out = {}
        for iss in dict.fromkeys([self.e[t]["iss"] for t in tasks] + agents):
            if iss == self.e[o]["iss"]:
                continue
            state, late = "pending", False
            for a in self.children[o]:
                if a >= size or self.e[a]["kind"] != "override_ack" or self.e[a]["iss"] != iss:
                    continue
                status = self.get(a, "status")
                if status is None or not (state == "pending" or state == "received" and status != "received"):
                    continue
                if state == "pending" and deadline is not None:
                    late = self.time(a) > deadline or self.e[a]["iat"] * 1000 > deadline
                state = status
            if state == "pending" and self.effective(o) and deadline is not None and deadline < self.now(size) and \
                    not (release is not None and self.time(release) <= deadline):
                state = "missing"
            out[iss] = (state, late)
        return out

    def overrides_of(self, wid, mine, size):
        """Overrides that belong to the workflow, with their work under stop there."""
        found = {x for x in mine if self.e[x]["kind"] == "override"} | set(self.everywhere)
        for x in mine:
            for t in [x, *self.anc[x]]:
                found |= self.stops_on[t]
        found |= self.stops_on[wid]
        out = {}
        for o in sorted(found):
            if o >= size:
                continue
            tasks, agents = self.targets[o]
            work = self.under_stop(o, wid, size)
            if self.e[o]["wid"] == wid or self.effective(o) and (any(self.e[t]["wid"] == wid for t in tasks) or agents and not self.e[o]["wid"]) or work:
                out[o] = work
        return out


class Flow:
    """One workflow at one size."""

    def __init__(self, log, wid, size):
        self.log, self.wid, self.size = log, wid, size
        self.mine = [i for i in log.wf.get(wid, []) if i < size]
        self.plans = [d for d in log.w.descriptors if d[1] == wid and d[0] < size]
        self.plan = self.plans[-1] if self.plans else None
        self.nodes = self.plan[2]["nodes"] if self.plan else []
        self.place = {n["id"]: k for k, n in enumerate(self.nodes)}
        self.states()
        self.deviate()

    def there(self):
        return bool(self.mine or self.plans)

    def name(self, i):
        said = text(self.log.e[i]["ext"].get("node"))
        return said or None if self.log.e[i]["kind"] == "task" else said if self.log.e[i]["kind"] == "start" else None

    def states(self):
        log, e = self.log, self.log.e
        work = [i for i in self.mine if log.is_work(i)]
        state = {i: log.state(i, self.size) for i in work}
        self.movers = {r for x in state.values() for r in x[2]}
        self.work, self.stands = work, {i: state[i][0] not in ("failed", "rolled_back") for i in work}
        self.of, standing = {}, Counter()
        for i in self.mine:
            start = e[i]["kind"] == "start"
            if not start and i not in state:
                continue
            name, node = self.name(i), None
            if name is not None or start:
                node = name if name in self.place else None
            else:
                same = [n for n in self.nodes if n.get("act", n["id"]) == e[i]["act"]]
                free = [n for n in same if standing[n["id"]] < n.get("quota", {}).get("count_max", 1)]
                node = (free or same)[0]["id"] if same else None
            self.of[i] = node
            if not start and self.stands[i] and node is not None:
                standing[node] += 1
        called = lambda i: self.name(i) if self.name(i) is not None else self.of[i] if self.of[i] is not None else e[i]["act"]
        self.rows = []
        for i in self.mine:
            if i in state:
                st, by, _ = state[i]
                self.rows.append((i, "done" if st == "completed" else st, by if st != "completed" else None))
            elif e[i]["kind"] == "start":
                name = self.name(i) or ""
                if any(i in e[x]["pred"] or x > i and called(x) == name for x in work):
                    continue
                by = next((f for f in log.children[i] if f < self.size and e[f]["kind"] == "failure" and not log.breach[f]), None)
                self.rows.append((i, "failed" if by is not None else "running", by))
        newest = {}
        for i, st, _ in self.rows:
            if self.of[i] is not None:
                newest[self.of[i]] = (i, st)
        done = {self.of[i] for i, st, _ in self.rows if st == "done" and i in state}
        self.newest = newest
        self.node_state = {}
        for n in self.nodes:
            self.node_state[n["id"]] = newest[n["id"]][1] if n["id"] in newest else "ready" if all(a in done for a in n.get("after", [])) else "pending"

    def deviate(self):
        log, e, size = self.log, self.log.e, self.size
        self.dev = {d: [] for d in DEVIATIONS}
        if not self.plan:
            return
        by_node = defaultdict(list)
        for i in self.work:
            if self.of[i] is not None:
                by_node[self.of[i]].append(i)
        acts = [i for i in self.work if e[i]["kind"] != "checkpoint"]
        starts = [i for i in self.mine if e[i]["kind"] == "start"]
        note = lambda what, i, node="", before="", quota="", order=0: self.dev[what].append(
            ((i if i is not None else -1, self.place.get(node, -1), order, self.place.get(before, -1)),
             {"deviation": what, "jti": e[i]["jti"].replace("-", "") if i is not None else "", "index": i if i is not None else NONE, "node": node or "",
              "before": before, "quota": quota}))
        behind = defaultdict(set)  # nodes behind a node
        for n in self.nodes:
            todo, had = list(n.get("after", [])), set()
            while todo:
                a = todo.pop()
                if a not in had:
                    had.add(a)
                    behind[a].add(n["id"])
                    todo += self.nodes[self.place[a]].get("after", [])
        for n in self.nodes:
            if not by_node[n["id"]] and any(by_node[b] for b in behind[n["id"]]):
                note("missing", None, n["id"])
        for i in sorted(acts + starts):
            if self.of[i] is None:
                note("extra", i)
        inside, within = set(self.mine), {}
        for i in self.mine:
            ps = [p for p in e[i]["pred"] if p in inside]
            within[i] = set(ps).union(*(within[p] for p in ps))
        for i in self.work:
            if self.of[i] is None:
                continue
            n = self.nodes[self.place[self.of[i]]]
            for before in n.get("after", []):
                if not any(b in within[i] for b in by_node[before]):
                    note("out_of_order", i, n["id"], before)
            slot = n.get("hitl")
            if slot is None:
                continue
            kinds = [e[p]["kind"] for p in e[i]["pred"]]
            if slot.get("kind", "approval") == "notify":
                ok = "hitl_request" in kinds or "hitl_decision" in kinds
                count("slot notify %s" % ok)
            else:
                ok = False
                for d in e[i]["pred"]:
                    r = log.request_of(d) if e[d]["kind"] == "hitl_decision" else None
                    if r is None or e[r]["wid"] != self.wid or e[d]["iss"] == e[i]["iss"]:
                        continue
                    life = log.life_of(r, size)
                    count("slot of a request " + life["state"])
                    if life["approval"] == d and life["state"] in ("approved", "consumed") and ("role" not in slot or member_of(log.doc(d), slot["role"], e[d]["iss"])):
                        ok = True
                count("slot approval %s" % ok)
            if not ok:
                note("hitl_missing", i, n["id"])
        quota = self.plan[2].get("quota", {})
        for n in self.nodes:
            limit = n.get("quota", {})
            standing = [i for i in by_node[n["id"]] if self.stands[i]]
            if "count_max" in limit:
                for i in standing[limit["count_max"]:]:
                    note("over_quota", i, n["id"], quota="count_max", order=0)
            else:
                for i in standing[1:]:
                    note("duplicate_node", i, n["id"])
            if "wall_s_max" in limit:
                for i in by_node[n["id"]]:
                    began = [s for s in starts if s < i and self.of[s] == n["id"]]
                    if began and e[i]["iat"] - e[began[-1]]["iat"] > limit["wall_s_max"]:
                        note("over_quota", i, n["id"], quota="wall_s_max", order=3)
                for i, st, _ in self.rows:
                    if st == "running" and self.of[i] == n["id"] and log.now(size) // 1000 - e[i]["iat"] > limit["wall_s_max"]:
                        note("over_quota", i, n["id"], quota="wall_s_max", order=3)
                        count("over_quota wall_s_max of a running start")
        node = lambda i: self.of[i] or ""
        if "tasks_max" in quota:
            for i in acts[quota["tasks_max"]:]:
                note("over_quota", i, node(i), quota="tasks_max", order=1)
        if "agents_max" in quota:
            first = {}
            for i in acts:
                first.setdefault(e[i]["iss"], i)
            for i in list(first.values())[quota["agents_max"]:]:
                note("over_quota", i, node(i), quota="agents_max", order=2)
        if "wall_s_max" in quota and acts:
            began = min(e[i]["iat"] for i in acts + starts)
            for i in acts:
                if e[i]["iat"] - began > quota["wall_s_max"]:
                    note("over_quota", i, node(i), quota="wall_s_max", order=4)
                    count("over_quota wall_s_max whole")
        for d in DEVIATIONS:
            self.dev[d] = [x for _, x in sorted(self.dev[d], key=lambda p: p[0])]
            for x in self.dev[d]:
                count("over_quota " + x["quota"] if x["quota"] else "deviation " + d)

    def late(self):
        return bool(self.plan and self.mine and self.plan[0] > self.mine[0])

    def jti(self, i):
        return self.log.e[i]["jti"].replace("-", "") if i is not None else ""

    def answer(self, offset=0, limit=0):
        log, e = self.log, self.log.e
        if not self.there():
            return NOT_FOUND
        rows, states = [], Counter()
        for i, st, by in self.rows:
            rows.append({"jti": self.jti(i), "act": e[i]["act"], "state": st, "node": self.of[i] or "", "index": i, "iss": e[i]["iss"], "kind": e[i]["kind"],
                         "by_index": NONE if by is None else by, "by_jti": self.jti(by), "parents": e[i]["pred"]})
        for n in self.nodes:
            if n["id"] not in self.newest:
                rows.append({"jti": "", "act": n.get("act", n["id"]), "state": self.node_state[n["id"]], "node": n["id"], "index": NONE, "iss": "",
                             "by_index": NONE, "by_jti": "", "parents": []})
        for r in rows:
            states[r["state"]] += 1
            count("state " + r["state"])
        limit = limit or 1000
        page = rows[offset:offset + limit]
        approvals, overrides = [], []
        for r in reversed([i for i in self.mine if e[i]["kind"] == "hitl_request"]):
            life = log.life_of(r, self.size)
            if life["state"] in ("requested", "escalated"):
                count("open approval " + life["state"])
                approvals.append({"jti": self.jti(r), "index": r, "state": life["state"], "rule": life["name"] or "", "role": life["role"] or "",
                                  "deadline_ms": life["deadline"] or 0, "iss": e[r]["iss"]})
        for o, work in reversed(log.overrides_of(self.wid, self.mine, self.size).items()):
            if log.effective(o) and log.release_of(o, self.size) is None:
                scope = log.get(o, "scope")
                count("override in force")
                overrides.append({"jti": self.jti(o), "index": o, "level": log.get(o, "level"), "scope": scope if scope in ("subgraph", "workflow") else "node",
                                  "iss": e[o]["iss"], "stops_work": log.get(o, "level") in STOPS, "under_stop": len(work),
                                  "acks_pending": sum(s in ("pending", "missing") for s, _ in log.acks(o, self.size).values())})
        descriptor, declared = None, []
        if self.plan:
            at, _, doc, media, _ = self.plan
            quota = doc.get("quota", {})
            count("descriptor %s%s%s" % (media, " late" if self.late() else "", " after another" if len(self.plans) > 1 else ""))
            descriptor = {"index": at, "received_at_ms": log.time(at), "by": "loopback", "media": media, "name": doc.get("name", ""),
                          "version": doc.get("version", ""), "late": self.late(), "readable": True, "node_total": len(self.nodes),
                          "tasks_max": quota.get("tasks_max", 0), "agents_max": quota.get("agents_max", 0), "wall_s_max": quota.get("wall_s_max", 0),
                          "superseded": [d[0] for d in reversed(self.plans[:-1])]}
            for n in self.nodes:
                new = self.newest.get(n["id"], (None,))[0]
                slot = n.get("hitl", {})
                res = n.get("resources")
                declared.append({"node": n["id"], "act": n.get("act", n["id"]), "state": self.node_state[n["id"]],
                                 "tasks": sum(self.of[i] == n["id"] for i in self.work), "newest_index": NONE if new is None else new, "newest_jti": self.jti(new),
                                 "after": n.get("after", []), "hitl": slot.get("kind", "approval") if "hitl" in n else "", "role": slot.get("role", ""),
                                 "resources": "" if res is None else (cbor(res) if media == "cbor" else as_json(res)).hex()})
        return {"wid": uuid.UUID(self.wid).hex if self.wid else "", "tree_size": self.size, "complete": True, "states": {s: states[s] for s in STATES}, "nodes": page,
                "open_approvals": approvals, "overrides": overrides, "descriptor": descriptor, "declared": declared,
                "deviation_counts": {d: len(self.dev[d]) for d in DEVIATIONS}, "deviations": [x for d in DEVIATIONS for x in self.dev[d]],
                "explanations": [{"jti": self.jti(i), "index": i, "iss": e[i]["iss"], "explains_jti": [self.jti(p) for p in e[i]["pred"]]}
                                 for i in self.mine if e[i]["kind"] == "explanation"],
                "node_total": len(rows), "next": offset + limit if offset + limit < len(rows) else 0, "entries": len(self.mine),
                "rests_on": self.rests() if offset == 0 else []}

    def rests(self):
        if any(n.get("hitl", {}).get("kind", "approval") == "approval" for n in self.nodes if "hitl" in n):
            return Holds(self.bases())
        return sorted(self.bases())

    def bases(self):
        by = {b for i, _, b in self.rows if b is not None}
        return Holds(set(self.mine) | {d[0] for d in self.plans} | by | self.movers).least

    # conformance

    def findings(self, wids=True):
        """{rule: [index or None, ...]}"""
        log, e, size = self.log, self.log.e, self.size
        f = {r: [] for r in RULES}
        covered = set()
        here = set(self.mine)
        marked = lambda i, key: log.get(i, key) is True or matches(log.doc(i).get(key, []), e[i]["act"])
        for i in self.mine:
            kind, preds = e[i]["kind"], e[i]["pred"]
            if e[i]["level"] == 1:
                f["signed"].append(i)
            elif any(e[a]["level"] == 1 for a in log.anc[i]):
                f["chain_signed"].append(i)
            if any(e[p]["iat"] > e[i]["iat"] + 30 for p in preds):
                f["dag"].append(i)
            if not self.wid:
                f["workflow"].append(i)
            if log.breach[i]:
                f["kind_row"].append(i)
            if kind == "task" and not (e[i]["inp"] and e[i]["out"]):
                f["hashes"].append(i)
            if any(e[p]["kind"] == "checkpoint" or p in covered and p in here for p in preds):
                covered.add(i)
            elif kind != "checkpoint" and (marked(i, "consequential") or log.irreversible(i)):
                f["checkpoint"].append(i)
            rule = guard(log.doc(i), e[i])
            if rule:
                state = log.guarded(i, rule, size)
                count("guarded " + state)
                if state in ("approval_missing", "approval_void") and not (log.is_work(i) and log.state(i, size)[0] == "rolled_back"):
                    f["approval"].append(i)
            if e[i]["level"] > 1 and any(i < at < size and e[i]["iss"] == iss and log.time(i) >= since for at, iss, since in getattr(log.w, "revoked", [])):
                f["signer_key"].append(i)
            if marked(i, "critical") and not (log.get(i, "attestation") or any(e[p]["kind"] == "attestation" for p in preds) or
                                              any(c < size and e[c]["kind"] == "attestation" for c in log.children[i])):
                f["attestation"].append(i)
            if i in log.bad_trust:
                f["trust_floor"].append(i)
            if i in log.in_quarantine:
                f["quarantine"].append(i)
            if kind == "translation" and self.bad_hop(i):
                f["translation"].append(i)
            if log.is_work(i) and self.retired(i):
                f["retired"].append(i)
        for o, work in log.overrides_of(self.wid, self.mine, size).items():
            f["under_stop"] += [x for x in work if not e[x]["iat"] * 1000 + 999 < log.time(o)]
            if log.effective(o):
                acks = log.acks(o, size).values()
                for s, late in acks:
                    count("ack " + s + (" late" if late else ""))
                if any(s == "missing" or late for s, late in acks):
                    f["override_ack"].append(o)
        if log.doc(size - 1).get("retention_s", 0) < 15552000:
            f["retention"].append(None)
        for i in self.records():
            flags = log.rec[i]["flags"]
            for x in flags:
                count("recovery " + e[i]["kind"] + " " + x)
            if flags - {"repeat"} and not (e[i]["kind"] == "failure" and flags == {"unknown_target"} and any(e[p]["kind"] == "start" for p in e[i]["pred"])):
                f["recovery"].append(i)
        for i, st, _ in self.rows:
            if st in ("failed", "rollback_requested", "rollback_failed", "compensation_required"):
                f["failures_resolved"].append(i)
        for d in DEVIATIONS:
            f["descriptor"] += [x["index"] if x["index"] != NONE else None for x in self.dev[d]]
        if self.late():
            f["descriptor"].append(self.mine[0])
        return f

    def records(self):
        """Recovery records in the workflow or about its tasks; results by their request."""
        log, size = self.log, self.size
        out = {i for i in self.mine if i in log.rec and log.rec[i].get("of") is None}
        for t in self.mine:
            out |= {i for i in log.failures_of[t] if i < size}
        for i in list(out):
            if log.e[i]["kind"] == "rollback_request":
                out |= {r for r in log.requests_of[i] if r < size}
        return sorted(out)

    def bad_hop(self, i):
        log, e = self.log, self.log.e
        preds, ext = e[i]["pred"], e[i]["ext"]
        source = next((p for p in preds if e[p]["kind"] == "translation"), preds[0] if preds else None)
        hop = source is not None and e[source]["kind"] == "translation"
        src, dst = text(ext.get("src_proto")) or None, text(ext.get("dst_proto")) or None
        loss = ext.get("loss")
        flags = set()
        if len(preds) != 1:
            flags.add("not_one_parent")
        if not (e[i]["inp"] and e[i]["out"]):
            flags.add("missing_hash")
        if source is not None and e[source]["kind"] != "task" and e[source]["out"] and e[i]["inp"] and e[source]["out"] != e[i]["inp"]:
            flags.add("hash_gap")
        if hop and src and text(e[source]["ext"].get("dst_proto")) and e[source]["ext"]["dst_proto"] != src:
            flags.add("proto_mismatch")
        if not src or not dst:
            flags.add("missing_proto")
        if loss is not None and not (isinstance(loss, list) and all(isinstance(x, dict) and text(x.get("field")) is not None and text(x.get("kind")) is not None
                                                                    for x in loss)):
            flags.add("bad_loss")
        for x in flags:
            count("hop " + x)
        return flags

    def retired(self, i):
        """Whether its agent's retirement, as known at the size, is in force at it."""
        log, e = self.log, self.log.e
        iss, at, event = e[i]["iss"], None, None
        for x in log.life[iss]:
            if x >= self.size:
                break
            ext, word = e[x]["ext"], log.get(x, "event")
            if "subject" in ext and not text(ext["subject"]) or e[x]["iss"] != iss and not commands(log.doc(x), e[x]["iss"]) or word is None:
                continue
            if at is not None and log.time(x) >= at:
                continue
            if word == "retire":
                sunset = whole(ext.get("sunset"))
                at, event = max(log.time(x), sunset * 1000 if sunset is not None else 0), x
        return event is not None and i > event and log.time(i) >= at

    def judge(self, profile):
        f = self.findings()
        rules, fails, warns = [], [], []
        for name, row in RULES.items():
            minded = row[PROFILES.index(profile)]
            result = minded if f[name] else "pass"
            if f[name]:
                count("rule " + name)
            if minded == "-":
                continue
            first = min([i for i in f[name] if i is not None], default=None)
            rules.append({"rule": name, "result": result, "count": len(f[name]), "first_jti": self.jti(first), "first_index": NONE if first is None else first})
            (fails if result == "fail" else warns if result == "warn" else []).append(name)
        level, missing = 0, []
        if self.mine:
            for n in (1, 2, 3):
                missing = [r for r, row in RULES.items() if row[3] == n and f[r]]
                if missing:
                    break
                level = n
        count("aem %d" % level)
        count(("conforms " if not fails else "does not conform ") + profile)
        signed = sum(self.log.e[i]["level"] > 1 for i in self.mine)
        return {"profile": profile, "conforms": not fails, "complete": True, "rules": rules, "aem_level": level, "aem_missing": missing, "entries": len(self.mine),
                "levels": {"L1": len(self.mine) - signed, "L2": 0, "L3": signed}}, fails, warns


def as_json(x):
    import json
    return json.dumps(x).encode()


def profile_in(log, size, asked):
    return asked or log.doc(size - 1).get("profile", "standard")


def conformance(log, wid, asked):
    def expect(size):
        flow = Flow(log, wid, size)
        if not flow.there():
            return NOT_FOUND
        out, _, _ = flow.judge(profile_in(log, size, asked))
        return dict(out, wid=uuid.UUID(wid).hex if wid else "", tree_size=size, rests_on=Holds(flow.bases()))
    return expect


def in_order(log, size):
    """Workflows in the order of their first entries, a descriptor counting as one; None, if there are such tasks, last."""
    first = {}
    for at, wid, *_ in log.w.descriptors:
        if at < size:
            first[wid] = min(at, first.get(wid, at))
    for wid, mine in log.wf.items():
        if mine and mine[0] < size:
            first[wid] = min(mine[0], first.get(wid, mine[0]))
    lone = first.pop(None, None)
    return sorted(first, key=first.get) + ([None] if lone is not None else [])


def raw_of(wid):
    return uuid.UUID(wid).hex if wid else ""


def listed(log, offset, limit):
    def expect(size):
        wids = in_order(log, size)
        rows = []
        for wid in wids[offset:offset + limit]:
            mine = [i for i in log.wf.get(wid, []) if i < size]
            plans = [d[0] for d in log.w.descriptors if d[1] == wid and d[0] < size]
            rows.append({"wid": raw_of(wid), "entries": len(mine), "agents": len({log.e[i]["iss"] for i in mine}), "first_index": mine[0] if mine else NONE,
                         "last_index": mine[-1] if mine else NONE, "first_at_ms": log.time(mine[0]) if mine else 0,
                         "last_at_ms": log.time(mine[-1]) if mine else 0, "descriptor_index": plans[-1] if plans else NONE})
        more = offset + limit < len(wids)
        count("page of workflows")
        return {"tree_size": size, "complete": not more, "workflows": rows, "workflow_total": len(wids), "next": offset + limit if more else 0}
    return expect


def conformance_of_all(log, asked, offset, limit):
    def expect(size):
        wids, profile = in_order(log, size), profile_in(log, size, asked)
        rows, sums, levels, entries, lowest = [], {}, Counter(), 0, []
        for wid in wids[offset:offset + limit]:
            out, fails, warns = Flow(log, wid, size).judge(profile)
            rows.append({"wid": raw_of(wid), "conforms": out["conforms"], "complete": True, "entries": out["entries"], "fails": len(fails), "warns": len(warns),
                         "worst": (fails + warns + [""])[0], "aem_level": out["aem_level"]})
            for r in out["rules"]:
                s = sums.setdefault(r["rule"], dict(r, count=0))
                s["count"] = max(s["count"], r["count"]) if r["rule"] == "retention" else s["count"] + r["count"]
                if r["first_index"] < s["first_index"]:
                    s["first_index"], s["first_jti"] = r["first_index"], r["first_jti"]
                if r["result"] != "pass":
                    s["result"] = r["result"]
            levels.update(out["levels"])
            entries += out["entries"]
            lowest.append(out["aem_level"])
        more = offset + limit < len(wids)
        count("page of all")
        return {"profile": profile, "tree_size": size, "conforms": all(r["conforms"] for r in rows), "rules": [sums[r] for r in RULES if r in sums],
                "entries": entries, "aem_level": min(lowest), "levels": {n: levels[n] for n in ("L1", "L2", "L3")}, "workflows": rows,
                "workflow_total": len(wids), "next": offset + limit if more else 0}
    return expect


logs = {}


def questions(rng, world, wid, indexes):
    log = logs.setdefault(id(world), Log(world))
    log.catch_up()
    raw = uuid.UUID(wid).bytes if wid else b""
    yield "Query/Workflow", "Workflow", {"wid": raw}, lambda size: Flow(log, wid, size).answer()
    if rng.random() < 0.2:
        offset, limit = rng.randint(0, 6), rng.randint(1, 5)
        yield "Query/Workflow", "Workflow", {"wid": raw, "offset": offset, "limit": limit}, lambda size: Flow(log, wid, size).answer(offset, limit)
    if rng.random() < 0.05:
        total = len(in_order(log, indexes[0] + 1))
        offset, limit = rng.choice([max(0, total - 2), rng.randrange(max(1, total - 1))]), rng.randint(1, 4)
        yield "Query/Workflows", "Workflows", {"offset": offset, "limit": limit}, listed(log, offset, limit)
        asked = rng.choice(PROFILES + ("",))
        yield "Query/Conformance", "Conformance", {"all": True, "profile": asked, "offset": offset, "limit": limit}, conformance_of_all(log, asked, offset, limit)
    if rng.random() < 0.02:
        count("not found")
        for name in ("Workflow", "Conformance"):
            yield "Query/" + name, name, {"wid": uuid.UUID(int=rng.getrandbits(128)).bytes}, lambda size: NOT_FOUND
    for asked in PROFILES + (("",) if rng.random() < 0.2 else ()):
        yield "Query/Conformance", "Conformance", {"wid": raw, "profile": asked}, conformance(log, wid, asked)
