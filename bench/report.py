"""The figures of a run as JSON and as Markdown tables, beside what was set out to be reached."""

from dataclasses import asdict
from statistics import median
from typing import Any

from bench import crowd, factors
from bench.cases import BARE_VIEW
from bench.measure import RAW_SIGNATURE, Measured, Plan, Results, Sample

MEMORY_BUDGET_MB = 90
START_BUDGET_SECONDS = 2.0
# The raw signature of the machine on which the targets below were set; elsewhere the ratio to the signature says more.
REFERENCE_SIGNATURE_MS = 0.21
TARGET_CPU_MS = {
    ("client_credentials", "gunicorn"): 0.55,
    ("client_credentials", "granian"): 0.42,
    ("refresh_token", "gunicorn"): 1.4,
    ("authorization", "gunicorn"): 4.0,
    ("introspection, client's token", "gunicorn"): 0.35,
    ("introspection, user's token", "gunicorn"): 0.35,
    (factors.NAME, factors.KIND): 2.0,
    (crowd.ME, crowd.KIND): 1.5,
    **{(name, crowd.KIND): 5.0 for name in crowd.NAMES if name != crowd.ME},
}
TARGET_OF_BARE_VIEW = {("JWKS", "gunicorn"): 0.9, ("discovery", "gunicorn"): 0.9}


def summarise(results: Results, plan: Plan, machine: dict[str, str], command: str) -> dict[str, Any]:
    """Everything as plain data: medians with the least and the greatest value, and every sample behind them."""
    by_name = {(measured.name, measured.server_kind): measured for measured in results.measured}
    raw, bare = by_name[RAW_SIGNATURE, ""], by_name[BARE_VIEW, "gunicorn"]
    # What a loop that only computes does not get of its processor, something else has.
    foreign = 1 - median(sample.per_second * sample.cpu_ms / 1000 for sample in raw.samples)
    return {
        "machine": machine,
        "command": command,
        "plan": asdict(plan),
        "cases": [_case(measured, bare) for measured in results.measured],
        "memory": [
            {"server": memory.server_kind, "moment": memory.moment, **_rounded(asdict(memory.memory), 1)}
            for memory in results.memory
        ],
        "starts": [{"name": starts.name, "seconds": _spread(starts.seconds, 3)} for starts in results.starts],
        "foreign_share": round(max(foreign, 0), 3),
        "tokens_verified": results.tokens_verified,
        "requests_answered": results.requests_answered,
        "requests_logged": results.requests_logged,
    }


def _case(measured: Measured, bare: Measured) -> dict[str, Any]:
    key, samples = (measured.name, measured.server_kind), measured.samples
    target = TARGET_CPU_MS.get(key)
    case: dict[str, Any] = {
        "name": measured.name,
        "server": measured.server_kind,
        "requests": sum(sample.requests for sample in samples),
        "per_second": _spread([sample.per_second for sample in samples], 1),
        "cpu_ms": _spread([sample.cpu_ms for sample in samples], 4),
        "postgresql_cpu_ms": _spread([sample.postgresql_cpu_ms for sample in samples], 4),
        "p50_ms": _spread([sample.p50_ms for sample in samples], 2),
        "p99_ms": _spread([sample.p99_ms for sample in samples], 2),
        "of_raw_signature": _spread([sample.signature_ms / sample.cpu_ms for sample in samples], 3),
        "of_bare_view": _of_bare_view(bare, samples) if measured.server_kind == bare.server_kind else None,
        "target_cpu_ms": target,
        "target_of_raw_signature": round(REFERENCE_SIGNATURE_MS / target, 3) if target else None,
        "target_of_bare_view": TARGET_OF_BARE_VIEW.get(key),
        "samples": [_rounded(asdict(sample), 4) for sample in samples],
    }
    return case | _verdict(case)


def _of_bare_view(bare: Measured, samples: list[Sample]) -> dict[str, float]:
    """The rate per second of processor time as a share of the bare view's in the same round."""
    pairs = zip(bare.samples, samples, strict=True)
    return _spread([yardstick.cpu_ms / sample.cpu_ms for yardstick, sample in pairs], 3)


def _verdict(case: dict[str, Any]) -> dict[str, Any]:
    """Whether the case is where it should be, or None where nothing was set: in its own terms, and as a ratio to the
    signature of the same run."""
    reached, as_ratio = None, None
    if case["target_cpu_ms"] is not None:
        reached = case["cpu_ms"]["median"] <= case["target_cpu_ms"]
        as_ratio = case["of_raw_signature"]["median"] >= case["target_of_raw_signature"]
    elif case["target_of_bare_view"] is not None:
        reached = case["of_bare_view"]["median"] >= case["target_of_bare_view"]
    return {"reached": reached, "reached_as_ratio": as_ratio}


