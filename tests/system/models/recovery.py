"""Rollback sets, requests, results, states and breakers, by docs/RECOVERY.md (and KINDS.md, POLICY.md): plain and slow, from the pages alone."""
import atexit
import collections
import os
import uuid

WORK = ("task", "checkpoint", "translation")
NOT_FOUND, BAD_REQUEST = 23, 29
NONE = (1 << 64) - 1
VOID = {"breach", "unsigned", "bad_scope", "unknown_target", "bad_target", "not_authorized", "stale_request", "idem_conflict", "bad_transition"}
STATES = ("completed", "failed", "rollback_requested", "rolled_back", "rollback_failed", "compensation_required")
ROWS = {  # least predecessors, one of them is a, keys: type or values; "!" required
    "checkpoint": (1, None, {"cp_scope": "string", "state_hash": "hash", "state_ref": "string", "reversible": "bool", "ttl_s": "int"}),
    "failure": (1, None, {"fail_class": ["timeout", "dependency", "policy", "internal", "external"], "fail_code": "string", "retryable": "bool"}),
    "rollback_request": (1, None, {"idem": "string", "target_cp": "uuid", "set": "uuids", "scope": "string", "reason": "string", "not_after": "int"}),
    "rollback_result": (1, "rollback_request", {"!outcome": ["success", "partial", "refused", "irreversible", "failed"], "idem": "string", "done": "uuids",
                                                "left": "uuids", "compensations": "uuids"}),
    "compensation": (1, None, {"!compensates": "pred", "compensation_reason": "string"}),
    "circuit": (1, None, {"!state": ["closed", "open", "half_open"], "edge_from": "uri", "edge_to": "uri", "rate": "number", "window": "int"})}
FLAGS = ("breach", "unsigned", "bad_scope", "unknown_target", "bad_target", "not_authorized", "stale_request", "idem_conflict", "repeat", "idem_mismatch",
         "void_request", "outside_set", "bad_transition")
SEEN = collections.Counter()
EVERY = (["state " + s for s in STATES] + ["action " + a for a in ("undo", "compensate", "irreversible", "already_rolled_back")] +
         ["set " + s for s in ("failed", "checkpoint", "full")] +
         ["set " + s for s in ("join", "foreign", "page", "record asked", "no checkpoint", "to: not returned to", "to: not above")] +
         ["asked " + s for s in ("open", "stale", "success", "partial", "refused", "irreversible", "failed", "repeat", "void")] +
         ["scope " + s for s in ("node", "failed", "checkpoint", "full", "workflow")] +
         ["request flag " + f for f in FLAGS if f not in ("idem_mismatch", "void_request", "outside_set")] +
         ["result flag " + f for f in ("breach", "unsigned", "stale_request", "idem_mismatch", "void_request", "outside_set", "bad_transition")] +
         ["%s flag %s" % (k, f) for k in ("failure", "compensation") for f in ("breach", "unsigned", "unknown_target", "bad_transition")] +
         ["edge " + s for s in ("closed", "open", "half_open", "report agrees", "report disagrees", "stray", "self_reported", "third_party", "while_open")] +
         ["change " + s for s in ("closed>open", "open>half_open", "half_open>open", "half_open>closed")] +
         ["authority " + s for s in ("signer", "root", "coordinator", "human")])


def told():
    for name in EVERY:
        print("%9d %s%s" % (SEEN[name], name, "" if SEEN[name] else "   <-- never"))
    for name in sorted(set(SEEN) - set(EVERY)):
        print("%9d %s" % (SEEN[name], name))


if os.environ.get("MODEL_COVER"):
    atexit.register(told)


def is_uuid(v):
    try:
        return isinstance(v, str) and len(v) == 36 and str(uuid.UUID(v)) == v.lower()
    except ValueError:
        return False


def fits(value, kind, preds):
    if isinstance(kind, list):
        return value in kind if isinstance(value, str) else False
    if kind in ("string", "uri", "hash"):
        return isinstance(value, str)
    if kind == "int":
        return isinstance(value, int) and not isinstance(value, bool)
    if kind == "bool":
        return isinstance(value, bool)
    if kind == "number":
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    if kind == "uuid":
        return is_uuid(value)
    if kind == "uuids":
        return isinstance(value, list) and len(value) <= 100 and all(is_uuid(v) for v in value) and len(set(value)) == len(value)
    assert kind == "pred"
    return is_uuid(value) and value in preds


def hexid(text):
    return text.replace("-", "") if text else ""


