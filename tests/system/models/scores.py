"""Trust and agents, translations and lifecycle, provenance, and what an entry is: from docs/SCORES.md, INTEROP.md, PROVENANCE.md, POLICY.md, KINDS.md."""
import atexit
import bisect
import collections
import hashlib
import json
import os
import uuid
from math import isqrt

NONE = 2 ** 64 - 1
NOT_FOUND, BAD_REQUEST = 23, 29
RATED = ("task", "checkpoint", "translation", "attestation")
MINOR = ("timeout", "dependency", "external")
RECORDS = ("trust_assertion", "trust_revocation", "quarantine", "quarantine_end")
RANK = {"good": 0, "minor": 1, "major": 2, "violation": 3}
CODES = {"failure": ("fail_class", "timeout dependency policy internal external"),
         "rollback_result": ("outcome", "success partial refused irreversible failed"), "circuit": ("state", "closed open half_open"), "hitl_decision": ("decision", "approved denied escalated withdrawn revoked"),
         "override": ("level", "pause constrain stop takeover advisory mandatory emergency"), "override_ack": ("status", "received complied refused unable"),
         "lifecycle": ("event", "version drain retire")}
seen = collections.Counter()


@atexit.register
def cover():
    if os.environ.get("MODEL_COVER"):
        for name in sorted(seen):
            print("  %7d %s" % (seen[name], name))


def came(*names):
    for n in names:
        seen[n] += 1


