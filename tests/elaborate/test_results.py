"""Every rule of the language gives what it says: graphs against an evaluator in plain loops."""

from __future__ import annotations

from pathlib import Path

import pytest

from raggeddsl.options import Options
from tests.graph.by_hand import agrees

GOOD = Path(__file__).parents[1] / "cases" / "good"

HEAD = """
option dtype = f32
index i in 3
index e in 2
index t
dim n = 4
dim m[i] = [2, 3, 5]
dim k[i] = 2 * (i + 1) - 1
map o[t] in e = [1, 0, 1, 1]
map l[t] in i = [0, 1, 2, 0]
map owner[i] in e = [0, 1, 1]
map last[e] in i = [2, 0]
input A[i] : [m[i], k[i]]
input B[i] : [k[i], n]
input S[i] : [n, n]
input E[e] : [n, n]
input W, V : [n, n]
input s[i] : []
input r : []
input X[t] : [m[l[t]], n]
"""

RULES = {
    "a product": "output Y[i] = A[i] @ B[i]",
    "a shared factor": "output Y[i] = A[i] @ B[i] @ W",
    "a chain in brackets": "output Y[i] = A[i] @ (B[i] @ (W @ V))",
    "shared products in a family": "output Y[i] = W @ V @ S[i] @ W @ V",
    "only shared": "output Y[i] = W @ V",
    "transposes": "output Y[i] = (A[i] @ B[i]).T @ A[i].T.T @ B[i]",
    "transposed output": "output Y[i] = A[i].T",
    "numbers fold": "output Y[i] = 2 * 3 * A[i] * (7 // 2 - 1) - -0.5 * A[i]",
    "unary minus": "output Y[i] = --A[i] - - -A[i]",
    "unary minus binds before the product": "output Y[i] = -S[i] @ S[i]",
    "scalars": "output Y[i] = s[i] * A[i] @ B[i] * r",
    "a scalar and shared matrices": "output Y[i] = W @ V * s[i] @ W",
    "a scaled shared matrix starts a chain": "output Y[i] = s[i] * W @ V",
    "scalars on both sides": "output Y[i] = (s[i] * S[i]) @ (r * 2 * S[i]) @ (s[i] * W)",
    "scalars of scalars": "output y[i] = s[i] * r * 3 * s[i]\noutput z = -r * r + r - 2 * r",
    "scalars scale sums": "output Y[i] = (s[i] + 2 * r) * (S[i] - W) * 0.5",
    "a scalar's transpose": "output y = r.T * W",
    "sums of products": "output Y[i] = S[i] @ S[i] - 2 * S[i] + (W - V) - (S[i] + (V - W))",
    "an alias": "H[i] = A[i]\nG[i] = H[i]\noutput Y[i] = G[i] @ B[i]",
    "an input as output": "output Y[i] = A[i]\noutput U = W",
    "a member": "output Y = A[1] @ B[1]\nH = S[2]\noutput Z = H @ E[0]",
    "a member in a family": "output Y[i] = S[i] @ S[0]",
    "a map": "output Y[i] = S[i] @ E[owner[i]]",
    "a map of a map": "output Y[i] = S[last[owner[i]]] @ S[i]",
    "a mapped alias": "H[e] = S[last[e]]\noutput Y[i] = H[owner[i]]\noutput Z = H[1]",
    "a sum to one": "output G = sum(B[i].T @ B[i] for i)",
    "a sum to one in a family": "output G[e] = E[e] @ sum(S[i] for i)",
    "a sum to many": "output Y[e] = sum(S[l[t]] @ X[t].T @ X[t] for t if o[t] == e)",
    "a sum with sides changed": "output Y[e] = sum(S[l[t]] for t if e == o[t])",
    "a sum over some": "output Y = sum(S[i] for i if owner[i] == 1)",
    "a sum where maps agree": "output Y = sum(S[l[t]] for t if owner[l[t]] == o[t])",
    "a sum that reads the definition's index": "output Y[e] = sum(E[e] @ S[i] @ E[owner[i]] for i)",
    "a joined sum that reads the definition's index": "output Y[e] = sum(E[e] @ S[l[t]] for t if o[t] == e)",
    "a sum with a mapped condition": "output Y[i] : [n, n] = sum(E[o[t]] @ S[i] for t if owner[i] == o[t])",
    "a sum in a sum": "output Y[e] = sum(sum(S[l[t]] @ S[i] for i) @ W for t if o[t] == e)",
    "a sum in a sum that reads both": "output Y[e] = sum(sum(S[i] @ E[e] for t if l[t] == i) for i)",
    "a sum of a sum of two": "output Y[e] = 2 * sum(S[l[t]] - 3 * W for t if o[t] == e) + E[e]",
    "a sum of scalars": "output y[e] : [] = sum(s[i] * r for i if owner[i] == e)\noutput z = sum(s[i] for i)",
    "a sum of what does not change": "output Y = sum(W for t)",
    "a sum with a declared empty part": "index u in 2\nmap f[u] in i = [1, 1]\n"
    "output Y[i] : [n, n] = sum(E[o[0]] for u if f[u] == i)",
    "an empty sum and more": "index u in 0\nmap f[u] in i = range(0)\n"
    "output Y[i] : [n, n] = 2 * S[i] - sum(W for u if f[u] == i)",
    "an empty family": "index u in 0\ninput Q[u] : [n, n]\noutput Y[u] = Q[u] @ W @ V + V\n"
    "output Z : [n, n] = sum(Q[u] for u)",
    "an empty product": "index u in 2\ndim z[u] = [0, 3]\ninput Q[u] : [n, z[u]]\n"
    "output Y[u] = Q[u] @ Q[u].T",
    "a function": "def f(P, Q) = P @ Q.T - 2 * P\noutput Y[i] = f(S[i], W)\noutput Z = f(f(W, V), V + W)",
    "a function of a number": "def f(P, c) = c * P - (c * 2) * P\noutput Y = f(W, 3)",
    "a function in a function": "def f(P) = P @ P\ndef g(P) = f(f(P)) + P\noutput Y[i] = g(0.5 * S[i])",
    "a function's own names": "def f(W) = W @ V\noutput Y[i] = f(S[i])",
    "a function that sums": "def f(P) = sum(P @ S[i] for i)\noutput Y[e] = f(E[e])\noutput Z = f(W)",
    "a function that joins": "def f(P) = sum(S[l[t]] @ P for t if o[t] == 1)\noutput Y[i] = f(S[i])",
    "iterate": "def ns(P) = 2*P - (P @ P.T) @ P + (P @ P.T) @ (P @ P.T) @ P\n"
    "output Y[i] = iterate(ns, A[i], 2)",
    "iterate as often as a dim says": "dim c = 3\ndef f(P) = P @ W\noutput Y = iterate(f, V, c - 1)",
    "iterate a scalar": "def f(p) = p * p\noutput y = iterate(f, r, 2)",
    "iterate in a function": "def f(P) = P @ P\ndef g(P) = iterate(f, P, 2) - P\noutput Y = iterate(g, W, 2)",
    "range": "index u\ndim z[u] = range(2, 9, 3)\ninput Q[u] : [z[u], n]\noutput Y[u] = Q[u] @ Q[u].T",
    "a range that falls": "index u\ndim z[u] = range(5, 0, -2)\ninput Q[u] : [z[u], n]\n"
    "output Y[u] = Q[u] @ W",
    "sizes through maps": "input Q[t] : [m[l[t]] + o[t], n]\noutput Y[t] = Q[t] @ S[l[t]]",
    "a formula map": "map f[i] in i = 2 - i\noutput Y[i] = S[f[i]] @ S[i]",
    "lists of formulas": "index u\ndim z[u] = [n, 2 * n, m[0]]\ninput Q[u] : [n, z[u]]\n"
    "output Y[u] = W @ Q[u]",
    "two outputs of one thing": "output Y[i] = S[i] @ S[i]\noutput Z[i] = Y[i]\noutput U = Y[1]",
}


@pytest.mark.parametrize("rule", RULES)
def test_the_graph_gives_what_the_spec_says(rule: str) -> None:
    agrees(HEAD + RULES[rule])


def test_the_sheet_of_the_language_gives_what_it_says() -> None:
    agrees((GOOD / "edition1.rmm").read_text(encoding="utf-8"), Options(folder=GOOD), scale=0.01)


def test_sizes_from_outside_replace_those_of_the_spec() -> None:
    text = "dim n = 4\ndim k = 2 * n\ninput A : f32[n, k]\noutput Y = A @ A.T"
    graph = agrees(text, Options(dims={"n": 7}))
    assert [(int(t.rows[0]), int(t.cols[0])) for t in (graph.type(k) for k in graph.inputs)] == [(7, 14)]


def test_a_left_chain_is_marked_so() -> None:
    text = "option association = left\ninput A : f32[3, 3]\noutput Y = A @ A @ A"
    graph = agrees(text)
    assert [getattr(graph.op(key), "left", None) for key in graph] == [None, True]
