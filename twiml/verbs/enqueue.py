"""`<Enqueue>`: the caller waits in a queue until somebody takes it, or it leaves."""

from __future__ import annotations

from dataclasses import dataclass

from twiml.attributes import Reader
from twiml.control import CallControl
from twiml.errors import Warning
from twiml.outcome import Next, Outcome, Redirect
from twiml.plans import EnqueuePlan
from twiml.tree import Element

TOO_SHORT, TOO_LONG, NO_WORKFLOW = 14204, 14205, 14220
LONGEST = 64  # characters of a queue's name
MOST = 5000  # callers that one queue may have; 1000 unless it says more


@dataclass(frozen=True, slots=True)
class Enqueue:
    """Where to wait; `plan` None: there is no queue to wait in, and `QueueResult` is `error`."""

    plan: EnqueuePlan | None
    action: str | None
    method: str

    async def run(self, call: CallControl) -> Outcome:
        """Goes on to `action` with the result, or to the next verb without one."""
        params = {"QueueResult": "error"} if self.plan is None else await call.enqueue(self.plan)
        return Next() if self.action is None else Redirect(self.action or None, self.method, params)


def parse(element: Element, warnings: list[Warning]) -> Enqueue:
    """A queue's name is text; a workflow's tasks are not for this version."""
    read = Reader(element, warnings, 14201)
    action, method, wait_url = read.text("action"), read.method(), read.text("waitUrl")
    plan = EnqueuePlan(
        queue=element.text.strip(),
        action=action,
        method=method,
        wait_url=wait_url,
        wait_method=read.method("waitUrlMethod", code=14206) if wait_url or element.get("waitUrlMethod") else "GET",
        most=read.integer("maxQueueSize", 1000, least=1, most=MOST),
    )
    usable = _usable(read, plan.queue)
    read.rest()
    return Enqueue(plan if usable else None, action, method)


def _usable(read: Reader, name: str) -> bool:
    """Whether there is a queue of that name, or can be."""
    tasks = read.text("workflowSid") is not None
    for child in read.element:
        tasks = tasks or child.tag == "Task"
        if child.tag != "Task":
            read.warn(12200, f"<{child.tag}> is not allowed inside <Enqueue>: ignored")
    if tasks:
        read.warn(NO_WORKFLOW, "<Enqueue> workflowSid and <Task> are not supported by this version: no workflow is run")
    elif not name:
        read.warn(TOO_SHORT, "<Enqueue> has no queue name")
    elif len(name) > LONGEST:
        read.warn(TOO_LONG, f"<Enqueue> queue name has {len(name)} characters; {LONGEST} are allowed")
    return not tasks and 0 < len(name) <= LONGEST
