"""Proofs that what runs is what was planned: every term of every sum arrives, each once."""

from raggeddsl.proof.fault import ScheduleFault
from raggeddsl.proof.terms import Terms, compare_terms, terms_of_plan

__all__ = ["ScheduleFault", "Terms", "compare_terms", "terms_of_plan"]
