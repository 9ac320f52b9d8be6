"""Markets: contracts, costs, sessions and what calendars know in advance."""

from ohlcvml.bars.market._ahead import (
    CLOSED_DAYS,
    EXPIRY,
    HOLIDAY,
    MONTH_END,
    N_FACTS,
    NUMBER,
    OPEN,
    WEEKDAY,
    session_facts,
)
from ohlcvml.bars.market._contracts import Contract, contract, contract_symbols, register_contract
from ohlcvml.bars.market._costs import Costs, default_costs
from ohlcvml.bars.market._expiry import RULES, rule_date, rule_of
from ohlcvml.bars.market._sessions import Sessions
from ohlcvml.bars.market._trading_days import trading_days

__all__ = [
    "CLOSED_DAYS",
    "Contract",
    "Costs",
    "EXPIRY",
    "HOLIDAY",
    "MONTH_END",
    "NUMBER",
    "N_FACTS",
    "OPEN",
    "RULES",
    "Sessions",
    "WEEKDAY",
    "contract",
    "contract_symbols",
    "default_costs",
    "register_contract",
    "rule_date",
    "rule_of",
    "session_facts",
    "trading_days",
]
