"""A daemon of the tests' own: speaks the protocol, and misbehaves on request.

    python fake_daemon.py BEHAVIOUR --stdio
    python fake_daemon.py BEHAVIOUR --listen PATH

BEHAVIOUR is a comma-separated list of names and name=value, see Behaviour. The query language is
one comparison: `TRUE`, `field = literal`, `field >= literal`, `field = :name`, `field = ?`,
`field IS NULL`, `field IS MISSING`; a field may be a path a.b[0]. It exists for the faults that the
real daemon cannot be made to have, and so that the client can be tested where none is built. It is
long because it answers every message; fake_tables.py has what is in its tables.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import select
import signal
import socket
import struct
import sys
import time
from typing import Any, Optional

import fake_tables
import msgpack
from fake_tables import Refused, Rows, Store

TEST = re.compile(r"^(?P<path>.+?)\s*(?P<op>=|>=|IS NULL|IS MISSING)\s*(?P<right>.*)$")
ABSENT = fake_tables.ABSENT


class Behaviour:
    """What the fake does wrong. Numbers are seconds, bytes or rows."""

    def __init__(self, text: str) -> None:
        words = dict(word.partition("=")[::2] for word in text.split(",") if word)
        self.words = words
        self.slow = float(words.get("slow", 0))  # before the answer to EXECUTE
        self.chunk = int(words.get("chunk", 0))  # rows of a RESULT, 0: one for each payload
        self.limits = {"frame_bytes": 64 << 20, "batch_rows": 1 << 20, "plans": 1024}
        for name in self.limits:
            if name in words:
                self.limits[name] = int(words[name])

    def has(self, name: str) -> bool:
        return name in self.words


class Cancel(Exception):
    pass


class Plan:
    def __init__(self, text: str) -> None:
        self.text = text
        self.path: list[Any] = []
        self.params: list[Optional[str]] = []
        self.op, self.right = "TRUE", ""
        self.literal: Any = None
        if text == "TRUE":
            return
        match = TEST.match(text)
        if match is None or not re.match(r"^[\w.\[\]]+$", match["path"]):
            raise ValueError("syntax error")
        for part in re.findall(r"\w+|\[\d+\]", match["path"]):
            self.path.append(int(part[1:-1]) if part[0] == "[" else part)
        self.op, self.right = match["op"], match["right"]
        if self.right == "?":
            self.params = [None]
        elif self.right.startswith(":"):
            self.params = [self.right[1:]]
        elif self.right:
            self.literal = json.loads(self.right.replace("'", '"'))

    def constant(self, options: dict[str, Any]) -> Any:
        if self.right == "?":
            return options["params"][0]
        if self.right.startswith(":"):
            return options["params"][self.right[1:]]
        return self.literal

    def keeps(self, value: Any, constant: Any) -> bool:
        if self.op == "TRUE":
            return True
        if self.op == "IS MISSING":
            return value is ABSENT
        if self.op == "IS NULL":
            return value is ABSENT or value is None
        if value is ABSENT or value is None or type(value) is not type(constant):
            return False
        return bool(value == constant if self.op == "=" else value >= constant)


class Fake:
    def __init__(self, behaviour: Behaviour, read_fd: int, write_fd: int) -> None:
        self.behaviour = behaviour
        self.read_fd, self.write_fd = read_fd, write_fd
        self.buffer = b""
        self.plans: dict[int, Plan] = {}
        self.last_plan = 0
        self.streams: dict[int, dict[str, Any]] = {}  # open row streams
        self.ended: set[int] = set()  # streams that are over before their END came
        self.log: list[str] = []
        self.tables: dict[int, Store] = {}
        self.loads: dict[int, tuple[Store, str, Rows]] = {}

    # Frames

    def write(self, data: bytes) -> None:
        step = 1 if self.behaviour.has("bytewise") else len(data)
        for i in range(0, len(data), step):
            part = memoryview(data)[i : i + step]
            while part:
                part = part[os.write(self.write_fd, part) :]

    def reply(self, *message: Any) -> None:
        body: bytes = msgpack.packb(list(message), unicode_errors="surrogatepass")
        self.write(struct.pack(">I", len(body)) + body)

    def message(self) -> Optional[list[Any]]:
        while True:
            if len(self.buffer) >= 4:
                (size,) = struct.unpack_from(">I", self.buffer)
                if len(self.buffer) >= 4 + size:
                    body, self.buffer = self.buffer[4 : 4 + size], self.buffer[4 + size :]
                    found: list[Any] = msgpack.unpackb(
                        body, strict_map_key=False, unicode_errors="surrogatepass"
                    )
                    return found
            data = os.read(self.read_fd, 1 << 20)
            if not data:
                return None
            self.buffer += data

    # Messages

    def serve(self) -> int:
        if self.behaviour.has("silent"):
            time.sleep(60)
        while True:
            message = self.message()
            if message is None:
                if self.behaviour.has("stubborn"):
                    time.sleep(60)
                return 0
            self.answer(message)

    def answer(self, message: list[Any]) -> None:
        kind, number, *rest = message
        self.log.append(str(kind))
        if kind == 1:
            told = {"version": 1, "capabilities": [], "server": "fake", "unknown": 1}
            self.reply(65, number, {**told, "limits": self.behaviour.limits})
        elif kind == 3:
            self.prepare(number, rest[0])
        elif kind == 4 and rest[2] is not None and rest[2][0] == "table":
            if not self.fault(number):
                self.refusing(number, self.ask, *rest)
        elif kind == 4:
            self.execute(number, *rest)
        elif 12 <= kind <= 18:
            work = [self.create, self.open, self.load, self.delete, self.drop, self.describe]
            self.refusing(number, [*work, self.ask_all][kind - 12], *rest)
        elif kind in (5, 6) and number in self.loads:
            self.refusing(number, self.load_on, rest[0] if rest else None)
        elif kind == 5:
            if number not in self.ended:
                with contextlib.suppress(Cancel):
                    self.rows(number, rest[0])
        elif kind == 6:
            if number in self.ended:
                self.ended.discard(number)
            elif number in self.streams:
                self.done(number)
        elif kind == 7 and self.loads.pop(number, None) is not None:
            self.cancelled(number)
        elif kind == 7:
            self.ended.discard(number)
            if self.streams.pop(number, None) is not None:
                self.cancelled(number)
        elif kind == 8:
            self.reply(70, number, rest[0] if rest else None)
        elif kind == 9:
            told_stats = {"plans": len(self.plans), "kinds": self.log, "streams": len(self.streams)}
            self.reply(71, number, told_stats)
        elif kind == 10:
            plan = self.plans[rest[0]]
            self.reply(72, number, {"text": plan.text, "plan": "1 " + plan.text, "steps": [{}]})
        elif kind == 11:
            del self.plans[rest[0]]
            self.reply(73, number, rest[0])

    def prepare(self, number: int, query: Any) -> None:
        if len(self.plans) >= self.behaviour.limits["plans"]:
            self.error(number, 41, "TOO_MANY_PLANS", limit=self.behaviour.limits["plans"])
            return
        text = query if isinstance(query, str) else f"{query[1][1]} {query[0]} {query[2]}"
        try:
            plan = Plan(text)
        except ValueError:
            self.error(number, 1, "SYNTAX", pos=0, length=len(text.encode()), near=text)
            return
        self.last_plan += 1
        self.plans[self.last_plan] = plan
        told = {"fields": [plan.path] if plan.path else [], "params": plan.params, "text": text}
        self.reply(69, number, self.last_plan, told)

    def execute(self, number: int, plan: int, options: Any, payload: Any) -> None:
        if self.fault(number):
            return
        state = {"plan": self.plans[plan], "options": options or {}, "base": 0, "matched": 0}
        self.streams[number] = state
        if payload is not None:
            try:
                self.rows(number, payload)
            except Cancel:
                return
            if number in self.streams:
                if self.behaviour.has("deafen"):
                    os.close(self.read_fd)
                self.done(number)
                if self.behaviour.has("deafen"):
                    time.sleep(60)
            self.ended.discard(number)

    def fault(self, number: int) -> bool:
        """Misbehave; True if that was the answer."""
        has = self.behaviour.has
        if has("stderr"):
            for _ in range(300):
                try:
                    os.write(2, b"noise " * 170 + b"\n")
                except BlockingIOError:
                    break
        if has("garbage"):
            self.write(struct.pack(">I", 4) + b"\xc1\xc1\xc1\xc1")
        elif has("claim"):
            self.write(b"\xff\xff\xff\xff\x93")
        elif has("stranger"):
            self.reply(67, number + 1000, {})
        elif has("scalar"):
            self.reply_raw(5)
        elif has("wrongkind"):
            self.reply(70, number, None)
        elif has("mapid"):
            self.reply(67, {"a": 1}, {})
        elif has("emptydone"):
            self.reply(67, number, {})
        elif has("beyond"):
            self.reply(66, number, "indices", 0, 3, struct.pack("<I", 1000))
            self.reply(67, number, done_map(1, 3))
        elif has("miscount"):
            self.reply(67, number, done_map(1, 3))
        elif has("error0"):
            self.error(0, 47, "SHUTDOWN")
        elif has("truncate"):
            os.write(self.write_fd, b"\x00\x00\x00\x40\x93\x43")
            os._exit(0)
        elif has("die"):
            os.kill(os.getpid(), signal.SIGKILL)
        elif has("exit"):
            os.write(2, b"x" * 5000 + b"\nlast words\n")
            os._exit(3)
        else:
            return False
        return True

    def reply_raw(self, value: Any) -> None:
        body: bytes = msgpack.packb(value)
        self.write(struct.pack(">I", len(body)) + body)

    def rows(self, number: int, payload: Any) -> None:
        self.pause(number)
        state = self.streams.get(number)
        if state is None:  # a lie was told in its place, which the client has yet to read
            return
        plan, options = state["plan"], state["options"]
        form, count, columns = payload
        assert form == "columns"
        if count > self.behaviour.limits["batch_rows"]:
            del self.streams[number]
            self.ended.add(number)
            self.error(number, 40, "TOO_MANY_ROWS", limit=self.behaviour.limits["batch_rows"])
            return
        values = [ABSENT] * count
        for path, kind, data, valid, present in columns:
            assert (kind, valid, len(data)) == ("list", None, count)
            assert list(path) == plan.path, (path, plan.path)
            there = [present is None or present[i // 8] >> i % 8 & 1 for i in range(count)]
            values = [v if there[i] else ABSENT for i, v in enumerate(data)]
        constant = plan.constant(options)
        for i, value in enumerate(values):
            if value == "bad row":
                del self.streams[number]
                self.ended.add(number)
                self.error(number, 15, "ROW_INVALID", row=state["base"] + i)
                return
        limit = options.get("limit", 1 << 40)
        kept = [i for i, v in enumerate(values) if plan.keeps(v, constant)]
        kept = kept[: limit - state["matched"]]
        state["matched"] += len(kept)
        self.results(number, kept, count, state["base"], options["result"])
        state["base"] += count
        if state["matched"] >= limit:
            self.done(number, True)
            self.ended.add(number)

    def results(self, number: int, kept: list[int], count: int, base: int, kind: str) -> None:
        if kind == "count":
            return
        step = self.behaviour.chunk or max(count, 1)
        for start in range(0, count, step):
            rows = min(step, count - start)
            part = [i - start for i in kept if start <= i < start + rows]
            if not part:
                continue
            bits = bytearray((rows + 7) // 8)
            for i in part:
                bits[i // 8] |= 1 << i % 8
            numbers = struct.pack(f"<{len(part)}I", *part)
            as_bits = kind == "bitmap" or (kind == "auto" and len(bits) < len(numbers))
            data = bytes(bits) if as_bits else numbers
            name = "bitmap" if as_bits else "indices"
            self.reply(66, number, name, base + start, rows, data)

    # Tables

    def refusing(self, number: int, work: Any, *args: Any) -> None:
        try:
            work(number, *args)
        except Refused as refused:
            if self.loads.pop(number, None) is not None:
                self.ended.add(number)
            self.error(number, refused.code, refused.name, **refused.details)

    def found(self, table: Any) -> Store:
        if table in self.tables and not self.tables[table].is_gone:
            return self.tables[table]
        raise Refused(Store.TABLE_UNKNOWN, "TABLE_UNKNOWN")

    def named(self, name: str) -> Optional[Store]:
        stores = [s for s in self.tables.values() if s.name == name and not s.is_gone]
        return stores[-1] if stores else None

    def table(self, number: int, store: Store) -> None:
        self.tables[len(self.tables) + 1] = store
        self.reply(74, number, len(self.tables), store.told(False))

    def create(self, number: int, name: str, options: Any) -> None:
        options = options or {}
        store = self.named(name)
        exists = options.get("exists", "fail")
        key = options.get("key")
        if store is not None and (exists == "fail" or (exists == "open" and key != store.key)):
            raise Refused(Store.TABLE_EXISTS, "TABLE_EXISTS")
        if store is None or exists == "replace":
            if store is not None:
                store.is_gone = True
            store = Store(name, key, options.get("private", False))
        self.table(number, store)

    def open(self, number: int, name: str) -> None:
        store = self.named(name)
        if store is None:
            raise Refused(Store.TABLE_UNKNOWN, "TABLE_UNKNOWN")
        self.table(number, store)

    def load(self, number: int, table: Any, options: Any, payload: Any) -> None:
        mode = (options or {}).get("mode", "append")
        if payload is None and self.tables[table].is_gone:
            self.ended.add(number)
        self.loads[number] = (self.found(table), mode, Rows())
        if payload is not None:
            self.load_on(number, payload)
            self.load_on(number, None)

    def load_on(self, number: int, payload: Any) -> None:
        store, mode, rows = self.loads[number]
        if payload is not None:
            if self.behaviour.has("die-loading"):
                os.kill(os.getpid(), signal.SIGKILL)
            if payload[0] in ("maps", "template", "columns"):
                count = payload[1] if payload[0] == "columns" else len(payload[-1])
                assert count <= self.behaviour.limits["batch_rows"]
            rows.take(payload)
            return
        changed = store.load(rows.finish(), mode)
        del self.loads[number]
        self.reply(75, number, changed)

    def delete(self, number: int, table: Any, keys: list[Any]) -> None:
        self.reply(75, number, self.found(table).delete(keys))

    def drop(self, number: int, table: Any) -> None:
        store = self.found(table)
        deleted, store.rows = len(store.rows), []
        told = store.changed(0, 0, deleted)
        store.is_gone = True
        self.reply(75, number, told)

    def describe(self, number: int, table: Any) -> None:
        if table is not None:
            self.reply(76, number, [self.found(table).told(True)])
            return
        stores = {id(s): s for s in self.tables.values() if not s.is_gone}
        self.reply(76, number, [store.told(False) for store in stores.values()])

    def matches(
        self, store: Store, plan: Plan, options: dict[str, Any]
    ) -> tuple[list[tuple[int, Any]], dict[str, Any]]:
        """The rows that match, with their numbers, and the map of DONE."""
        constant = plan.constant(options)
        kept = [
            (i, row)
            for i, row in enumerate(store.rows)
            if plan.keeps(row.get(plan.path[0], ABSENT) if plan.path else None, constant)
        ]
        if "order" in options:
            kept = fake_tables.in_order(kept, options["order"])
        if options["result"] != "counts":
            start = options.get("offset", 0)
            kept = kept[start:][: options.get("limit")]
        return kept, done_map(len(kept), len(store.rows))

    def ask(self, number: int, plan: int, options: Any, payload: Any) -> None:
        store = self.found(payload[1])
        if options["result"] == "numbers" and self.behaviour.has("large"):
            raise Refused(16, "RESULT_KIND")
        kept, done = self.matches(store, self.plans[plan], options)
        step = self.behaviour.chunk or 1 << 30
        for part in fake_tables.results(kept, len(store.rows), options, step):
            self.reply(66, number, *part)
        self.reply(67, number, done)

    def ask_all(self, number: int, table: Any, queries: list[Any]) -> None:
        store = self.found(table)
        each: list[Any] = []
        for i, (query, options) in enumerate(queries):
            try:
                plan = self.plans[query] if isinstance(query, int) else Plan(query)
            except ValueError:
                each.append({"code": 1, "name": "SYNTAX", "message": "syntax error", "pos": 0})
                continue
            kept, done = self.matches(store, plan, options)
            step = self.behaviour.chunk or 1 << 30
            for part in fake_tables.results(kept, len(store.rows), options, step):
                self.reply(77, number, i, *part)
            each.append(done)
        self.reply(67, number, {"queries": each})

    def pause(self, number: int) -> None:
        """Be slow, but hear a CANCEL meanwhile."""
        if self.behaviour.has("mute"):
            while True:
                self.hear(number)
        end = time.monotonic() + self.behaviour.slow
        while self.behaviour.slow and time.monotonic() < end:
            if select.select([self.read_fd], [], [], end - time.monotonic())[0]:
                self.hear(number)

    def hear(self, number: int) -> None:
        message = self.message()
        if message is None:
            sys.exit(0)
        if message[0] == 7 and message[1] == number:
            del self.streams[number]
            self.cancelled(number)
            raise Cancel
        if message[0] not in (5, 6):
            self.answer(message)
        if number not in self.streams:  # cancelled while another request was answered
            raise Cancel

    def done(self, number: int, limited: bool = False) -> None:
        state = self.streams.pop(number)
        self.reply(67, number, done_map(state["matched"], state["base"], limited))

    def cancelled(self, number: int) -> None:
        self.error(number, 21, "CANCELLED")

    def error(self, number: int, code: int, name: str, **details: Any) -> None:
        self.reply(68, number, {"code": code, "name": name, "message": name.lower(), **details})


def done_map(matched: int, rows: int, limited: bool = False) -> dict[str, Any]:
    return {"matched": matched, "rows": rows, "type_mismatch": 0, "limit_reached": limited}


def main() -> int:
    behaviour = Behaviour(sys.argv[1])
    if behaviour.has("stubborn"):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if behaviour.has("early"):
        print("cannot start", file=sys.stderr)
        return 7
    if sys.argv[2] == "--stdio":
        return Fake(behaviour, 0, 1).serve()
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(sys.argv[3] + ".early")
    listener.listen()
    os.rename(sys.argv[3] + ".early", sys.argv[3])  # who sees it may connect
    while True:
        peer, _ = listener.accept()
        with peer:
            Fake(behaviour, peer.fileno(), peer.fileno()).serve()


if __name__ == "__main__":
    sys.exit(main())
