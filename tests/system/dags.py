"""Random workflows with random kinds of nodes, and the log as a model sees it: a list of plain records, nothing of the server's code.

The generator makes mostly plausible graphs (a decision rests on a request) and often enough wrong ones (another signer, a taken idempotency
token, a result without a request, ids that mean nothing), because what is wrong is recorded and flagged, and the models have to flag the same."""
import hashlib
import importlib
import json
import os
import subprocess
import sys
import tempfile
import time
import uuid

from kit import Key, b64u, compact, sha, unb64u
from wire import Connection, field

DOMAINS = ["example.com", "bank.example", "tools.example"]
AGENTS = ["planner", "coder", "critic", "runner", "payer", "mailer"]
HUMANS = ["ann", "bob", "operator", "coordinator"]
NODES = ["n1", "n2", "n3"]  # names of nodes that are no exec_act
ACTS = ["plan", "search", "write", "pay", "send_mail", "deploy", "review"]


def uri(name, domain):
    return "spiffe://%s/%s/%s" % (domain, "human" if name in HUMANS else "agent", name)


# Two policy documents: the second comes into force in the middle of the run.
POLICY = [{
    "roles": {"approver": ["spiffe://example.com/human/ann", "spiffe://example.com/human/bob"], "chief": ["spiffe://example.com/human/operator"],
              "operator": ["spiffe://example.com/human/operator", "spiffe://bank.example/human/*"],
              "coordinator": ["spiffe://example.com/human/coordinator", "spiffe://example.com/agent/runner"],
              "human": ["spiffe://example.com/human/*"]},
    "rules": [{"id": "pay", "when": {"field": "exec_act", "op": "eq", "value": "pay"}, "role": "approver", "escalate_to": "chief", "action": "pause",
               "timeout_s": 900, "on_timeout": "abort"},
              {"id": "deploy", "when": {"all": [{"field": "exec_act", "op": "eq", "value": "deploy"}, {"not": {"field": "ext.critical", "op": "exists"}}]},
               "role": "chief", "action": "escalate", "on_timeout": "escalate"}],
    "irreversible": ["send_mail"], "consequential": ["deploy", "pay"], "critical": ["pay"],
    "recovery": {"request_age_max_s": 3600, "requesters": ["signer", "root", "coordinator", "human"]},
    "circuit": {"window": 6, "minimum": 3, "threshold": 0.5, "wait_s": 3, "probes": 2},
    "override": {"ack_s": 300}}, {
    "roles": {"approver": ["spiffe://example.com/human/ann"], "chief": ["spiffe://example.com/human/operator"],
              "operator": ["spiffe://example.com/human/operator"], "coordinator": ["spiffe://example.com/human/coordinator"],
              "human": ["spiffe://example.com/human/*"]},
    "rules": [{"id": "pay", "when": {"field": "exec_act", "op": "eq", "value": "pay"}, "role": "approver", "action": "abort", "timeout_s": 60,
               "on_timeout": "proceed"}],
    "irreversible": ["pay"], "consequential": ["deploy"], "critical": [],
    "recovery": {"request_age_max_s": 1, "requesters": ["signer", "human"]},
    "circuit": {"window": 4, "minimum": 2, "threshold": 0.6, "wait_s": 0, "probes": 1},
    "trust": {"model": "beta", "floor": 0.4, "half_life_s": 40, "start": 0.6, "add": 0.03, "minor": 0.8, "major": 0.4, "violation": 0.05},
    "override": {"ack_s": 0}, "retention_s": 20000000, "profile": "relaxed"}]

# kind -> (weight, kinds that a predecessor should be)
SHAPES = {
    "task": (40, None), "start": (4, None), "checkpoint": (9, None), "failure": (8, None), "rollback_request": (7, ["failure", "task"]),
    "rollback_result": (7, ["rollback_request"]), "compensation": (4, ["task"]), "circuit": (2, ["failure"]), "hitl_request": (8, ["task"]),
    "hitl_decision": (9, ["hitl_request"]), "override": (5, None), "override_ack": (4, ["override"]), "override_release": (3, ["override"]),
    "trust_assertion": (2, None), "trust_revocation": (1, ["trust_assertion"]), "quarantine": (2, None), "quarantine_end": (1, ["quarantine"]),
    "translation": (3, ["task", "translation"]), "attestation": (2, ["task"]), "explanation": (2, None), "lifecycle": (2, None)}
