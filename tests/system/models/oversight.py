"""docs/OVERSIGHT.md, rule by rule: approvals, overrides, explanations. Plain and slow; from the page alone."""
import atexit
import json
import os
from collections import Counter
from uuid import UUID

from rules import breach, commands, guard, holds, is_uuid, rule_called, sha256_of, text, whole

NOT_FOUND = 23
WORK = ("task", "start", "translation")
VOIDS = {"not_on_request", "unknown_decision", "bad_transition", "after_final", "revoked_too_late", "late", "self_approval", "role_not_held",
         "shown_hash_mismatch"}
STEPS = {"requested": ("approved", "denied", "escalated", "withdrawn"), "escalated": ("approved", "denied"), "approved": ("revoked",)}
DECISIONS = ("approved", "denied", "escalated", "withdrawn", "revoked")
FINAL = ("denied", "expired", "withdrawn", "revoked", "consumed", "notified")
ALTHOUGH = ("requested", "escalated", "denied", "expired", "withdrawn", "revoked")
LEVELS = {"pause": ("heop", True), "constrain": ("heop", False), "stop": ("heop", True), "takeover": ("heop", True),
          "advisory": ("override-protocol", False), "mandatory": ("override-protocol", True), "emergency": ("override-protocol", True)}
STATUSES = ("received", "complied", "refused", "unable")
seen = Counter()


class Bag:
    """A list whose order the page does not say."""

    def __init__(self, items):
        self.items = list(items)

    def __eq__(self, got):
        key = lambda i: json.dumps(i, sort_keys=True)
        return isinstance(got, list) and sorted(map(key, self.items)) == sorted(map(key, got))

    def __str__(self):
        return "in any order: %s" % self.items


class Named:
    """rests_on: ascending, below the size, and every entry that the answer speaks of is in it."""

    def __init__(self, indexes, size):
        self.indexes, self.size = set(indexes), size

    def __eq__(self, got):
        return sorted(set(got)) == got and self.indexes <= set(got) and (not got or got[-1] < self.size)

    def __str__(self):
        return "at least %s" % sorted(self.indexes)


class Page:
    """Items of several lists, newest first: as many as the limit; fewer only when the page rests on too much."""

    def __init__(self, size, lists, limit):
        self.size, self.lists, self.limit, self.why = size, lists, limit or 200, None

    def __eq__(self, got):
        if not isinstance(got, dict) or got["tree_size"] != self.size:
            self.why = "size"
            return False
        named = set()
        for name, items in self.lists.items():
            want = items if got["complete"] else [i for i in items if i["index"] >= got["next"]]
            d = differ(want, got[name], name)
            if d:
                self.why = d
                return False
            for i in want:
                named |= i.get("_named", {i["index"]})
        given = sum(len(got[name]) for name in self.lists)
        if not Named(named, self.size) == got["rests_on"]:
            self.why = "rests_on wants %s" % sorted(named - set(got["rests_on"]))
            return False
        if got["complete"]:
            self.why = "too many, or a next" if given > self.limit or got["next"] else None
        elif given != self.limit and len(got["rests_on"]) < 5000:
            self.why = "a page of %d" % given
        seen["page complete" if got["complete"] else "page of many"] += 1
        return self.why is None

    def __str__(self):
        return "%s (limit %d)" % (self.why, self.limit)


def differ(want, got, path):
    if isinstance(want, dict):
        return next(filter(None, (differ(v, got.get(k), path + "." + k) for k, v in want.items() if k[0] != "_")), None)
    if isinstance(want, list):
        if len(want) != len(got):
            return "%s: want %d: %s; got %d" % (path, len(want), [i.get("index") if isinstance(i, dict) else i for i in want], len(got))
        return next(filter(None, (differ(a, b, "%s[%d]" % (path, i)) for i, (a, b) in enumerate(zip(want, got)))), None)
    return None if want == got else "%s: want %s, got %s" % (path, want, got)


