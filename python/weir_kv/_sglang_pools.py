# SPDX-License-Identifier: Apache-2.0
"""SGLang's pools in host memory: where the pages of each lie, and which names they have."""
from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import Any

from ._weir import lib
from .futures import Memory

KV = "kv"  # the pool of keys and values, to which all others are added
_MAMBA = "mamba"
_DIGEST_BYTES = 16
_RANKS = ("tp_rank", "pp_rank", "attn_cp_rank", "dp_rank", "dcp_rank")
_SIZES = ("tp_size", "pp_size", "attn_cp_size", "dcp_size")
# All tensor ranks of an MLA model hold the same bytes.
_MLA_RANKS = ("pp_rank", "attn_cp_rank", "dcp_rank", "pp_size", "attn_cp_size", "dcp_size")


def _number(storage_config: Any, name: str, default: int = 0) -> int:
    return int(getattr(storage_config, name, default) or default)


def rank_of(storage_config: Any) -> str:
    """Returns the number of this process among those of the model: "0", or "0-1-0-0-0"."""
    ranks = [_number(storage_config, name) for name in _RANKS]
    return str(ranks[0]) if not any(ranks[1:]) else "-".join(map(str, ranks))


def number_of(storage_config: Any) -> int:
    """Returns a number of this process that no other one of the model has, from 0 on."""
    number = 0
    for rank, size in reversed(list(zip(_RANKS, (*_SIZES[:3], "dp_size", "dcp_size")))):
        number = number * max(1, _number(storage_config, size, 1)) + _number(storage_config, rank)
    return number


def is_single(storage_config: Any) -> bool:
    """Returns whether the model has one rank only. With attention in parallel over the data each
    rank counts as the first of its tensor ranks."""
    return all(_number(storage_config, name, 1) == 1 for name in (*_SIZES, "dp_size"))


def digest(storage_config: Any, pool_name: str, pool: Any, namespace: str) -> bytes:
    """Returns the prefix of the keys of POOL: SGLang's own name neither model, nor rank, nor pool.
    The state of Mamba layers differs between the tensor ranks of an MLA model too. Ranks over the
    data hold the whole model each, so what one of them computed is of use to all: they are one."""
    c = storage_config
    names = _MLA_RANKS if c.is_mla_model and pool_name != _MAMBA else _RANKS + _SIZES
    numbers = [0 if name == "dp_rank" else _number(c, name) for name in names]
    tag = getattr(pool, "storage_format_tag", None)
    facts = [c.model_name, bool(c.is_mla_model), numbers,
             str(tag() if callable(tag) else tag), str(getattr(pool, "layout", "")),
             str(getattr(pool, "dtype", "")), int(getattr(pool, "page_size", 1) or 1), namespace]
    if pool_name != KV:
        facts.append(pool_name)
    return hashlib.blake2b(json.dumps(facts).encode(), digest_size=_DIGEST_BYTES).digest()


def is_logical(pool: Any) -> bool:
    """Returns whether POOL only numbers pages, whose bytes are in other pools."""
    return getattr(pool, "kv_buffer", pool) is None


def parts_of(pool: Any, keys: Sequence[str], host_indices: Any) -> list[list[Memory]]:
    """Returns the parts of each page in POOL. Raises ValueError where a value cannot be made of
    them."""
    addresses, sizes = pool.get_page_buffer_meta(host_indices)
    parts = len(addresses) // len(keys)
    if not parts or parts * len(keys) != len(addresses):
        raise ValueError(f"{len(addresses)} parts of {len(keys)} pages")
    if parts > lib.WEIR_STORE_IOV_MAX:
        raise ValueError(f"a page of {parts} parts, and a value has {lib.WEIR_STORE_IOV_MAX} "
                         "at most: use --hicache-mem-layout page_first")
    memory = [Memory(int(a), int(n)) for a, n in zip(addresses, sizes)]
    return [memory[i:i + parts] for i in range(0, len(memory), parts)]


class Pages:
    """The pages of one transfer: their memory, in place where the pool can tell it, else copies."""

    def __init__(self, pool: Any, keys: Sequence[str], host_indices: Any, load: bool) -> None:
        self._pool = pool
        self._tensors: list[Any] = [None] * len(keys)  # where the pages are copied to
        size = int(getattr(pool, "page_size", 1) or 1)
        if host_indices is None or host_indices.numel() != len(keys) * size:
            raise ValueError(f"{0 if host_indices is None else host_indices.numel()} indices of "
                             f"{len(keys)} pages of {size}")
        self._indices = [int(host_indices[i * size]) for i in range(len(keys))]
        try:
            self.values = parts_of(pool, keys, host_indices)
        except (AttributeError, NotImplementedError, ValueError):
            self._tensors = [pool.get_dummy_flat_data_page() if load else
                             pool.get_data_page(at, flat=True).contiguous()
                             for at in self._indices]
            self.values = [[Memory(t.data_ptr(), t.numel() * t.element_size())]
                           for t in self._tensors]

    def loaded(self, i: int) -> None:
        """Puts page I, which was read, where it belongs."""
        if self._tensors[i] is not None:
            self._pool.set_from_flat_data_page(self._indices[i], self._tensors[i])


def restorable(kv_pages: int, there: Sequence[bool], policy: str, trailing: int) \
        -> set[int] | None:
    """Returns the lengths of prefixes, 1 to KV_PAGES, that a pool allows whose pages are THERE.
    None: this policy restricts nothing."""
    if policy == "all_pages":
        leading = next((i for i in range(kv_pages) if not there[i]), kv_pages)
        return set(range(1, leading + 1))
    if policy == "trailing_pages":
        # So many pages before each length are there without a gap.
        run, allowed = 0, set()
        for length in range(1, kv_pages + 1):
            run = run + 1 if there[length - 1] else 0
            if run >= min(trailing, length):
                allowed.add(length)
        return allowed
    return None
