"""One run: every case in several interleaved rounds, each time right after the raw signature was measured."""

import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256

from bench import cases, crowd, factors, seed
from bench.bare import PATH as BARE_PATH
from bench.load import run_load
from bench.machine import Placement, on_processor
from bench.server import Memory, Server, free_port, get, processor_seconds, running, serve_command

RAW_SIGNATURE = "raw RSA-2048 signature"
_KEY_BITS = 2048
_MESSAGE_BYTES = 600  # about as long as what is signed for an access token


@dataclass(frozen=True)
class Plan:
    """How much is measured: rounds, seconds per case and round of load and of raw signatures, connections, starts per
    database, and accounts where there are very many."""

    rounds: int = 7
    seconds: float = 1.4
    signing: float = 0.2
    warm_up: float = 0.4
    connections: int = 4
    starts: int = 5
    accounts: int = 1_000_000


@dataclass(frozen=True)
class Sample:
    """One case in one round. Processor milliseconds are per request: the server's, and PostgreSQL's.

    ``signature_ms`` is what a raw signature cost just before: a shared machine is not equally fast from one second to
    the next."""

    per_second: float
    cpu_ms: float
    signature_ms: float
    postgresql_cpu_ms: float = 0.0
    p50_ms: float = 0.0
    p99_ms: float = 0.0
    requests: int = 0


@dataclass(frozen=True)
class Measured:
    """A case and its samples: one for each round, and for the raw signature one beside each of the others."""

    name: str
    server_kind: str
    samples: list[Sample]


@dataclass(frozen=True)
class WorkerMemory:
    """The memory of one worker process at a moment."""

    server_kind: str
    moment: str
    memory: Memory


@dataclass(frozen=True)
class Starts:
    """Seconds from starting the process to its first answer, for each start."""

    name: str
    seconds: list[float]


@dataclass(frozen=True)
class Results:
    """All that a run found."""

    measured: list[Measured]
    memory: list[WorkerMemory]
    starts: list[Starts]
    tokens_verified: int
    requests_logged: int
    requests_answered: int


@dataclass(frozen=True)
class Field:
    """The running servers, and what is asked of them."""

    cases: list[cases.Case]
    gunicorn: Server
    granian: Server
    memory: list[WorkerMemory]


def measure(plan: Plan, where: Placement, postgresql: seed.PostgreSQL, folder: Path) -> Results:
    """Everything in one run. This thread must be where the load generator belongs."""
    seeded = seed.seed(postgresql.url)
    settings = seed.settings(postgresql.url, folder / "keys")
    sqlite = f"sqlite:///{folder / 'start.sqlite3'}"
    seed.seed(sqlite)
    starts = [
        *_starts("PostgreSQL", plan, settings, folder, where),
        *_starts("SQLite", plan, seed.settings(sqlite, folder / "keys-sqlite"), folder, where),
    ]
    with _servers(plan, where, seeded, settings, folder) as field:
        samples = _rounds(plan, where, field.cases, postgresql.pid)
        memory = field.memory + _memory("after load", field.gunicorn, field.granian)
        verified = cases.verify_tokens(field.cases, get(field.gunicorn.address, cases.JWKS)[1])
        logged = sum(_requests_logged(server.log) for server in (field.gunicorn, field.granian))
    samples[factors.NAME, factors.KIND] = list(_verified_codes(plan, where, postgresql))
    # At the end, because it makes PostgreSQL's caches another's.
    print(f"Making {plan.accounts} accounts.", file=sys.stderr, flush=True)
    with crowd.serving(postgresql, plan.accounts, plan.connections, where, folder) as (server, crowded):
        for key, found in _rounds(plan, where, crowded, postgresql.pid).items():
            samples.setdefault(key, []).extend(found)
        logged += _requests_logged(server.log)
    measured = [Measured(name, kind, found) for (name, kind), found in samples.items()]
    unlogged = {RAW_SIGNATURE, cases.BARE_VIEW, factors.NAME}
    answered = sum(s.requests for m in measured if m.name not in unlogged for s in m.samples)
    return Results(measured, memory, starts, verified, logged, answered)


def _starts(name: str, plan: Plan, settings: dict[str, str], folder: Path, where: Placement) -> Iterator[Starts]:
    """The first start makes the signing key, the others find it."""
    print(f"Starting on {name}.", file=sys.stderr, flush=True)
    seconds = []
    for _ in range(plan.starts + 1):
        port = free_port()
        with running(serve_command(port), port, settings, folder / "starts.log", where.server, cases.JWKS) as server:
            seconds.append(server.first_answer)
    yield Starts(f"{name}, first start of all: it makes the signing key", seconds[:1])
    yield Starts(name, seconds[1:])