def _spread(values: list[float], digits: int) -> dict[str, float]:
    return _rounded({"median": median(values), "min": min(values), "max": max(values)}, digits)


def _rounded(values: dict[str, float], digits: int) -> dict[str, float]:
    return {name: round(value, digits) for name, value in values.items()}


def table(header: list[str], rows: list[list[str]]) -> str:
    """A Markdown table; every column but the first is aligned to the right."""
    lines = [header, ["---", *["---:"] * (len(header) - 1)], *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def markdown(summary: dict[str, Any]) -> str:
    """The tables, and what stands around them."""
    machine = summary["machine"]
    about = [
        f"Measured on {machine['date']}: {machine['processor']}, {machine['processors']} processors, "
        f"{machine['system']}, {machine['python']}; {machine['versions']}.",
        f"Command: `{summary['command']}`. Placement: {machine['placement']}.",
        f"{summary['plan']['rounds']} rounds of {summary['plan']['seconds']} s per case over "
        f"{summary['plan']['connections']} connections; medians, with the least and the greatest round in brackets.",
        f"Other programs took {summary['foreign_share']:.0%} of the server's processor while signatures were measured.",
        f"{summary['requests_answered']} requests were answered with 200 and {summary['requests_logged']} logged; "
        f"{summary['tokens_verified']} tokens were verified by the JWKS with PyJWT.",
    ]
    parts = ["\n".join(about), _cases_table(summary), _targets_table(summary), _memory_table(summary)]
    return "\n\n".join([*parts, _starts_table(summary)]) + "\n"


def _cases_table(summary: dict[str, Any]) -> str:
    header = [
        "Case", "Server", "Requests/s", "CPU ms per request", "of raw signature", "of bare view",
        "PostgreSQL CPU ms", "p50 ms", "p99 ms",
    ]  # fmt: skip
    rows = []
    for case in summary["cases"]:
        spreads = [_cell(case["per_second"], 0), _cell(case["cpu_ms"], 3)]
        ratios = [_cell(case["of_raw_signature"], 2), _cell(case["of_bare_view"], 2)]
        others = [f"{case[name]['median']:.2f}" for name in ("postgresql_cpu_ms", "p50_ms", "p99_ms")]
        rows.append([case["name"], case["server"] or "–", *spreads, *ratios, *(others if case["server"] else "–––")])
    return table(header, rows)


def _targets_table(summary: dict[str, Any]) -> str:
    header = ["Target", "Server", "To reach", "Measured", "Reached", "Of raw signature", "Measured", "Reached"]
    rows = []
    for case in summary["cases"]:
        if case["target_cpu_ms"] is not None:
            cost = [f"≤ {case['target_cpu_ms']} ms", f"{case['cpu_ms']['median']:.3f} ms", _yes_or_no(case["reached"])]
            ratio = [f"≥ {case['target_of_raw_signature']:.2f}", f"{case['of_raw_signature']['median']:.2f}"]
            rows.append([case["name"], case["server"], *cost, *ratio, _yes_or_no(case["reached_as_ratio"])])
        elif case["target_of_bare_view"] is not None:
            wanted = f"≥ {case['target_of_bare_view']} of the bare view"
            found = f"{case['of_bare_view']['median']:.2f}"
            rows.append([case["name"], case["server"], wanted, found, _yes_or_no(case["reached"]), *"–––"])
    return table(header, rows)


def _yes_or_no(reached: bool) -> str:
    return "yes" if reached else "no"


def _memory_table(summary: dict[str, Any]) -> str:
    rows = [
        [f"{memory['server']}, {memory['moment']}", *(f"{memory[kind]:.1f}" for kind in ("uss", "pss", "rss"))]
        for memory in summary["memory"]
    ]
    return table([f"One worker process (idle budget {MEMORY_BUDGET_MB} MB)", "USS MB", "PSS MB", "RSS MB"], rows)


def _starts_table(summary: dict[str, Any]) -> str:
    rows = [[starts["name"], _cell(starts["seconds"], 2)] for starts in summary["starts"]]
    return table(["From process start to first answer, gunicorn", f"Seconds (budget {START_BUDGET_SECONDS:.0f})"], rows)


def _cell(spread: dict[str, float] | None, digits: int) -> str:
    if spread is None:
        return "–"
    least, middle, greatest = (f"{spread[name]:.{digits}f}" for name in ("min", "median", "max"))
    return middle if least == greatest else f"{middle} ({least}–{greatest})"