class Log:
    """What the world has, with successors and names; grows with it."""

    def __init__(self, world):
        self.world, self.e = world, world.entries
        self.kids, self.by_jti, self.by_wid, self.first_of = [], {}, {}, {}
        self.breaches, self.sets, self.requests, self.replays = {}, {}, {}, {}
        self.edges, self.events, self.strays = [], [], []

    def grow(self):
        for i in range(len(self.kids), len(self.e)):
            e = self.e[i]
            self.kids.append([])
            if e["entry"] != "token":
                continue
            for p in e["pred"]:
                self.kids[p].append(i)
            self.by_jti.setdefault(e["jti"], []).append(i)
            self.by_wid.setdefault(e["wid"], []).append(i)
            self.first_of.setdefault(e["iss"], i)

    def work(self, i):
        return self.e[i]["entry"] == "token" and self.e[i]["kind"] in WORK

    def unsigned(self, i):
        return self.e[i]["level"] == 1

    def breach(self, i):
        if i not in self.breaches:
            e = self.e[i]
            least, wanted, keys = ROWS[e["kind"]]
            bad = len(e["pred"]) < least or bool(wanted and not any(self.e[p]["kind"] == wanted for p in e["pred"]))
            for key, kind in keys.items():
                name = key.lstrip("!")
                if name not in e["ext"]:
                    bad = bad or key != name
                else:
                    bad = bad or not fits(e["ext"][name], kind, [self.e[p]["jti"] for p in e["pred"]])
            self.breaches[i] = bad
        return self.breaches[i]

    def means(self, i, jti):
        """What an id in the extension of entry i means: an index, or None."""
        for p in self.e[i]["pred"]:
            if self.e[p]["jti"] == jti:
                return p
        known = [x for x in self.by_jti.get(jti, []) if x < i]
        own = [x for x in known if self.e[x]["wid"] == self.e[i]["wid"]]
        if own:
            return own[0]
        return known[0] if len(known) == 1 else None

    def listed(self, i):
        return any(a == self.e[i]["act"] or (a[-1:] == "*" and self.e[i]["act"].startswith(a[:-1])) for a in self.world.doc_at(i).get("irreversible", []))

    def irreversible(self, i):
        e = self.e[i]
        return (e["kind"] == "task" and e["ext"].get("irreversible") is True) or self.listed(i) or (e["kind"] == "checkpoint" and e["ext"].get("reversible") is False)

    def wants_compensation(self, i):
        return self.e[i]["kind"] == "task" and self.e[i]["ext"].get("compensation_required") is True

    def can_return(self, i, now):
        e = self.e[i]
        if e["kind"] != "checkpoint" or self.breach(i) or e["ext"].get("reversible") is False or self.listed(i):
            return False
        return "ttl_s" not in e["ext"] or e["received_ms"] + e["ext"]["ttl_s"] * 1000 >= now

    def up(self, roots):
        """{index: fewest hops} of what the roots rest on, and the roots."""
        hops, at = {r: 0 for r in roots}, list(roots)
        while at:
            at, before = [], at
            for i in before:
                for p in self.e[i]["pred"]:
                    if p not in hops:
                        hops[p] = hops[i] + 1
                        at.append(p)
        return hops

    def down(self, roots, size):
        hops, at = {r: 0 for r in roots}, list(roots)
        while at:
            at, before = [], at
            for i in before:
                for c in self.kids[i]:
                    if c < size and c not in hops:
                        hops[c] = hops[i] + 1
                        at.append(c)
        return hops

    def nearest(self, roots, now):
        found = [(h, -i) for i, h in self.up(roots).items() if i not in roots and self.can_return(i, now)]
        return -min(found)[1] if found else None

    def holds(self, iss, role, at):
        for p in self.world.doc_at(at).get("roles", {}).get(role, []):
            if p == iss or (p.endswith("/*") and iss.startswith(p[:-1]) and len(iss) > len(p) - 1):
                return True
        return False

    # --- section 2

    def judge(self, i):
        """What a request says, of itself and by the log before it: no states."""
        if i in self.requests:
            return self.requests[i]
        e = self.e[i]
        q = {"flags": [], "roots": [], "scope": "", "cp": None, "until": 0, "set": [], "idem": "", "first": None, "named": None}
        self.requests[i] = q
        if self.breach(i):
            q["flags"] = ["breach"]
            return q
        ext, doc, now = e["ext"], self.world.doc_at(i), e["received_ms"]
        q["idem"] = ext.get("idem", "")
        targets = []
        for p in e["pred"]:
            for x in [p] + (self.e[p]["pred"] if self.e[p]["kind"] == "failure" else []):
                if self.work(x) and x not in targets:
                    targets.append(x)
        unknown = not targets
        if "set" in ext:
            meant = [self.means(i, j) for j in ext["set"]]
            roots = sorted({m for m in meant if m is not None and self.work(m)})
            unknown = unknown or not ext["set"] or any(m is None or not self.work(m) for m in meant) or not set(roots) & set(targets)
        else:
            roots = sorted(targets)
        roots = [] if unknown else roots
        if "target_cp" in ext and self.means(i, ext["target_cp"]) is None:
            unknown = True
        q["roots"] = roots
        scope = ext.get("scope", "node" if "set" in ext else "checkpoint" if "target_cp" in ext else "failed")
        scope = "failed" if scope == "subgraph" else scope
        bad_scope = scope not in ("node", "failed", "checkpoint", "full", "workflow")
        if "set" in ext and "target_cp" in ext or "set" in ext and scope not in ("node", "failed") or "target_cp" in ext and scope not in ("checkpoint", "full"):
            bad_scope = True
        q["scope"] = "" if bad_scope else scope
        age = doc.get("recovery", {}).get("request_age_max_s", 86400)
        ends = ([ext["not_after"] * 1000] if "not_after" in ext else []) + ([now + age * 1000] if age else [])
        q["until"] = min(ends) if ends else None
        flags = set()
        if self.unsigned(i) and any(not self.unsigned(r) for r in roots):
            flags.add("unsigned")
        if bad_scope:
            flags.add("bad_scope")
        if unknown:
            flags.add("unknown_target")
        if roots and not self.may_ask(i, [r for r in roots if r in targets], doc):
            flags.add("not_authorized")
        if q["until"] is not None and now > q["until"]:
            flags.add("stale_request")
        # the checkpoint
        cp = None
        if not flags and scope in ("checkpoint", "full"):
            if "target_cp" in ext:
                cp = self.means(i, ext["target_cp"])
                good = cp is not None and self.can_return(cp, now)
            else:
                cp = self.nearest(roots, now)
                good = cp is not None
            if not good:
                flags.add("bad_target")
            q["cp"] = cp
        # asked twice
        if "idem" in ext and not flags & {"unsigned", "bad_scope", "unknown_target"}:
            q["named"] = (scope, tuple(roots), ext.get("target_cp"))
            for j in range(i):
                f = self.e[j]
                if f["kind"] == "rollback_request" and f["iss"] == e["iss"] and f["ext"].get("idem") == ext["idem"]:
                    first = self.judge(j)
                    if set(first["flags"]) & {"breach", "unsigned", "bad_scope", "unknown_target"}:
                        continue
                    same = first["named"] == q["named"]
                    flags.add("repeat" if same else "idem_conflict")
                    if same:
                        q["first"] = j
                    break
        q["flags"] = flags
        q["set"] = self.reach(roots, scope, cp, i) if not flags & VOID else []
        return q

    def may_ask(self, i, roots, doc):
        iss = self.e[i]["iss"]
        ways = doc.get("recovery", {}).get("requesters", ["signer", "root", "coordinator", "human"])
        found = []
        if any(self.e[r]["iss"] == iss for r in roots):
            found.append("signer")
        if any(self.e[r]["wid"] and self.e[self.by_wid[self.e[r]["wid"]][0]]["iss"] == iss for r in roots):
            found.append("root")
        found += [w for w in ("coordinator", "human") if self.holds(iss, w, i)]
        found = [w for w in found if w in ways]
        if len(found) == 1:
            SEEN["authority " + found[0]] += 1
        return bool(found)

    def reach(self, roots, scope, cp, size):
        if scope == "full":
            out = set(self.down([cp], size)) - {cp}
        else:
            out = set(roots) if scope == "node" else set(self.down(roots, size))
        if scope == "checkpoint":
            out |= set(self.down([cp], size)) & set(self.up(roots)) - {cp}
        if scope == "workflow":
            for w in {self.e[r]["wid"] for r in roots if self.e[r]["wid"]}:
                out |= {x for x in self.by_wid[w] if x < size}
        return sorted(x for x in out | set(roots) if self.work(x))

    def replay(self, size):
        """The replay of the first 'size' entries; copies are kept on the way."""
        if size in self.replays:
            return self.replays[size]
        start = max((s for s in self.replays if s < size), default=0)
        r = Replay(self, self.replays.get(start))
        for i in range(start, size):
            r.entry(i)
        r.time(self.e[size - 1]["received_ms"])
        if len(self.replays) > 60:
            for s in [s for s in self.replays if s % 256]:
                del self.replays[s]
        self.replays[size] = r
        return r