class Log:
    """The log at one size, with lists that make the model bearable: successors, workflows."""

    def __init__(self, world):
        self.world, self.e, self.kids, self.of, self.by_jti, self.guards = world, world.entries, [], {}, {}, {}
        self.first, self.loose, self.over = {}, [], {}  # first entry of an agent; overrides of no workflow; overrides of a task

    def grow(self):
        while len(self.kids) < len(self.e):
            x = self.e[len(self.kids)]
            self.kids.append([])
            if x["entry"] != "token":
                continue
            for p in x["pred"]:
                self.kids[p].append(x["index"])
            self.of.setdefault(x["wid"], []).append(x["index"])
            self.by_jti.setdefault(x["jti"], []).append(x["index"])
            self.first.setdefault(x["iss"], x["index"])
            if x["kind"] == "override":
                for t in targets_of(x)[0]:
                    self.over.setdefault(t, []).append(x["index"])
                if not x["wid"]:
                    self.loose.append(x["index"])

    def guard(self, t):
        i = t["index"]
        if i not in self.guards:
            self.guards[i] = guard(self.world.doc_at(i), t)
        return self.guards[i]


log = None


def time_of(x):
    return x["iat"] * 1000 if x.get("deferred") else x["received_ms"]


def bare(jti):
    return jti.replace("-", "")


def wid_of(x):
    return bare(x["wid"]) if x["wid"] else ""


def task_item(x):
    return {"jti": bare(x["jti"]), "wid": wid_of(x), "index": x["index"], "iss": x["iss"], "act": x["act"]}


def kids(i, size, kind=None):
    return [log.e[k] for k in log.kids[i] if k < size and (kind is None or log.e[k]["kind"] == kind)]


# ---- approvals ------------------------------------------------------------------------------------

def decides(d):
    """The request that a decision decides, and whether it rests on several."""
    requests = [log.e[p] for p in d["pred"] if log.e[p]["kind"] == "hitl_request"]
    return (requests[0] if requests else None), len(requests) > 1


