"""Proofs that what runs is what was planned: every term of every sum arrives, each once."""

from raggeddsl.proof.fault import ScheduleFault
from raggeddsl.proof.plan import check_plan
from raggeddsl.proof.terms import Terms, compare_terms, terms_of_plan

__all__ = ["ScheduleFault", "Terms", "check_plan", "compare_terms", "terms_of_plan"]
