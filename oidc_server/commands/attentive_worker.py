"""gunicorn's threads, each for requests that have arrived and not for clients that are still sending them.

A client that sends slowly, or nothing, costs a file descriptor and no thread: its bytes are gathered by the thread that
waits for all connections at once. And after an answer a thread stays with the connection for a moment, because a busy
client sends its next request at once: handed back, the connection would go through two switches of threads and several
system calls before it is served again. Senders take turns, so that one that sends very much holds up no other."""

from __future__ import annotations

import errno
import itertools
import selectors
import socket
import sys
import time
from collections import deque
from collections.abc import Hashable, Iterator
from functools import partial
from typing import Any

from gunicorn.workers.gthread import STOP_KEEPALIVE_LINGER, ThreadWorker

from oidc_server.commands.connection import Arrival, Connection
from oidc_server.commands.fair_queue import HELD_UP_SECONDS, FairQueue

_ATTENTION_MS = 3
_ATTENTION_READS = 3
_ANSWERS_AT_ONCE = 8  # so many fit into the third of the send buffer that is free when there is room at all
_ARRIVAL_SECONDS = 10.0
_LEAVING_SECONDS = 2.0
_LEAVING_BYTES = 65536
_GATHERED_BYTES = 32 * 1024 * 1024
_SERVED_BONUS_SECONDS = 5.0
_SPEAKING_SECONDS = 0.1
_PAUSE_SECONDS = 1.0
_FREELY = 2  # so many threads have something to do before anybody asks who sends it
_CROWDED_SECONDS = 1.0
# Python's default of 5 ms is what a thread that comes back from the database would wait for one that computes.
_SWITCH_SECONDS = 0.0005
_NO_DESCRIPTOR = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}