class Request:
    def __init__(self, r, size):
        self.r, self.size = r, size
        doc, ext = log.world.doc_at(r["index"]), r["ext"]
        self.flags, self.rule = [], None
        self.rule_id = text(ext.get("rule_id"))
        if self.rule_id:
            self.rule = rule_called(doc, self.rule_id)
            if not self.rule:
                self.flags.append("unknown_rule")
        self.role = self.rule["role"] if self.rule else text(ext.get("role"))
        if not self.role:
            self.flags.append("no_role")
        self.role2 = (self.rule.get("escalate_to") if self.rule else None) or self.role
        if breach(log.e, r):
            self.flags.append("kind_breach")
        self.timeout = self.rule.get("timeout_s") if self.rule else None
        word = self.rule.get("on_timeout") if self.rule else text(ext.get("on_timeout"))
        self.on_timeout = word if word in ("abort", "escalate", "proceed") else "abort"
        ends = []
        if whole(ext.get("deadline")) and (not self.rule or self.on_timeout == "abort"):
            ends.append(ext["deadline"] * 1000)
        if self.timeout is not None:
            ends.append(time_of(r) + self.timeout * 1000)
        self.deadline = min(ends) if ends else None
        self.uses = min(max(whole(ext.get("uses")) or 1, 1), (1 << 32) - 1)
        self.steps = []  # (state, since, "entry" index | "clock" deadline)
        self.escalated = False
        self.state, self.since = "requested", time_of(r)
        self.first_state = "requested"
        self.approval, self.revoked_at, self.decisions = None, None, []
        self.by = {}  # decision's index -> its flags and effect
        if ext.get("kind") == "notify":
            self.state = self.first_state = "notified"
        for d in kids(r["index"], size, "hitl_decision"):
            if decides(d)[0] is r:
                self.judge(d)
        self.clock(log.e[size - 1]["received_ms"])
        self.consume(size)

    def step(self, state, since, by, at):
        self.state, self.since = state, since
        self.steps.append((state, by, at))

    def clock(self, now):
        while self.state in ("requested", "escalated") and self.deadline is not None and now > self.deadline:
            if self.state == "requested" and self.on_timeout == "escalate":
                end = self.deadline
                self.deadline = end + self.timeout * 1000 if self.timeout is not None else None
                self.escalated = True
                self.step("escalated", end, "clock", end)
                seen["escalated by the clock"] += 1
            else:
                self.step("expired", self.deadline, "clock", self.deadline)

    def used(self):
        """All uses of the approval, in the order of the log."""
        d = self.approval
        if not d:
            return []
        out = []
        for x in kids(d["index"], self.size):
            if x["iss"] == d["iss"]:
                continue
            if self.rule_id:
                g = log.guard(x)
                if self.rule and g and g["id"] == self.rule_id:
                    out.append(x)
            elif x["kind"] in WORK:
                out.append(x)
        return out

    def last_use(self):
        u = self.used()
        return u[self.uses - 1] if len(u) >= self.uses else None

    def consume(self, below):
        if self.state == "approved":
            last = self.last_use()
            if last and last["index"] < below:
                self.step("consumed", time_of(last), "entry", last["index"])

    def judge(self, d):
        self.clock(time_of(d))
        self.consume(d["index"])
        r, ext, doc = self.r, d["ext"], log.world.doc_at(d["index"])
        word = text(ext.get("decision"))
        flags = []
        if decides(d)[1]:
            flags.append("several_requests")
        if breach(log.e, d):
            flags.append("kind_breach")
        if word not in DECISIONS:
            flags.append("unknown_decision")
        else:
            gives = word in ("approved", "denied", "escalated")
            late = gives and (self.state == "expired" or
                              self.state in ("requested", "escalated") and self.deadline is not None and d["iat"] * 1000 > self.deadline)
            if late:
                flags.append("late")
            if self.state in FINAL:
                if word == "revoked" and self.state == "consumed":
                    flags.append("revoked_too_late")
                elif not (late and self.state == "expired"):
                    flags.append("after_final")
            elif word not in STEPS[self.state]:
                flags.append("bad_transition")
            if gives and d["iss"] == r["iss"]:
                flags.append("self_approval")
            role = self.role2 if self.escalated else self.role
            if gives:
                if role and not holds(doc, role, d["iss"]):
                    flags.append("role_not_held")
            else:
                fine = d["iss"] == r["iss"] or any(q and holds(doc, q, d["iss"]) for q in (self.role, self.role2))
                if word == "revoked" and self.approval and self.approval["iss"] == d["iss"]:
                    fine = True
                if not fine:
                    flags.append("role_not_held")
            if word == "approved":
                if "shown_hash" in ext:
                    shown = ext["shown_hash"]
                    if bool(r["inp"]) if shown == "" else not r["inp"] or sha256_of(shown) != r["inp"]:
                        flags.append("shown_hash_mismatch")
                elif r["inp"]:
                    flags.append("shown_hash_missing")
        effective = not VOIDS & set(flags)
        if effective:
            self.step(word, time_of(d), "entry", d["index"])
            if word == "approved":
                self.approval = d
            if word == "revoked":
                self.revoked_at = d["index"]
            if word == "escalated":
                self.escalated = True
                if self.timeout is not None:
                    self.deadline = time_of(d) + self.timeout * 1000
        self.by[d["index"]] = (flags, effective)
        self.decisions.append(decision_item(d, flags, effective))

    def before(self, x):
        """The state before an entry."""
        state = self.first_state
        for s, by, at in self.steps:
            if not (at < x["index"] if by == "entry" else at < time_of(x)):
                break
            state = s
        return state

    def item(self):
        used = len([u for u in self.used() if self.revoked_at is None or u["index"] < self.revoked_at])
        for f in self.flags:
            seen["request " + f] += 1
        seen["state " + self.state] += 1
        seen["on time-out " + self.on_timeout] += 1
        r = self.r
        return {"jti": bare(r["jti"]), "wid": wid_of(r), "index": r["index"], "iss": r["iss"], "rule": self.rule_id or "",
                "role": (self.role2 if self.escalated else self.role) or "", "state": self.state, "since_ms": self.since,
                "deadline_ms": self.deadline or 0, "on_timeout": self.on_timeout, "uses": self.uses, "used": min(used, self.uses), "flags": Bag(self.flags),
                "inp_hash": r["inp"] or "", "decision_jti": bare(self.approval["jti"]) if self.approval else "",
                "about": [task_item(log.e[p]) for p in r["pred"]], "decisions": self.decisions, "decisions_all": len(self.decisions),
                "_named": {r["index"]} | {d["index"] for d in self.decisions}}