class Replay:
    """States after some entries: everything in it is a plain dict of tuples, so that a copy is cheap."""

    def __init__(self, log, before):
        self.log = log
        self.state = dict(before.state) if before else {}      # work -> (state, by, holder, before, by of before)
        self.asked = dict(before.asked) if before else {}      # request -> flags
        self.results = dict(before.results) if before else {}  # request -> ((result, flags), ...)
        self.last = dict(before.last) if before else {}        # request -> outcome of its newest result with effect
        self.records = dict(before.records) if before else {}  # failure, compensation, stray result -> flags
        self.changed = dict(before.changed) if before else {}  # work -> (records that changed its state)
        self.waiting = set(before.waiting) if before else set()

    def put(self, x, state, by, holder=None, before=None, by_before=NONE):
        self.state[x] = (state, by, holder, before, by_before)
        if by != NONE and by not in self.changed.get(x, ()):
            self.changed[x] = self.changed.get(x, ()) + (by,)
        (self.waiting.add if state == "rollback_requested" else self.waiting.discard)(x)

    def time(self, now):
        for x in sorted(self.waiting):
            _, _, holder, before, by = self.state[x]
            until = self.log.judge(holder)["until"]
            if until is not None and now > until and holder not in self.last:
                self.state[x] = (before, by, holder, None, NONE)
                self.waiting.discard(x)
                SEEN["stale request lets go"] += 1

    def entry(self, i):
        log, e = self.log, self.log.e[i]
        if e["entry"] != "token":
            return
        if e["kind"] in WORK:
            self.state[i] = ("completed", NONE, None, None, NONE)
            return
        if e["kind"] not in ("failure", "compensation", "rollback_request", "rollback_result"):
            return
        self.time(e["received_ms"])
        if e["kind"] == "rollback_request":
            self.request(i)
        elif e["kind"] == "rollback_result":
            self.result(i)
        elif log.breach(i):
            self.records[i] = frozenset(["breach"])
        else:
            if e["kind"] == "failure":
                named = [p for p in e["pred"] if log.work(p)]
            else:
                named = [p for p in [log.means(i, e["ext"]["compensates"])] if log.work(p)]
            flags = set() if named else {"unknown_target"}
            for x in named:
                state, by, holder, before, by_before = self.state[x]
                if log.unsigned(i) and not log.unsigned(x):
                    flags.add("unsigned")
                elif state == "rolled_back":
                    flags.add("bad_transition")
                elif e["kind"] == "compensation":
                    self.put(x, "rolled_back", i)
                elif state == "completed":
                    self.put(x, "failed", i, holder)
                elif state == "rollback_requested" and before == "completed":
                    self.state[x] = (state, by, holder, "failed", i)
                    self.changed[x] = self.changed.get(x, ()) + (i,)
                    SEEN["failure on a requested one"] += 1
            self.records[i] = frozenset(flags)

    def request(self, i):
        q = self.log.judge(i)
        flags = set(q["flags"])
        if not flags and all(self.state[r][0] in ("rolled_back", "compensation_required") for r in q["roots"]):
            flags.add("bad_transition")
        if not flags and q["cp"] is not None and (q["cp"] in q["roots"] or q["cp"] not in self.log.up(q["roots"])):
            flags.add("bad_target")
        self.asked[i] = frozenset(flags)
        if flags:
            return
        for x in q["set"]:
            state, by, holder, before, by_before = self.state[x]
            if state in ("completed", "failed", "rollback_failed"):
                self.put(x, "rollback_requested", i, i, state, by)
            elif state == "rollback_requested":
                self.put(x, state, i, i, before, by_before)
                SEEN["held by a newer request"] += 1

    def result(self, i):
        log, e = self.log, self.log.e[i]
        on = next((p for p in e["pred"] if log.e[p]["kind"] == "rollback_request"), None)
        if on is None:
            self.records[i] = frozenset(["breach"])
            return
        q, of = log.judge(on), on
        if "repeat" in self.asked[on]:
            of, q = q["first"], log.judge(q["first"])
        flags = set()
        done = set()
        if log.breach(i):
            flags = {"breach"}
        else:
            ext = e["ext"]
            if log.unsigned(i) and not log.unsigned(on):
                flags.add("unsigned")
            if ext.get("idem") != (None if log.breach(on) else log.e[on]["ext"].get("idem")):
                flags.add("idem_mismatch")
            if self.asked[of] & VOID:
                flags.add("void_request")
            elif q["until"] is not None and e["received_ms"] > q["until"]:
                flags.add("stale_request")
            if not flags and self.last.get(of) in ("success", "refused", "irreversible"):
                flags.add("bad_transition")
            if ext["outcome"] == "partial" and not flags:
                for j in ext.get("done", []):
                    m = log.means(i, j)
                    if m in q["set"]:
                        done.add(m)
                    else:
                        flags.add("outside_set")
        self.results[on] = self.results.get(on, ()) + ((i, frozenset(flags)),)
        if flags - {"outside_set"}:
            return
        outcome = e["ext"]["outcome"]
        if of in self.last:
            SEEN["second result"] += 1
        self.last[of] = outcome
        for x in q["set"]:
            state, by, holder, before, by_before = self.state[x]
            held = holder == of and state in ("rollback_requested", "rollback_failed")
            if outcome == "success" or x in done:
                if state in ("completed", "failed", "rollback_requested", "rollback_failed"):
                    self.put(x, "rolled_back", i)
            elif not held:
                SEEN["result on a task not held"] += 1
            elif outcome == "refused":
                self.put(x, before, by_before, holder)
                self.changed[x] = self.changed.get(x, ()) + (i,)
            elif outcome == "irreversible":
                self.put(x, "compensation_required", i)
            elif outcome == "failed":
                self.put(x, "rollback_failed", i, holder, before, by_before)
            elif log.irreversible(x) or log.wants_compensation(x):
                self.put(x, "compensation_required", i)
            else:
                self.put(x, "rollback_failed", i, holder, before, by_before)

    def told_state(self, i, now):
        flags = self.asked[i]
        if flags & VOID:
            return "void"
        if "repeat" in flags:
            return "repeat"
        if i in self.last:
            return self.last[i]
        until = self.log.judge(i)["until"]
        return "stale" if until is not None and now > until else "open"

    def tasks_of(self, i):
        q = self.log.judge(i)
        if not self.asked[i] & VOID and "repeat" in self.asked[i]:
            q = self.log.judge(q["first"])
        return q["roots"] if self.asked[i] & VOID else q["set"]

    def about(self, i):
        """The tasks that a request is listed about."""
        q = self.log.judge(i)
        return q["roots"] if self.asked[i] else q["set"]


