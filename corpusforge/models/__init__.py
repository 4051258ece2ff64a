"""Language models behind one interface: requests in, journalled completions out."""

from corpusforge.models.budget import Budget, BudgetSpent
from corpusforge.models.client import Client
from corpusforge.models.engines import open_client, open_engine
from corpusforge.models.journal import Entry, Journal, read_entries
from corpusforge.models.options import add_model_options, settings_from
from corpusforge.models.records import Completion, Engine, Message, Request, Sampling, Usage
from corpusforge.models.replay import ReplayEngine
from corpusforge.models.settings import Settings

__all__ = [
    "Budget",
    "BudgetSpent",
    "Client",
    "Completion",
    "Engine",
    "Entry",
    "Journal",
    "Message",
    "ReplayEngine",
    "Request",
    "Sampling",
    "Settings",
    "Usage",
    "add_model_options",
    "open_client",
    "open_engine",
    "read_entries",
    "settings_from",
]