# Those that come before a guarded or recovered task, so that chains close often.
FOLLOWS = {"hitl_decision": "task", "rollback_request": "rollback_result", "hitl_request": "hitl_decision", "override": "override_ack",
           "trust_assertion": "trust_revocation", "quarantine": "quarantine_end"}


class World:
    """What the log has: entries[i] is the record of index i."""

    def __init__(self):
        self.entries = []      # dicts: index entry jti wid iss domain act kind ext pred(indexes, token's order) iat received_ms level inp out
        self.docs = []         # (index, document)
        self.dags = []         # (wid, [indexes])
        self.descriptors = []  # (index, wid, descriptor, media, its bytes)
        self.score_of = None   # (subject, size, model, issuer or "") -> millionths, by a model: so that some assertions are true

    def doc_at(self, index):
        found = {}
        for at, doc in self.docs:
            if at <= index:
                found = doc
        return found


class Dags:
    """Makes tokens; World.entries get their records once the log has given them indexes."""

    def __init__(self, rng):
        self.rng = rng
        self.keys = [self.key(n, d) for d in DOMAINS for n in AGENTS] + [self.key(n, "example.com") for n in HUMANS] + [self.key("ann", "bank.example")]
        self.by_iss = {k.iss: k for k in self.keys}
        self.second = {k.iss: self.key(n, d) for k, n, d in [(self.keys[0], AGENTS[0], DOMAINS[0]), (self.keys[1], AGENTS[1], DOMAINS[0])]}
        self.kinds, self.weights = zip(*[(k, w) for k, (w, _) in SHAPES.items()])

    @staticmethod
    def key(name, domain):
        k = Key(name, "EdDSA", domain)
        k.iss = uri(name, domain)
        k.jwk["ect_iss"] = [k.iss]
        return k

    def enroll(self, server):
        for d in DOMAINS:
            folder = "%s/trust/%s" % (server.data, d)
            os.makedirs(folder, exist_ok=True)
            with open(folder + "/agents.jwks.json", "w") as f:
                json.dump({"keys": [k.jwk for k in self.keys + list(self.second.values()) if k.iss.split("/")[2] == d]}, f)

    def signer(self, kind, parents):
        rng = self.rng
        humans = [k for k in self.keys if "/human/" in k.iss]
        agents = [k for k in self.keys if "/agent/" in k.iss]
        if kind in ("hitl_decision", "override", "override_release", "quarantine", "quarantine_end") and rng.random() < 0.85:
            return rng.choice(humans)
        if kind == "rollback_request" and rng.random() < 0.5:
            return self.by_iss[rng.choice(parents)["iss"]] if parents else rng.choice(humans)
        if kind in ("override_ack", "rollback_result", "trust_revocation") and parents and rng.random() < 0.7:
            return self.by_iss[rng.choice(parents)["iss"]]
        return rng.choice(agents[:6] if rng.random() < 0.7 else agents)

    def ids(self, here, most=3):
        """Ids of tasks of the workflow, sometimes one that means nothing."""
        rng, out = self.rng, []
        for _ in range(rng.randint(1, most)):
            out.append(rng.choice(here)["jti"] if here and rng.random() < 0.93 else str(uuid.UUID(int=rng.getrandbits(128), version=4)))
        return list(dict.fromkeys(out))

    def ext(self, kind, here, parents, iat):
        rng = self.rng
        pick = rng.choice
        some = lambda p: rng.random() < p
        when = lambda: iat + pick([-120, -5, 40, 400, 4000])
        subject = lambda: pick(self.keys).iss
        e = {}
        if kind == "task":
            for name, p in (("irreversible", .05), ("consequential", .05), ("critical", .05), ("compensation_required", .05)):
                if some(p):
                    e[name] = some(.8)
            if some(.05):
                e["attestation"] = "urn:evidence:1"
            if some(.1):
                e["amount"] = rng.randint(0, 2000)
            if some(.15):
                e["node"] = pick(ACTS + NODES)
        elif kind == "start":
            e["node"] = pick(ACTS + NODES)
        elif kind == "checkpoint":
            if some(.3):
                e["reversible"] = some(.7)
            if some(.15):
                e["ttl_s"] = pick([0, 1, 3600, 3600, -5])
            if some(.1):
                e[pick(["irreversible", "compensation_required"])] = True
        elif kind == "failure":
            if some(.8):
                e["fail_class"] = pick(["timeout", "dependency", "policy", "internal", "external", "odd"])
            if some(.2):
                e["retryable"] = some(.5)
        elif kind == "rollback_request":
            if some(.6):
                e["idem"] = pick(["i1", "i2", "i3"]) + (here[0]["wid"][:8] if here and some(.8) else "")
            cps = [x["jti"] for x in here if x["kind"] == "checkpoint"]
            if cps and some(.4):
                e["target_cp"] = pick(cps) if some(.9) else self.ids(here, 1)[0]
            elif some(.5):
                e["set"] = [p["jti"] for p in parents] if some(.5) else self.ids(here) if some(.95) else []
            if some(.5):
                e["scope"] = pick(["node", "subgraph", "failed", "workflow", "checkpoint", "full"] if "set" not in e and "target_cp" not in e else
                                  ["checkpoint", "full"] if "set" not in e and some(.8) else ["node", "failed", "workflow", "full", "galaxy"])
            if some(.3):
                e["not_after"] = pick([when(), iat + rng.randint(0, 25)])
        elif kind == "rollback_result":
            e["outcome"] = pick(["success", "success", "success", "partial", "refused", "irreversible", "failed"])
            req = [p for p in parents if p["kind"] == "rollback_request"]
            if req and req[0]["ext"].get("idem") and some(.85):
                e["idem"] = req[0]["ext"]["idem"]
            elif some(.2):
                e["idem"] = "i9"
            for name, p in (("done", .4), ("left", .2), ("compensations", .1)):
                if some(p):
                    e[name] = self.ids(here)
            if req and some(.4):  # what was asked for
                e["done"] = [p["jti"] for p in req[0]["pred"] if isinstance(p, dict)][:rng.randint(1, 3)]
        elif kind == "compensation":
            e["compensates"] = (pick(parents)["jti"] if parents and some(.9) else self.ids(here, 1)[0])
        elif kind == "circuit":
            e["state"] = pick(["closed", "open", "half_open"])
            if some(.8):
                e["edge_from"], e["edge_to"] = (subject(), subject()) if some(.3) else (pick(self.keys[:6]).iss, pick(self.keys[:6]).iss)
            elif some(.7):
                e["edge_to"] = pick(self.keys[:6]).iss
        elif kind == "hitl_request":
            if some(.8):
                e["rule_id"] = pick(["pay", "pay", "deploy", "nothing"])
            if some(.3):
                e["role"] = pick(["approver", "chief", "nobody"])
            if some(.4):
                e["deadline"] = when()
            if some(.2):
                e["uses"] = rng.randint(1, 3)
            if some(.2):
                e["on_timeout"] = pick(["abort", "escalate", "proceed"])
            if some(.1):
                e["kind"] = "notify"
        elif kind == "hitl_decision":
            e["decision"] = pick(["approved", "approved", "approved", "denied", "escalated", "withdrawn", "revoked"])
            req = [p for p in parents if p["kind"] == "hitl_request" and p["inp"]]
            if req and some(.6):
                e["shown_hash"] = b64u(bytes.fromhex(req[0]["inp"]) if some(.8) else sha(b"other"))
        elif kind == "override":
            e["level"] = pick(["pause", "constrain", "stop", "takeover", "advisory", "mandatory", "emergency"])
            if some(.7):
                e["scope"] = pick(["node", "subgraph", "workflow"])
            if some(.5):
                e["targets"] = [pick(here)["jti"] if here and some(.6) else subject() for _ in range(rng.randint(1, 2))]
            if some(.4):
                e["ack_by"] = when()
        elif kind == "override_ack":
            e["status"] = pick(["received", "complied", "complied", "refused", "unable"])
        elif kind == "trust_assertion":
            e = {"subject": subject(), "score": pick([0, 0.25, 0.5, 0.52, 1])}
            if some(.6):
                e["model"] = pick(["aimd", "beta", "wilson", "sl"])
        elif kind in ("trust_revocation", "quarantine", "quarantine_end"):
            of = [p for p in parents if p["kind"] in ("trust_assertion", "quarantine") and isinstance(p["ext"].get("subject"), str)]
            e["subject"] = of[-1]["ext"]["subject"] if of and some(.8) else subject()
        elif kind == "translation":
            protos = ["a2a", "mcp", "acp"]
            e = {"src_proto": pick(protos), "dst_proto": pick(protos)}
            before = [p for p in parents if p["kind"] == "translation" and p["ext"]]
            if before and some(.7):
                e["src_proto"] = before[0]["ext"].get("dst_proto", "a2a")
            if some(.3):
                e["loss"] = pick([[], 1, "x", [1], [{"field": "x"}], [{"field": "y", "kind": 1}, {"field": "x", "kind": "dropped"}],
                                  [{"field": "x", "kind": pick(["dropped", "approximated"]), "more": [1]}, {"field": "y", "kind": "dropped"}]])
            if some(.1):
                e[pick(["src_proto", "dst_proto"])] = ""
        elif kind == "lifecycle":
            e["event"] = pick(["version", "drain", "drain", "drain", "retire"])
            if some(.3):
                e["subject"] = pick([subject(), subject(), "spiffe://example.com/agent/never", ""])
            if some(.3):
                e["sunset"] = pick([when(), iat + 2, iat + 20, -1, 1.5])
            if some(.4):
                e["version"] = pick(["1.0", "2.0"])
            if some(.4):
                e["successor"] = pick([subject(), subject(), ""])
            if some(.1):
                e["event"] = "odd"
        elif kind == "explanation":
            e["summary_hash"] = b64u(sha(b"why"))
        if kind != "task" and some(.02) and e:
            e[pick(sorted(e))] = [None]  # of no type that a row knows
        return e

    def assertion(self, world, e, iss):
        """A tree size and often the score that it had."""
        rng, size = self.rng, len(world.entries)
        if rng.random() < .85:
            e["as_of"] = rng.choice([0, size, size, rng.randint(0, size), rng.randint(0, size), rng.randint(0, size), size + 100000, 1.5, 2 ** 53])
        if rng.random() < .1:
            e["score"] = rng.choice([1.5, 1.00000001, 0.9999999, -0.5, -0.0, 1e-07, 0.1234565, 0.5000004, "0.5", True])
        known = world.score_of and isinstance(e.get("as_of"), int) and 0 <= e["as_of"] <= size and isinstance(e.get("subject"), str)
        if known and rng.random() < .6:
            model = e.get("model") if e.get("model") in ("aimd", "beta", "wilson") else ""
            e["score"] = (world.score_of(e["subject"], e["as_of"], model, rng.choice(["", iss])) + rng.choice([0, 0, 0, 1, -1, 2, -2])) / 1000000
            e["score"] = min(1, max(0, e["score"]))

    def dag(self, world, most=14):
        """One workflow as tokens with their records (parents by position or by entry)."""
        rng = self.rng
        if rng.random() < .3:
            return self.people(world, most + 6)
        wid = str(uuid.UUID(int=rng.getrandbits(128), version=4))
        here, tokens, next_kind = [], [], None
        now = int(time.time())
        for _ in range(rng.randint(3, most)):
            kind = next_kind or rng.choices(self.kinds, self.weights)[0]
            next_kind = FOLLOWS.get(kind) if rng.random() < 0.5 else None
            wanted = SHAPES[kind][1]
            parents = []
            if here:
                good = [x for x in here if wanted is None or x["kind"] in wanted]
                for _ in range(rng.choice([1, 1, 1, 2, 3])):
                    p = rng.choice(good[-4:] if good and rng.random() < 0.9 else here)
                    if p not in parents:
                        parents.append(p)
                if next_kind and rng.random() < 0.9 and here[-1] not in parents:
                    parents.append(here[-1])
                if kind == "task" and rng.random() < 0.1:
                    parents = []
            if world.dags and rng.random() < 0.03:
                parents.append(world.entries[rng.choice(rng.choice(world.dags)[1])])
            if world.dags and kind in ("failure", "compensation", "rollback_request", "rollback_result") and rng.random() < 0.1:
                old = [world.entries[i] for _, indexes in world.dags[-200:] for i in indexes]  # of another workflow, and some time ago
                parents[:0] = rng.sample(old, 1) if kind == "failure" else [x for x in old if x["kind"] in wanted][-1:]
            if not parents and kind not in ("task", "start", "lifecycle") and (kind != "translation" or rng.random() < .5):
                kind = "task"
            iat = now - rng.randint(0, 20) if rng.random() < .6 else now + rng.randint(0, 3)
            ext = self.ext(kind, here, parents, iat)
            act = rng.choice(ACTS) if kind == "task" else kind
            key = self.signer(kind, parents)
            asked = [x for x in here if x["kind"] == "rollback_request" and x["ext"].get("idem")]
            if kind == "rollback_request" and here and rng.random() < .2:
                key = self.by_iss[here[0]["iss"]]
            elif kind == "rollback_request" and asked and rng.random() < .4:  # asked again, sometimes for something else
                first = rng.choice(asked)
                key, parents, ext = self.by_iss[first["iss"]], list(first["pred"]), dict(first["ext"], reason="again")
                if rng.random() < .3:
                    ext["scope"] = rng.choice(["node", "failed", "workflow"])
            if rng.random() < .3:
                key = self.second.get(key.iss, key)
            jti = str(uuid.UUID(int=rng.getrandbits(128), version=4))
            level = 1 if rng.random() < .02 else 2
            inp = sha(rng.randbytes(8)) if rng.random() < .8 else None
            before = [p for p in parents if p["out"]]
            if kind == "translation" and before and rng.random() < .8:
                inp = bytes.fromhex(before[0]["out"])
            out = sha(rng.randbytes(8)) if rng.random() < .8 else None
            if out and rng.random() < .05:
                out = hashlib.sha384(out).digest()
            hashed = lambda h: b64u(h) if len(h) == 32 else "sha-384:" + b64u(h)
            more = {"inp_hash": hashed(inp)} if inp else {}
            if out:
                more["out_hash"] = hashed(out)
            if kind == "trust_assertion":
                self.assertion(world, ext, key.iss)
            if ext:
                more["ect_ext"] = ext
            record = {"entry": "token", "jti": jti, "wid": wid, "iss": key.iss, "domain": key.iss.split("/")[2], "act": act, "kind": kind, "ext": ext,
                      "pred": parents, "iat": iat, "level": level, "inp": inp.hex() if inp else None, "out": out.hex() if out else None,
                      "key": unb64u(key.kid).hex() if level > 1 else None}
            token = key.token(act, jti, wid, [p["jti"] for p in parents], iat=iat, ttl=3600, **more)
            if level == 1:  # the claims alone
                token = unb64u(token.split(".")[1]).decode()
            tokens.append((token, record))
            here.append(record)
        return wid, tokens

    def people(self, world, most):
        """A workflow around people: requests that are decided, mostly by those who may, tasks that rest on that, overrides, answers and releases."""
        rng = self.rng
        pick, some = rng.choice, lambda p: rng.random() < p
        wid, now = str(uuid.UUID(int=rng.getrandbits(128), version=4)), int(time.time())
        here, tokens = [], []
        agents, humans = [k for k in self.keys if "/agent/" in k.iss], [k for k in self.keys if "/human/" in k.iss]
        crew = rng.sample(agents, 3)

        def put(kind, parents, ext, key, act=None):
            parents = [p for i, p in enumerate(parents) if p not in parents[:i]]
            rng.shuffle(parents)
            iat, jti = now - rng.randint(0, 20), str(uuid.UUID(int=rng.getrandbits(128), version=4))
            inp = sha(rng.randbytes(8)) if some(.7) else None
            home = wid if kind != "override" or some(.97) else None
            more = dict({"inp_hash": b64u(inp)} if inp else {}, **({"ect_ext": ext} if ext else {}))
            tokens.append((key.token(act or kind, jti, home, [p["jti"] for p in parents], iat=iat, ttl=3600, **more),
                           {"entry": "token", "jti": jti, "wid": home, "iss": key.iss, "domain": key.iss.split("/")[2], "act": act or kind, "kind": kind,
                            "ext": ext, "pred": parents, "iat": iat, "level": 2, "inp": inp.hex() if inp else None, "out": None,
                            "key": unb64u(key.kid).hex()}))
            here.append(tokens[-1][1])

        def of(*kinds):
            """Some of these kinds: the newest of here, or one of any workflow."""
            found = [x for x in here if x["kind"] in kinds][-4:]
            if world.dags and some(.06):
                found = [world.entries[i] for i in pick(world.dags)[1] if world.entries[i]["kind"] in kinds] or found
            return [pick(found)] if found else []

        def whole(good):
            return pick([good] * 12 + [0, -1, 1.5, 1 << 53, (1 << 53) - 1, "7", 1 << 40])

        put("task", [], {}, pick(crew), pick(ACTS))
        for _ in range(rng.randint(4, most)):
            what, work = rng.random(), of("task", "start", "translation") or here[:1]
            if some(.1):  # as it should be, up to the revocation or one use too many
                rule, asker = pick(["pay", "pay", "deploy"]), pick(crew)
                boss = self.by_iss[uri("operator" if rule == "deploy" else "ann", "example.com")]
                put("hitl_request", work, {"rule_id": rule, "uses": pick([1, 2, 3])}, asker)
                asked = here[-1]
                shown = {"shown_hash": b64u(bytes.fromhex(asked["inp"]))} if asked["inp"] else {}
                put("hitl_decision", [asked], dict({"decision": "approved"}, **shown), boss)
                approval = here[-1]
                for _ in range(rng.randint(1, 4)):
                    if some(.25):
                        put("hitl_decision", [asked], {"decision": pick(["revoked", "revoked", "withdrawn", "denied"])}, pick([boss, asker]))
                    else:
                        put("task", [approval], {}, pick(crew) if some(.85) else boss, rule)
                continue
            if what < .2:
                ext = {"rule_id": pick(["pay"] * 6 + ["deploy"] * 3 + ["nothing", ""])} if some(.85) else {}
                if some(.25):
                    ext["deadline"] = whole(now + pick([-200, -70, -30, -5, 0, 1, 400]))
                for name, p, values in (("uses", .3, [whole(1), 2, 3]), ("role", .3, ["approver", "chief", "nobody", ""]),
                                        ("kind", .04, ["notify", "approval"]),
                                        ("on_timeout", .2, ["abort", "escalate", "proceed", "sleep"])):
                    if some(p):
                        ext[name] = pick(values)
                put("hitl_request", work, ext, pick(crew) if some(.85) else pick(humans))
            elif what < .45:
                asked = (of("hitl_request") + (of("hitl_request") if some(.1) else [])) or work
                ext = {"decision": pick(["approved"] * 10 + ["denied", "escalated", "escalated", "withdrawn", "revoked", "revoked", "revoked", "perhaps", 5])}
                if asked[0].get("inp") and some(.8):
                    ext["shown_hash"] = b64u(bytes.fromhex(asked[0]["inp"]))
                elif some(.15):
                    ext["shown_hash"] = pick(["", "x", b64u(sha(b"other")), [None]])
                if some(.1):
                    ext["reason"] = pick(["seen", "", 7])
                put("hitl_decision", asked + (work if some(.1) else []), ext,
                    pick(humans[:3] * 3 + humans) if some(.9) else self.by_iss[asked[0]["iss"]])
            elif what < .65:
                on = pick([of("hitl_decision"), of("hitl_decision"), of("hitl_decision"), of("hitl_request"), work]) or work
                on = on + pick([[], [], work, of("hitl_decision"), of("hitl_request")])
                ext = {pick(["irreversible", "critical"]): pick([True, "yes"])} if some(.08) else {}
                put("task", on, ext, pick(crew) if some(.9) else self.by_iss[on[0]["iss"]], pick(["pay"] * 5 + ["deploy"] * 2 + ACTS))
            elif what < .75:
                ext = {"level": pick(list("pause constrain stop stop takeover takeover advisory mandatory emergency freeze".split()))}
                if some(.7):
                    ext["scope"] = pick(["node", "subgraph", "workflow", "workflow", "galaxy", "", 3])
                if some(.6):
                    one = [lambda: pick(here)["jti"], lambda: pick(here)["jti"].upper(), lambda: pick(crew).iss, lambda: pick(agents).iss, lambda: 7,
                           lambda: "spiffe://example.com/agent/nobody", lambda: str(uuid.UUID(int=rng.getrandbits(128), version=4)),
                           lambda: world.entries[rng.choice(rng.choice(world.dags)[1])]["jti"] if world.dags else ""]
                    ext["targets"] = [rng.choices(one, [6, 1, 6, 2, 1, 1, 1, 1])[0]() for _ in range(rng.randint(0, 3))]
                if some(.4):
                    ext["ack_by"] = whole(now + pick([-100, -10, 0, 1, 300]))
                put("override", work + (of("override", "override_release", "override_ack") if some(.25) else []), ext,
                    pick(humans) if some(.9) else pick(crew))
            elif what < .85:
                on = (of("override") + (of("override") if some(.1) else [])) or work
                ext = {"status": pick(["received", "received", "complied", "refused", "unable", "asleep", None])}
                if some(.3):
                    ext["effective_at"] = whole(now)
                asked = [x for o in on for x in o["pred"] if isinstance(x, dict)]
                named = [t for o in on for t in (o["ext"].get("targets") if isinstance(o["ext"].get("targets"), list) else []) if t in self.by_iss]
                put("override_ack", on, ext, self.by_iss[pick([x["iss"] for x in asked] + named + [pick(crew).iss])])
            elif what < .9:
                put("override_release", (of("override") + (of("override") if some(.3) else [])) or work, {"reason": "over"} if some(.2) else {},
                    pick(humans) if some(.9) else pick(crew))
            elif what < .93:
                ext = {"vac": pick([{"a": [1, "\u00e4"]}, {}, "text", [1]])} if some(.6) else {}
                if some(.5):
                    ext["summary_hash"] = pick([b64u(sha(b"why")), "short", 1])
                put("explanation", of("task", "hitl_decision", "override") or work, ext, pick(self.keys))
            else:
                put("task", [pick(here)] + (of("override") if some(.2) else []), {}, pick(crew) if some(.6) else pick(humans), pick(ACTS))
        return wid, tokens

    def descriptor(self, tokens):
        """A plan of the workflow: mostly of acts that it has, in an order that it may have."""
        rng = self.rng
        some = lambda p: rng.random() < p
        there = list(dict.fromkeys(r["act"] for _, r in tokens if r["kind"] in ("task", "checkpoint", "translation")))
        named = [r["ext"]["node"] for _, r in tokens if isinstance(r["ext"].get("node"), str)]
        acts = list(dict.fromkeys([a for a in there if some(.8)] + [n for n in named if some(.5)] + [a for a in ACTS if some(.1)])) or ["plan"]
        nodes, ids = [], []
        for act in acts:
            name = act if some(.7) else rng.choice(NODES)
            if name in ids:
                continue
            n = {"id": name}
            if name != act or some(.2):
                n["act"] = act if some(.9) else rng.choice(acts)
            if ids and some(.6):
                n["after"] = rng.sample(ids, min(len(ids), rng.randint(1, 2)))
            if some(.2):
                n["hitl"] = {"kind": rng.choice(["approval", "approval", "notify"])}
                if some(.5):
                    n["hitl"]["role"] = rng.choice(["approver", "chief", "human", "nobody"])
                if some(.2):
                    del n["hitl"]["kind"]
            if some(.3):
                n["quota"] = {k: v for k, v in (("count_max", rng.randint(1, 3)), ("wall_s_max", rng.randint(1, 15))) if some(.6)}
            if some(.1):
                n["resources"] = {"gpu": rng.randint(0, 3), "where": ["a", {"b": None}]}
            ids.append(name)
            nodes.append(n)
        if some(.3):
            rng.shuffle(nodes)
        doc = {"nodes": nodes}
        if some(.4):
            doc["quota"] = {k: v for k, v in (("tasks_max", rng.randint(1, 6)), ("agents_max", rng.randint(1, 3)), ("wall_s_max", rng.randint(1, 15))) if some(.6)}
        if some(.3):
            doc.update(name="plan \u00e4", version=str(rng.randint(1, 9)))
        return doc