def rollback(log, t, scope, to, limit, after, size):
    if t >= size:
        return NOT_FOUND
    now = log.e[size - 1]["received_ms"]
    name = scope or "failed"
    if to is not None:
        if to >= size:
            return NOT_FOUND
        cp = to
        if not log.can_return(to, now):
            SEEN["set to: not returned to"] += 1
            return BAD_REQUEST
        if name != "failed" and (to == t or to not in log.up([t])):
            SEEN["set to: not above"] += 1
            return BAD_REQUEST
    else:
        cp = log.nearest([t], now)
    if name != "failed" and cp is None:
        SEEN["set no checkpoint"] += 1
        return NOT_FOUND
    walk = log.down([cp if name == "full" else t], size)
    reached = set(walk)
    if name == "checkpoint":
        reached |= set(log.down([cp], size)) & set(log.up([t]))
    if name != "failed":
        reached.add(cp)
    out = {x for x in reached if log.work(x)} | {t}
    if name != "failed":
        out -= {cp}
    states = log.replay(size).state
    items = []
    for x in sorted(out, reverse=True):
        e = log.e[x]
        action = ("already_rolled_back" if states.get(x, "-")[0] == "rolled_back" else "compensate" if log.wants_compensation(x) else
                  "irreversible" if log.irreversible(x) else "undo")
        items.append({"jti": hexid(e["jti"]), "wid": hexid(e["wid"]), "index": x, "iss": e["iss"], "act": e["act"], "action": action,
                      "foreign": e["wid"] != log.e[t]["wid"], "join": any(p in reached for p in e["pred"]) and any(p not in reached for p in e["pred"])})
    rest = [o for o in items if not after or o["index"] < after]
    page = rest[:limit or 1000]
    rests = {t} | ({cp} if cp is not None else set()) | {o["index"] for o in page}
    for x in out:
        rests |= set(log.replay(size).changed.get(x, ()))
    count = lambda a: sum(o["action"] == a for o in items)
    SEEN["set " + name] += 1
    SEEN["set record asked"] += not log.work(t)
    SEEN["set page"] += len(rest) > len(page)
    for o in items:
        SEEN["action " + o["action"]] += 1
        SEEN["set join"] += o["join"]
        SEEN["set foreign"] += o["foreign"]
    return {"target_jti": hexid(log.e[t]["jti"]), "scope": name, "tree_size": size, "complete": True, "order": page, "tasks": len(items),
            "agents": len({o["iss"] for o in items}), "workflows": len({o["wid"] for o in items if o["wid"]}),
            "trust_domains": len({log.e[o["index"]]["domain"] for o in items if log.e[o["index"]]["domain"]}),
            "checkpoint_jti": hexid(log.e[cp]["jti"]) if cp is not None else "", "checkpoint_complete": True,
            "depth": max(walk.values()), "foreign": sum(o["foreign"] for o in items), "joins": sum(o["join"] for o in items),
            "undo": count("undo"), "compensate": count("compensate"), "irreversible": count("irreversible"), "already_rolled_back": count("already_rolled_back"),
            "next": page[-1]["index"] if len(rest) > len(page) else 0, "rests_on": sorted(rests)}


