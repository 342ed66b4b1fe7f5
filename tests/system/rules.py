"""What docs/POLICY.md and docs/KINDS.md say of one record: who holds a role, which rule guards, does it meet its row. Plain and slow, from the pages alone."""
import json
from decimal import Decimal
from uuid import UUID

from kit import unb64u

KIND_CODES = {"hitl_decision": ("decision", ["approved", "denied", "escalated", "withdrawn", "revoked"]),
              "override": ("level", ["pause", "constrain", "stop", "takeover", "advisory", "mandatory", "emergency"]),
              "override_ack": ("status", ["received", "complied", "refused", "unable"])}
TASK_KEYS = {"irreversible": "bool", "consequential": "bool", "critical": "bool", "compensation_required": "bool", "compensation_reason": "string",
             "attestation": "string", "node": "string"}
# kind: (kinds of which one predecessor must be, required key, types of the others)
ROWS = {
    "task": (None, None, TASK_KEYS),
    "start": (None, "node", {"node": "string"}),
    "checkpoint": (None, None, {"cp_scope": "string", "state_hash": "hash", "state_ref": "string", "reversible": "bool", "ttl_s": "int"}),
    "failure": (None, None, {"fail_class": ["timeout", "dependency", "policy", "internal", "external"], "fail_code": "string", "retryable": "bool"}),
    "rollback_request": (None, None, {"idem": "string", "target_cp": "uuid", "set": "uuids", "scope": "string", "reason": "string", "not_after": "int"}),
    "rollback_result": (["rollback_request"], "outcome", {"outcome": ["success", "partial", "refused", "irreversible", "failed"], "idem": "string",
                                                          "done": "uuids", "left": "uuids", "compensations": "uuids"}),
    "compensation": (None, "compensates", {"compensates": "pred", "compensation_reason": "string"}),
    "translation": (None, ["src_proto", "dst_proto"], {"src_proto": "string", "dst_proto": "string", "loss": "array"}),
    "attestation": (None, None, {"manifest_hash": "hash", "evidence_ref": "string", "verifier": "string"}),
    "hitl_request": (None, None, {"rule_id": "string", "role": "string", "kind": "string", "deadline": "int", "on_timeout": "string", "uses": "int"}),
    "hitl_decision": (["hitl_request"], "decision", {"decision": KIND_CODES["hitl_decision"][1], "shown_hash": "hash", "role": "string", "reason": "string"}),
    "override": (None, "level", {"level": KIND_CODES["override"][1], "scope": "string", "targets": "array", "ack_by": "int", "reason": "string"}),
    "override_ack": (["override"], "status", {"status": KIND_CODES["override_ack"][1], "effective_at": "int"}),
    "override_release": (["override"], None, {"reason": "string"}),
    "explanation": (None, None, {"summary_hash": "hash", "vac": "object"})}
NEVER_GUARDED = ("hitl_request", "hitl_decision", "override", "override_ack", "override_release")
PRED_ANY = ("task", "start", "lifecycle")  # may have none


def whole(v):
    """A whole number: no sign, fraction or exponent, below 2^53; else None."""
    return v if type(v) is int and 0 <= v < 1 << 53 else None


def text(v):
    """A text that says something; else None."""
    return v if isinstance(v, str) and v else None


def sha256_of(v):
    """The hash in base64url without padding, as hex; else None."""
    try:
        raw = unb64u(v) if isinstance(v, str) and "=" not in v and "+" not in v and "/" not in v and len(v) == 43 else b""
    except ValueError:
        return None
    return raw.hex() if len(raw) == 32 else None


def is_uuid(v):
    try:
        return isinstance(v, str) and len(v) == 36 and str(UUID(v)) == v.lower()
    except ValueError:
        return False


def typed(v, kind, preds):
    if isinstance(kind, list):
        return v in kind if isinstance(v, str) else False
    if kind == "string":
        return isinstance(v, str)
    if kind == "int":
        return type(v) is int
    if kind == "bool":
        return isinstance(v, bool)
    if kind == "array":
        return isinstance(v, list)
    if kind == "object":
        return isinstance(v, dict)
    if kind == "hash":
        return sha256_of(v) is not None
    if kind == "uuid":
        return is_uuid(v)
    if kind == "uuids":
        return isinstance(v, list) and len(v) <= 100 and all(is_uuid(i) for i in v) and len({i.lower() for i in v}) == len(v)
    if kind == "pred":
        return is_uuid(v) and v.lower() in preds
    raise KeyError(kind)


def breach(entries, x):
    """The record does not meet its row of the table of kinds."""
    parents, required, keys = ROWS[x["kind"]]
    if x["kind"] not in PRED_ANY and not x["pred"] or x["kind"] == "translation" and len(x["pred"]) != 1:
        return True
    if parents and not any(entries[p]["kind"] in parents for p in x["pred"]):
        return True
    for r in [required] if isinstance(required, str) else required or []:
        if r not in x["ext"]:
            return True
    preds = {entries[p]["jti"] for p in x["pred"]}
    return any(name in x["ext"] and not typed(x["ext"][name], kind, preds) for name, kind in keys.items())


def holds(doc, role, iss):
    for pattern in doc.get("roles", {}).get(role, []):
        if pattern.endswith("/*"):
            if iss.startswith(pattern[:-1]) and len(iss) > len(pattern) - 1:
                return True
        elif pattern == iss:
            return True
    return False


def commands(doc, iss):
    return holds(doc, "operator", iss) or holds(doc, "human", iss)


MISSING = object()


def ext_field(ext, name):
    if name in ext:
        return ext[name]
    for i, c in enumerate(name):
        if c == "." and isinstance(ext.get(name[:i]), dict) and name[i + 1:] in ext[name[:i]]:
            return ext[name[:i]][name[i + 1:]]
    return MISSING


def number(v):
    return Decimal(json.dumps(v)) if type(v) in (int, float) else None


def equal(a, b):
    if isinstance(a, bool) or isinstance(b, bool):
        return a is b
    if number(a) is not None and number(b) is not None:
        return number(a) == number(b)
    return isinstance(a, str) and a == b


def meets(c, x):
    if "all" in c:
        return all(meets(k, x) for k in c["all"])
    if "any" in c:
        return any(meets(k, x) for k in c["any"])
    if "not" in c:
        return not meets(c["not"], x)
    field, op, value = c["field"], c["op"], c.get("value")
    if field.startswith("ext."):
        v = ext_field(x["ext"], field[4:])
    else:
        v = {"exec_act": x["act"], "iss": x["iss"], "trust_domain": x["domain"], "kind": x["kind"], "wid": x["wid"] or MISSING}[field]
        if field == "wid" and op in ("eq", "ne", "in"):
            value = [s.lower() for s in value] if op == "in" else value.lower()
    if op == "ne":
        return v is MISSING or not equal(v, value)
    if v is MISSING:
        return False
    if op == "exists":
        return True
    if op == "eq":
        return equal(v, value)
    if op == "in":
        return any(equal(v, w) for w in value)
    if op == "prefix":
        return isinstance(v, str) and v.startswith(value)
    a, b = number(v), number(value)
    return a is not None and {"gt": a > b, "ge": a >= b, "lt": a < b, "le": a <= b}[op]


def rule_called(doc, name):
    return next((r for r in doc.get("rules", []) if r["id"] == name), None)


def guard(doc, x):
    """The rule that guards the task, or None."""
    if x["kind"] in NEVER_GUARDED:
        return None
    for action in ("abort", "escalate", "pause"):
        for r in doc.get("rules", []):
            if r["action"] == action and meets(r["when"], x):
                return r
    return None