class AttentiveWorker(ThreadWorker):
    """One thread waits for every connection that is in one of four queues, each in the order in which its time ends:
    silent (nothing has come), kept alive (nothing has come since the last answer), pending (a part of a request has),
    leaving (we have closed our side).

    When there are too many, the one that has waited longest must go, but none before it has had time to speak: until
    then nobody else is accepted. So must the oldest that are pending, when together they have sent too much."""

    body_limit = 65536  # bytes

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.max_keepalived = self.worker_connections
        self._silent: deque[Connection] = deque()
        self._leaving: deque[Connection] = deque()
        self._queues = (self._silent, self.keepalived_conns, self.pending_conns, self._leaving)
        self._gathered = 0
        self._occupied = 0
        self._turns: FairQueue[Connection] = FairQueue()
        self._in_flight = 0
        self._crowded_until = 0.0
        self._accepts_from = 0.0

    def init_process(self) -> None:
        # gunicorn looks a setting up through two calls, and asks for twenty-five of them at each request.
        self.cfg.__dict__.update({name: setting.get() for name, setting in self.cfg.settings.items()})
        sys.setswitchinterval(_SWITCH_SECONDS)
        super().init_process()

    # In the thread that waits

    def accept(self, listener: Any) -> bool:
        """Take a waiting connection. False when there is no file descriptor for it."""
        try:
            client, address = listener.accept()
        except OSError as error:
            if error.errno in _NO_DESCRIPTOR:
                return self._make_room() or self._pause()
            if error.errno not in (errno.EAGAIN, errno.ECONNABORTED, errno.EWOULDBLOCK):
                raise
            return True
        conn = Connection(self.cfg, client, address, listener.getsockname(), self.body_limit)
        self.nr_conns += 1
        self._go_on(conn, conn.read())
        if self.nr_conns >= self.worker_connections:
            self._make_room()
        return True

    def wait_for_and_dispatch_events(self, timeout: float) -> None:
        if self.nr_conns >= self.worker_connections:
            timeout = 0 if self._make_room() else min(timeout, _SPEAKING_SECONDS)
        elif (left := self._accepts_from - time.monotonic()) > 0:
            timeout = min(timeout, left)
        if self._turns and self._in_flight < self.cfg.threads:
            timeout = min(timeout, HELD_UP_SECONDS)
        super().wait_for_and_dispatch_events(timeout)
        self._give_turns()

    def set_accept_enabled(self, enabled: bool) -> None:
        if not enabled or time.monotonic() >= self._accepts_from:
            super().set_accept_enabled(enabled)

    def _pause(self) -> bool:
        if not any(self._queues):
            self.log.warning("There is no file descriptor for another connection.")
        self._accepts_from = time.monotonic() + (_SPEAKING_SECONDS if any(self._queues) else _PAUSE_SECONDS)
        super().set_accept_enabled(False)
        return False

    def _make_room(self) -> bool:
        """Close the connection that has waited longest. False when none has waited for long enough."""

        def merit(conn: Connection) -> float:
            # A crowd that comes and says nothing is not to push out those who have just been served.
            return conn.waits_since + (_SERVED_BONUS_SECONDS if conn.queue is self.keepalived_conns else 0)

        first = min((queue[0] for queue in self._queues if queue), key=merit, default=None)
        if first is None or time.monotonic() < first.waits_since + _SPEAKING_SECONDS:
            return False
        self._drop(first)
        return True

    def _wait(self, conn: Connection, queue: deque[Connection], seconds: float) -> None:
        conn.waits_since = time.monotonic()
        conn.timeout = conn.waits_since + (seconds if self.alive else min(seconds, STOP_KEEPALIVE_LINGER))
        if conn.queue is None:
            conn.sock.setblocking(False)
            self.poller.register(conn.sock, selectors.EVENT_READ, partial(self._read, conn))
        else:
            conn.queue.remove(conn)
        conn.queue = queue
        queue.append(conn)

    def _wait_no_more(self, conn: Connection) -> None:
        if conn.queue is not None:
            conn.queue.remove(conn)
            conn.queue = None
            self.poller.unregister(conn.sock)
        self._count(conn, 0)

    def _drop(self, conn: Connection) -> None:
        self._wait_no_more(conn)
        self.nr_conns -= 1
        conn.close()

    def _count(self, conn: Connection, size: int) -> None:
        self._gathered += size - conn.counted_bytes
        conn.counted_bytes = size

    def _read(self, conn: Connection, _socket: Any) -> None:
        """Something has come, unless the connection was dropped a moment ago."""
        if conn.queue is self._leaving:
            ignored = conn.ignore()
            if ignored is None or ignored > _LEAVING_BYTES:
                self._drop(conn)
        elif conn.queue is not None:
            self._go_on(conn, conn.read())

    def _go_on(self, conn: Connection, arrival: Arrival) -> None:
        if arrival is Arrival.COMPLETE:
            self._wait_no_more(conn)
            self.enqueue_req(conn)
        elif arrival is Arrival.ENDED:
            self._drop(conn)
        elif not conn.request.has_begun:
            self._wait(conn, self.keepalived_conns if conn.parser.req_count else self._silent, self.cfg.keepalive)
        else:
            self._count(conn, conn.request.size)
            if conn.queue is not self.pending_conns:
                self._wait(conn, self.pending_conns, _ARRIVAL_SECONDS)
            while self._gathered > _GATHERED_BYTES:
                self._drop(self.pending_conns[0])

    def enqueue_req(self, conn: Connection) -> None:
        """Give it a thread, now or in its turn. Nobody asks who sends it while few threads have something to do."""
        now = time.monotonic()
        if self._in_flight >= _FREELY:
            self._crowded_until = now + _CROWDED_SECONDS
        if now < self._crowded_until:
            self._turns.push(self._sender_of(conn), conn, now)
            self._give_turns()
        else:
            self._crowded_until = 0.0
            self._submit(conn, None)

    def _give_turns(self) -> None:
        while self._in_flight < self.cfg.threads and (turn := self._turns.pop(time.monotonic())):
            sender, conn = turn
            self._submit(conn, sender)

    def _submit(self, conn: Connection, sender: Hashable) -> None:
        self._in_flight += 1
        conn.sender = sender
        super().enqueue_req(conn)

    def _sender_of(self, conn: Connection) -> Hashable:
        """Whose the complete request is, as far as its bytes say: nobody has checked them.

        Others know no client's credentials and do not come from its address, so they cannot stand in its line."""
        return hash(conn.request.credentials or (self.address_of(conn), conn.request.named_client))

    def address_of(self, conn: Connection) -> str:
        """Where the complete request comes from."""
        return conn.client[0] if isinstance(conn.client, tuple) else ""

    def finish_request(self, conn: Connection, fs: Any) -> None:
        """A thread has done with it."""
        self._in_flight -= 1
        if conn.sender is not None:
            self._turns.release(conn.sender)
        self._go_on_after(conn, fs)
        self._give_turns()

    def _go_on_after(self, conn: Connection, fs: Any) -> None:
        if fs.cancelled() or fs.exception() or not fs.result():
            self._part(conn)
        elif conn.has_ended:
            self._drop(conn)
        else:
            self._go_on(conn, Arrival.COMPLETE if conn.request.is_complete() else Arrival.INCOMPLETE)

    def _part(self, conn: Connection) -> None:
        """Close our side and, for a moment, ignore what still comes: to close at once can destroy the answer on its way
        (RFC 9112 §9.6)."""
        try:
            conn.sock.shutdown(socket.SHUT_WR)
        except OSError:
            self._drop(conn)
        else:
            self._wait(conn, self._leaving, _LEAVING_SECONDS)

    def murder_keepalived(self, force: bool = False) -> None:
        for conn in self._overdue(self.keepalived_conns, force):
            self._drop(conn)

    def murder_pending(self) -> None:
        for conn in self._overdue(self.pending_conns):
            conn.request.cut()
            self._go_on(conn, Arrival.COMPLETE)
        for queue in (self._silent, self._leaving):
            for conn in self._overdue(queue):
                self._drop(conn)

    def _overdue(self, queue: deque[Connection], force: bool = False) -> Iterator[Connection]:
        now = time.monotonic()
        while queue and (force or queue[0].timeout <= now):
            yield queue[0]

    def _cap_keepalive(self, deadline: float) -> None:
        for conn in itertools.chain(self._silent, self.keepalived_conns, self.pending_conns):
            conn.timeout = min(conn.timeout, deadline)

    # In the threads that answer

    def handle(self, conn: Connection) -> Any:
        self._occupied += 1
        try:
            while True:
                if conn.parser.req_count % _ANSWERS_AT_ONCE == _ANSWERS_AT_ONCE - 1 and not conn.takes_answers():
                    return False
                conn.hand_over()
                result = super().handle(conn)
                if result is not True or not self.alive or not self._more_comes(conn):
                    return result
        finally:
            self._occupied -= 1

    def handle_request(self, req: Any, conn: Connection) -> Any:
        req._expected_100_continue = False  # said already, if the body was waited for
        if not conn.knows_where_it_ends(req):
            req.force_close()
        try:
            return super().handle_request(req, conn)
        except (BlockingIOError, TimeoutError):
            self.log.debug("The client did not take its answer.")
            return False

    def _keepalive_after(self, conn: Connection, keepalive: Any) -> bool:
        return bool(super()._keepalive_after(conn, keepalive)) and conn.has_parsed_all()

    def _more_comes(self, conn: Connection) -> bool:
        """Whether the next request arrives within the moment. A thread stays only while another one is free for whoever
        else comes, and a client whose next request has come already takes its turn with the others. So does one that
        has more requests here while others wait, or a connection on which another sender's request comes."""
        if conn.request.has_begun or not self._may_stay(conn):
            return False
        for _ in range(_ATTENTION_READS):
            if not conn.hears_within(_ATTENTION_MS if self._occupied < self.cfg.threads else 0):
                return False
            arrival = conn.read()
            if arrival is not Arrival.INCOMPLETE:
                return arrival is Arrival.COMPLETE and conn.sender in (None, self._sender_of(conn))
        return False

    def _may_stay(self, conn: Connection) -> bool:
        """Whether a thread may prefer its own connection."""
        knows_turns = conn.sender is not None and self._turns.may_keep(conn.sender, time.monotonic())
        return knows_turns or not self._crowded_until