def flag_list(flags):
    return [f for f in FLAGS if f in flags]


def recovery(log, t, wid, limit, first, tasks_first, size):
    r, e, now = log.replay(size), log.e, log.e[size - 1]["received_ms"]
    named = lambda i: ([p for p in e[i]["pred"] if log.work(p)] if e[i]["kind"] == "failure" or log.breach(i) else
                       [p for p in [log.means(i, e[i]["ext"]["compensates"])] if log.work(p)])
    if wid is not None:
        members = [x for x in log.by_wid.get(wid, []) if x < size]
        if not members and not any(d[0] < size and d[1] == wid for d in log.world.descriptors):
            return NOT_FOUND
        tasks = [x for x in members if log.work(x)]
        asked = {i for i in r.asked if e[i]["wid"] == wid}
        records = {i for i in r.records if e[i]["wid"] == wid}
    else:
        if t >= size:
            return NOT_FOUND
        kind = e[t]["kind"]
        if log.work(t):
            tasks = [t]
        elif kind in ("failure", "compensation"):
            tasks = named(t)
        elif kind == "rollback_request":
            tasks = r.tasks_of(t)
        elif kind == "rollback_result":
            of = next((i for i, rs in r.results.items() if t in [x for x, _ in rs]), None)
            tasks = r.tasks_of(of) if of is not None else []
        else:
            return BAD_REQUEST
        asked = {t} & set(r.asked)
        records = {t} & set(r.records)
    asked |= {i for i in r.asked if set(r.about(i)) & set(tasks)}
    records |= {i for i in r.records if e[i]["kind"] != "rollback_result" and set(named(i)) & set(tasks)}
    both = sorted(i for i in asked | records if i >= first)
    page = both[:limit or 1000]
    counts = collections.Counter(r.state[x][0] for x in tasks)
    shown = [x for x in sorted(tasks) if (wid is None or r.state[x][0] != "completed") and x >= tasks_first]
    tasks_page = shown[:limit or 1000]
    out = {"tree_size": size, "complete": True, "states": {s: counts[s] for s in STATES}, "requests": [], "records": [], "tasks": [],
           "rests_on": set(page) | set(tasks_page), "next": both[len(page)] if len(both) > len(page) else 0, "tasks_next": shown[len(tasks_page)] if len(shown) > len(tasks_page) else 0}
    for i in page:
        head = {"jti": hexid(e[i]["jti"]), "wid": hexid(e[i]["wid"]), "index": i, "iss": e[i]["iss"]}
        if i in r.records:
            out["records"].append(dict(head, node_kind=e[i]["kind"], flags=flag_list(r.records[i])))
            for f in r.records[i]:
                SEEN["%s flag %s" % (e[i]["kind"].replace("rollback_", ""), f)] += 1
            continue
        q, results = log.judge(i), r.results.get(i, ())
        out["requests"].append(dict(
            head, state=r.told_state(i, now), scope=q["scope"], about_jti=[hexid(e[x]["jti"]) for x in q["roots"]],
            checkpoint_jti=hexid(e[q["cp"]]["jti"]) if q["cp"] is not None else "", idem=q["idem"], until_ms=q["until"] or 0, flags=flag_list(r.asked[i]),
            result_total=len(results), results=[{"jti": hexid(e[x]["jti"]), "index": x, "iss": e[x]["iss"],
                                                 "outcome": e[x]["ext"].get("outcome", "") if isinstance(e[x]["ext"].get("outcome", ""), str) else "",
                                                 "flags": flag_list(f)} for x, f in results[:100]]))
        out["rests_on"] |= {x for x, _ in results[:100]}
        SEEN["asked " + r.told_state(i, now)] += 1
        SEEN["scope " + q["scope"]] += 1
        for f in r.asked[i]:
            SEEN["request flag " + f] += 1
        for _, fs in results:
            for f in fs:
                SEEN["result flag " + f] += 1
    for s in STATES:
        SEEN["state " + s] += counts[s]
    for x in tasks_page:
        by = r.state[x][1]
        out["tasks"].append({"jti": hexid(e[x]["jti"]), "wid": hexid(e[x]["wid"]), "index": x, "iss": e[x]["iss"], "act": e[x]["act"], "state": r.state[x][0],
                             "by_jti": hexid(e[by]["jti"]) if by != NONE else "", "by_index": by})
    for x in tasks:
        out["rests_on"] |= set(r.changed.get(x, ()))
    out["rests_on"] = sorted(out["rests_on"])
    return out


