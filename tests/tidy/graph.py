# SPDX-License-Identifier: Apache-2.0
"""Calls between files and modules: which go down, which go up, and which make a circle.

A module is a folder. A table of data that names functions is no call: that is how a scheduler, an
engine or a command is made known to those who look it up. A call through such a table is none
either, nor is a callback: both come up from below on purpose.
"""
import collections
import os

from layers import LAYERS, MODULES
from tree import layer_of

# EDGES: (source, target) -> the calls between the two.
Circle = collections.namedtuple("Circle", "nodes edges")


def module_of(path):
    return os.path.dirname(path)


def goes_down(above, below):
    """Whether module ABOVE may call module BELOW; both are folders."""
    if above == below:
        return True
    upper, lower = layer_of(above + "/x.c")[0], layer_of(below + "/x.c")[0]
    if upper != lower:
        return upper not in LAYERS or lower in " ".join(LAYERS[upper]).split()
    order = MODULES.get(upper, "").split()
    return above in order and below in order and order.index(above) < order.index(below)


def circles(edges):
    """The groups of nodes that reach one another; EDGES: node -> nodes. (Tarjan, without
    recursion.)"""
    number, low, stack, on_stack, groups = {}, {}, [], set(), []

    def enter(node):
        number[node] = low[node] = len(number)
        stack.append(node)
        on_stack.add(node)
        return node, iter(sorted(edges.get(node, ())))

    def leave(node):
        if low[node] == number[node]:
            at = stack.index(node)
            group, stack[at:] = stack[at:], []
            on_stack.difference_update(group)
            if len(group) > 1:
                groups.append(sorted(group))

    for root in sorted(edges):
        work = [] if root in number else [enter(root)]
        while work:
            node, rest = work[-1]
            other = next((o for o in rest if o not in number or o in on_stack), None)
            if other is None:
                work.pop()
                leave(node)
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[node])
            elif other in number:
                low[node] = min(low[node], number[other])
            else:
                work.append(enter(other))
    return sorted(groups)


def join(calls, name):
    """(source, target) -> calls, between what NAME makes of the two files."""
    edges = collections.defaultdict(list)
    for call in calls:
        pair = name(call.source), name(call.target)
        if call.in_code and pair[0] != pair[1]:
            edges[pair].append(call)
    return edges


def find_circles(edges):
    """Each circle among EDGES, with the edges that make it."""
    onward = collections.defaultdict(set)
    for source, target in edges:
        onward[source].add(target)
    return [Circle(nodes, {pair: calls for pair, calls in sorted(edges.items())
                           if pair[0] in nodes and pair[1] in nodes})
            for nodes in circles(onward)]


def circles_of_files(calls):
    """Circles between the files of one module."""
    inside = [c for c in calls if module_of(c.source) == module_of(c.target)]
    return find_circles(join(inside, lambda path: path))


def circles_of_modules(calls):
    return find_circles(join(calls, module_of))


def calls_up(calls):
    return [c for c in calls
            if c.in_code and not goes_down(module_of(c.source), module_of(c.target))]


def backward(circle):
    """A few edges of a circle without which it is none: those against an order of its nodes in
    which callers stand first, found by taking the node that is called least for what it calls."""
    left, order = set(circle.nodes), []
    weight = {pair: len(calls) for pair, calls in circle.edges.items()}
    while left:
        def balance(node):
            out = sum(w for (a, b), w in weight.items() if a == node and b in left)
            into = sum(w for (a, b), w in weight.items() if b == node and a in left)
            return (into > 0, into - out, node)
        order.append(min(left, key=balance))
        left.remove(order[-1])
    return {pair for pair in circle.edges if order.index(pair[0]) > order.index(pair[1])}