def cbor(x):
    """RFC 8949 deterministic, of what a descriptor has."""
    def head(major, n):
        if n < 24:
            return bytes([major << 5 | n])
        size = next(k for k in range(4) if n < 1 << (8 << k))
        return bytes([major << 5 | 24 + size]) + n.to_bytes(1 << size, "big")
    if x is None or isinstance(x, bool):
        return bytes([{None: 0xf6, True: 0xf5, False: 0xf4}[x]])
    if isinstance(x, int):
        return head(0, x)
    if isinstance(x, str):
        return head(3, len(x.encode())) + x.encode()
    if isinstance(x, list):
        return head(4, len(x)) + b"".join(cbor(v) for v in x)
    return head(5, len(x)) + b"".join(k + v for k, v in sorted((cbor(k), cbor(v)) for k, v in x.items()))


def register(door, dags, world, wid, tokens):
    doc, media = dags.descriptor(tokens), dags.rng.choice(["json", "cbor"])
    data = cbor(doc) if media == "cbor" else json.dumps(doc).encode()
    got = door.ask("Ledger/RegisterWorkflow", "RegisterWorkflow", wid=uuid.UUID(wid).bytes, descriptor=data, media=int(media == "cbor"))
    assert isinstance(got, dict), (got, doc)
    if not got["duplicate"]:
        world.descriptors.append((got["index"], wid, doc, media, data))