def one_of(word, words):
    """A word that none of these is, is empty in an answer."""
    return word if isinstance(word, str) and word in words else ""


def decision_item(d, flags, effective):
    for f in flags:
        seen["decision " + f] += 1
    seen["effective" if effective else "decision void"] += 1
    return {"jti": bare(d["jti"]), "index": d["index"], "iss": d["iss"], "decision": one_of(d["ext"].get("decision"), DECISIONS), "effective": effective,
            "flags": Bag(flags), "reason": text(d["ext"].get("reason")) or ""}


def although(request, t):
    s = request.before(t)
    return ["although_" + s] if s in ALTHOUGH else []


def guarded_item(t, g, size):
    flags, state, looked = [], None, []
    add = lambda more: flags.extend(f for f in more if f not in flags)
    for p in t["pred"]:
        d = log.e[p]
        if d["kind"] != "hitl_decision":
            continue
        r = decides(d)[0]
        looked.append((r, d))
        if not r:
            add(["not_on_request"])
            continue
        q = Request(r, size)
        if q.rule_id != g["id"]:
            add(["other_rule"])
        elif not q.rule:
            add(["unknown_rule"])
        elif q.approval is not d:
            add([f for f in q.by[d["index"]][0] if f in VOIDS] + although(q, t) or ["approval_missing"])
        elif t["iss"] == d["iss"]:
            add(["approves_own_task"])
        elif q.revoked_at is not None and q.revoked_at < t["index"]:
            add(["although_revoked"])
        elif q.last_use() and q.last_use()["index"] < t["index"]:
            add(["used_twice"])
        else:
            state, flags, looked = "guarded_ok", [], [(r, d)]
            break
    if not state:
        for p in t["pred"]:
            r = log.e[p]
            if r["kind"] != "hitl_request":
                continue
            q = Request(r, size)
            if q.rule_id != g["id"]:
                continue
            looked.append((r, None))
            if q.rule and q.before(t) == "expired" and q.on_timeout == "proceed":
                state, flags, looked = "proceeded", [], [(r, None)]
                break
            add(["unknown_rule"] if not q.rule else although(q, t) or ["approval_missing"])
    if not state and looked:
        state = "approval_void"
    if not state:
        state, flags = "approval_missing", ["approval_missing"]
        for p in t["pred"]:
            beside = [k for k in kids(p, t["index"], "hitl_request") if k["wid"] == t["wid"]]
            if beside and text(beside[-1]["ext"].get("rule_id")) == g["id"]:
                looked.append((beside[-1], None))
                add(although(Request(beside[-1], size), t))
    if breach(log.e, t):
        add(["kind_breach"])
    r, d = looked[0] if looked else (None, None)
    for f in flags:
        seen["guarded " + f] += 1
    seen["guarded state " + state] += 1
    return {"jti": bare(t["jti"]), "wid": wid_of(t), "index": t["index"], "iss": t["iss"], "act": t["act"], "rule": g["id"], "role": g["role"], "state": state,
            "flags": Bag(flags), "request_jti": bare(r["jti"]) if r else "", "decision_jti": bare(d["jti"]) if d else "",
            "_named": {i["index"] for i in (r, d, t) if i}}


def approvals(indexes, size, states=(), missing=False, below=0, limit=0):
    """Of these entries; newest first."""
    requests, guarded, strays = [], [], []
    for i in sorted(indexes, reverse=True):
        x = log.e[i]
        if i >= size or below and i >= below or x["entry"] != "token":
            continue
        if x["kind"] == "hitl_request" and not missing:
            item = Request(x, size).item()
            if not states or item["state"] in states:
                requests.append(item)
        elif x["kind"] == "hitl_decision" and not decides(x)[0] and not states and not missing:
            flags = ["not_on_request"] + (["kind_breach"] if breach(log.e, x) else [])
            if text(x["ext"].get("decision")) not in DECISIONS:
                flags.append("unknown_decision")
            strays.append(decision_item(x, flags, False))
        elif not states and log.guard(x):
            item = guarded_item(x, log.guard(x), size)
            if not missing or item["state"] in ("approval_missing", "approval_void"):
                guarded.append(item)
    return Page(size, {"requests": requests, "guarded": guarded, "strays": strays}, limit)


