# SPDX-License-Identifier: Apache-2.0
"""How vLLM's chunks are called in a store. Needs no vLLM: a migration makes the names without."""
from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

DIGEST_BYTES = 16
# vLLM's two older layouts keep their old names in the identity of a canonical format.
_OLD_LAYOUTS = {"nhd": "LBNHC", "hnd": "LBHNC"}


def digest(facts: Mapping[str, Any], namespace: str) -> bytes:
    """Returns the prefix of all keys: other FACTS about the bytes of a chunk (model, dtype, groups,
    parallelism, layout) and other namespaces have another one."""
    text = json.dumps([facts, namespace], sort_keys=True)
    return hashlib.blake2b(text.encode(), digest_size=DIGEST_BYTES).digest()


def facts_of_folder(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the facts that the ``config.json`` of a folder of vLLM's ``fs`` holds. Raises
    KeyError where one is missing."""
    canonical = fields.get("canonical_format")
    family = canonical.partition("-")[2] if canonical else ""
    return {
        "model": fields["model_name"], "dtype": fields["dtype"],
        "tokens_per_hash": fields["tokens_per_hash"],
        "blocks_per_chunk": fields["blocks_per_file"],
        "groups": [[group["tokens_per_block"], list(group["layer_names"])]
                   for group in fields["kv_cache_groups"]],
        "parallel": [fields[name] for name in ("tp_size", "pp_size", "pcp_size", "dcp_size")],
        "replicated": bool(fields.get("replicated_layout", False)), "canonical": bool(canonical),
        "layout": _OLD_LAYOUTS.get(family, family.upper()) if canonical else None,
    }


def name(prefix: bytes, block_hash: bytes, group: int) -> bytes:
    """Returns the key of a chunk: PREFIX, and the key that vLLM makes of a hash and a group."""
    return prefix + block_hash + group.to_bytes(4, "big")