def schema():
    """The wire's messages, made from proto/ledger.proto."""
    folder = tempfile.mkdtemp(prefix="ectpb.")
    root = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
    subprocess.run(["protoc", "-I", root + "/proto", "--python_out", folder, "ledger.proto"], check=True)
    sys.path.insert(0, folder)
    module = importlib.import_module("ledger_pb2")
    sys.path.pop(0)
    return module


def plain(message):
    """A message as dicts and lists: every member, bytes as hex."""
    out = {}
    for f in message.DESCRIPTOR.fields:
        v = getattr(message, f.name)
        many = f.label == f.LABEL_REPEATED
        if f.message_type:
            v = [plain(m) for m in v] if many else (plain(v) if message.HasField(f.name) else None)
        elif f.type == f.TYPE_BYTES:
            v = [b.hex() for b in v] if many else v.hex()
        elif many:
            v = list(v)
        out[f.name] = v
    return out


class Door:
    """Questions by message names: ask("Query/Workflow", "Workflow", wid=..., at=7) -> dict, or the refusal's code."""

    def __init__(self, address, pb):
        self.c, self.pb = Connection(address), pb

    def ask(self, method, name, **members):
        request = getattr(self.pb, name + "Request")(**members)
        code, reply = self.c.ask("/ectledger.v1." + method, request.SerializeToString())
        if code:
            return code
        return plain(getattr(self.pb, name + "Reply").FromString(reply or b""))