# --- section 3

CIRCUIT = {"window": 20, "minimum": 5, "threshold": 0.5, "wait_s": 60, "probes": 1}


class Edge:
    """One breaker: calls, failures and reports in the order of the log."""

    def __init__(self, log, a, b):
        self.log, self.a, self.b = log, a, b
        self.state, self.since, self.until, self.opened = "closed", 0, None, None
        self.window, self.bad, self.probes = [], {}, 0  # bad: call -> its first failure
        self.calls = self.while_open = self.bad_total = self.self_reported = self.third_party = 0
        self.changes, self.reports = [], []

    def change(self, state, at_ms, index):
        SEEN["change %s>%s" % (self.state, state)] += 1
        self.changes.append({"state": state, "at_ms": at_ms, "index": index, "bad": sum(c in self.bad for c in self.window), "calls": len(self.window)})
        self.state, self.since = state, at_ms

    def time(self, now):
        if self.state == "open" and now >= self.until:
            self.change("half_open", self.until, NONE)
            self.window, self.probes = [], 0

    def open(self, i, doc):
        now = self.log.e[i]["received_ms"]
        self.change("open", now, i)
        self.until = now + doc["wait_s"] * 1000
        self.window = []

    def weigh(self, i, doc):
        n, b = len(self.window), sum(c in self.bad for c in self.window)
        # the share is a decimal with six digits at most: compared as whole numbers
        if n >= doc["minimum"] and b * 1000000 >= round(doc["threshold"] * 1000000) * n:
            self.open(i, doc)

    def params(self, i):
        doc = dict(CIRCUIT, **self.log.world.doc_at(i).get("circuit", {}))
        self.time(self.log.e[i]["received_ms"])
        return doc

    def call(self, i):
        doc = self.params(i)
        self.calls += 1
        if self.state == "open":
            self.while_open += 1
            return
        self.window = (self.window + [i])[-doc["window"]:]
        if self.state == "closed":
            self.weigh(i, doc)
        else:
            self.probes += 1
            if self.probes >= doc["probes"]:
                self.change("closed", self.log.e[i]["received_ms"], i)

    def failure(self, i, named):
        doc = self.params(i)
        iss = self.log.e[i]["iss"]
        first = [c for c in named if c not in self.bad]
        self.window = self.window[-doc["window"]:]
        for c in first:
            self.bad[c] = i
            self.bad_total += 1
            self.self_reported += iss == self.b
            self.third_party += iss not in (self.a, self.b)
        if any(c in self.window for c in first):
            if self.state == "half_open":
                self.open(i, doc)
            elif self.state == "closed":
                self.weigh(i, doc)

    def report(self, i):
        e = self.log.e[i]
        self.time(e["received_ms"])
        self.reports.append({"jti": hexid(e["jti"]), "index": i, "iss": e["iss"], "state": e["ext"]["state"], "computed": self.state,
                             "agrees": e["ext"]["state"] == self.state, "by_caller": e["iss"] == self.a})