# ---- overrides ------------------------------------------------------------------------------------

def targets_of(o):
    """Tasks, agents, flags."""
    listed = o["ext"].get("targets")
    if isinstance(listed, list):
        tasks, agents, flags = [], [], []
        for t in listed:
            found = None
            if is_uuid(t):
                found = [p for p in o["pred"] if log.e[p]["jti"] == t.lower()][:1]
                those = [i for i in log.by_jti.get(t.lower(), []) if i < o["index"]]
                found = found or [i for i in those if log.e[i]["wid"] == o["wid"]] or (those if len(those) == 1 else [])
                if found and found[0] not in tasks:
                    tasks.append(found[0])
            elif isinstance(t, str) and log.first.get(t, o["index"]) < o["index"]:
                found = [t]
                if t not in agents:
                    agents.append(t)
            if not found:
                flags = ["unknown_target"]
        return sorted(tasks), sorted(agents, key=log.first.get), flags
    tasks = [p for p in sorted(o["pred"]) if log.e[p]["kind"] not in ("override", "override_ack", "override_release")]
    if tasks:
        return tasks, [], []
    above = [p for p in o["pred"] if log.e[p]["kind"] == "override"]
    if above:
        tasks, agents, _ = targets_of(log.e[above[0]])
        return tasks, agents, []
    return [], [], []


