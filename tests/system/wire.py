"""The native door spoken by hand, from docs/WIRE.md alone: frames, protobuf fields, calls, streams.  No generated code."""
import socket
import ssl
import struct

APPEND = "/ectledger.v1.Ledger/Append"
STREAM = "/ectledger.v1.Ledger/AppendStream"


def varint(n):
    out = b""
    while n >= 0x80:
        out += bytes([n & 0x7f | 0x80])
        n >>= 7
    return out + bytes([n])


def field(number, value):
    if isinstance(value, (bytes, str)):
        value = value.encode() if isinstance(value, str) else value
        return varint(number << 3 | 2) + varint(len(value)) + value
    return varint(number << 3) + varint(int(value))


def fields(data):
    """[(number, value)]: numbers and byte strings, in order."""
    out, at = [], 0

    def take():
        nonlocal at
        v = shift = 0
        while True:
            b = data[at]
            at += 1
            v |= (b & 0x7f) << shift
            shift += 7
            if b < 0x80:
                return v
    while at < len(data):
        key = take()
        if key & 7 == 0:
            out.append((key >> 3, take()))
        elif key & 7 == 2:
            n = take()
            out.append((key >> 3, data[at:at + n]))
            at += n
        elif key & 7 == 1:
            out.append((key >> 3, data[at:at + 8]))
            at += 8
        else:
            raise AssertionError("wire type %d" % (key & 7))
    return out


def last(data, number, default=b""):
    found = default
    for n, v in fields(data):
        if n == number:
            found = v
    return found


def append_request(tokens, wits=(), wait_ms=None, receipt=False):
    body = b"".join(field(1, t) for t in tokens) + (b"" if receipt else field(2, 1)) + b"".join(field(3, w) for w in wits)
    return body if wait_ms is None else body + field(4, 1) + (field(5, wait_ms) if wait_ms else b"")


def answers(reply):
    """The rows of an AppendReply."""
    rows = []
    for n, a in fields(reply):
        assert n == 1
        row = {"number": last(a, 1, 0), "index": last(a, 2, 0), "jti": last(a, 5).hex(), "duplicate": bool(last(a, 7, 0)), "code": 0, "missing": []}
        refusal = last(a, 9, None)
        if refusal is not None:
            row.update(code=last(refusal, 1, 0), rule=last(refusal, 2).decode(), message=last(refusal, 4).decode(),
                       missing=[v.hex() for k, v in fields(refusal) if k == 5], retry_after_ms=last(refusal, 6, 0))
        rows.append(row)
    return rows


class Connection:
    def __init__(self, address, pair=None, ca=None, timeout=60):
        host, port = address.rsplit(":", 1)
        self.s = socket.create_connection((host, int(port)), timeout=timeout)
        self.s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if pair:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.load_verify_locations(ca)
            context.load_cert_chain(*pair)
            context.set_alpn_protocols(["ectledger/1"])
            self.s = context.wrap_socket(self.s, server_hostname=host)
        self.call, self.buffer = 0, b""

    def send(self, body):
        self.s.sendall(struct.pack(">BI", 0, len(body)) + body)

    def open(self, method, message=None, log="", end=False, deadline_ms=0):
        self.call += 1
        body = field(1, self.call) + field(2, method) + (field(3, log) if log else b"") + (field(4, deadline_ms) if deadline_ms else b"")
        self.send(body + self._message(message, end))
        return self.call

    @staticmethod
    def _message(message, end):
        return (field(5, message) + field(6, 1) if message is not None else b"") + (field(7, 1) if end else b"")

    def more(self, call, message=None, end=False):
        self.send(field(1, call) + self._message(message, end))

    def read(self):
        """One ServerFrame as a dict; None: the connection has ended."""
        while len(self.buffer) < 5 or len(self.buffer) < 5 + struct.unpack(">BI", self.buffer[:5])[1]:
            got = self.s.recv(1 << 16)
            if not got:
                return None
            self.buffer += got
        size = struct.unpack(">BI", self.buffer[:5])[1]
        body, self.buffer = self.buffer[5:5 + size], self.buffer[5 + size:]
        names = {1: "call", 2: "message", 3: "has_message", 4: "end", 5: "status", 6: "code", 7: "text", 8: "credit", 9: "draining", 10: "retry_after_ms"}
        frame = dict.fromkeys(names.values(), 0)
        frame.update({names[n]: v for n, v in fields(body) if n in names})
        return frame

    def ask(self, method, message=b"", log=""):
        """One question; gives (code, message)."""
        call = self.open(method, message, log, end=True)
        reply = None
        while True:
            f = self.read()
            assert f is not None, "the connection ended"
            if f["call"] != call:
                continue
            if f["has_message"]:
                reply = f["message"] or b""
            if f["end"]:
                return f["code"], reply

    def append(self, tokens, **kw):
        code, reply = self.ask(APPEND, append_request(tokens, **kw))
        assert code == 0, code
        return answers(reply)

    def close(self):
        self.s.close()