class Log:
    """What the model keeps of a world while it grows: who rests on what, what was said about whom.  Nothing here knows of scores."""

    def __init__(self, world):
        self.world, self.known = world, 0
        self.e = world.entries
        self.children = collections.defaultdict(list)
        self.by_iss = collections.defaultdict(list)
        self.by_jti = {}
        self.by_hash = collections.defaultdict(list)
        self.by_wid = collections.defaultdict(list)
        self.issuers = []                              # in the order of their first entries
        self.outcomes = collections.defaultdict(list)  # rated -> [(entry, task, outcome, rater)]
        self.records = collections.defaultdict(list)   # subject -> [entry]
        self.hops, self.events = [], collections.defaultdict(list)
        self.lower = {}                                # is it, or anything above it, unsigned?
        self.cache = {}
        world.score_of = self.score_of

    def grow(self):
        while self.known < len(self.e):
            x = self.e[self.known]
            i = self.known
            self.known += 1
            if x["entry"] != "token":
                continue
            if x["iss"] not in self.by_iss:
                self.issuers.append(x["iss"])
            self.by_iss[x["iss"]].append(i)
            self.by_jti[x["jti"]] = i
            self.by_wid[x["wid"]].append(i)
            for h in {x["inp"], x["out"]} - {None}:
                self.by_hash[h].append(i)
            for p in sorted(x["pred"]):
                self.children[p].append(i)
                self.judge(x, self.e[p])
            self.lower[i] = x["level"] == 1 or any(self.lower[p] for p in x["pred"])
            subject = x["ext"].get("subject")
            if x["kind"] in RECORDS and isinstance(subject, str):
                self.records[subject].append(i)
            if x["kind"] == "translation":
                self.hops.append(i)
            if x["kind"] == "lifecycle":
                self.events[subject if isinstance(subject, str) and subject else x["iss"]].append(i)
        return self

    def judge(self, x, task):
        """SCORES 1: what this entry says about that task."""
        own = x["iss"] == task["iss"]
        if task["kind"] not in RATED:
            return
        if x["kind"] in ("task", "checkpoint", "translation"):
            said = None if own else "good"
        elif x["kind"] == "attestation":
            said = "good"
        elif x["kind"] == "failure":
            c = x["ext"].get("fail_class")
            said = "minor" if c in MINOR else "violation" if c == "policy" else "major"
        else:
            said = None
        if said:
            self.outcomes[task["iss"]].append((x["index"], task["index"], said, x["iss"]))

    def first_of(self, wid):
        """A workflow's first entry, a descriptor or a task."""
        return min([self.by_wid[wid][0]] + [d[0] for d in self.world.descriptors if d[1] == wid])

    def now(self, size):
        return self.e[size - 1]["received_ms"] if size else 0

    def doc(self, size):
        return self.world.doc_at(size - 1) if size else {}

    # ---- scores ------------------------------------------------------------------------------------------------------------------------------

    def counted(self, iss, size):
        """Every outcome of the agent at a size, with what it counts as."""
        rows = [r for r in self.outcomes.get(iss, []) if r[0] < size]
        best = {}
        for i, t, said, rater in rows:
            if self.e[i]["level"] == 1 or self.e[t]["level"] == 1 or rater == iss:
                continue
            if (rater, t) not in best or RANK[said] > RANK[best[rater, t][1]]:
                best[rater, t] = (i, said)
        out = []
        for i, t, said, rater in sorted(rows):
            if self.e[i]["level"] == 1 or self.e[t]["level"] == 1:
                count = "unsigned"
            elif rater == iss:
                count = "self_report"
            else:
                count = "counted" if best[rater, t][0] == i else "repeated"
            out.append((i, t, said, rater, count))
        return out

    def score(self, iss, size, model="", half=0, rater="", act=""):
        """SCORES 2 and 3, with the evidence; half: 0 as the document has it, -1 none."""
        trust = self.doc(size).get("trust", {})
        mil = lambda name, other: round(trust.get(name, other) * 1000000)
        model = model or trust.get("model", "aimd")
        h = trust.get("half_life_s", 0) if half == 0 else max(half, 0)
        now = self.now(size)
        rows = [r for r in self.counted(iss, size) if (not rater or r[3] == rater) and (not act or self.e[r[1]]["act"] == act)]
        good = [r for r in rows if r[4] == "counted" and r[2] == "good"]
        bad = [r for r in rows if r[4] == "counted" and r[2] != "good"]
        at = lambda r: self.e[r[0]]["received_ms"]
        r, q = (nano(sum(weight(h, now - at(x)) for x in rows_)) for rows_ in (good, bad))
        d = r + q + 2 * 10 ** 9
        if model == "aimd":
            b = s = mil("start", .5) * 10 ** 12
            before = None
            for x in sorted(good + bad):
                if before is not None:
                    s = toward(s, b, weight(h, at(x) - before))
                before = at(x)
                if x[2] == "good":
                    s = min(10 ** 18, s + mil("add", .02) * 10 ** 12)
                else:
                    s = (s * mil(x[2], {"minor": .9, "major": .5, "violation": .1}[x[2]]) + 500000) // 10 ** 6
            if before is not None:
                s = toward(s, b, weight(h, now - before))
            score = (s + 5 * 10 ** 11) // 10 ** 12
        elif model == "beta":
            score = ratio(r + 10 ** 9, d)
        else:
            score = wilson(r, q)
        floor = mil("floor", .2)
        return {"model": model, "half_life_s": h, "score_e6": score, "positive": len(good), "negative": len(bad), "r_e6": micro(r), "s_e6": micro(q),
                "belief_e6": ratio(r, d), "disbelief_e6": ratio(q, d), "uncertainty_e6": ratio(2 * 10 ** 9, d), "floor_e6": floor,
                "under_floor": score < floor, "rows": rows, "self_reports": sum(x[4] == "self_report" for x in rows),
                "repeats": sum(x[4] == "repeated" for x in rows), "unsigned_count": sum(x[4] == "unsigned" for x in rows),
                "weight": lambda x: (weight(h, now - at(x)) * 10 ** 6 + 2 ** 61) // 2 ** 62 if x[4] == "counted" else 0}

    def score_of(self, iss, size, model, rater):
        self.grow()
        key = (iss, size, model, rater)
        if key not in self.cache:
            self.cache[key] = self.score(iss, size, model, 0, rater)["score_e6"]
        return self.cache[key]

    # ---- records about an agent ----------------------------------------------------------------------------------------------------------------

    def about(self, iss, size):
        """SCORES 4: rows of the records, and whether it is quarantined and revoked."""
        rows, by_index = [], {}
        for i in [i for i in self.records.get(iss, []) if i < size]:
            x = self.e[i]
            preds = [self.e[p] for p in x["pred"] if self.e[p]["ext"].get("subject") == iss]
            flags = ["self"] if x["iss"] == iss else []
            if x["level"] == 1:
                flags.append("unsigned")
            if x["kind"] in ("quarantine", "quarantine_end"):
                doc = self.world.doc_at(i)
                named = [n for n in ("operator", "coordinator", "human") if n in doc.get("roles", {})]
                if named and not any(holds(doc, n, x["iss"]) for n in named):
                    flags.append("not_authorized")
            if x["kind"] == "trust_revocation":
                told = [p for p in preds if p["kind"] == "trust_assertion"]
                if told and not any(p["iss"] == x["iss"] for p in told):
                    flags.append("not_asserter")
                if not told:
                    flags.append("no_assertion")
            if x["kind"] == "quarantine_end" and not any(p["kind"] == "quarantine" for p in preds):
                flags.append("no_quarantine")
            row = {"jti": plain_id(x["jti"]), "index": i, "record": x["kind"], "by": x["iss"], "in_force": not flags, "flags": flags, "until_index": NONE}
            if not flags:
                if x["kind"] == "quarantine_end":
                    ended = [p["index"] for p in preds if p["kind"] == "quarantine"]
                    for r in rows:
                        if r["index"] in ended and r["in_force"]:
                            r.update(in_force=False, until_index=i)
                elif x["kind"] != "quarantine":
                    for r in rows:
                        if r["record"] in ("trust_assertion", "trust_revocation") and r["by"] == x["iss"] and r["in_force"]:
                            r.update(in_force=False, until_index=i)
            if x["kind"] == "trust_assertion":
                row.update(self.check(x, iss))
            came(*["record " + x["kind"] + " " + f for f in flags or ["without flag"]])
            rows.append(row)
            by_index[i] = row
        return (rows, any(r["in_force"] for r in rows if r["record"] == "quarantine"),
                any(r["in_force"] for r in rows if r["record"] == "trust_revocation"))

    def check(self, x, iss):
        """SCORES 4: an assertion against a recomputation."""
        e, out = x["ext"], {}
        score, as_of, model = e.get("score"), e.get("as_of"), e.get("model")
        number = isinstance(score, (int, float)) and not isinstance(score, bool) and not repr(score).startswith("-")
        whole = isinstance(as_of, int) and not isinstance(as_of, bool) and 0 <= as_of < 2 ** 53
        if x["iss"] == iss:
            out = {"verdict": "self_assertion"}
        elif not number or not 0 <= score <= 1:
            out = {"verdict": "cannot", "why": "bad_score"}
        elif not whole:
            out = {"verdict": "cannot", "why": "no_as_of"}
        elif as_of > x["index"]:
            out = {"verdict": "cannot", "why": "as_of_ahead"}
        elif "model" in e and model not in ("aimd", "beta", "wilson"):
            out = {"verdict": "cannot", "why": "unknown_model"}
        else:
            told = half_up(score)
            every, own = self.score_of(iss, as_of, model or "", ""), self.score_of(iss, as_of, model or "", x["iss"])
            if abs(told - every) <= 1:
                out = {"verdict": "agrees", "basis": "all", "ours_e6": every}
            elif abs(told - own) <= 1:
                out = {"verdict": "agrees", "basis": "pair", "ours_e6": own}
            else:
                out = {"verdict": "differs", "ours_e6": every}
            out.update(model=model or self.doc(as_of).get("trust", {}).get("model", "aimd"), as_of=as_of, asserted_e6=told, why="")
        came("verdict %s %s%s" % (out["verdict"], out.get("why", ""), out.get("basis", "")))
        return out

    # ---- life ----------------------------------------------------------------------------------------------------------------------------------

    def life(self, iss, size):
        """INTEROP 2: the replay."""
        a = {"version": "", "successor": "", "has_sunset": False, "sunset_s": 0, "draining_since_ms": 0, "retires_at_ms": 0}
        rows, moment, drained = [], None, None
        for i in [i for i in self.events.get(iss, []) if i < size]:
            x, e, t = self.e[i], self.e[i]["ext"], self.e[i]["received_ms"]
            doc, flags = self.world.doc_at(i), []
            if x["iss"] != iss and not holds(doc, "operator", x["iss"]) and not holds(doc, "human", x["iss"]):
                flags.append("not_authorized")
            if a["retires_at_ms"] and t >= a["retires_at_ms"]:
                flags.append("after_retirement")
            event = e.get("event") if e.get("event") in ("version", "drain", "retire") else ""
            if not event:
                flags.append("no_event")
            if "subject" in e and not (isinstance(e["subject"], str) and e["subject"]):
                flags.append("bad_subject")
            none = bool(flags)
            sunset = e.get("sunset")
            if "sunset" in e and not (isinstance(sunset, int) and not isinstance(sunset, bool) and 0 <= sunset < 2 ** 53):
                flags.append("bad_sunset")
                sunset = None
            successor = e.get("successor")
            if "successor" in e and not (isinstance(successor, str) and successor and successor != iss):
                flags.append("bad_successor")
                successor = None
            version = e["version"] if isinstance(e.get("version"), str) else ""
            came(*["event " + (event or "none") + " " + f for f in flags or ["without flag"]])
            rows.append({"index": i, "jti": plain_id(x["jti"]), "by_iss": x["iss"], "event": event, "version": version, "successor": successor or "",
                         "has_sunset": sunset is not None, "sunset_s": sunset or 0, "received_ms": t, "flags": flags})
            if none:
                continue
            if event == "version":
                a["version"], a["draining_since_ms"], drained = version, 0, None
                if not a["retires_at_ms"]:
                    a["has_sunset"], a["sunset_s"] = False, 0
            elif event == "drain" and not a["draining_since_ms"]:
                a["draining_since_ms"], drained = t, i
            elif event == "retire":
                a["retires_at_ms"], moment = max(t, (sunset or 0) * 1000), i
            if sunset is not None:
                a["has_sunset"], a["sunset_s"] = True, sunset
            if successor:
                a["successor"] = successor
        now = self.now(size)
        retired = a["retires_at_ms"] and now >= a["retires_at_ms"]
        a["state"] = ("retired" if retired else "sunset" if a["has_sunset"] and now >= a["sunset_s"] * 1000 else
                      "retiring" if a["retires_at_ms"] else "draining" if a["draining_since_ms"] else "active")
        came("life " + a["state"])
        since = (moment, a["retires_at_ms"]) if retired else (drained, a["draining_since_ms"]) if a["draining_since_ms"] else (NONE, 0)
        return a, rows, since, bool(retired)

    # ---- graphs --------------------------------------------------------------------------------------------------------------------------------

    def kids(self, i, size):
        return [c for c in self.children.get(i, []) if c < size]

    def walk(self, roots, size, down):
        """Fewest steps from any root."""
        depth, level = {r: 0 for r in roots}, list(roots)
        while level:
            following = []
            for i in level:
                for j in self.kids(i, size) if down else self.e[i]["pred"]:
                    if j not in depth:
                        depth[j] = depth[i] + 1
                        following.append(j)
            level = following
        return depth

    def node(self, i, depth, wids):
        x = self.e[i]
        key, words = CODES.get(x["kind"], ("", ""))
        code = x["ext"].get(key)
        return {"jti": plain_id(x["jti"]), "wid": plain_id(x["wid"]), "index": i, "iss": x["iss"], "act": x["act"], "node_kind": x["kind"], "depth": depth,
                "foreign": x["wid"] not in wids, "chain_level": "L1" if self.lower[i] else LEVEL, "iat": x["iat"], "level": "L1" if x["level"] == 1 else LEVEL,
                "code": code if isinstance(code, str) and code in words.split() else "",
                "person": x["kind"] == "hitl_decision" or holds(self.world.doc_at(i), "human", x["iss"])}

    def graph(self, depth, wids, begin, limit):
        """PROVENANCE 2, pages: of nodes with their depths."""
        edges = {i: [p for p in sorted(self.e[i]["pred"]) if p in depth] for i in depth}
        nodes, links, following = [], [], 0
        for i in sorted(i for i in depth if i >= begin):
            if limit and (len(nodes) == limit or (nodes and len(links) + len(edges[i]) > 4 * limit)):
                following = i
                break
            nodes.append(self.node(i, depth[i], wids))
            links += [{"parent_index": p, "child_index": i, "foreign": self.e[p]["wid"] != self.e[i]["wid"]} for p in edges[i]]
        return {"nodes": nodes, "edges": links, "next": following, "node_total": len(depth), "edge_total": sum(map(len, edges.values())),
                "rests_on": [n["index"] for n in nodes], "complete": True}


LEVEL = "L2"  # TOKENS: signed


def plain_id(text):
    return text.replace("-", "") if text else ""


def wire_id(text):
    return uuid.UUID(text).bytes if text else b""


def holds(doc, role, iss):
    """POLICY: a role is held by whoever one of its patterns means."""
    for p in doc.get("roles", {}).get(role, []):
        if p == iss or (p.endswith("/*") and iss.startswith(p[:-1]) and len(iss) > len(p) - 1):
            return True
    return False


ROOTS = [2 ** 61]
for _ in range(40):
    ROOTS.append(isqrt(ROOTS[-1] * 2 ** 62))
weights = {}


def weight(h, t):
    if not h:
        return 2 ** 62
    t = max(t, 0)
    if (h, t) not in weights:
        whole = 1000 * min(h, 10 ** 12)
        n, f, w = t // whole, ((t % whole) * 2 ** 40) // whole, 2 ** 62
        for k in range(1, 41):
            if f >> (40 - k) & 1:
                w = (w * ROOTS[k]) // 2 ** 62
        weights[h, t] = 0 if n >= 62 else w // 2 ** n
    return weights[h, t]


def toward(s, b, w):
    move = (abs(s - b) * w + 2 ** 61) // 2 ** 62
    return b + move if s > b else b - move


def nano(total):
    return (total * 10 ** 9 + 2 ** 61) // 2 ** 62


def micro(x):
    return x // 1000 + (x % 1000 >= 500)


def ratio(a, b):
    return (a * 10 ** 6 + b // 2) // b


def wilson(r, q):
    n = r + q
    if not n:
        return 0
    z, p = 3841458881296000000, r * q
    x = (p // n) * 10 ** 9 + ((p % n) * 10 ** 9) // n + z // 4
    t = isqrt(x)
    y = t * 10 ** 9 + ((x - t * t) * 10 ** 9) // (2 * t)
    a = r * 10 ** 9 + z // 2 - (y * 1959964) // 10 ** 6
    return 0 if a <= 0 else ratio(a, n * 10 ** 9 + z)


def half_up(score):
    """Six digits of a number as JSON writes it, exactly."""
    from fractions import Fraction
    return int(Fraction(repr(score)) * 10 ** 6 + Fraction(1, 2))


def page(rows, after, limit):
    part = rows[after:after + limit]
    return part, after + len(part) if after + len(part) < len(rows) else 0


# ---- the questions -----------------------------------------------------------------------------------------------------------------------------

def trust(log, iss, rater, act, model, half, after, records_after, limit):
    def expect(size):
        s = log.score(iss, size, model, half, rater, act)
        rows, quarantined, revoked = log.about(iss, size)
        spoken = rows or any(i < size and log.e[i]["ext"].get("subject") == iss for i in log.events.get(iss, []))
        if not spoken and not any(i < size for i in log.by_iss.get(iss, [])):
            came("trust not_found")
            return NOT_FOUND
        most = limit or 100
        told, following = page(s["rows"], after, most)
        recs, recs_next = page(rows, records_after, most)
        rests = {r[0] for r in told} | {r[1] for r in told} | {r["index"] for r in recs} | {r["until_index"] for r in recs} - {NONE}
        came("model " + s["model"], *["outcome %s %s" % (r[2], r[4]) for r in told])
        came(*[n for n, yes in (("under_floor", s["under_floor"]), ("quarantined", quarantined), ("revoked", revoked)) if yes])
        out = {k: v for k, v in s.items() if k not in ("rows", "weight")}
        out.update(iss=iss, tree_size=size, complete=True, quarantined=quarantined, revoked=revoked, records=recs, records_total=len(rows),
                   records_next=recs_next, evidence_total=len(s["rows"]), next=following, rests_on=sorted(rests),
                   evidence=[{"jti": plain_id(log.e[r[0]]["jti"]), "index": r[0], "outcome": r[2], "weight_e6": s["weight"](r), "count": r[4], "rater": r[3],
                              "task_jti": plain_id(log.e[r[1]]["jti"]), "task_index": r[1]} for r in told])
        return out
    request = {"iss": iss, "from": rater, "act": act, "model": model, "half_life_s": half, "after": after, "records_after": records_after, "limit": limit}
    return "Query/Trust", "Trust", request, expect


def trust_all(log, model, half, after, limit):
    def expect(size):
        agents = [a for a in log.issuers if log.by_iss[a][0] < size]
        part, following = page(agents, after, limit or 1000)
        rows, rests = [], set()
        for a in part:
            s = log.score(a, size, model, half)
            recs, quarantined, revoked = log.about(a, size)
            rows.append({k: s[k] for k in ("score_e6", "positive", "negative", "r_e6", "s_e6", "uncertainty_e6", "self_reports", "under_floor")})
            rows[-1].update(iss=a, quarantined=quarantined, revoked=revoked, complete=True)
            rests |= {r[0] for r in s["rows"]} | {r[1] for r in s["rows"]} | {r["index"] for r in recs if r["record"] != "trust_assertion"}
        s = log.score("", size, model, half)
        return {"model": s["model"], "half_life_s": s["half_life_s"], "floor_e6": s["floor_e6"], "tree_size": size, "complete": True, "agents": rows,
                "next": following, "rests_on": sorted(rests)}
    return "Query/TrustAll", "TrustAll", {"model": model, "half_life_s": half, "after": after, "limit": limit}, expect


def counts(entries, name, key):
    rows = {}
    for x in entries:
        r = rows.setdefault(x[key], {name: x[key], "entries": 0, "first_index": x["index"]})
        r["entries"] += 1
        r["last_index"] = x["index"]
    rows.pop(None, None)
    return sorted(rows.values(), key=lambda r: (-r["entries"], r["first_index"]))


def agents(log, iss, after, limit):
    def expect(size):
        every = [a for a in log.issuers if log.by_iss[a][0] < size]
        if iss:
            every = [a for a in every if a == iss]
            if not every:
                return NOT_FOUND
        part, following = page(every, 0 if iss else after, limit or 100)
        rows, rests = [], set()
        for a in part:
            mine = [log.e[i] for i in log.by_iss[a] if i < size]
            s = log.score(a, size)
            recs, quarantined, revoked = log.about(a, size)
            life, events, _, _ = log.life(a, size)
            keys, actions = counts(mine, "thumbprint", "key"), counts(mine, "act", "act")
            most = 1000 if iss else 20
            state = "quarantined" if quarantined else "revoked" if revoked else life["state"]
            came("agent " + state)
            rows.append({"iss": a, "trust_domain": a.split("/")[2], "state": state, "entries": len(mine), "first_index": mine[0]["index"],
                         "first_ms": mine[0]["received_ms"], "last_index": mine[-1]["index"], "last_ms": mine[-1]["received_ms"],
                         "keys": keys[:most], "keys_total": len(keys), "actions": actions[:most], "actions_total": len(actions),
                         "workflows": len({x["wid"] for x in mine} - {None}), "model": s["model"], "score_e6": s["score_e6"], "positive": s["positive"],
                         "negative": s["negative"], "under_floor": s["under_floor"], "quarantined": quarantined, "revoked": revoked,
                         "lifecycle": life["state"], "complete": True})
            rows[-1].update({k: life[k] for k in ("version", "successor", "sunset_s", "draining_since_ms", "retires_at_ms")})
            rests |= {mine[0]["index"], mine[-1]["index"]} | {e["index"] for e in events} | {r["index"] for r in recs if r["record"] != "trust_assertion"}
        return {"tree_size": size, "complete": True, "agents": rows, "next": following, "rests_on": sorted(rests)}
    return "Query/Agents", "Agents", {"iss": iss, "after": after, "limit": limit}, expect


def hop(log, i):
    """INTEROP 1: one hop, with the hop that it rests on if there is one."""
    x = log.e[i]
    e, preds = x["ext"], [log.e[p] for p in x["pred"]]
    hops = [p for p in preds if p["kind"] == "translation"]
    source = hops[0] if hops else preds[0] if preds else None
    text = lambda e, n: e[n] if isinstance(e.get(n), str) else ""
    src, dst = text(e, "src_proto"), text(e, "dst_proto")
    before, there = source and source["out"], x["inp"]
    continuity = "unknown" if not before or not there or len(before) != len(there) else "holds" if before == there else "broken"
    well = lambda o: isinstance(o, dict) and isinstance(o.get("field"), str) and isinstance(o.get("kind"), str)
    loss = e.get("loss", [])
    flags = []
    if len(preds) != 1:
        flags.append("not_one_parent")
    if not x["inp"] or not x["out"]:
        flags.append("missing_hash")
    if continuity == "broken":
        flags.append("hash_gap")
    if before and there and len(before) != len(there):
        flags.append("hash_other_alg")
    if hops and src and text(source["ext"], "dst_proto") and text(source["ext"], "dst_proto") != src:
        flags.append("proto_mismatch")
    if not src or not dst:
        flags.append("missing_proto")
    if not isinstance(loss, list) or not all(well(o) for o in loss):
        flags.append("bad_loss")
    came("continuity " + continuity, *["hop " + f for f in flags])
    return {"index": i, "jti": plain_id(x["jti"]), "wid": plain_id(x["wid"]), "iss": x["iss"], "source_index": source["index"] if source else NONE,
            "foreign": bool(source) and source["wid"] != x["wid"], "src_proto": src, "dst_proto": dst, "continuity": continuity, "flags": flags,
            "loss": [{"field": o["field"], "kind": o["kind"]} for o in loss if well(o)] if isinstance(loss, list) else []}, source if hops else None


def chain(log, i):
    """(first hop, number)"""
    number = 1
    while True:
        _, before = hop(log, i)
        if not before:
            return i, number
        i, number = before["index"], number + 1


def translations(log, wid, no_wid, begin, limit):
    def expect(size):
        scope = [i for i in log.hops if i < size and (no_wid and not log.e[i]["wid"] or wid and log.e[i]["wid"] == wid or not no_wid and not wid)]
        if wid and not any(i < size for i in log.by_wid.get(wid, [])):
            return NOT_FOUND
        most = limit or 1000
        rows, protocols, firsts = [], {}, 0
        for i in scope:
            row, _ = hop(log, i)
            row["chain_index"], row["number"] = chain(log, i)
            came("hop number %d" % min(row["number"], 4))
            firsts += row["number"] == 1
            rows.append(row)
            for side, name in (("as_source", row["src_proto"]), ("as_target", row["dst_proto"])):
                if name:
                    protocols.setdefault(name, {"name": name, "as_source": 0, "as_target": 0})[side] += 1
        rest = [r for r in rows if r["index"] >= begin]
        shown = rest[:most]
        return {"tree_size": size, "complete": True, "hop_total": len(scope), "chain_total": firsts, "hops": shown, "protocols": list(protocols.values()),
                "protocols_more": False, "next": rest[most]["index"] if len(rest) > most else 0,
                "rests_on": sorted({r["index"] for r in shown} | {r["source_index"] for r in shown} - {NONE})}
    return "Query/Translations", "Translations", {"wid": wire_id(wid), "no_wid": no_wid, "from": begin, "limit": limit}, expect


def lifecycle(log, iss, dependants, begin, limit):
    def expect(size):
        most = limit or 1000
        now = log.now(size)
        everybody = sorted((a for a in log.events if log.events[a][0] < size), key=lambda a: a.encode())
        total = len(everybody)
        if iss:
            if iss not in everybody and not any(i < size for i in log.by_iss.get(iss, [])):
                return NOT_FOUND
            everybody = [iss]
        part, following = page(everybody, 0 if iss else begin, most)
        rows, rests = [], set()
        for a in part:
            life, events, since, retired = log.life(a, size)
            shown = events[-(1000 if iss else 100):]
            rows.append(dict(life, iss=a, event_total=len(events), events=shown))
            rests |= {e["index"] for e in shown}
        out = {"tree_size": size, "complete": True, "now_ms": now, "agent_total": total, "agents": rows, "next": following}
        if dependants:
            at, ms = since
            after = lambda i: at == NONE or (i > at and log.e[i]["received_ms"] >= ms)
            mine = [i for i in log.by_iss.get(iss, []) if i < size]
            pairs = sorted((c, p) for p in mine for c in log.kids(p, size) if log.e[c]["iss"] != iss and after(c))
            tasks = sorted({c for c, _ in pairs})
            by_agent, by_wid = collections.Counter(log.e[c]["iss"] for c in tasks), collections.Counter(log.e[c]["wid"] for c in tasks)
            by_wid.pop(None, None)
            first = lambda n: min(by_agent_first(log, n), size)
            opened = [w for w in {log.e[i]["wid"] for i in mine} - {None} if after([i for i in log.by_wid[w] if i < size][-1])]
            own = [i for i in mine if retired and after(i)]
            listed, out["next"] = [], 0
            for c, p in pairs:
                if c < begin:
                    continue
                if len(listed) >= most and listed[-1]["index"] != c:
                    out["next"] = c
                    break
                x = log.e[c]
                listed.append({"index": c, "jti": plain_id(x["jti"]), "wid": plain_id(x["wid"]), "iss": x["iss"], "act": x["act"], "rests_on_index": p,
                               "rests_on_jti": plain_id(log.e[p]["jti"]), "late": at != NONE and after(p)})
            came("dependants since " + ("retirement" if retired else "drain" if at != NONE else "ever"), *["late" for r in listed if r["late"]])
            came(*["own act" for _ in own], *["open workflow" for _ in opened])
            out["dependants"] = {
                "since_index": at, "since_ms": ms, "task_total": len(tasks), "agent_total": len(by_agent), "workflow_total": len(by_wid),
                "open_total": len(opened), "own_total": len(own), "own_acts": own[:1000], "tasks": listed,
                "agents": [{"iss": a, "tasks": by_agent[a]} for a in sorted(by_agent, key=first)][:1000],
                "workflows": [{"wid": plain_id(w), "tasks": by_wid[w]} for w in sorted(by_wid, key=log.first_of)][:1000],
                "open_wid": [plain_id(w) for w in sorted(opened, key=log.first_of)][:1000]}
            rests |= {at} - {NONE} | {r["index"] for r in listed} | {r["rests_on_index"] for r in listed} | set(own[:1000])
        out["rests_on"] = sorted(rests)
        return out
    return "Query/Lifecycle", "Lifecycle", {"iss": iss, "dependants": dependants, "from": begin, "limit": limit}, expect


def by_agent_first(log, iss):
    return log.by_iss[iss][0]


def provenance(log, roots_of, asked, down, depth, begin, limit):
    def expect(size):
        roots = [i for i in roots_of if i < size]
        if not roots:
            return NOT_FOUND
        reached = log.walk(roots, size, down)
        if depth:
            reached = {i: d for i, d in reached.items() if d <= depth}
        came("provenance %s by %s" % ("down" if down else "up", "/".join(sorted(set(asked) - {"wid"}))))
        out = log.graph(reached, {log.e[i]["wid"] for i in roots}, begin, limit)
        for n in out["nodes"]:
            n["inp_hash"], n["out_hash"] = log.e[n["index"]]["inp"] or "", log.e[n["index"]]["out"] or ""
            came(*["node " + w for w in ("foreign", "person") if n[w]], "code " + n["code"], "chain " + n["chain_level"])
        out.update(down=down, tree_size=size, root_jti="" if "iss" in asked else plain_id(log.e[min(roots)]["jti"]), iss=asked.get("iss", ""))
        return out
    return "Query/Provenance", "Provenance", dict(asked, down=down, depth=depth, limit=limit, with_hashes=True, **{"from": begin}), expect


def path(log, a, b, every, begin, limit):
    def expect(size):
        if max(a, b) >= size:
            return NOT_FOUND
        top, low = min(a, b), max(a, b)
        out = {"ancestor_jti": plain_id(log.e[top]["jti"]), "descendant_jti": plain_id(log.e[low]["jti"]), "tree_size": size, "complete": True}
        down, up = log.walk([top], size, True), log.walk([low], size, False)
        out["found"] = low in down
        came("path %sfound" % ("" if out["found"] else "not "))
        if not out["found"]:
            return dict(out, length=0, nodes=[], edges=[], next=0, node_total=0, edge_total=0, rests_on=[])
        if every:
            chosen = {i: down[i] for i in down if i in up}
        else:
            at, chosen = low, {low: down[low]}
            while at != top:
                at = min(p for p in log.e[at]["pred"] if p in down and down[p] == down[at] - 1)
                chosen[at] = down[at]
        out.update(log.graph(chosen, {log.e[a]["wid"], log.e[b]["wid"]}, begin, limit), length=down[low])
        came("path of %d" % min(down[low], 4))
        return out
    x, y = log.e[a], log.e[b]
    return "Query/Path", "Path", {"jti": wire_id(x["jti"]), "wid": wire_id(x["wid"]), "to_jti": wire_id(y["jti"]), "to_wid": wire_id(y["wid"]), "all": every,
                                  "from": begin, "limit": limit}, expect


def common(log, a, b, below, limit):
    def expect(size):
        if max(a, b) >= size:
            return NOT_FOUND
        one, two = log.walk([a], size, False), log.walk([b], size, False)
        both = set(one) & set(two)
        higher = set()
        for i in both:
            higher |= set(log.walk([i], size, False)) - {i}
        nearest = sorted(both - higher, reverse=True)
        rest = [i for i in nearest if not below or i < below]
        most = limit or 1000
        came("common %d nearest %d" % (min(len(both), 3), min(len(nearest), 3)))
        rows = [{"jti": plain_id(log.e[i]["jti"]), "wid": plain_id(log.e[i]["wid"]), "index": i, "iss": log.e[i]["iss"], "act": log.e[i]["act"],
                 "kind": log.e[i]["kind"], "steps": one[i], "with_steps": two[i]} for i in rest[:most]]
        return {"jti": plain_id(log.e[a]["jti"]), "with_jti": plain_id(log.e[b]["jti"]), "tree_size": size, "complete": True, "common_total": len(both),
                "nearest_total": len(nearest), "nearest": rows, "next": rows[-1]["index"] if len(rest) > most else 0,
                "rests_on": sorted({a, b} | {r["index"] for r in rows})}
    x, y = log.e[a], log.e[b]
    return "Query/Common", "Common", {"jti": wire_id(x["jti"]), "wid": wire_id(x["wid"]), "with_jti": wire_id(y["jti"]), "with_wid": wire_id(y["wid"]),
                                      "below": below, "limit": limit}, expect


def custody(log, a, begin, limit):
    def expect(size):
        if a >= size:
            return NOT_FOUND
        tasks = sorted(log.walk([a], size, False))
        domains, hands = {}, []
        for i in tasks:
            x = log.e[i]
            d = domains.setdefault(x["domain"], {"domain": x["domain"], "first_jti": plain_id(x["jti"]), "first_index": i, "tasks": 0, "agents": set()})
            d["tasks"] += 1
            d["agents"].add(x["iss"])
            for p in sorted(x["pred"]):
                y = log.e[p]
                if y["domain"] != x["domain"]:
                    hands.append({"parent_index": p, "parent_jti": plain_id(y["jti"]), "from_iss": y["iss"], "from_domain": y["domain"], "child_index": i,
                                  "child_jti": plain_id(x["jti"]), "to_iss": x["iss"], "to_domain": x["domain"], "foreign": y["wid"] != x["wid"]})
        listed, following = [], 0
        for h in [h for h in hands if h["child_index"] >= begin]:
            if len(listed) >= (limit or 1000) and listed[-1]["child_index"] != h["child_index"]:
                following = h["child_index"]
                break
            listed.append(h)
        came("custody of %d domains" % len(domains))
        return {"jti": plain_id(log.e[a]["jti"]), "tree_size": size, "complete": True, "tasks": len(tasks), "domain_total": len(domains),
                "domains": [dict(d, agents=len(d["agents"])) for d in domains.values()], "handover_total": len(hands), "handovers": listed, "next": following,
                "rests_on": sorted({h[k] for h in listed for k in ("parent_index", "child_index")} | {d["first_index"] for d in domains.values()})}
    x = log.e[a]
    return "Query/Custody", "Custody", {"jti": wire_id(x["jti"]), "wid": wire_id(x["wid"]), "from": begin, "limit": limit}, expect


def questions(rng, world, wid, indexes):
    log = getattr(world, "scores_log", None)
    if not log:
        log = world.scores_log = Log(world)
    log.grow()
    some = lambda p: rng.random() < p
    here = rng.choice(indexes)
    issuers = [log.e[i]["iss"] for i in indexes]
    subject = [log.e[i]["ext"].get("subject") for i in indexes if isinstance(log.e[i]["ext"].get("subject"), str)]
    iss = rng.choice((issuers + subject * 3) or issuers)
    iss = iss or issuers[0]
    rater = rng.choice(log.issuers) if some(.4) else "spiffe://example.com/agent/unknown" if some(.05) else ""
    act = rng.choice(["plan", "search", "pay", "attestation", "checkpoint", "nothing"]) if some(.3) else ""
    model = rng.choice(["", "aimd", "beta", "wilson"])
    half = rng.choice([0, 0, -1, 1, 7, 60])
    after, records_after = (rng.choice([0, 1, 20]), rng.choice([0, 1, 3])) if some(.3) else (0, 0)
    yield trust(log, iss, rater, act, model, half, after, records_after, rng.choice([0, 1, 7, 1000]))
    if some(.05):
        yield trust(log, "spiffe://example.com/agent/unknown", "", "", "", 0, 0, 0, 0)
    if some(.05):
        yield trust_all(log, model, half, rng.choice([0, 0, 2]), rng.choice([0, 1, 5]))
    if some(.15):
        yield agents(log, iss if some(.8) else "", rng.choice([0, 0, 0, 3]) if some(.2) else 0, rng.choice([0, 0, 4]))
    if some(.5):
        yield translations(log, wid if some(.7) else None, False, 0, 0)
    if some(.1):
        yield translations(log, None, some(.3), rng.choice(indexes) if some(.5) else 0, rng.choice([0, 1, 3]))
    if some(.2):
        yield lifecycle(log, iss, some(.7), rng.choice([0, 0, 0, 1]), rng.choice([0, 1, 5]))
    if some(.1):
        yield lifecycle(log, iss, True, rng.choice(indexes), rng.choice([0, 1, 5]))
    for i in [i for i in indexes if log.e[i]["kind"] == "lifecycle"]:
        subject = log.e[i]["ext"].get("subject")
        yield lifecycle(log, subject if isinstance(subject, str) and subject else log.e[i]["iss"], True, 0, 0)
    if some(.05):
        yield lifecycle(log, "", False, rng.choice([0, 0, 2]), rng.choice([0, 1, 4]))
    x = log.e[here]
    by_id = {"jti": wire_id(x["jti"]), "wid": wire_id(x["wid"])}
    hashes = [h for i in indexes for h in (log.e[i]["inp"], log.e[i]["out"]) if h]
    depth, begin, limit = rng.choice([0, 0, 0, 1, 2]), rng.choice([0, 0, here]), rng.choice([0, 0, 0, 1, 2, 5])
    yield provenance(log, [here], by_id, some(.5), depth, begin, limit)
    if hashes and some(.3):
        h = rng.choice(hashes)
        yield provenance(log, log.by_hash[h], {"hash": bytes.fromhex(h)}, some(.5), depth, begin, limit)
    if some(.02):
        yield provenance(log, log.by_iss.get(iss, []), {"iss": iss}, some(.5), depth, 0, rng.choice([1, 10, 100, 0]))
    other = rng.choice(indexes)
    foreign = [p for i in indexes for p in log.e[i]["pred"] if log.e[p]["wid"] != wid]
    if foreign and some(.5):
        other = rng.choice(foreign)
    if some(.5):
        yield path(log, here, other, some(.5), rng.choice([0, 0, other]), rng.choice([0, 0, 1, 2]))
    if some(.3):
        yield common(log, here, other, rng.choice([0, 0, here]), rng.choice([0, 0, 1]))
    if some(.3):
        yield custody(log, here, rng.choice([0, 0, here]), rng.choice([0, 0, 1]))