class Override:
    def __init__(self, o, size):
        self.o, self.size = o, size
        ext, doc = o["ext"], log.world.doc_at(o["index"])
        self.level = text(ext.get("level"))
        self.family, self.binding = LEVELS.get(self.level, ("", False))
        self.flags = []
        if not commands(doc, o["iss"]):
            self.flags.append("not_authorized")
        if self.level not in LEVELS:
            self.flags.append("unknown_level")
        self.effective = not self.flags
        scope = text(ext.get("scope")) or "node"
        self.scope = scope if scope in ("node", "subgraph", "workflow") else "node"
        if scope != self.scope:
            self.flags.append("unknown_scope")
        self.tasks, self.agents, more = targets_of(o)
        self.flags += more
        if not self.tasks and not self.agents and self.scope != "workflow":
            self.flags.append("no_target")
        if breach(log.e, o):
            self.flags.append("kind_breach")
        self.release = None
        self.replies = []
        replies = [k for k in kids(o["index"], size) if k["kind"] in ("override_ack", "override_release")]
        if self.effective:
            self.release = next((k for k in replies if k["kind"] == "override_release" and commands(log.world.doc_at(k["index"]), k["iss"])), None)
        self.state = "void" if not self.effective else "released" if self.release else "in_force"
        self.deadline = None
        if whole(ext.get("ack_by")) is not None:
            self.deadline = ext["ack_by"] * 1000 or None
        elif doc.get("override", {}).get("ack_s"):
            self.deadline = time_of(o) + doc["override"]["ack_s"] * 1000
        self.acks = {}
        for iss in [log.e[t]["iss"] for t in self.tasks] + self.agents:
            if iss != o["iss"]:
                self.acks.setdefault(iss, {"iss": iss, "state": "pending", "late": False, "jti": ""})
        for k in replies:
            (self.ack if k["kind"] == "override_ack" else self.ended)(k)
        for a in self.acks.values():
            over = self.release and self.deadline is not None and time_of(self.release) <= self.deadline
            if a["state"] == "pending" and self.effective and self.deadline is not None and self.deadline < log.e[size - 1]["received_ms"] and not over:
                a["state"] = "missing"
            seen["ack state " + a["state"]] += 1

    def ack(self, k):
        flags, status = [], text(k["ext"].get("status"))
        a = self.acks.get(k["iss"])
        if not a:
            flags.append("not_addressed")
        if status not in STATUSES:
            flags.append("unknown_status")
        if a and status in STATUSES:
            if a["state"] == "pending" or a["state"] == "received" and status != "received":
                if a["state"] == "pending" and self.deadline is not None and max(time_of(k), k["iat"] * 1000) > self.deadline:
                    a["late"] = True
                    flags.append("late")
                a["state"], a["jti"] = status, bare(k["jti"])
            else:
                flags.append("bad_transition")
        self.reply(k, status, flags)

    def ended(self, k):
        flags = []
        if not commands(log.world.doc_at(k["index"]), k["iss"]):
            flags.append("not_authorized")
        if not self.effective:
            flags.append("not_in_force")
        elif self.release and k["index"] > self.release["index"]:
            flags.append("after_release")
        self.reply(k, None, flags)

    def reply(self, k, status, flags):
        self.replies.append(reply_item(k, status, flags + (["kind_breach"] if breach(log.e, k) else [])))

    def work(self):
        """Entries under the stop."""
        o, size = self.o, self.size
        if not self.effective or not self.binding:
            return []
        end = min(size, self.release["index"] if self.release else size)
        out = set()
        if self.scope == "node":
            for t in self.tasks:
                out.update(k["index"] for k in kids(t, end))
        elif self.scope == "subgraph":
            out |= descend(self.tasks, end)
        elif self.tasks or not self.agents:
            wids = {log.e[t]["wid"] for t in self.tasks} | {o["wid"]}
            for w in wids - {None}:
                out.update(log.of[w])
            out |= descend([t for t in self.tasks if not log.e[t]["wid"]], end)
        for a in self.agents:
            out.update(i for i in (log.of[o["wid"]] if o["wid"] else range(o["index"], end)) if log.e[i]["iss"] == a)
        found = []
        for i in sorted(out):
            x = log.e[i]
            if not o["index"] < i < end or x["entry"] != "token" or x["kind"] not in WORK:
                continue
            if self.level == "takeover" and commands(log.world.doc_at(i), x["iss"]):
                seen["takeover leaves out"] += 1
                continue
            found.append(x)
        return found

    def item(self, work, all_targets=True):
        o, ext = self.o, self.o["ext"]
        above = [log.e[p] for p in o["pred"] if log.e[p]["kind"] == "override"]
        for f in self.flags:
            seen["override " + f] += 1
        seen["override state " + self.state] += 1
        seen["level %s" % self.level] += 1
        seen["scope %s, work %s" % (self.scope, "yes" if work else "no")] += 1
        under = []
        for x in work:
            early = x["iat"] * 1000 + 999 < time_of(o)
            seen["in_flight %s" % early] += 1
            under.append(dict(task_item(x), in_flight=early))
        return {"jti": bare(o["jti"]), "wid": wid_of(o), "index": o["index"], "iss": o["iss"], "level": one_of(self.level, LEVELS), "family": self.family,
                "binding": self.binding, "scope": self.scope, "state": self.state, "flags": Bag(self.flags), "reason": text(ext.get("reason")) or "",
                "tasks": [task_item(log.e[t]) for t in self.tasks], "agents": self.agents, "escalates_jti": bare(above[0]["jti"]) if above else "",
                "release_jti": bare(self.release["jti"]) if self.release else "", "ack_deadline_ms": self.deadline or 0,
                "acks": Bag(self.acks.values()), "replies": self.replies, "replies_all": len(self.replies), "under_stop": under, "under_stop_all": len(under),
                "_named": {o["index"]} | {k["index"] for k in self.replies} | {x["index"] for x in work}}


def descend(tasks, end):
    """What descends from the tasks, below 'end'."""
    out, todo = set(), list(tasks)
    while todo:
        for k in kids(todo.pop(), end):
            if k["index"] not in out:
                out.add(k["index"])
                todo.append(k["index"])
    return out


def ascend(indexes):
    out, todo = set(indexes), list(indexes)
    while todo:
        for p in log.e[todo.pop()]["pred"]:
            if p not in out:
                out.add(p)
                todo.append(p)
    return out