@contextmanager
def _servers(
    plan: Plan, where: Placement, seeded: seed.Seed, settings: dict[str, str], folder: Path
) -> Iterator[Field]:
    """Both of the product's servers and the bare view, all on the one processor, where all but one are idle."""
    with ExitStack() as stack:

        def start(name: str, command: list[str], port: int, path: str = cases.JWKS) -> Server:
            return stack.enter_context(running(command, port, settings, folder / f"{name}.log", where.server, path))

        port = free_port()
        gunicorn = start("gunicorn", serve_command(port), port)
        port = free_port()
        granian = start("granian", serve_command(port, "granian"), port)
        port = free_port()
        memory = _memory("idle", gunicorn, granian)
        size = len(get(gunicorn.address, cases.JWKS)[1])
        bare = start("bare", cases.bare_command(port, size), port, BARE_PATH)

        signed_in = seed.sign_in(gunicorn.address, seeded, plan.connections)
        yield Field(
            [
                cases.bare_view(bare, plan.connections),
                *cases.gunicorn_cases(gunicorn, seeded, signed_in),
                cases.client_credentials("granian", granian, seeded, plan.connections),
                cases.jwks("granian", granian, plan.connections),
            ],
            gunicorn,
            granian,
            memory + _memory("after sign-ins", gunicorn, granian),
        )


def _rounds(
    plan: Plan, where: Placement, field: Sequence[cases.Case], postgresql_pid: int
) -> dict[tuple[str, str], list[Sample]]:
    """Every case once a round, forwards and backwards in turn, so that no case always follows the same other."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=_KEY_BITS)
    samples: dict[tuple[str, str], list[Sample]] = {(RAW_SIGNATURE, ""): []}
    for case in field:
        run_load(case.server.address, case.sources, plan.warm_up)
        samples[case.name, case.server_kind] = []
    for number in range(plan.rounds):
        print(f"Round {number + 1} of {plan.rounds}.", file=sys.stderr, flush=True)
        for case in field if number % 2 == 0 else reversed(field):
            raw = raw_signatures(key, plan.signing, where)
            samples[RAW_SIGNATURE, ""].append(raw)
            samples[case.name, case.server_kind].append(_sample(case, plan.seconds, raw.cpu_ms, postgresql_pid))
    return samples


def raw_signatures(key: rsa.RSAPrivateKey, seconds: float, where: Placement) -> Sample:
    """RS256 signatures and nothing else, on the server's processor: what no token can be cheaper than."""
    message, scheme, digest = b"x" * _MESSAGE_BYTES, padding.PKCS1v15(), SHA256()
    signatures = 0
    with on_processor(where.server):
        started, cpu = time.perf_counter(), time.process_time()
        while time.perf_counter() - started < seconds:
            key.sign(message, scheme, digest)
            signatures += 1
        elapsed, cpu = time.perf_counter() - started, time.process_time() - cpu
    cost = cpu / signatures * 1000
    return Sample(per_second=signatures / elapsed, cpu_ms=cost, signature_ms=cost, requests=signatures)


def _verified_codes(plan: Plan, where: Placement, postgresql: seed.PostgreSQL) -> Iterator[Sample]:
    """A round each of codes of authenticator apps."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=_KEY_BITS)
    with factors.authenticator_apps(postgresql.url) as apps:
        apps.verify_some(where.server)
        for _ in range(plan.rounds):
            raw, before = raw_signatures(key, plan.signing, where), processor_seconds(postgresql.pid)
            codes, seconds, cpu = apps.verify_some(where.server)
            database = processor_seconds(postgresql.pid) - before
            yield Sample(
                codes / seconds, cpu / codes * 1000, raw.cpu_ms, database / codes * 1000, requests=codes
            )  # fmt: skip


def _sample(case: cases.Case, seconds: float, signature_ms: float, postgresql_pid: int) -> Sample:
    server_before, database_before = case.server.processor_seconds(), processor_seconds(postgresql_pid)
    load = run_load(case.server.address, case.sources, seconds)
    server_after, database_after = case.server.processor_seconds(), processor_seconds(postgresql_pid)
    return Sample(
        per_second=load.requests / load.seconds,
        cpu_ms=(server_after - server_before) / load.requests * 1000,
        signature_ms=signature_ms,
        postgresql_cpu_ms=(database_after - database_before) / load.requests * 1000,
        p50_ms=load.percentile_ms(0.5),
        p99_ms=load.percentile_ms(0.99),
        requests=load.requests,
    )


def _memory(moment: str, gunicorn: Server, granian: Server) -> list[WorkerMemory]:
    """What a worker of each takes: ``idle`` is after its first answer."""
    servers = (("gunicorn", gunicorn), ("granian", granian))
    return [WorkerMemory(kind, moment, server.worker_memory()) for kind, server in servers]


def _requests_logged(log: Path) -> int:
    """How many lines of the log tell of a request: the proof that logging was on."""
    with log.open("rb") as lines:
        return sum(b'"event":"request"' in line for line in lines)