def feed(door, dags, world, count, batch=16):
    """Append 'count' workflows; their records get indexes and receive times from the log itself."""
    for at in range(0, count, batch):
        made = [dags.dag(world) for _ in range(min(batch, count - at))]
        flat = [t for _, tokens in made for t in tokens]
        cuts = sorted({0, len(flat), *range(256, len(flat), 256), *(dags.rng.randrange(len(flat)) for _ in range(2))})
        for i, end in zip(cuts, cuts[1:] + [len(flat)]):
            for wid, tokens in made:  # before its tasks, among them, behind them; some more than once
                if dags.rng.random() < 0.15:
                    register(door, dags, world, wid, tokens)
            part = flat[i:end]
            if not part:
                continue
            for (_, record), row in zip(part, door.c.append([t.encode() for t, _ in part])):
                assert row["code"] == 0, (row, record)
                record["index"] = row["index"]
        catch_up(door, world, [r for _, r in flat])
        for wid, tokens in made:
            world.dags.append((wid, [r["index"] for _, r in tokens]))


def catch_up(door, world, records):
    """Put records at their indexes; whatever else the log has (keys, policies, descriptors) becomes a record too."""
    by_index = {r["index"]: r for r in records}
    question = {"limit": 1000, "brief": True, "since_ms": world.entries[-1]["received_ms"] if world.entries else 0}
    reply = door.ask("Query/Search", "Search", **question)
    while True:
        for e in reply["entries"]:
            if e["index"] < len(world.entries):
                continue
            assert e["index"] == len(world.entries), (e["index"], len(world.entries))
            r = by_index.get(e["index"]) or {"entry": e["entry_kind"], "index": e["index"], "jti": None, "wid": None, "iss": None, "domain": None, "act": None,
                                             "kind": None, "ext": {}, "pred": [], "iat": 0, "level": 0, "inp": None, "out": None}
            r["received_ms"] = e["received_at_ms"]
            world.entries.append(r)
        if reply["complete"]:
            break
        reply = door.ask("Query/Search", "Search", after=bytes.fromhex(reply["cursor"]), **question)
    for r in records:
        r["pred"] = [p["index"] for p in r["pred"]]