def reply_item(k, status, flags):
    for f in flags:
        seen["%s %s" % (k["kind"], f)] += 1
    if not flags:
        seen["%s without flag" % k["kind"]] += 1
    at = whole(k["ext"].get("effective_at")) if k["kind"] == "override_ack" else None
    return {"jti": bare(k["jti"]), "index": k["index"], "iss": k["iss"], "kind": k["kind"], "status": one_of(status, STATUSES),
            "effective_at": at or 0, "flags": Bag(flags)}


def override_stray(x):
    flags = ["not_on_override"]
    if breach(log.e, x):
        flags.append("kind_breach")
    return reply_item(x, text(x["ext"].get("status")) if x["kind"] == "override_ack" else None, flags)


def overrides(indexes, size, ask_wid=None, active=False, below=0, limit=0):
    """Of these entries (in a question about a workflow: whatever may belong to it); newest first."""
    items, strays = [], []
    for i in sorted(indexes, reverse=True):
        x = log.e[i]
        if i >= size or below and i >= below or x["entry"] != "token":
            continue
        if x["kind"] == "override":
            o = Override(x, size)
            work = o.work()
            if ask_wid:
                work = [w for w in work if w["wid"] == ask_wid]
                named = any(log.e[t]["wid"] == ask_wid for t in o.tasks)
                mine = x["wid"] == ask_wid
                if not mine and not (o.effective and (named or work or o.agents and not x["wid"])):
                    continue
                seen["belongs: given in it" if mine else "belongs: names a task" if named else "belongs: has work" if work else "belongs: agents"] += 1
            if not active or o.state == "in_force":
                items.append(o.item(work))
        elif x["kind"] in ("override_ack", "override_release") and not active and (not ask_wid or x["wid"] == ask_wid):
            if not any(log.e[p]["kind"] == "override" for p in x["pred"]):
                strays.append(override_stray(x))
    return Page(size, {"overrides": items, "strays": strays}, limit)


def may_belong(wid, size):
    """Entries that an override which belongs to the workflow must be among: its own, and those that name something that its entries descend from."""
    mine = [i for i in log.of[wid] if i < size]
    up = ascend(mine)
    out = set(mine) | {i for i in log.loose if i < size}
    for i in up:
        out.update(o for o in log.over.get(i, []) if o < size)
    return out


# ---- explanations ---------------------------------------------------------------------------------

def explanations(x, size):
    found = kids(x["index"], size, "explanation")
    items = []
    for k in found:
        vac = k["ext"].get("vac")
        seen["explanation"] += 1
        items.append({"jti": bare(k["jti"]), "wid": wid_of(k), "index": k["index"], "iss": k["iss"],
                      "summary_hash": sha256_of(k["ext"].get("summary_hash")) or "",
                      "vac_json": json.dumps(vac, separators=(",", ":")).encode().hex() if isinstance(vac, dict) else ""})
    return {"tree_size": size, "complete": True, "next": 0, "task": task_item(x), "explanations": items,
            "rests_on": Named([x["index"]] + [k["index"] for k in found], size)}


# ---- questions ------------------------------------------------------------------------------------

