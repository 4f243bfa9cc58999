"""Synthetic organisations with known truth, and tiny worlds written as text."""

from ldresearch.worlds.demo import CLIENTS, demo
from ldresearch.worlds.organisation import World, organisation
from ldresearch.worlds.planned import occasions
from ldresearch.worlds.trial import trial

__all__ = ["CLIENTS", "World", "demo", "occasions", "organisation", "trial"]
