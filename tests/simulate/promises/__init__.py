"""The promises of docs/architecture as judges, one file for each kind."""

from tests.simulate.promises.alerting import Ended, Found, Silenced
from tests.simulate.promises.books import Bounded, Chain, SameState
from tests.simulate.promises.decisions import AllAsked, Fresh, SaidOnce, Signalled
from tests.simulate.promises.endings import Closed, Stuck, Told
from tests.simulate.promises.inbox import Kept
from tests.simulate.promises.limits import Budgets, Cooldowns, InFlight
from tests.simulate.promises.objects import Shown
from tests.simulate.promises.offices import InCharge
from tests.simulate.promises.people import Approved, Halted, OptedOut
from tests.simulate.promises.queries import Asked
from tests.simulate.promises.writes import Draining, IntentFirst, Modes, OneHand, Undoing, Untouchable

PROMISES = (
    IntentFirst,
    Modes,
    Untouchable,
    OneHand,
    Undoing,
    Draining,
    Budgets,
    Cooldowns,
    InFlight,
    Approved,
    OptedOut,
    Halted,
    AllAsked,
    Fresh,
    SaidOnce,
    Signalled,
    Asked,
    Shown,
    Silenced,
    Ended,
    Found,
    InCharge,
    Kept,
    Closed,
    Stuck,
    Told,
    Chain,
    SameState,
    Bounded,
)