def questions(rng, world, wid, indexes):
    global log
    if log is None or log.world is not world:
        log = Log(world)
    log.grow()
    w = UUID(wid).bytes
    there = lambda size: any(i < size for i in log.of[wid])
    of = lambda answer: lambda size: answer(size) if there(size) else NOT_FOUND
    yield "Query/Approvals", "Approvals", {"wid": w}, of(lambda size: approvals(log.of[wid], size))
    yield "Query/Overrides", "Overrides", {"wid": w}, of(lambda size: overrides(may_belong(wid, size), size, wid))
    pick = rng.randrange(6)
    if pick == 0:
        states = rng.sample(STATES, rng.randint(1, 3))
        yield "Query/Approvals", "Approvals", {"wid": w, "states": states}, of(lambda size: approvals(log.of[wid], size, states))
    elif pick == 1:
        yield ("Query/Approvals", "Approvals", {"wid": w, "open": True}, of(lambda size: approvals(log.of[wid], size, ("requested", "escalated"))))
    elif pick == 2:
        yield "Query/Approvals", "Approvals", {"wid": w, "missing": True}, of(lambda size: approvals(log.of[wid], size, missing=True))
    elif pick == 3:
        below, limit = rng.choice([0, rng.choice(indexes)]), rng.randint(1, 3)
        yield ("Query/Approvals", "Approvals", {"wid": w, "below": below, "limit": limit},
               of(lambda size: approvals(log.of[wid], size, below=below, limit=limit)))
    elif pick == 4:
        below, limit = rng.choice([0, rng.choice(indexes)]), rng.randint(1, 3)
        yield ("Query/Overrides", "Overrides", {"wid": w, "below": below, "limit": limit},
               of(lambda size: overrides(may_belong(wid, size), size, wid, below=below, limit=limit)))
    else:
        yield "Query/Overrides", "Overrides", {"wid": w, "active": True}, of(lambda size: overrides(may_belong(wid, size), size, wid, active=True))
    for i in rng.sample(indexes, min(2, len(indexes))):
        x = world.entries[i]
        known = lambda answer, x=x: lambda size: answer(x, size) if x["index"] < size else NOT_FOUND
        yield "Query/Explanations", "Explanations", {"jti": UUID(x["jti"]).bytes, "any_wid": True}, known(explanations)
    for i in indexes:
        x = world.entries[i]
        known = lambda answer, x=x: lambda size: answer(x, size) if x["index"] < size else NOT_FOUND
        if x["kind"] == "hitl_request" and rng.random() < .3:
            yield "Query/Approvals", "Approvals", {"jti": UUID(x["jti"]).bytes}, known(lambda x, size: approvals([x["index"]], size))
        if x["kind"] == "override" and rng.random() < .3:
            yield "Query/Overrides", "Overrides", {"jti": UUID(x["jti"]).bytes}, known(lambda x, size: overrides([x["index"]], size))


STATES = ("requested", "escalated", "approved", "denied", "expired", "withdrawn", "revoked", "consumed", "notified")
NAMES = (["state " + s for s in STATES] + ["decision " + f for f in sorted(VOIDS | {"several_requests", "shown_hash_missing", "kind_breach"})] +
         ["request " + f for f in ("unknown_rule", "no_role", "kind_breach")] +
         ["on time-out " + w for w in ("abort", "escalate", "proceed")] + ["escalated by the clock"] +
         ["guarded although_" + s for s in ALTHOUGH] +
         ["guarded " + f for f in ("not_on_request", "other_rule", "unknown_rule", "approval_missing", "approves_own_task", "used_twice", "kind_breach")] +
         ["guarded " + f for f in sorted(VOIDS)] +
         ["guarded state " + s for s in ("guarded_ok", "proceeded", "approval_missing", "approval_void")] +
         ["override " + f for f in ("not_authorized", "unknown_level", "unknown_scope", "unknown_target", "no_target", "kind_breach")] +
         ["override state " + s for s in ("void", "in_force", "released")] + ["level " + s for s in LEVELS] + ["level None"] +
         ["scope %s, work %s" % (s, w) for s in ("node", "subgraph", "workflow") for w in ("yes", "no")] +
         ["in_flight True", "in_flight False", "takeover leaves out", "explanation", "page complete", "page of many"] +
         ["ack state " + s for s in ("pending", "received", "complied", "refused", "unable", "missing")] +
         ["override_ack " + s for s in ("not_on_override", "not_addressed", "unknown_status", "bad_transition", "late", "kind_breach", "without flag")] +
         ["override_release " + s for s in ("not_authorized", "not_on_override", "after_release", "not_in_force", "kind_breach", "without flag")] +
         ["belongs: " + s for s in ("given in it", "names a task", "has work", "agents")])


def report():
    print("oversight: " + ", ".join("%s %d" % kv for kv in sorted(seen.items())))
    print("oversight, never: " + ", ".join(n for n in NAMES if not seen[n]))


if os.environ.get("MODEL_COVER"):
    atexit.register(report)