def edges_of(log, size):
    """All edges of the first 'size' entries, in their order, and the number of strays."""
    edges, strays = {}, 0
    seen = {iss for iss, i in log.first_of.items() if i < size}
    edge = lambda a, b: edges.setdefault((a, b), Edge(log, a, b))
    by = {}  # call -> callers
    for i in range(size):
        e = log.e[i]
        if e["entry"] != "token":
            continue
        if log.work(i):
            by[i] = {log.e[p]["iss"] for p in e["pred"] if log.work(p)} - {e["iss"]}
            for a in by[i]:
                edge(a, e["iss"]).call(i)
        elif e["kind"] == "failure" and not log.breach(i):
            named = {}
            for p in e["pred"]:
                if log.work(p) and not (log.unsigned(i) and not log.unsigned(p)):
                    for a in by[p]:
                        named.setdefault((a, log.e[p]["iss"]), []).append(p)
            for k in named:
                edge(*k).failure(i, named[k])
        elif e["kind"] == "circuit":
            a, b = (e["ext"].get("edge_from", e["iss"]), e["ext"].get("edge_to")) if not log.breach(i) else (None, None)
            if a not in seen or b not in seen or a == b:
                strays += 1
            else:
                edge(a, b).report(i)
    for x in edges.values():
        x.time(log.e[size - 1]["received_ms"])
    return [edges[k] for k in sorted(edges, key=lambda k: (log.first_of[k[0]], log.first_of[k[1]]))], strays


