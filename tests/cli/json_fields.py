# SPDX-License-Identifier: Apache-2.0
"""The members of JSON objects, and the tables of docs/json.md that document them."""
import re

TYPES = {str: "string", bool: "boolean", int: "integer", float: "number", type(None): "null"}


def fields_of(value, name=""):
    """Returns (member, type) of everything in VALUE; elements of arrays are called NAME[]."""
    if isinstance(value, dict):
        found = [(name, "object")] if name else []
        for key, inner in value.items():
            found += fields_of(inner, f"{name}.{key}" if name else key)
        return found
    if isinstance(value, list):
        return [(name, "array")] + [f for inner in value for f in fields_of(inner, f"{name}[]")]
    return [(name, TYPES[type(value)])]


def documented(text):
    """Returns {schema: {member: (set of types, may be absent)}} from the tables of docs/json.md."""
    tables, table = {}, None
    for line in text.splitlines():
        heading = re.match(r"#+ `([a-z.-]+\d*)`$", line)
        if heading:
            table = tables.setdefault(heading[1], {})
        elif line.startswith("#"):
            table = None
        row = re.match(r"\| `([^`]+)` \| ([^|]+) \| ", line)
        if row and table is not None:
            words = row[2].strip()
            absent = words.endswith("?")
            table[row[1]] = (set(words.rstrip("?").strip().split(" or ")), absent)
    shared = {name: tables.pop(name) for name in list(tables) if not name.startswith("weir.")}
    return {schema: expanded(table, shared) for schema, table in tables.items()}


def expanded(table, shared):
    """Returns TABLE, where a type that names a table in SHARED is replaced by the rows of that
    table."""
    rows = {}
    for field, (kinds, absent) in table.items():
        inner = next((shared[kind] for kind in kinds if kind in shared), None)
        rows[field] = (kinds if inner is None else {"object"}, absent)
        for name, row in expanded(inner, shared).items() if inner is not None else ():
            rows[f"{field}.{name}"] = (row[0], row[1] or absent)
    return rows


def row_of(table, field):
    """Returns the row of TABLE about FIELD: its own row, or one whose last part is a star."""
    if field in table:
        return field
    star = re.sub(r"[^.]+$", "*", field)
    return star if star in table else None


def differences(tables, objects):
    """Compares TABLES with the OBJECTS that commands printed, and returns the differences in
    sentences."""
    said, seen = [], {}
    for obj in objects:
        schema = obj["schema"]
        if schema not in tables:
            said.append(f"{schema} has no table: begin one with \"### `{schema}`\"")
            tables[schema] = {}
        table, present = tables[schema], set()
        for field, kind in fields_of(obj):
            row = row_of(table, field)
            if not row:
                said.append(f"{schema}: `{field}` is printed and not in the table: add a line "
                            f"\"| `{field}` | {kind} | what it means, and its unit |\"")
                continue
            present.add(row)
            kinds = table[row][0]
            if kind not in kinds and not (kind == "integer" and "number" in kinds):
                said.append(f"{schema}: `{field}` is {kind}, the table says {sorted(kinds)}")
        seen.setdefault(schema, set()).update(present)
        for field, (_, absent) in table.items():
            parent = field.rpartition(".")[0].removesuffix("[]")
            inside = field.endswith("[]") or "[]." in field or parent and parent not in present
            if field not in present and not absent and not inside:
                said.append(f"{schema}: `{field}` is in the table and not printed: if that may "
                            f"be, its type ends with \" ?\"")
    for schema, table in tables.items():
        for field in table.keys() - seen.get(schema, set()):
            said.append(f"{schema}: no command of this test printed `{field}`: remove the line, "
                        f"or have the test print it")
    return sorted(set(said))
