"""Where an item of CBOR ends, for what authenticators send (CTAP 2.2 §8, canonical CBOR).

Whatever a decoder could be kept busy with is refused before one sees it: tags, by which a few bytes become many,
lengths that are not said, or not there, and deep nesting."""

from __future__ import annotations

_DEPTH = 8  # CTAP allows 4; an attestation of several parts needs one more
_TEXT_AND_BYTES, _ARRAY, _MAP, _TAG = (2, 3), 4, 5, 6
_LENGTHS = {24: 1, 25: 2, 26: 4, 27: 8}


class NotPlain(ValueError):
    """It is no CBOR, or none that an authenticator sends."""


def end_of_item(data: bytes, start: int = 0) -> int:
    """The place behind the item that begins at ``start``, in one pass over its bytes. Raises :class:`NotPlain`."""
    wanted = [1]  # how many items each open array or map still has to have
    at = start
    while wanted:
        if not wanted[-1]:
            wanted.pop()
            continue
        wanted[-1] -= 1
        kind, argument, at = _head(data, at)
        if kind in _TEXT_AND_BYTES:
            at += argument
        elif kind in (_ARRAY, _MAP):
            wanted.append(argument if kind == _ARRAY else 2 * argument)
            if wanted[-1] > len(data) - at or len(wanted) > _DEPTH:
                raise NotPlain("too deep, or more items than there is room for")
        elif kind == _TAG:
            raise NotPlain("a tag")
        if at > len(data):
            raise NotPlain("cut off")
    return at


def _head(data: bytes, at: int) -> tuple[int, int, int]:
    """The kind of the item at this place, its argument, and the place behind both (RFC 8949 §3)."""
    if at >= len(data):
        raise NotPlain("cut off")
    kind, short = data[at] >> 5, data[at] & 31
    at += 1
    if short < min(_LENGTHS):
        return kind, short, at
    if short not in _LENGTHS:
        raise NotPlain("a length that is not said")
    end = at + _LENGTHS[short]
    if end > len(data):
        raise NotPlain("cut off")
    return kind, int.from_bytes(data[at:end], "big"), end