def circuit(log, a, b, everything, limit, skip, size):
    if (size, id(log)) not in CIRCUITS:
        if len(CIRCUITS) > 3:
            CIRCUITS.clear()
        CIRCUITS[size, id(log)] = edges_of(log, size)
    edges, strays = CIRCUITS[size, id(log)]
    seen = {iss for iss, i in log.first_of.items() if i < size}
    if (a and a not in seen) or (b and b not in seen):
        return NOT_FOUND
    edges = [x for x in edges if (not a or x.a == a) and (not b or x.b == b)]
    listed = [x for x in edges if everything or x.changes or x.reports]
    page = listed[skip:][:limit or 100]
    out = {"tree_size": size, "complete": True, "edge_total": len(edges), "open": sum(x.state == "open" for x in edges),
           "half_open": sum(x.state == "half_open" for x in edges), "stray_reports": strays, "edges": [], "rests_on": set()}
    if len(listed) <= skip + len(page):
        out["next"] = 0
    for x in page:
        bad = [c for c in x.window if c in x.bad]
        out["edges"].append({"from": x.a, "to": x.b, "state": x.state, "since_ms": x.since, "bad": len(bad), "calls": len(x.window), "calls_total": x.calls,
                             "bad_total": x.bad_total, "self_reported": x.self_reported, "third_party": x.third_party, "while_open": x.while_open,
                             "changes": x.changes[-100:], "change_total": len(x.changes), "reports": x.reports[-100:], "report_total": len(x.reports),
                             "disagree_total": sum(not r["agrees"] for r in x.reports)})
        out["rests_on"] |= set(x.window) | {x.bad[c] for c in bad} | {c["index"] for c in x.changes[-100:]} - {NONE} | {r["index"] for r in x.reports[-100:]}
        SEEN["edge " + x.state] += 1
        SEEN["edge report agrees"] += any(r["agrees"] for r in x.reports)
        SEEN["edge report disagrees"] += not all(r["agrees"] for r in x.reports)
        for name in ("self_reported", "third_party", "while_open"):
            SEEN["edge " + name] += getattr(x, name) > 0
    SEEN["edge stray"] += strays > 0
    SEEN["edge page"] += "next" not in out
    out["rests_on"] = sorted(out["rests_on"])
    return out


LOGS, CIRCUITS = {}, {}


def questions(rng, world, wid, indexes):
    log = LOGS.setdefault(id(world), Log(world))
    log.grow()
    key = lambda i: dict({"wid": uuid.UUID(log.e[i]["wid"]).bytes} if log.e[i]["wid"] else {}, jti=uuid.UUID(log.e[i]["jti"]).bytes)
    tokens = [i for i in range(len(log.e)) if log.e[i]["entry"] == "token"]
    records = [i for i in tokens if log.e[i]["kind"] in ("failure", "compensation", "rollback_request", "rollback_result")]
    below = [c for i in tokens if log.e[i]["kind"] == "checkpoint" for c in log.kids[i]]
    below += [c for i in below for c in log.kids[i] if len(log.e[c]["pred"]) > 1]
    for n in range(5):
        t = rng.choice(indexes if n < 2 or not below else below)  # of the log, mostly where there is a checkpoint
        scope = rng.choice(["", "failed", "checkpoint", "full"])
        limit = rng.choice([0, 0, 0, 1, 2, 5])
        after = rng.choice([0, 0, 0, rng.choice(indexes)])
        to = rng.choice(indexes) if rng.random() < .1 else None
        cps = [i for i in indexes + log.e[t]["pred"] if log.e[i]["kind"] == "checkpoint"]
        if cps and rng.random() < .3:
            to = rng.choice(cps)
        more = {"to_jti": uuid.UUID(log.e[to]["jti"]).bytes} if to is not None else {}
        yield ("Query/RollbackSet", "Rollback", dict(key(t), scope=scope, limit=limit, after=after, **more),
               lambda size: rollback(log, t, scope, to, limit, after, size))
    for n in range(6):
        t = rng.choice(indexes if n < 2 or not records else records)
        if n > 3 and log.e[t]["pred"]:  # what a record is about
            t = rng.choice(log.e[t]["pred"])
        limit = rng.choice([0, 0, 1, 2])
        first, tasks_first = rng.choice([0, 0, rng.choice(indexes)]), rng.choice([0, 0, rng.choice(indexes)])
        yield ("Query/Recovery", "Recovery", dict(key(t), limit=limit, tasks_from=tasks_first, **{"from": first}),
               lambda size: recovery(log, t, None, limit, first, tasks_first, size))
    if wid:
        yield ("Query/Recovery", "Recovery", {"wid": uuid.UUID(wid).bytes}, lambda size: recovery(log, None, wid, 0, 0, 0, size))
    old = log.e[rng.choice(records)]["wid"] if records else None
    if old:
        yield ("Query/Recovery", "Recovery", {"wid": uuid.UUID(old).bytes}, lambda size: recovery(log, None, old, 0, 0, 0, size))
    if rng.random() < .12:
        a, b = (rng.choice(list(log.first_of)) if rng.random() < p else "" for p in (.3, .3))
        everything, limit = rng.random() < .6, rng.choice([0, 1000, 1, 7])
        skip, after, size = 0, 0, 0
        for _ in range(4):  # pages of one answer
            more = {"at": size} if size else {}
            reply = yield ("Query/Circuit", "Circuit", dict({"from": a, "to": b}, all=everything, limit=limit, after=after, **more),
                           lambda size, skip=skip: circuit(log, a, b, everything, limit, skip, size))
            if not isinstance(reply, dict) or not reply["next"]:
                break
            skip, after, size = skip + len(reply["edges"]), reply["next"], reply["tree_size"]
